"""The settings, and the file that shows all of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest
from pydantic import ValidationError

from trafficguard.errors import Place
from trafficguard.settings import BodyLimit, HealthCheck, RouteWord, Settings
from trafficguard.signals.places import RouteClass
from trafficguard.sources.complaints import spelled
from trafficguard.sources.document import read_text
from trafficguard.sources.schema import group_at, names_in
from trafficguard.sources.tree import Tree, Value
from trafficguard.values import Steps

SHOWN = Path(__file__).parents[1] / "config" / "trafficguard.yaml"
SITES = [{"upstreams": [{"servers": ["http://127.0.0.1:9000"]}]}]


def values_of(text: str) -> dict[str, Value]:
    tree = Tree(Place("text"))
    assert read_text(text, "text", tree) == []
    return tree.values


def with_everything_on(text: str) -> str:
    """`text` with the settings that its comments show in force: a # followed by `name:` or `- name:`."""
    text = re.sub(r"(bodies|routes|forward_auth): \[\]", r"\1:", text)
    return re.sub(r"(?m)^( *)#( *(?:- )?\w+: *(?:[^ #]+ *)?#)", r"\1\2", text)


def settings_of_the_code(steps: Steps = ()) -> set[str]:
    group = group_at(steps)
    assert group is not None
    names = set()
    for name in names_in(group):
        inner = [below for below in ((*steps, name), (*steps, name, 0)) if group_at(below)]
        names |= settings_of_the_code(inner[0]) if inner else {spelled((*steps, name))}
    return names


def settings_in(value: Value, steps: Steps = ()) -> set[str]:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return settings_in(value[0], (*steps, 0))
    if isinstance(value, dict):
        return set().union(*(settings_in(below, (*steps, name)) for name, below in value.items()))
    return {spelled(steps)}


def test_the_shown_file_has_the_defaults_of_the_code() -> None:
    shown = Settings.model_validate(values_of(SHOWN.read_text()))
    assert shown == Settings.model_validate({"sites": SITES})


def test_every_setting_is_in_the_shown_file() -> None:
    shown = settings_in(values_of(with_everything_on(SHOWN.read_text())))
    assert shown == settings_of_the_code()
    assert len(shown) > 30


def test_what_is_off_in_the_shown_file_has_the_defaults_of_the_code() -> None:
    shown = Settings.model_validate(values_of(with_everything_on(SHOWN.read_text())))
    assert shown.sites[0].upstreams[0].health == HealthCheck()
    assert shown.sites[0].bodies == [BodyLimit.model_validate({"path": "/upload", "limit": "2GiB"})]
    assert [route.route_class for route in shown.sites[0].routes] == ["item"]


def test_routes_have_the_classes_that_judging_knows() -> None:
    assert list(get_args(RouteWord)) == [one.word for one in RouteClass]


def test_every_setting_in_the_shown_file_has_a_comment() -> None:
    lines = [line for line in SHOWN.read_text().splitlines() if re.match(r" *(#(?! [A-Z]))?[ -]*\w+:", line)]
    assert len(lines) > 40
    assert [line for line in lines if " # " not in line] == []


def test_settings_cannot_be_changed() -> None:
    settings = Settings.model_validate({"sites": SITES})
    with pytest.raises(ValidationError):
        settings.limits.headers = 1


def test_a_header_of_trusted_peers_needs_somebody_to_trust() -> None:
    given = {"sites": SITES, "trusted": {"header": "forwarded"}}
    with pytest.raises(ValidationError, match="nobody is trusted"):
        Settings.model_validate(given)
    on_unix_socket = Settings.model_validate({**given, "listen": ["unix:/run/front.sock"]})
    assert on_unix_socket.trusted.header == "forwarded"


def test_port_zero_may_be_asked_for_twice() -> None:
    settings = Settings.model_validate({"sites": SITES, "listen": ["localhost:0", "localhost:0"]})
    assert len(settings.listen) == 2
