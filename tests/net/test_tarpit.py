"""The tarpit's answers, and how many connections may be in it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trafficguard.actions import TarpitAction
from trafficguard.net.tarpit import MOST_TRAPPED, SHORTEST_PAUSE, Drops, Tarpit
from trafficguard.telemetry.meters import Meters, plane_bytes, planes


def action(hold: float, size: int) -> TarpitAction:
    return TarpitAction.model_validate({"hold": f"{hold:.3f}", "size": size})


def new_meters() -> Meters:
    return Meters(planes(bytearray(plane_bytes(1)), 1)[0])


@given(st.floats(0.001, 600), st.integers(1, 100_000))
def test_drops_take_the_time_and_no_more_than_the_bytes_that_the_action_says(hold: float, size: int) -> None:
    wanted = action(hold, size)
    drops, sent, count = Drops(wanted), 0, 0
    while (drop := drops.next()) is not None:
        sent += len(drop)
        count += 1
    assert 0 < sent <= size
    assert count * drops.pause == pytest.approx(wanted.hold)
    assert drops.pause >= min(SHORTEST_PAUSE, wanted.hold)
    assert drops.next() is None


def test_the_head_promises_more_than_ever_comes() -> None:
    """So that no client takes the answer for whole, and no cache keeps it."""
    head = Drops(action(30, 1024)).head
    assert b"\r\nContent-Length: 1025\r\n" in head
    assert b"\r\nCache-Control: no-store\r\n" in head
    assert head.endswith(b"\r\nConnection: close\r\n\r\n")


def test_there_is_room_for_so_many_and_who_leaves_makes_room() -> None:
    meters = new_meters()
    tarpit = Tarpit(meters)
    assert all(tarpit.enter() for _ in range(MOST_TRAPPED))
    assert not tarpit.enter()
    assert meters.trapped == MOST_TRAPPED
    tarpit.leave()
    assert meters.trapped == MOST_TRAPPED - 1
    assert tarpit.enter()
    assert not tarpit.enter()
