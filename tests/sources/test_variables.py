"""Environment variables as settings."""

from __future__ import annotations

import pytest

from trafficguard.errors import Complaint, Place
from trafficguard.sources.tree import Tree
from trafficguard.sources.variables import apply_variables, variables


def applied(**environ: str) -> tuple[dict[str, object], list[Complaint]]:
    tree = Tree(Place("settings"))
    found = apply_variables({f"TRAFFICGUARD_{name}": text for name, text in environ.items()}, tree)
    return dict(tree.values), found


def test_every_setting_that_one_line_can_give_has_a_variable() -> None:
    names = set(variables())
    assert {"TRAFFICGUARD_LISTEN", "TRAFFICGUARD_WORKERS", "TRAFFICGUARD_MODE"} <= names
    assert {"TRAFFICGUARD_LIMITS__CONNECTIONS_PER_ADDRESS", "TRAFFICGUARD_TRUSTED__PEERS"} <= names
    assert not any("SITES" in name for name in names)


def test_lists_are_written_with_commas() -> None:
    values, found = applied(LISTEN="127.0.0.1:80, [::1]:80", TRUSTED__PEERS="10.0.0.0/8")
    assert values == {"listen": ["127.0.0.1:80", "[::1]:80"], "trusted": {"peers": ["10.0.0.0/8"]}}
    assert found == []


def test_the_short_spellings_mean_the_long_ones() -> None:
    assert applied(ADMIN_LISTEN="none", LOG_FILE="/x") == applied(ADMIN__LISTEN="none", LOG__FILE="/x")


def test_both_spellings_at_once_are_a_complaint() -> None:
    _, [complaint] = applied(LOG_FILE="/x", LOG__FILE="/y")
    assert complaint.remedy == "keep one of TRAFFICGUARD_LOG_FILE and TRAFFICGUARD_LOG__FILE"


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("LIMTS__HEAD", "did you mean TRAFFICGUARD_LIMITS__HEAD?"),
        ("WORKER", "did you mean TRAFFICGUARD_WORKERS?"),
        ("CONFG", "did you mean TRAFFICGUARD_CONFIG?"),
        ("UPSTREAMS", "did you mean TRAFFICGUARD_UPSTREAM?"),
        ("SITES", "TRAFFICGUARD_UPSTREAM"),
        ("PORT", "TRAFFICGUARD_LIMITS__HEAD"),
        ("", "TRAFFICGUARD_LIMITS__HEAD"),
    ],
)
def test_a_variable_that_means_nothing_is_a_complaint(name: str, remedy: str) -> None:
    _, [complaint] = applied(**{name: "8080"})
    assert complaint.place == Place(f"TRAFFICGUARD_{name}")
    assert remedy in complaint.remedy


@pytest.mark.parametrize("name", ["WORKERS", "LISTEN", "UPSTREAM", "LOG_FILE"])
def test_an_empty_variable_is_a_complaint(name: str) -> None:
    values, [complaint] = applied(**{name: " "})
    assert complaint.message == "the variable is empty"
    assert values == {}


def test_variables_of_others_are_left_alone() -> None:
    environ = {
        "PATH": "/bin",
        "trafficguard_listen": "x",
        "TRAFFICGUARD_CACHE_DIR": "/x",
        "TRAFFICGUARD_DATA": "/x",
        "TRAFFICGUARD_SERVICE_HOST": "10.0.0.1",
        "TRAFFICGUARD_SERVICE_PORT_HTTP": "80",
        "TRAFFICGUARD_PORT": "tcp://10.0.0.1:80",
        "TRAFFICGUARD_PORT_80_TCP_ADDR": "10.0.0.1",
    }
    tree = Tree(Place("settings"))
    assert apply_variables(environ, tree) == []
    assert tree.values == {}
