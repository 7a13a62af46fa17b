"""What a verdict means on the wire."""

from __future__ import annotations

from tests.guards import EVERY_ACTION
from trafficguard.actions import BLOCK, PASS, ActionValue
from trafficguard.exchange import Verdict
from trafficguard.net.act import FORWARD, Forward, Reply, Step, act


def verdict(action: ActionValue = PASS, score: float = 12.4, labels: tuple[str, ...] = ()) -> Verdict:
    return Verdict(action, score, (), labels, "test")


def test_every_action_has_a_meaning() -> None:
    for action in EVERY_ACTION:
        assert isinstance(act(verdict(action)), Step)


def test_without_a_verdict_the_request_goes_on() -> None:
    assert act(None) is FORWARD


def test_a_pass_tells_the_origin_score_verdict_and_labels() -> None:
    step = act(verdict(labels=("ua.browser", "route.item")))
    assert step == Forward(b"X-Bot-Score: 12\r\nX-Bot-Verdict: pass\r\nX-Bot-Labels: ua.browser, route.item\r\n")


def test_a_pass_without_labels_has_no_line_for_them() -> None:
    assert act(verdict(score=0.6)) == Forward(b"X-Bot-Score: 1\r\nX-Bot-Verdict: pass\r\n")


def test_a_block_is_answered_here() -> None:
    step = act(verdict(BLOCK, 99.0))
    assert isinstance(step, Reply)
    assert (step.status, step.error) == (403, "")


def test_the_lines_follow_the_verdict_however_many_different_ones_there_are() -> None:
    for _ in range(2):
        for number in range(3000):
            step = act(verdict(score=number / 30, labels=(f"label.{number}",)))
            assert isinstance(step, Forward)
            assert (
                step.lines
                == f"X-Bot-Score: {number / 30:.0f}\r\nX-Bot-Verdict: pass\r\nX-Bot-Labels: label.{number}\r\n".encode()
            )


def test_a_label_cannot_break_out_of_its_line() -> None:
    step = act(verdict(labels=("caf\u00e9",)))
    assert isinstance(step, Forward)
    assert step.lines.isascii()
