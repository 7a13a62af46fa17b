"""Modes of single sites, reasons, and what the supervisor tells of the orders in force."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from trafficguard.clock import SECOND, ManualClock
from trafficguard.control.state import AdminState, WorkerState
from trafficguard.load import load_policy_of
from trafficguard.policy.orders import Orders
from trafficguard.settings import Settings
from trafficguard.steering import FUSE_LEAST, Steering, Tally
from trafficguard.values import BadValueError

START = 1_000 * SECOND


class Helm:
    """A steering with everything that it sends and tells."""

    def __init__(self, folder: Path, policy: str = "name: own\n", mode: str = "enforce") -> None:
        self.file = folder / "own.yaml"
        self.file.write_text(policy)
        sites = [{"hosts": hosts, "upstreams": [{"servers": ["http://a"]}]} for hosts in (["a", "x.a"], ["b"])]
        settings = Settings.model_validate({"sites": sites, "policy": str(self.file), "mode": mode, "fuse": 0.3})
        self.clock = ManualClock(START)
        self.state = AdminState("1", [WorkerState(), WorkerState()])
        self.sent: list[Orders] = []
        self.audit: list[tuple[str, Mapping[str, Any]]] = []
        policy_read, files = load_policy_of(settings)
        self.steering = Steering(
            settings, policy_read, files, self.state, self.clock, self.sent.append,
            lambda what, particulars: self.audit.append((what, particulars)),
        )  # fmt: skip

    @property
    def modes(self) -> dict[str, str]:
        return self.state.policy.modes


@pytest.fixture
def helm(tmp_path: Path) -> Helm:
    return Helm(tmp_path)


def test_a_site_is_in_the_mode_that_is_ordered_for_it(helm: Helm) -> None:
    helm.steering.set_mode("shadow", "me", "a")
    assert helm.modes == {"a": "shadow", "b": "enforce"}
    assert helm.sent[-1].enforced(["a", "b"]) == {"b"}
    assert helm.audit[-1] == ("mode", {"who": "me", "orders": 2, "mode": "shadow", "site": "a"})
    helm.steering.set_mode(None, "me", "a")
    assert helm.modes == {"a": "enforce", "b": "enforce"}


def test_the_weakest_of_proxy_site_and_policy_counts(tmp_path: Path) -> None:
    helm = Helm(tmp_path, "name: own\nsites: {b: {mode: off}}\n", mode="shadow")
    helm.steering.set_mode("enforce", "me", "a")
    assert helm.modes == {"a": "shadow", "b": "off"}
    helm.steering.set_mode("enforce", "me")
    assert helm.modes == {"a": "enforce", "b": "off"}
    helm.steering.set_mode("off", "me")
    assert helm.modes == {"a": "off", "b": "off"}


def test_as_configured_takes_back_what_was_ordered_for_sites_as_well(helm: Helm) -> None:
    helm.steering.set_mode("off", "me", "a")
    helm.steering.set_mode("shadow", "me")
    helm.steering.set_mode(None, "me")
    assert helm.modes == {"a": "enforce", "b": "enforce"}
    assert helm.state.policy.site_modes == {}


@pytest.mark.parametrize("host", ["x.a", "c", ""])
def test_a_site_goes_by_its_first_host_alone(helm: Helm, host: str) -> None:
    with pytest.raises(BadValueError, match="no site has the first host") as caught:
        helm.steering.set_mode("off", "me", host)
    assert caught.value.remedy == "there are a, b"
    assert helm.sent == []


def test_what_was_ordered_for_a_site_survives_a_reload(helm: Helm) -> None:
    helm.steering.set_mode("shadow", "me", "a")
    assert asyncio.run(helm.steering.reload("me")) == []
    assert helm.modes == {"a": "shadow", "b": "enforce"}


def test_a_site_that_goes_on_is_watched_by_the_fuse(helm: Helm) -> None:
    helm.steering.set_mode("shadow", "me", "a")
    helm.steering.each_second(Tally(FUSE_LEAST, 0))
    assert helm.state.policy.fuse_seconds == 0, "a mode that does less needs no watching"
    helm.steering.set_mode("enforce", "me", "a")
    helm.steering.each_second(Tally(FUSE_LEAST, 0))
    assert helm.state.policy.fuse_seconds > 0
    helm.steering.each_second(Tally(2 * FUSE_LEAST, FUSE_LEAST))
    assert helm.modes == {"a": "shadow", "b": "enforce"}
    assert helm.state.policy.fuses == 1
    assert "the fuse has blown" in helm.state.policy.complaints[0]


def test_the_fuse_never_puts_a_site_back_to_a_mode_that_does_more(helm: Helm) -> None:
    asyncio.run(helm.steering.reload("me"))
    helm.steering.each_second(Tally(FUSE_LEAST, 0))
    helm.steering.set_mode("off", "me", "b")
    helm.steering.each_second(Tally(2 * FUSE_LEAST, FUSE_LEAST))
    assert helm.state.policy.fuses == 1
    assert helm.modes == {"a": "enforce", "b": "off"}


def test_a_reason_is_kept_with_the_decision_and_in_the_audit(helm: Helm) -> None:
    helm.steering.decide_by_hand("block", "192.0.2.7", 60, "me", "odd prices")
    assert helm.state.policy.by_hand == [
        {"action": "block", "key": "192.0.2.7", "until": START + 60 * SECOND, "reason": "odd prices"}
    ]
    assert helm.audit[-1][1]["reason"] == "odd prices"


def test_it_is_told_since_when_from_where_and_by_whom(helm: Helm) -> None:
    state = helm.state.policy
    assert (state.file, state.latest, state.fuse_limit) == (str(helm.file), "start", 0.3)
    assert (state.policy_since, state.mode_since) == (START, START)
    helm.clock.advance(5)
    helm.steering.set_mode("shadow", "me")
    assert (state.policy_since, state.mode_since, state.latest) == (START, START + 5 * SECOND, "mode by me")
    helm.clock.advance(5)
    asyncio.run(helm.steering.reload("you"))
    assert (state.policy_since, state.mode_since) == (START + 10 * SECOND, START + 5 * SECOND)
    assert state.latest == "reload by you"


def test_it_is_told_which_orders_each_worker_follows(helm: Helm) -> None:
    helm.steering.confirm(0, 1)
    assert (helm.state.policy.following, helm.state.policy.applied) == ([1, 0], False)
    helm.steering.confirm(1, 1)
    assert (helm.state.policy.following, helm.state.policy.applied) == ([1, 1], True)
    helm.steering.forget_worker(0)
    assert (helm.state.policy.following, helm.state.policy.applied) == ([0, 1], False)
