"""The supervisor keeps its workers alive, records what they tell, and ends when it is told to.

The workers here are forked for real but do only what a test needs of them; `tests/system` has the real ones.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import msgpack
import pytest

from trafficguard import supervisor as module
from trafficguard.control.dispatch import confirm, confirmed, receive
from trafficguard.errors import StartError
from trafficguard.nursery import Child, fork
from trafficguard.policy.build import build
from trafficguard.policy.defaults import BALANCED
from trafficguard.policy.orders import Orders
from trafficguard.settings import Settings
from trafficguard.steering import Steering
from trafficguard.storage.sinks import MOST_MESSAGES
from trafficguard.supervisor import Doors, Supervisor
from trafficguard.telemetry.events import Event
from trafficguard.telemetry.meters import STATUSES, Meters
from trafficguard.worker import Berth

DEADLINE = 10.0
Run = Callable[[Berth, Settings, Orders], None]


# ---- workers, as they run in their own process


def say_ready(berth: Berth) -> None:
    os.write(berth.ready, b"r")


def obedient(berth: Berth, _settings: Settings, _orders: Orders) -> None:
    """Ends when it is asked to."""
    say_ready(berth)
    signal.sigwait({signal.SIGTERM})


def stubborn(berth: Berth, _settings: Settings, _orders: Orders) -> None:
    """Does not."""
    say_ready(berth)
    signal.sigwait({signal.SIGHUP})


def short_lived(_berth: Berth, _settings: Settings, _orders: Orders) -> None:
    """Ends at once."""


def waiting_to_be_told(berth: Berth, settings: Settings, orders: Orders) -> None:
    """Gets ready when the test says so: what a supervisor never does, it writes into the channel."""
    berth.channel.setblocking(True)
    berth.channel.recv(1)
    obedient(berth, settings, orders)


def following(berth: Berth, _settings: Settings, orders: Orders) -> None:
    """Tells the number of the orders that it starts with, and follows all that come until it is asked to end."""
    berth.channel.send(msgpack.packb([event(orders.number)]))
    confirm(berth.line, orders.number)
    say_ready(berth)
    while signal.sigtimedwait({signal.SIGTERM}, 0.005) is None:
        if (later := receive(berth.line)) is not None:
            confirm(berth.line, later.number)


def event(number: int) -> dict[str, Any]:
    """A recorded request."""
    return {name: number if name == "status" else "" for name in Event.__annotations__}


def telling_much(berth: Berth, settings: Settings, orders: Orders) -> None:
    """Says most of what it has to say when it is asked to end."""
    berth.channel.send(b"\xc1 is no msgpack")
    berth.channel.send(msgpack.packb([event(0)]))
    obedient(berth, settings, orders)
    for number in range(1, 3 * MOST_MESSAGES):
        berth.channel.send(msgpack.packb([event(number)]))


# ---- the supervisor under test


def settings_of(**sections: Any) -> Settings:
    values = {"listen": ["127.0.0.1:0"], "admin": {"listen": None}, **sections}
    return Settings.model_validate({"sites": [{"upstreams": [{"servers": ["http://127.0.0.1:9"]}]}], **values})


class Supervised:
    """A running supervisor, and everything it told."""

    def __init__(self, settings: Settings) -> None:
        self.events: list[Any] = []
        self.times_ready = 0
        self.doors = Doors(settings.listen, settings.workers)
        self.supervisor = Supervisor(settings, build(BALANCED), (), self.doors, self.events.extend, self._on_ready)
        self.task = asyncio.create_task(self.supervisor.run())

    def _on_ready(self) -> None:
        self.times_ready += 1

    @property
    def pids(self) -> list[int]:
        """Processes of the workers that run; 0 for one that does not."""
        return [place.child.pid if place.child else 0 for place in self.supervisor._places]

    async def until(self, condition: Callable[[], bool]) -> None:
        """Waits for something that the supervisor brings about."""
        async with asyncio.timeout(DEADLINE):
            while not condition() and not self.task.done():
                await asyncio.sleep(0.001)
        assert condition(), self.task

    async def ready(self) -> None:
        await self.until(lambda: self.times_ready == 1)

    async def stop(self) -> int:
        """Asks it to stop, as an operator does; the exit code."""
        os.kill(os.getpid(), signal.SIGTERM)
        return await self.ended()

    async def ended(self) -> int:
        async with asyncio.timeout(DEADLINE):
            return await self.task


Supervise = Callable[..., Supervised]


@pytest.fixture
def forked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Child]]:
    """All workers that were forked; none of them outlives the test."""
    children: list[Child] = []

    def fork_and_note(main: Callable[[], None], keep: list[int]) -> Child:
        children.append(fork(main, keep))
        return children[-1]

    monkeypatch.setattr(module, "fork", fork_and_note)
    yield children
    for child in children:
        child.send(signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(child.pid, 0)


@pytest.fixture
async def supervise(monkeypatch: pytest.MonkeyPatch, forked: list[Child]) -> AsyncIterator[Supervise]:
    """Starts a supervisor whose workers run a function of the test's; ends it after the test."""
    started: list[Supervised] = []

    def start(run: Run, **sections: Any) -> Supervised:
        monkeypatch.setattr(module, "run", run)
        started.append(Supervised(settings_of(**sections)))
        return started[-1]

    yield start
    for one in started:
        one.task.cancel()
        await asyncio.wait([one.task])
        one.doors.close()


# ---- starting


async def test_it_is_ready_once_all_workers_have_said_so(supervise: Supervise) -> None:
    running = supervise(waiting_to_be_told, workers=2)
    state, places = running.supervisor._state, running.supervisor._places
    await running.until(lambda: all(running.pids))
    assert state.missing() == ["worker 0 has not reported ready", "worker 1 has not reported ready"]
    places[1].channel.send(b"!")
    await running.until(lambda: state.missing() == ["worker 0 has not reported ready"])
    assert running.times_ready == 0
    places[0].channel.send(b"!")
    await running.ready()
    assert state.ready
    assert await running.stop() == 0


async def test_nothing_is_forked_when_the_log_or_the_admin_place_cannot_be_had(
    supervise: Supervise, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "fork", lambda *_: pytest.fail("a worker was forked"))
    with socket.create_server(("127.0.0.1", 0)) as holder:
        taken = f"127.0.0.1:{holder.getsockname()[1]}"
        for sections in ({"admin": {"listen": taken}}, {"log": {"file": str(tmp_path / "absent" / "log")}}):
            with pytest.raises(StartError):
                await supervise(obedient, **sections).ended()


def test_a_start_that_fails_gives_its_places_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise StartError("too cold")

    path = tmp_path / "s"
    monkeypatch.setattr(module, "warm", fail)
    with pytest.raises(StartError, match="too cold"):
        module.serve(settings_of(listen=[f"unix:{path}"]))
    assert not path.exists()


# ---- workers that die


async def test_a_worker_that_ends_is_replaced_and_readiness_follows(supervise: Supervise) -> None:
    running = supervise(obedient, workers=2)
    await running.ready()
    state = running.supervisor._state
    victim, other = running.pids
    os.kill(victim, signal.SIGKILL)
    await running.until(lambda: not state.ready)
    await running.until(lambda: state.ready)
    assert victim not in running.pids
    assert other in running.pids
    assert [worker.restarts for worker in state.workers] == [1, 0]
    assert running.times_ready == 1
    assert await running.stop() == 0


async def test_workers_that_end_at_once_are_replaced_ever_more_slowly(
    supervise: Supervise, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "_FIRST_PAUSE", 0.001)
    monkeypatch.setattr(module, "_LONGEST_PAUSE", 0.02)
    running = supervise(short_lived)
    await running.until(lambda: len(caplog.records) >= 7)
    pauses = [float(str(record.args[2])) for record in caplog.records if isinstance(record.args, tuple)]
    assert pauses[:7] == [0.001, 0.002, 0.004, 0.008, 0.016, 0.02, 0.02]
    assert "worker 0 ended with exit code 0; it is replaced" in caplog.text
    assert await running.stop() == 0


async def test_a_worker_that_has_lived_for_long_is_replaced_at_once(
    supervise: Supervise, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "_STABLE_AFTER", 0.0)
    running = supervise(obedient)
    await running.ready()
    (victim,) = running.pids
    os.kill(victim, signal.SIGTERM)
    await running.until(lambda: running.pids not in ([0], [victim]))
    assert "it is replaced in 0.00 s" in caplog.text


async def test_a_worker_that_cannot_be_forked_is_tried_again(
    supervise: Supervise, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    running = supervise(obedient)
    await running.ready()
    good_fork, refusals = module.fork, [OSError(11, "Resource temporarily unavailable")] * 2

    def fork_at_last(main: Callable[[], None], keep: list[int]) -> Child:
        if refusals:
            raise refusals.pop()
        return good_fork(main, keep)

    monkeypatch.setattr(module, "fork", fork_at_last)
    (victim,) = running.pids
    os.kill(victim, signal.SIGKILL)
    await running.until(lambda: running.pids not in ([0], [victim]))
    assert caplog.text.count("cannot be started: Resource temporarily unavailable") == 2
    assert running.supervisor._state.workers[0].restarts == 1
    assert await running.stop() == 0


# ---- stopping


async def test_a_worker_that_does_not_end_in_time_is_killed(
    supervise: Supervise, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "_KILL_GRACE", 0.05)
    running = supervise(stubborn, timeouts={"drain": "50ms"})
    await running.ready()
    start = time.monotonic()
    assert await running.stop() == 0
    assert time.monotonic() - start >= 0.1
    assert "killing workers that did not end in time" in caplog.text


async def test_a_second_request_to_stop_does_not_wait(supervise: Supervise, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    running = supervise(stubborn)
    await running.ready()
    os.kill(os.getpid(), signal.SIGTERM)
    await running.until(lambda: "draining" in caplog.text)
    os.kill(os.getpid(), signal.SIGINT)
    assert await running.ended() == 0
    assert "did not end in time" not in caplog.text


async def test_a_worker_that_dies_while_all_are_asked_to_stop_is_not_replaced(
    supervise: Supervise, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = supervise(obedient, workers=2)
    await running.ready()
    os.kill(running.pids[0], signal.SIGKILL)
    monkeypatch.setattr(module, "fork", lambda *_: pytest.fail("a worker was forked"))
    assert await running.stop() == 0
    assert running.pids == [0, 0]


async def test_a_worker_that_is_being_replaced_does_not_hold_up_the_end(
    supervise: Supervise, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_FIRST_PAUSE", 60.0)
    monkeypatch.setattr(module, "_LONGEST_PAUSE", 60.0)
    running = supervise(short_lived)
    await running.until(lambda: running.supervisor._places[0].deaths == 1)
    assert await running.stop() == 0


# ---- records


async def test_everything_that_workers_told_is_recorded_up_to_their_last_word(
    supervise: Supervise, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    running = supervise(telling_much, log={"file": str(log)})
    await running.ready()
    assert await running.stop() == 0
    told = list(range(3 * MOST_MESSAGES))
    assert [one["status"] for one in running.events] == told
    assert [json.loads(line)["status"] for line in log.read_text().splitlines()] == told
    assert running.supervisor._state.log_lost == 1


# ---- orders


async def test_orders_are_applied_when_all_workers_follow_them(supervise: Supervise) -> None:
    running = supervise(following, workers=2)
    await running.ready()
    state, steering = running.supervisor._state.policy, running.supervisor._steering
    await running.until(lambda: state.applied)
    for number in range(2, 30):
        steering.set_mode("shadow" if number % 2 else "off", "ann")
        assert (state.number, state.applied) == (number, False)
    await running.until(lambda: state.applied)
    assert steering._confirmed == [29, 29]
    assert await running.stop() == 0


async def test_a_replaced_worker_starts_with_the_orders_in_force_even_those_given_meanwhile(supervise: Supervise) -> None:
    running = supervise(following, workers=2)
    await running.ready()
    state, steering = running.supervisor._state.policy, running.supervisor._steering
    steering.set_mode("shadow", "ann")
    await running.until(lambda: state.applied)
    os.kill(running.pids[0], signal.SIGKILL)
    await running.until(lambda: running.pids[0] == 0)
    assert not state.applied
    steering.set_mode("off", "ann")
    await running.until(lambda: state.applied)
    assert steering._confirmed == [3, 3]
    assert await running.stop() == 0
    assert sorted(one["status"] for one in running.events) == [1, 1, 3]


async def test_what_a_worker_left_unread_is_not_its_successors(
    supervise: Supervise, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = supervise(obedient)
    await running.ready()
    for _ in range(5):
        running.supervisor._steering.set_mode("shadow", "ann")
    monkeypatch.setattr(module, "run", following)
    monkeypatch.setattr(module, "confirmed", none_but(6))
    os.kill(running.pids[0], signal.SIGKILL)
    await running.until(lambda: running.supervisor._state.policy.applied)
    assert await running.stop() == 0
    assert [one["status"] for one in running.events] == [6]


def none_but(number: int) -> Callable[[socket.socket], int | None]:
    """Reads confirmations, which must all be of one number."""

    def read(line: socket.socket) -> int | None:
        latest = confirmed(line)
        assert latest in (None, number)
        return latest

    return read


async def test_a_worker_that_takes_no_orders_is_replaced(supervise: Supervise, caplog: pytest.LogCaptureFixture) -> None:
    running = supervise(obedient)
    await running.ready()
    (victim,) = running.pids
    for _ in range(5000):
        running.supervisor._steering.set_mode("shadow", "ann")
        if "takes no orders" in caplog.text:
            break
    await running.until(lambda: running.pids not in ([0], [victim]))
    assert await running.stop() == 0


async def test_orders_that_cannot_be_sent_leave_those_before_in_force_and_are_told_of(
    supervise: Supervise, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def no_memory(_orders: Orders) -> None:
        raise OSError(12, "Cannot allocate memory")

    running = supervise(following)
    await running.ready()
    state = running.supervisor._state.policy
    with monkeypatch.context() as broken:
        broken.setattr(module, "Parcel", no_memory)
        running.supervisor._steering.set_mode("shadow", "ann")
    assert "orders 2 cannot be sent" in caplog.text
    assert not state.applied
    running.supervisor._steering.set_mode("off", "ann")
    await running.until(lambda: state.applied)
    assert await running.stop() == 0


async def test_sighup_reloads(supervise: Supervise) -> None:
    running = supervise(following)
    await running.ready()
    state = running.supervisor._state.policy
    os.kill(os.getpid(), signal.SIGHUP)
    await running.until(lambda: state.reloads == 1 and state.applied)
    assert await running.stop() == 0


async def test_files_are_watched_on_whatever_a_second_brings(
    supervise: Supervise, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "_LOOK", 0.001)
    monkeypatch.setattr(Steering, "each_second", lambda *_: 1 / 0)
    looks: list[int] = []
    monkeypatch.setattr(Steering, "files_changed", lambda _: bool(looks.append(1)))
    running = supervise(following)
    await running.until(lambda: len(looks) > 10)
    assert "ZeroDivisionError" in caplog.text
    assert await running.stop() == 0


async def test_verdicts_are_counted_by_version_for_a_bounded_number_of_them(supervise: Supervise) -> None:
    supervisor = supervise(following).supervisor
    state, meters = supervisor._state.policy, Meters(supervisor._planes[0])
    row = len(STATUSES)  # the first row is of requests that were not judged
    for version in range(module._MOST_VERSIONS + 5):
        state.version = f"v{version}"
        meters.requests[0] += 1000
        meters.requests[row] += version + 1  # passes
        meters.requests[2 * row + 3] += 2  # blocks
        meters.flush()
        tally = supervisor._count_verdicts()
        assert (state.verdicts[f"v{version}", "pass"], state.verdicts[f"v{version}", "block"]) == (version + 1, 2)
        assert tally.hard == 2 * (version + 1)
        assert tally.judged == (version + 1) * (version + 2) // 2 + tally.hard
    assert len({version for version, _ in state.verdicts}) == module._MOST_VERSIONS
    assert ("v4", "pass") not in state.verdicts


# ---- doors


def test_places_are_told_as_people_write_them(tmp_path: Path) -> None:
    doors = Doors(["127.0.0.1:0", f"unix:{tmp_path}/s"], workers=2)
    port = doors.sockets[0][0].getsockname()[1]
    assert doors.places == [f"http://127.0.0.1:{port}", f"unix:{tmp_path}/s"]
    assert [len(own) for own in doors.sockets] == [2, 2]
    doors.close()


@pytest.mark.skipif(not Path("/proc/net/if_inet6").exists(), reason="needs IPv6")
def test_an_ipv6_place_has_brackets() -> None:
    doors = Doors(["[::1]:0"], workers=1)
    assert doors.places == [f"http://[::1]:{doors.sockets[0][0].getsockname()[1]}"]
    doors.close()


def test_closed_doors_leave_alone_who_comes_next(tmp_path: Path) -> None:
    place = f"unix:{tmp_path}/s"
    first = Doors([place], workers=1)
    first.close()
    second = Doors([place], workers=1)
    first.close()
    assert (tmp_path / "s").exists()
    second.close()
    assert not (tmp_path / "s").exists()


def test_doors_that_cannot_all_be_had_are_all_given_up(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        with pytest.raises(StartError, match="in use"):
            Doors([f"unix:{tmp_path}/s", f"127.0.0.1:{holder.getsockname()[1]}"], workers=1)
    assert not (tmp_path / "s").exists()
