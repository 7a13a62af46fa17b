"""`python -m loadtests clients`, with what every machine has."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from loadtests.__main__ import main as dispatcher
from loadtests.clients import command
from loadtests.clients.fates import Fate


def test_help_teaches() -> None:
    result = CliRunner().invoke(dispatcher, ["clients", "--help"])
    assert result.exit_code == 0
    assert "--install" in result.output


def test_curl_meets_the_proxy_and_its_fate_is_kept(
    program: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program("curl")
    monkeypatch.setattr(command, "RESULT", tmp_path / "clients.json")
    result = CliRunner().invoke(dispatcher, ["clients", "--only", "curl", "--items", "4", "--write"])
    assert result.exit_code == 0, result.output
    (fate,) = json.loads((tmp_path / "clients.json").read_text())
    assert (fate["requests"], fate["items"], fate["trouble"]) == (4, 0, "")
    assert fate["version"].startswith("curl/")
    assert fate["blocked"] == 4


@pytest.mark.parametrize(
    ("fate", "words", "code"),
    [
        (Fate("person", "person", "", "", requests=40, items=9, challenged=1), "hindered", command.HINDERED),
        (Fate("person", "person", "", "", requests=3, items=1), "1 items only", 1),
        (Fate("person", "person", "", "", requests=40, items=9), "", 0),
        (Fate("person", "person", "", "no xdotool: apt-get install xdotool"), "", 0),
    ],
)
def test_a_person_who_was_hindered_or_saw_too_little_fails_the_command(
    fate: Fate, words: str, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command.Meeting, "hold", lambda _self: [fate])
    result = CliRunner().invoke(dispatcher, ["clients", "--only", "person"])
    assert result.exit_code == code
    assert words in result.output
