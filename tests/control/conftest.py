"""A supervisor's state and the planes of its workers."""

from __future__ import annotations

import pytest

from trafficguard.control.state import AdminState, WorkerState
from trafficguard.policy.orders import ByHand
from trafficguard.settings import Mode
from trafficguard.telemetry.meters import Plane, plane_bytes, planes


@pytest.fixture
def state() -> AdminState:
    """Two workers, all of them well."""
    workers = [WorkerState(pid=100 + number, alive=True, ready=True) for number in range(2)]
    return AdminState(version="1.2.3", workers=workers, warm=True)


@pytest.fixture
def shared() -> list[Plane]:
    """Planes of two workers."""
    return planes(bytearray(plane_bytes(2)), 2)


class FakeHelm:
    """Notes what it is ordered."""

    def __init__(self) -> None:
        self.orders: list[tuple[object, ...]] = []
        self.wrong: list[str] = []
        """What a reload finds wrong."""

    async def reload(self, who: str) -> list[str]:
        self.orders.append(("reload", who))
        return self.wrong

    def set_mode(self, mode: Mode | None, who: str, site: str | None = None) -> None:
        self.orders.append(("mode", mode, who, *([site] if site else [])))

    def decide_by_hand(self, action: str, key: str, seconds: float, who: str, reason: str = "") -> ByHand:
        self.orders.append((action, key, seconds, who, *([reason] if reason else [])))
        return ByHand("allow" if action == "allow" else "block", key, 0)

    def forget(self, key: str, who: str) -> bool:
        self.orders.append(("forget", key, who))
        return True


@pytest.fixture
def helm() -> FakeHelm:
    return FakeHelm()
