"""Labels of a request."""

from __future__ import annotations

import pytest

from tests.signals.heads import CHROME, CURL, changed, row_of, without
from trafficguard.signals.labels import labels_of


@pytest.mark.parametrize(
    ("head", "labels"),
    [
        (CHROME, ("ua.browser",)),
        (CURL, ("ua.library",)),
        (without(CURL, "user-agent"), ("ua.missing",)),
        (changed(CURL, "User-Agent: Googlebot/2.1"), ("bot.search",)),
        (changed(CURL, "User-Agent: ShopApp/2.1"), ()),
    ],
)
def test_a_label_says_what_the_sender_claims_to_be(head: str, labels: tuple[str, ...]) -> None:
    assert labels_of(row_of(head)) == labels
