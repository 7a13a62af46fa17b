"""Readiness: everything that may stand in its way is named."""

from __future__ import annotations

import pytest


def test_a_program_that_lacks_nothing_is_ready(state):
    assert state.missing() == []
    assert state.ready


def spoil(state, how):
    match how:
        case "cold":
            state.warm = False
        case "dead":
            state.workers[1].alive = False
        case "starting":
            state.workers[0].ready = False
        case "draining":
            state.draining = True
        case "reason":
            state.reasons.append("the settings are being changed")


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ("cold", "kernels are not compiled yet"),
        ("dead", "worker 1 is not running"),
        ("starting", "worker 0 has not reported ready"),
        ("draining", "shutting down"),
        ("reason", "the settings are being changed"),
    ],
)
def test_whatever_is_missing_is_named_and_makes_it_unready(state, how, sentence):
    spoil(state, how)
    assert state.missing() == [sentence]
    assert not state.ready


def test_all_that_is_missing_is_named_at_once(state):
    for how in ("cold", "dead", "starting"):
        spoil(state, how)
    assert len(state.missing()) == 3
