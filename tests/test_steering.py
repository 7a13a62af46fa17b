"""What is in force and who ordered it: reloads, modes, decisions by hand, and the fuse, on a clock in the test's hand."""

from __future__ import annotations

import logging
import os
import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trafficguard import steering as module
from trafficguard.clock import SECOND
from trafficguard.control.state import AdminState, PolicyState, WorkerState
from trafficguard.load import load_policy_of
from trafficguard.policy.engine import plain_facts
from trafficguard.policy.orders import MOST_BY_HAND, ByHand, Orders
from trafficguard.settings import Settings
from trafficguard.steering import FUSE_LEAST, FUSE_WATCH_S, Fuse, Steering, Tally, version_of
from trafficguard.values import BadValueError

NOON = 1_700_000_000 * SECOND
BLOCKS = "name: strict\nrules:\n  - {name: bad, when: 'path == \"/bad\"', action: block}\n"
PASSES = "name: mild\nrules:\n  - {name: bad, when: 'path == \"/bad\"', action: pass}\n"
BROKEN = "name: broken\nrules:\n  - {name: bad, when: 'path == 7', action: block}\n"


class Clock:
    """A clock in a test's hand."""

    def __init__(self) -> None:
        self.time = NOON

    def now(self) -> int:
        return self.time

    def monotonic(self) -> int:
        return self.time


@dataclass
class Steered:
    """A steering, and everything that it sent and told."""

    steering: Steering
    state: PolicyState
    file: Path
    clock: Clock
    sent: list[Orders] = field(default_factory=list)
    audit: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)

    def write(self, text: str) -> None:
        """Another policy in the file; its time differs however quick the test is."""
        self.file.write_text(text)
        self.clock.time += SECOND
        os.utime(self.file, ns=(self.clock.time, self.clock.time))

    async def reload(self, text: str | None = None) -> list[str]:
        """Reloads, after writing a text."""
        if text is not None:
            self.write(text)
        return await self.steering.reload("test")

    def confirm_all(self) -> None:
        """All workers follow the orders in force."""
        for worker in range(2):
            self.steering.confirm(worker, self.steering.orders.number)

    def second(self, judged: int = 0, hard: int = 0) -> None:
        """A second in which so many requests were judged, and so many of them hard."""
        self.tally = Tally(self.tally.judged + judged, self.tally.hard + hard)
        self.clock.time += SECOND
        self.steering.each_second(self.tally)

    def seconds(self, count: int, judged: int = 0, hard: int = 0) -> None:
        for _ in range(count):
            self.second(judged, hard)

    @property
    def words(self) -> list[str]:
        return [what for what, _ in self.audit]

    @property
    def is_blocking(self) -> bool:
        """Whether the policy in force blocks `/bad`."""
        policy = self.steering.orders.policy
        return policy.decide(plain_facts(path="/bad"), policy.new_errors()).action.word == "block"


@pytest.fixture
def steered(tmp_path: Path) -> Steered:
    """Two workers that follow a mild policy, in a minute that is over."""
    return make(tmp_path)


def make(folder: Path, text: str = PASSES, **more: Any) -> Steered:
    file, clock = folder / "policy.yaml", Clock()
    file.write_text(text)
    sites = [{"hosts": ["shop.example"], "upstreams": [{"servers": ["http://127.0.0.1:9"]}]}]
    settings = Settings.model_validate({"sites": sites, "policy": str(file), **more})
    state = AdminState("1", [WorkerState() for _ in range(2)])
    sent: list[Orders] = []
    audit: list[tuple[str, dict[str, Any]]] = []

    def note(what: str, particulars: Mapping[str, Any]) -> None:
        audit.append((what, dict(particulars)))

    policy, files = load_policy_of(settings)
    steering = Steering(settings, policy, files, state, clock, sent.append, note)
    made = Steered(steering, state.policy, file, clock, sent, audit)
    made.confirm_all()
    return made


# ---- orders


def test_it_starts_with_what_the_settings_say(tmp_path: Path) -> None:
    steered = make(tmp_path, BLOCKS, mode="shadow")
    assert steered.sent == []
    assert (steered.state.number, steered.state.name, steered.state.mode) == (1, "strict", "shadow")
    assert steered.is_blocking


def test_orders_count_as_applied_when_all_workers_have_confirmed_their_number(steered: Steered) -> None:
    assert steered.state.applied
    steered.steering.set_mode("shadow", "ann")
    assert not steered.state.applied
    steered.steering.confirm(0, 2)
    assert not steered.state.applied
    steered.steering.confirm(1, 1)
    assert not steered.state.applied
    steered.steering.confirm(1, 2)
    assert steered.state.applied


def test_a_worker_that_ended_has_confirmed_nothing(steered: Steered) -> None:
    steered.steering.forget_worker(1)
    assert not steered.state.applied
    steered.steering.confirm(0, 1)
    assert not steered.state.applied
    steered.steering.confirm(1, 1)
    assert steered.state.applied


async def test_every_change_has_the_next_number_and_is_sent_and_audited_with_who_ordered_it(steered: Steered) -> None:
    steering = steered.steering
    await steered.reload(BLOCKS)
    steering.set_mode("off", "ann")
    steering.set_mode(None, "bob")
    steering.decide_by_hand("block", "192.0.2.7", 60, "ann")
    steering.forget("192.0.2.7", "bob")
    assert [one.number for one in steered.sent] == [2, 3, 4, 5, 6]
    assert steered.sent[-1] is steering.orders
    assert steered.words == ["reload", "mode", "mode", "block", "forget"]
    assert [told["who"] for _, told in steered.audit] == ["test", "ann", "bob", "ann", "bob"]
    assert [told["orders"] for _, told in steered.audit] == [2, 3, 4, 5, 6]
    assert [one.mode for one in steered.sent] == ["enforce", "off", "enforce", "enforce", "enforce"]


# ---- reload


async def test_a_reload_puts_what_the_file_says_in_force(steered: Steered) -> None:
    before = steered.state.version
    assert not steered.is_blocking
    assert await steered.reload(BLOCKS) == []
    assert steered.is_blocking
    assert (steered.state.name, steered.state.reloads, steered.state.refused) == ("strict", 1, 0)
    assert steered.state.version != before
    await steered.reload(PASSES)
    assert steered.state.version == before


@pytest.mark.parametrize("text", [BROKEN, "", "rules: {", "\x00", "version: 2", "sites: {other.example: {mode: off}}"])
async def test_a_file_that_cannot_be_used_changes_nothing_and_says_why(
    steered: Steered, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    orders, version = steered.steering.orders, steered.state.version
    if text == "":
        steered.file.unlink()
        wrong = await steered.reload()
    else:
        wrong = await steered.reload(text)
    assert wrong
    assert steered.state.complaints == wrong
    assert all("policy.yaml" in line for line in wrong)
    assert steered.steering.orders is orders
    assert (steered.sent, steered.state.applied, steered.state.version) == ([], True, version)
    assert (steered.state.refused, steered.state.reloads) == (1, 0)
    assert steered.words == ["refused"]
    assert steered.audit[0][1]["complaints"] == wrong[:10]
    assert "the last one stays in force" in caplog.text
    assert wrong[0].splitlines()[0] in caplog.text
    assert await steered.reload(BLOCKS) == []
    assert (steered.state.complaints, steered.is_blocking) == ([], True)


async def test_a_policy_that_fails_as_workers_would_have_it_is_refused(
    steered: Steered, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cannot(*_: object) -> bytes:
        raise pickle.PicklingError("it cannot travel")

    monkeypatch.setattr(module.pickle, "dumps", cannot)
    (wrong,) = await steered.reload(BLOCKS)
    assert "it cannot travel" in wrong
    assert (steered.sent, steered.state.refused) == ([], 1)


async def test_modes_and_decisions_by_hand_survive_a_reload(steered: Steered) -> None:
    steered.steering.set_mode("shadow", "ann")
    steered.steering.decide_by_hand("allow", "192.0.2.7", 60, "ann")
    await steered.reload(BLOCKS)
    orders = steered.steering.orders
    assert (orders.mode, [one.key for one in orders.by_hand]) == ("shadow", ["192.0.2.7"])
    assert steered.is_blocking


async def test_a_reload_without_a_file_puts_the_default_in_force_again(tmp_path: Path) -> None:
    steered = make(tmp_path, policy=None)
    assert await steered.reload() == []
    assert steered.state.name == "balanced"
    assert not steered.steering.files_changed()


# ---- files


async def test_a_file_that_was_written_is_noticed_until_it_was_read(steered: Steered) -> None:
    assert not steered.steering.files_changed()
    for text in (BLOCKS, BROKEN):
        steered.write(text)
        assert steered.steering.files_changed()
        await steered.reload()
        assert not steered.steering.files_changed()


async def test_a_file_that_is_gone_is_noticed_once_and_that_it_is_back_too(steered: Steered) -> None:
    steered.file.unlink()
    assert steered.steering.files_changed()
    await steered.reload()
    assert not steered.steering.files_changed()
    steered.write(BLOCKS)
    assert steered.steering.files_changed()


async def test_a_file_that_takes_the_place_of_another_is_noticed(steered: Steered, tmp_path: Path) -> None:
    twin = tmp_path / "twin"
    twin.write_text(PASSES)
    status = steered.file.stat()
    os.utime(twin, ns=(status.st_atime_ns, status.st_mtime_ns))
    twin.replace(steered.file)
    assert steered.steering.files_changed()


async def test_a_list_is_watched_from_the_reload_on_that_brought_it_and_has_a_version(tmp_path: Path) -> None:
    steered, listed = make(tmp_path), tmp_path / "bad.txt"
    listed.write_text("/bad\n")
    text = "lists: {bad: {kind: texts, file: bad.txt}}\n"
    text += "rules: [{name: bad, when: 'path in list(\"bad\")', action: block}]\n"
    assert await steered.reload(text) == []
    before = steered.state.version
    assert not steered.steering.files_changed()
    listed.write_text("/bad\n/worse\n")
    os.utime(listed, ns=(NOON, NOON))
    assert steered.steering.files_changed()
    await steered.reload()
    assert steered.state.version != before


async def test_what_is_written_while_it_is_read_is_read_again(
    steered: Steered, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load_and_be_overtaken(settings: Settings) -> Any:
        loaded = load_policy_of(settings)
        steered.write(PASSES)
        return loaded

    monkeypatch.setattr(module, "load_policy_of", load_and_be_overtaken)
    await steered.reload(BLOCKS)
    assert steered.is_blocking
    assert steered.steering.files_changed()


def test_a_version_is_the_same_for_the_same_contents(tmp_path: Path) -> None:
    versions = []
    for name, text in (("a", BLOCKS), ("b", BLOCKS.replace("{name", "{  name")), ("c", PASSES)):
        (tmp_path / name).mkdir()
        versions.append(version_of(make(tmp_path / name, text).steering.orders.policy))
    assert versions[0] == versions[1] != versions[2]


# ---- by hand


def test_a_decision_by_hand_ends_by_itself_and_is_audited(steered: Steered) -> None:
    until = NOON + 10 * SECOND
    assert steered.steering.decide_by_hand("block", "192.0.2.0/24", 10, "ann") == ByHand("block", "192.0.2.0/24", until)
    steered.steering.decide_by_hand("allow", "192.0.2.7", 100, "ann")
    assert [one["key"] for one in steered.state.by_hand] == ["192.0.2.0/24", "192.0.2.7"]
    steered.seconds(9)
    assert len(steered.sent) == 2
    steered.second()
    assert [one.key for one in steered.steering.orders.by_hand] == ["192.0.2.7"]
    assert steered.audit[-1] == ("expired", {"who": "time", "orders": 4, "key": "192.0.2.0/24"})


def test_the_last_decision_about_a_key_counts(steered: Steered) -> None:
    steered.steering.decide_by_hand("block", "192.0.2.7", 10, "ann")
    steered.steering.decide_by_hand("allow", "::ffff:192.0.2.7", 20, "ann")
    assert steered.steering.orders.by_hand == (ByHand("allow", "192.0.2.7", NOON + 20 * SECOND),)
    assert not steered.steering.forget("192.0.2.8", "ann")
    assert steered.steering.forget("192.0.2.7/32", "ann")
    assert steered.steering.orders.by_hand == ()


@pytest.mark.parametrize(("action", "key"), [("burn", "192.0.2.7"), ("block", "nobody"), ("allow", "")])
def test_what_cannot_be_decided_is_refused_and_changes_nothing(steered: Steered, action: str, key: str) -> None:
    with pytest.raises(BadValueError):
        steered.steering.decide_by_hand(action, key, 10, "ann")
    assert (steered.sent, steered.audit) == ([], [])


def test_decisions_by_hand_are_bounded(steered: Steered) -> None:
    many = tuple(ByHand("block", f"10.{number >> 8}.{number & 255}.1", NOON + SECOND) for number in range(MOST_BY_HAND))
    steered.steering.orders = Orders(5, steered.steering.orders.policy, "enforce", many)
    with pytest.raises(BadValueError):
        steered.steering.decide_by_hand("block", "192.0.2.7", 10, "ann")
    steered.steering.decide_by_hand("allow", "10.0.0.1", 10, "ann")
    steered.clock.time += SECOND
    steered.steering.decide_by_hand("block", "192.0.2.7", 10, "ann")
    assert len(steered.steering.orders.by_hand) == 2


# ---- the fuse


async def test_a_jump_after_a_reload_goes_back_to_the_policy_before_and_alarms(
    steered: Steered, caplog: pytest.LogCaptureFixture
) -> None:
    steered.seconds(120, judged=100, hard=5)
    mild = steered.steering.orders.policy
    await steered.reload(BLOCKS)
    steered.confirm_all()
    steered.second(judged=100, hard=60)
    assert steered.is_blocking
    steered.second(judged=100, hard=60)
    assert steered.steering.orders.policy is mild
    assert steered.sent[-1] is steered.steering.orders
    assert (steered.state.fuses, steered.state.name, steered.state.applied) == (1, "mild", False)
    assert "from 5% to 60% of 200 requests (fuse: 20%)" in steered.state.complaints[0]
    assert steered.words[-1] == "fuse"
    assert any(record.levelno == logging.ERROR and "the fuse has blown" in record.message for record in caplog.records)
    assert not steered.steering.files_changed()  # it does not come again by itself
    steered.seconds(120, judged=100, hard=60)
    assert steered.state.fuses == 1


async def test_a_change_is_watched_although_no_worker_has_confirmed_it_yet(steered: Steered) -> None:
    steered.seconds(70, judged=100)
    await steered.reload(BLOCKS)
    steered.seconds(4, judged=100, hard=100)
    assert (steered.state.fuses, steered.is_blocking) == (1, False)


async def test_a_jump_within_the_limit_or_of_a_few_requests_or_a_minute_later_is_none(steered: Steered) -> None:
    steered.seconds(70, judged=100, hard=10)
    await steered.reload(BLOCKS)
    steered.seconds(FUSE_WATCH_S, judged=100, hard=30)
    assert steered.state.fuses == 0
    await steered.reload(PASSES)
    steered.seconds(FUSE_WATCH_S, judged=(FUSE_LEAST - 1) // FUSE_WATCH_S, hard=(FUSE_LEAST - 1) // FUSE_WATCH_S)
    assert steered.state.fuses == 0
    steered.seconds(60, judged=100, hard=100)
    assert (steered.state.fuses, steered.state.name) == (0, "mild")


def test_a_jump_without_a_change_is_no_business_of_the_fuse(steered: Steered) -> None:
    steered.seconds(70, judged=100)
    steered.steering.decide_by_hand("block", "192.0.2.7", 3600, "ann")
    steered.seconds(70, judged=100, hard=100)
    assert steered.state.fuses == 0


async def test_what_the_fuse_goes_back_to_is_what_was_quiet_and_not_another_suspect(steered: Steered) -> None:
    steered.seconds(70, judged=100)
    await steered.reload(BLOCKS)
    steered.seconds(2, judged=50, hard=50)
    await steered.reload(BLOCKS + "# the same once more\n")
    steered.seconds(4, judged=100, hard=100)
    assert (steered.state.fuses, steered.state.name) == (1, "mild")


async def test_a_policy_that_was_quiet_for_a_minute_is_the_one_to_go_back_to(steered: Steered) -> None:
    steered.seconds(70, judged=100)
    await steered.reload(BLOCKS)
    steered.seconds(FUSE_WATCH_S + 2, judged=100, hard=1)
    await steered.reload(BLOCKS.replace("strict", "worse"))
    steered.seconds(4, judged=100, hard=100)
    assert (steered.state.fuses, steered.state.name) == (1, "strict")


def test_a_mode_that_does_more_is_watched_and_taken_back(tmp_path: Path) -> None:
    steered = make(tmp_path, BLOCKS, mode="off")
    steered.seconds(70)
    steered.steering.set_mode("enforce", "ann")
    steered.seconds(4, judged=100, hard=100)
    assert (steered.state.fuses, steered.state.mode, steered.state.name) == (1, "off", "strict")


def test_a_mode_that_does_less_is_not_watched(steered: Steered) -> None:
    steered.seconds(70, judged=100)
    steered.steering.set_mode("shadow", "ann")
    steered.seconds(70, judged=100, hard=100)
    assert (steered.state.fuses, steered.state.mode) == (0, "shadow")


async def test_the_fuse_never_undoes_a_mode_that_does_less(steered: Steered) -> None:
    steered.seconds(70, judged=100)
    await steered.reload(BLOCKS)
    steered.second(judged=50, hard=50)
    steered.steering.set_mode("shadow", "ann, at three in the morning")
    steered.seconds(4, judged=100, hard=100)
    assert (steered.state.fuses, steered.state.name, steered.state.mode) == (1, "mild", "shadow")


async def test_decisions_by_hand_survive_the_fuse_and_do_not_start_its_minute_again(steered: Steered) -> None:
    steered.seconds(70, judged=100)
    await steered.reload(BLOCKS)
    steered.second(judged=100)
    steered.steering.decide_by_hand("allow", "192.0.2.7", 3600, "ann")
    steered.seconds(2, judged=150, hard=150)
    assert (steered.state.fuses, steered.state.name) == (1, "mild")
    assert [one.key for one in steered.steering.orders.by_hand] == ["192.0.2.7"]


async def test_a_fuse_of_1_never_blows(tmp_path: Path) -> None:
    steered = make(tmp_path, fuse=1)
    steered.seconds(70, judged=100)
    await steered.reload(BLOCKS)
    steered.seconds(60, judged=100, hard=100)
    assert (steered.state.fuses, steered.is_blocking) == (0, True)


@given(
    st.lists(st.tuples(st.integers(0, 300), st.floats(0, 1)), min_size=1, max_size=60), st.floats(0.01, 0.99),
    st.integers(0, 60),
)  # fmt: skip
def test_the_fuse_blows_exactly_when_the_share_since_the_change_is_beyond_the_limit(
    after: list[tuple[int, float]], limit: float, before: int
) -> None:
    fuse, tally = Fuse(limit), Tally()
    for _ in range(60):
        tally = Tally(tally.judged + 60, tally.hard + before)
        assert fuse.look(tally) == ""
    fuse.arm()
    start = tally
    for judged, share in after:
        tally = Tally(tally.judged + judged, tally.hard + int(judged * share))
        since = tally - start
        expected = since.judged >= FUSE_LEAST and since.hard / since.judged - before / 60 > limit
        why = fuse.look(tally)
        assert bool(why) == expected
        if why:
            fuse.disarm()
            assert not fuse.is_watching
            return


def test_a_share_of_nothing_is_none() -> None:
    assert Tally().share == 0.0
    assert Tally(10, 5).share == 0.5
