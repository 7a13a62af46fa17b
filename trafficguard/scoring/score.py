"""The bot score as a function of evidence.

Promises: `score_of` is monotone, 0 to 100, and total on any non-negative evidence. The offset is Wald's upper
bound of a sequential probability ratio test, b = ln((1 - beta) / alpha) with alpha = 1 % (a person taken for
a bot) and beta = 5 % (a bot missed): a score of 50 is the 1 % error bound, 91 the 0.1 %, 99 the 0.01 %. (A.
Wald, Sequential Analysis, 1947.) Never: knows where evidence comes from.
"""

from __future__ import annotations

import math
from typing import Final

ALPHA: Final = 0.01
"""Share of people that a score of 50 may wrongly stand for."""
BETA: Final = 0.05
"""Share of bots that may stay below."""
OFFSET: Final = math.log((1 - BETA) / ALPHA)
"""Evidence at which the score is 50, in nats."""


def score_of(evidence: float) -> float:
    """Bot score, 0 to 100, for evidence in nats."""
    return 100.0 / (1.0 + math.exp(OFFSET - evidence))
