"""The way of recorded requests from a worker to the supervisor, over a real channel."""

from __future__ import annotations

import os

import msgpack
import pytest

from trafficguard.storage.pump import MOST_BYTES, Pump, open_channel
from trafficguard.storage.sinks import read_events
from trafficguard.telemetry.events import EventRing, event_of


def never():
    pytest.fail("an event arrived that could not be understood")


def test_events_arrive_as_they_were_recorded_and_in_order(ring, channel, meters, make_blocked):
    exchanges = [make_blocked(b"/%d" % number) for number in range(5)]
    for exchange in exchanges:
        ring.offer(exchange)
    Pump(ring, channel[1], meters).pump()
    assert list(read_events(channel[0], never)) == [event_of(exchange) for exchange in exchanges]
    assert (meters.events_logged, meters.events_dropped, len(ring)) == (5, 0, 0)


def test_with_nothing_recorded_nothing_is_sent(ring, channel, meters):
    Pump(ring, channel[1], meters).pump()
    with pytest.raises(BlockingIOError):
        channel[0].recv(1)


def test_one_turn_takes_a_bounded_number_of_events(ring, channel, meters, make_blocked):
    for _ in range(7):
        ring.offer(make_blocked())
    pump = Pump(ring, channel[1], meters, limit=3)
    pump.pump()
    assert len(list(read_events(channel[0], never))) == 3
    assert len(ring) == 4


def test_many_long_events_are_sent_in_messages_that_fit(ring, channel, meters, make_blocked):
    for _ in range(100):
        ring.offer(make_blocked(b"/" + b"x" * 2000))
    Pump(ring, channel[1], meters).pump()
    first = channel[0].recv(10 * MOST_BYTES)
    assert MOST_BYTES // 2 < len(first) <= MOST_BYTES
    assert len(msgpack.unpackb(first)) + len(list(read_events(channel[0], never))) == 100


def test_an_event_too_long_for_a_message_is_dropped_and_the_others_arrive(
    ring, channel, meters, make_blocked
):
    for request_id in ("before", "x" * MOST_BYTES, "after"):
        ring.offer(make_blocked(request_id=request_id))
    Pump(ring, channel[1], meters).pump()
    assert [event["id"] for event in read_events(channel[0], never)] == ["before", "after"]
    assert (meters.events_logged, meters.events_dropped) == (2, 1)


def test_a_full_channel_costs_events_and_no_time(channel, meters, make_blocked):
    ring = EventRing(meters, 0.0, capacity=10_000)
    pump = Pump(ring, channel[1], meters, limit=10_000)
    for _ in range(10_000):
        ring.offer(make_blocked(b"/" + b"x" * 2000))
    pump.pump()  # would never return if it waited, for nobody reads
    assert meters.events_dropped > 0
    assert meters.events_logged + meters.events_dropped == 10_000
    arrived = 0
    while batch := list(read_events(channel[0], never)):
        arrived += len(batch)
    assert arrived == meters.events_logged


def test_events_flow_again_once_somebody_reads(ring, channel, meters, make_blocked):
    filling = b"x" * 32_000
    with pytest.raises(BlockingIOError):
        for _ in range(10_000):
            channel[1].send(filling)
    pump = Pump(ring, channel[1], meters)
    ring.offer(make_blocked())
    pump.pump()
    assert meters.events_dropped == 1
    with pytest.raises(BlockingIOError):
        for _ in range(10_000):
            channel[0].recv(len(filling))
    ring.offer(make_blocked(request_id="later"))
    pump.pump()
    assert [event["id"] for event in read_events(channel[0], never)] == ["later"]


def test_a_supervisor_that_is_gone_costs_events_and_raises_nothing(ring, channel, meters, make_blocked):
    channel[0].close()
    ring.offer(make_blocked())
    Pump(ring, channel[1], meters).pump()
    assert (meters.events_logged, meters.events_dropped) == (0, 1)


def test_text_that_is_not_valid_unicode_is_spelled_out(ring, channel, meters, make_blocked):
    ring.offer(make_blocked(site="\ud800"))
    Pump(ring, channel[1], meters).pump()
    assert [event["site"] for event in read_events(channel[0], never)] == ["\\ud800"]


def test_several_worker_processes_may_share_a_channel(ring, meters, make_blocked):
    reading, writing = open_channel()
    workers = []
    for number in range(3):
        worker = os.fork()
        if worker == 0:
            for index in range(100):
                ring.offer(make_blocked(request_id=f"{number}-{index}"))
            Pump(ring, writing, meters).pump()
            os._exit(0)
        workers.append(worker)
    for worker in workers:
        os.waitpid(worker, 0)
    writing.close()
    seen: list[str] = []
    with reading, pytest.raises(EOFError):
        for _ in range(100):
            seen += [event["id"] for event in read_events(reading, never)]
    assert sorted(seen) == sorted(f"{number}-{index}" for number in range(3) for index in range(100))
