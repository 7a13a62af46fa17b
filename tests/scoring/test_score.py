"""The bot score as a function of evidence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trafficguard.scoring.score import OFFSET, score_of


@pytest.mark.parametrize(
    ("evidence", "score"), [(0.0, 1.04), (4.554, 50.0), (5.65, 75.0), (6.87, 91.0), (9.15, 99.0)]
)
def test_known_values(evidence: float, score: float) -> None:
    assert score_of(evidence) == pytest.approx(score, abs=0.1)


def test_the_middle_is_the_one_percent_bound_of_a_sequential_test() -> None:
    assert pytest.approx(4.554, abs=0.001) == OFFSET


@given(st.floats(0, 700), st.floats(0, 700))
def test_more_evidence_never_scores_less(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert 0 < score_of(low) <= score_of(high) <= 100
