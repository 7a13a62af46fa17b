"""The decision log: what arrives over the channel, and what stands in the file, whatever happens to both."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import resource
import socket
import stat

import msgpack
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trafficguard.errors import StartError
from trafficguard.storage.sinks import MOST_MESSAGES, JsonLines, read_events

MEGABYTE = 1 << 20


class Count:
    """Counts calls."""

    def __init__(self):
        self.calls = 0

    def __call__(self):
        self.calls += 1


def lines_of(path):
    return [json.loads(line) for line in path.read_text("ascii").splitlines()]


# The channel


def deep(levels):
    return b"\x91" * levels + b"\xc0"


@pytest.mark.parametrize(
    "rubbish",
    [
        b"\xc1",
        b"\x91",
        b"\x00",
        b"\xa3abc",
        b"\x90\x90",
        b"\xdd\xff\xff\xff\xff",
        b"\x91\xd6\xff\x00\x00\x00\x00",
        b"\x91\x81\x90\x01",
        b"\x91\xa1\xff",
        deep(600),
        deep(5000),
        msgpack.packb([{"t": 1}]),
        msgpack.packb([None]),
        b"x" * 100_000,
    ],
)
def test_what_no_pump_has_made_is_counted_and_the_next_event_still_arrives(channel, make_event, rubbish):
    reading, writing = channel
    count = Count()
    writing.send(rubbish)
    writing.send(msgpack.packb([make_event(request_id="good")]))
    assert [event["id"] for event in read_events(reading, count)] == ["good"]
    assert count.calls == 1


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(min_size=1, max_size=300))
def test_no_message_whatsoever_raises(channel, rubbish):
    channel[1].send(rubbish)
    count = Count()
    assert list(read_events(channel[0], count)) == []
    assert count.calls > 0 or msgpack.unpackb(rubbish) == []


def test_one_bad_record_does_not_take_its_neighbours_with_it(channel, make_event):
    channel[1].send(msgpack.packb([make_event(request_id="a"), 7, make_event(request_id="b")]))
    count = Count()
    assert [event["id"] for event in read_events(channel[0], count)] == ["a", "b"]
    assert count.calls == 1


def test_one_turn_reads_a_bounded_number_of_messages(channel, make_event):
    reading, writing = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    # A channel holds fewer messages than one turn reads, so this one is fed while it is read.
    reading.setblocking(False)
    message = msgpack.packb([make_event()])
    writing.send(message)
    seen = 0
    for _ in read_events(reading, Count()):
        seen += 1
        writing.send(message)
    assert seen == MOST_MESSAGES
    reading.close()
    writing.close()


def test_the_end_of_all_workers_is_told_from_silence(channel):
    assert list(read_events(channel[0], Count())) == []
    channel[1].close()
    with pytest.raises(EOFError):
        list(read_events(channel[0], Count()))


# The file


@pytest.fixture
def path(tmp_path):
    return tmp_path / "decisions.jsonl"


def test_events_become_lines_that_read_back_as_they_were(path, make_event):
    events = [make_event(request_id=str(number)) for number in range(3)]
    sink = JsonLines(str(path), MEGABYTE)
    sink.write(events[:2])
    sink.write(events[2:])
    assert lines_of(path) == events


def test_an_existing_log_is_continued(path, make_event):
    for request_id in ("one", "two"):
        sink = JsonLines(str(path), MEGABYTE)
        sink.write([make_event(request_id=request_id)])
        sink.close()
    assert [event["id"] for event in lines_of(path)] == ["one", "two"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=40))
def test_no_text_of_a_client_can_leave_its_line_or_steer_a_terminal(tmp_path, make_event, text):
    path = tmp_path / "injected"
    path.unlink(missing_ok=True)
    nasty = text + '\r\n{"t":1}\x1b[2J\x7f\x85\u2028\ud800"'
    sink = JsonLines(str(path), MEGABYTE)
    sink.write([make_event(site=nasty), make_event(site="next")])
    sink.close()
    raw = path.read_bytes()
    assert raw.count(b"\n") == 2
    assert all(0x20 <= byte < 0x7F or byte == 0x0A for byte in raw)
    assert [event["site"] for event in lines_of(path)] == [nasty, "next"]


def nested(levels):
    value: list[object] = []
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), b"bytes", msgpack.Timestamp(1), {1: {b"x": 1}}, nested(5000)],
    ids=["nan", "inf", "bytes", "timestamp", "keys", "depth"],
)
def test_a_value_that_json_does_not_know_costs_its_event_only(path, make_event, value):
    sink = JsonLines(str(path), MEGABYTE)
    sink.write([{**make_event(), "score": value}, make_event(request_id="good")])
    assert [event["id"] for event in lines_of(path)] == ["good"]
    assert sink.lost == 1


def test_others_may_not_read_or_change_the_log(path, make_event):
    old = os.umask(0)
    try:
        JsonLines(str(path), MEGABYTE).write([make_event()])
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_full_file_moves_aside_and_no_event_is_split_or_lost_on_the_way(path, make_event):
    size = len(json.dumps(make_event(request_id="0"), separators=(",", ":"))) + 1
    sink = JsonLines(str(path), 3 * size)
    for request_id in "01234":
        sink.write([make_event(request_id=request_id)])
    previous = path.with_name("decisions.jsonl.1")
    assert [event["id"] for event in lines_of(previous)] == ["0", "1", "2"]
    assert [event["id"] for event in lines_of(path)] == ["3", "4"]


def test_never_more_than_twice_the_limit_is_kept_even_when_one_batch_is_larger(path, make_event):
    limit = 2000
    sink = JsonLines(str(path), limit)
    sink.write([make_event(request_id=str(number)) for number in range(50)])
    previous = path.with_name("decisions.jsonl.1")
    assert path.stat().st_size <= limit
    assert previous.stat().st_size <= limit
    assert lines_of(path)[-1]["id"] == "49"
    assert sink.lost == 0
    assert len(list(path.parent.iterdir())) == 2


def test_an_event_larger_than_the_limit_gets_a_file_of_its_own(path, make_event):
    sink = JsonLines(str(path), 10)
    sink.write([make_event(request_id="a"), make_event(request_id="b")])
    assert [event["id"] for event in lines_of(path)] == ["b"]


def test_rotation_follows_a_link_to_the_file_it_names(tmp_path, make_event):
    real = tmp_path / "disk" / "real.jsonl"
    real.parent.mkdir()
    real.touch()
    link = tmp_path / "link"
    link.symlink_to(real)
    sink = JsonLines(str(link), 10)
    for request_id in "abc":
        sink.write([make_event(request_id=request_id)])
    assert link.is_symlink()
    assert [event["id"] for event in lines_of(link)] == ["c"]
    assert sorted(entry.name for entry in real.parent.iterdir()) == ["real.jsonl", "real.jsonl.1"]


@pytest.mark.parametrize("how", ["moved", "removed", "replaced"])
def test_a_log_that_somebody_moved_away_is_begun_anew(path, make_event, how):
    sink = JsonLines(str(path), MEGABYTE)
    sink.write([make_event(request_id="old")])
    aside = path.with_name("aside")
    path.rename(aside)
    if how == "removed":
        aside.unlink()
    if how == "replaced":
        path.touch()
    sink.write([make_event(request_id="new")])
    assert [event["id"] for event in lines_of(path)] == ["new"]


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("missing/log", "No such file"),
        ("x" * 300, "too long"),
        (".", "Is a directory"),
        ("../../../../../../..", "Is a directory"),
    ],
)
def test_opening_a_log_that_cannot_be_written_says_why_and_what_to_do(tmp_path, name, cause):
    with pytest.raises(StartError, match=rf"log\.file.*{cause}(.|\n)*choose a file"):
        JsonLines(f"{tmp_path}/{name}", MEGABYTE).open()


def test_without_events_nothing_is_touched(path):
    JsonLines(str(path), MEGABYTE).write([])
    assert not path.exists()


def test_opening_creates_the_log(path):
    JsonLines(str(path), MEGABYTE).open()
    assert path.read_bytes() == b""


def test_a_log_that_cannot_be_opened_costs_events_and_one_warning_until_it_can(tmp_path, make_event, caplog):
    path = tmp_path / "missing" / "log"
    sink = JsonLines(str(path), MEGABYTE)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            sink.write([make_event(), make_event()])
        assert sink.lost == 6
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        assert "No such file" in caplog.text
        path.parent.mkdir()
        sink.write([make_event(request_id="back")])
    assert "written again" in caplog.records[-1].getMessage()
    assert [event["id"] for event in lines_of(path)] == ["back"]


@contextlib.contextmanager
def file_size_limit(size):
    """Makes writing beyond `size` fail after a partial write, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_fills_up_in_the_middle_of_a_line_leaves_no_half_line(path, make_event, caplog):
    sink = JsonLines(str(path), MEGABYTE)
    sink.write([make_event(request_id="first")])
    before = path.read_bytes()
    with file_size_limit(len(before) + 50):
        sink.write([make_event(request_id="torn")])
        torn = path.read_bytes()
    assert torn == before
    assert sink.lost == 1
    sink.write([make_event(request_id="last")])
    assert [event["id"] for event in lines_of(path)] == ["first", "last"]
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]


def test_a_full_device_costs_events_and_raises_nothing(make_event):
    sink = JsonLines("/dev/full", MEGABYTE)
    sink.write([make_event()])
    assert sink.lost == 1


def test_a_pipe_is_never_waited_for_and_never_rotated(tmp_path, make_event):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    sink = JsonLines(str(pipe), 10)
    sink.write([make_event()])  # would never return if opening waited for a reader
    assert sink.lost == 1
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    sink.write([make_event(request_id="x" * 100_000)])  # more than a pipe holds
    head = os.read(reader, MEGABYTE)
    sink.write([make_event(request_id="whole")])
    tail = os.read(reader, MEGABYTE)
    os.close(reader)
    assert b"\n" not in head
    assert tail.startswith(b"\n")
    assert json.loads(tail)["id"] == "whole"
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_rotation_that_fails_keeps_what_is_there_and_loses_what_comes(path, make_event):
    previous = path.with_name("decisions.jsonl.1")
    previous.mkdir()
    (previous / "in the way").touch()
    sink = JsonLines(str(path), 10)
    sink.write([make_event(request_id="kept")])
    sink.write([make_event(request_id="lost")])
    assert [event["id"] for event in lines_of(path)] == ["kept"]
    assert sink.lost == 1
    (previous / "in the way").unlink()
    previous.rmdir()
    sink.write([make_event(request_id="after")])
    assert [event["id"] for event in lines_of(path)] == ["after"]
