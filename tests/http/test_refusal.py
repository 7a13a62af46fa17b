"""Tests of refusals as values."""

from __future__ import annotations

import dataclasses

import pytest

from trafficguard.http import framing, head, target
from trafficguard.http.refusal import Refusal

REFUSALS = [
    value for module in (framing, head, target) for value in vars(module).values() if isinstance(value, Refusal)
]


def test_a_refusal_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        REFUSALS[0].status = 200  # type: ignore[misc]


@pytest.mark.parametrize("refusal", REFUSALS, ids=[refusal.reason for refusal in REFUSALS])
def test_a_refusal_blames_and_informs_the_sender(refusal: Refusal) -> None:
    assert 400 <= refusal.status < 500 or refusal.status in (501, 505)
    assert refusal.detail.endswith(".")
    assert refusal.reason == refusal.reason.lower()
    assert " " not in refusal.reason


def test_every_refusal_has_a_word_of_its_own() -> None:
    assert len({refusal.reason for refusal in REFUSALS}) == len(REFUSALS)
