"""The table of labels against what gives them."""

from __future__ import annotations

import re
from pathlib import Path

import trafficguard.signals.agents as agents
from trafficguard.signals.labels import KNOWN


def test_every_label_that_the_code_gives_to_a_sender_is_known() -> None:
    source = Path(agents.__file__).read_text()
    given = set(re.findall(r'"((?:ua|bot)\.[a-z]+)"', source))
    assert given
    assert given <= KNOWN


def test_every_class_of_route_has_its_label() -> None:
    assert {"route.item", "route.login"} <= KNOWN
