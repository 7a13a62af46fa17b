"""Verdicts that a front carries: they come back as they went, or not at all."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.guards import EVERY_ACTION
from trafficguard.actions import ActionValue, BlockAction, ThrottleAction
from trafficguard.exchange import Reason, Verdict
from trafficguard.net.handover import Handed, Handover

SEALS = Handover(b"secret")
ID = b"0123456789abcdef0123"
ODD = (BlockAction(status=451, body='ü<>"\n', close=True), ThrottleAction(rate=0.25, burst=3, key="session", delay=0.5))


@pytest.mark.parametrize("action", [*EVERY_ACTION, *ODD], ids=lambda one: one.word)
def test_a_verdict_comes_back_without_what_visitors_are_not_told(action: ActionValue) -> None:
    verdict = Verdict(action, 71.5, (Reason("a.b", 1.0, "why"),), ("ua.library",), "a rule", ("b: block",))
    sealed = SEALS.seal(ID, verdict)
    assert SEALS.open(sealed) == Handed(ID, Verdict(action, 71.5, (), (), "a rule"))
    assert sealed.isascii()
    assert not set(sealed) & set("\r\n ,;")


def test_what_another_secret_or_nobody_has_sealed_is_not_opened() -> None:
    sealed = SEALS.seal(ID, Verdict(ODD[0], 1.0, (), (), "a"))
    assert Handover(b"other").open(sealed) is None
    raw = bytearray(urlsafe_b64decode(sealed))
    for at in range(len(raw)):
        raw[at] ^= 1
        assert SEALS.open(urlsafe_b64encode(raw).decode()) is None
        raw[at] ^= 1


@given(st.text(max_size=64) | st.binary(max_size=64).map(lambda raw: urlsafe_b64encode(raw).decode()))
def test_nothing_else_is_opened(value: str) -> None:
    assert SEALS.open(value) is None
