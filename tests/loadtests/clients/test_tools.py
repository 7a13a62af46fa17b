"""Where programs that crawl are looked for, and what is said of those that are not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from loadtests.clients.catalogue import CLIENTS
from loadtests.clients.tools import INSTALL, PROGRAMS, Tools


def test_what_is_missing_is_named_with_what_brings_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    tools = Tools(tmp_path)
    assert tools.missing("node") == "no node: apt-get install nodejs"
    assert tools.missing(package="crawlee") == f"no crawlee: {INSTALL}"
    assert tools.missing(library="a_library_that_nobody_wrote") == f"no a_library_that_nobody_wrote: {INSTALL}"
    assert tools.missing(library="aiohttp") == ""


def test_every_client_starts_a_program_that_is_kept_here_or_one_of_the_system(tmp_path: Path) -> None:
    tools = Tools(tmp_path)
    for client in CLIENTS:
        command = client.start(tools, "http://127.0.0.1:1", 5)
        scripts = [Path(word).name for word in command if word.endswith((".py", ".mjs"))]
        assert all((PROGRAMS / name).exists() for name in scripts), client.name
        assert scripts or client.program in ("curl", "wget")


def test_names_of_clients_are_unique_and_each_lacks_something_without_its_needs() -> None:
    assert len({client.name for client in CLIENTS}) == len(CLIENTS)
    assert all(client.program or client.library for client in CLIENTS)
