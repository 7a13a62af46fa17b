"""Whether bytes alone tell a scenario's crawlers from its people. If they do, the scenario measures the generator.

From every stratum (`samples`: a template and the lines that the sender had something to say in) equally many heads are
taken of each side; gradient boosting is fitted on what their bytes look like and tested on strata that it has not seen
(cross-validation grouped by stratum). What a visit says of itself is behaviour and left out: target, the page in
Referer, the value of a cookie beyond its form.

Promises: an AUC above `MOST_AUC`, or crawlers' heads of a kind that no person sends, make a scenario invalid. With
fewer than `LEAST_HEADS` to compare, the AUC is noise and not given; the second rule holds all the same.
"""

from __future__ import annotations

import re
import zlib
from itertools import pairwise
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold
from threadpoolctl import threadpool_limits

from loadtests.virtual.samples import Samples

MOST_AUC: Final = 0.55
MOST_UNMATCHED: Final = 0.05
"""Share of crawlers' heads that may be in strata without people."""
LEAST_HEADS: Final = 100
_BUCKETS: Final = 256
_FOLDS: Final = 4
_PAGE: Final = re.compile(rb"(https?://[^/]*).*")


class Separability(NamedTuple):
    """What the check found."""

    auc: float | None
    """Of gradient boosting on strata that it has not seen; 0.5 is blind. None: too few heads to say."""
    heads: int
    """Heads compared, half of them people's."""
    strata: int
    unmatched: float
    """Share of crawlers' heads of a kind that no person of the scenario sends."""

    @property
    def is_valid(self) -> bool:
        """Whether the scenario may be used."""
        return (self.auc is None or self.auc <= MOST_AUC) and self.unmatched <= MOST_UNMATCHED

    @property
    def text(self) -> str:
        """One line for reports."""
        word = "INVALID" if not self.is_valid else "valid" if self.auc is not None else "unchecked"
        auc = "too few heads to say how well" if self.auc is None else f"with AUC {self.auc:.3f} (at most {MOST_AUC})"
        return (
            f"{word}: bytes alone tell crawlers from people {auc}, {self.heads} heads in {self.strata} strata; "
            f"{self.unmatched:.1%} of crawlers' heads are of a form that no person sends (at most {MOST_UNMATCHED:.0%})"
        )


def features(raw: bytes) -> npt.NDArray[np.float32]:
    """What a head's bytes look like: names in order, spelling, values, lengths."""
    row = np.zeros(_BUCKETS + 4, dtype=np.float32)
    first, *lines = raw.removesuffix(b"\r\n\r\n").split(b"\r\n")
    method, _, version = first.split(b" ")
    names = [line.partition(b":")[0] for line in lines]
    texts = [method + version, *(line_form(line) for line in lines)]
    texts += [before + b">" + after for before, after in pairwise(names)]
    texts += [b"%d %b" % (place, name) for place, name in enumerate(names)]
    for text in texts:
        row[zlib.crc32(text) % _BUCKETS] += 1
    row[_BUCKETS:] = (
        len(lines), sum(name.islower() for name in names), raw.count(b"\r"), sum(line.endswith(b" ") for line in lines),
    )  # fmt: skip
    return row


def line_form(line: bytes) -> bytes:
    """A header line without what belongs to the visit."""
    name, colon, value = line.partition(b":")
    low = name.lower()
    if low == b"referer":
        value = _PAGE.sub(rb"\1", value)
    elif low in (b"cookie", b"if-none-match"):
        value = re.sub(rb"[0-9a-f]", b"x", value)
        value = re.sub(rb"x+", b"x", value) if low == b"if-none-match" else value
    elif low == b"content-length":
        value = b" 0"
    return name + colon + value


def check(samples: Samples, seed: int = 0) -> Separability:
    """How well bytes tell the sides apart."""
    rows: list[npt.NDArray[np.float32]] = []
    sides: list[int] = []
    groups: list[int] = []
    seen = matched = 0
    for number, (stratum, crawlers) in enumerate(samples.crawlers.items()):
        seen += crawlers.seen
        people = samples.people.get(stratum)
        if people is None:
            continue
        matched += crawlers.seen
        size = min(len(people.heads), len(crawlers.heads))
        for side, heads in ((0, people.heads), (1, crawlers.heads)):
            rows += [features(raw) for raw in heads[:size]]
            sides += [side] * size
            groups += [number] * size
    strata = len(set(groups))
    unmatched = 1 - matched / seen if seen else 0.0
    if len(rows) < LEAST_HEADS or strata < 2:
        return Separability(None, len(rows), strata, unmatched)
    return Separability(_auc(np.array(rows), np.array(sides), groups, seed), len(rows), strata, unmatched)


def _auc(rows: npt.NDArray[Any], sides: npt.NDArray[Any], groups: list[int], seed: int) -> float:
    """The area under the curve over all folds; one below a half is a rule the wrong way round, and counts like it."""
    scores = np.zeros(len(rows))
    folds = GroupKFold(n_splits=min(_FOLDS, len(set(groups))))
    rows = rows[:, rows.min(axis=0) != rows.max(axis=0)]
    with threadpool_limits(1):  # threads that wait for each other are slower than one on a busy machine
        for fitted, tested in folds.split(rows, sides, groups):
            model = HistGradientBoostingClassifier(max_iter=40, random_state=seed)
            model.fit(rows[fitted], sides[fitted])
            scores[tested] = model.predict_proba(rows[tested])[:, 1]
    area = float(roc_auc_score(sides, scores))
    return max(area, 1 - area)
