"""A supervisor's state and the planes of its workers."""

from __future__ import annotations

import pytest

from trafficguard.control.state import AdminState, WorkerState
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
