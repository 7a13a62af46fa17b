"""The image is what it promises to be, as far as its recipe shows: small, unprivileged, warm and watched."""

from __future__ import annotations

import http.server
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from trafficguard.settings import AdminSettings
from trafficguard.sources.variables import OTHER, variables

ROOT = Path(__file__).parents[1]


class Instruction(NamedTuple):
    """One instruction of a Dockerfile, with its continued lines joined."""

    word: str
    rest: str


def read_stages(text: str) -> list[list[Instruction]]:
    """The instructions of each stage, which begins with FROM."""
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
    stages: list[list[Instruction]] = []
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        if line.strip():
            word, _, rest = line.strip().partition(" ")
            if word == "FROM":
                stages.append([])
            stages[-1].append(Instruction(word, " ".join(rest.split())))
    return stages


BUILD, FINAL = read_stages((ROOT / "Dockerfile").read_text())


def only(stage: list[Instruction], word: str) -> str:
    (rest,) = (instruction.rest for instruction in stage if instruction.word == word)
    return rest


def environment(stage: list[Instruction]) -> dict[str, str]:
    pairs = (pair for word, rest in stage if word == "ENV" for pair in rest.split())
    return dict(pair.split("=", 1) for pair in pairs)


def health_check() -> list[str]:
    command = only(FINAL, "HEALTHCHECK").partition("CMD ")[2]
    words = json.loads(command)
    assert words[:2] == ["python", "-c"]
    assert len(words) == 3
    return [sys.executable, *words[1:]]


def test_what_builds_is_not_what_runs() -> None:
    assert only(BUILD, "FROM").endswith(" AS build")
    assert only(FINAL, "FROM") == only(BUILD, "FROM").removesuffix(" AS build")
    assert only(FINAL, "COPY").startswith("--from=build ")
    assert not any("pip" in rest or "apt" in rest for word, rest in FINAL if word == "RUN")


def test_it_runs_as_nobody_special_and_owns_nothing() -> None:
    user, _, group = only(FINAL, "USER").partition(":")
    assert int(user) >= 1000
    assert int(group) >= 1000
    assert f"--uid {user} " in only(FINAL, "RUN")
    assert "--chown" not in only(FINAL, "COPY")
    behind = [word for word, _ in FINAL][[word for word, _ in FINAL].index("USER") :]
    assert not {"RUN", "COPY", "ADD"} & set(behind)


def test_kernels_are_compiled_at_build_time_for_the_place_and_processor_they_are_used_at() -> None:
    words = [word for word, _ in BUILD]
    warming = next(at for at, (_, rest) in enumerate(BUILD) if "trafficguard warm" in rest)
    assert words.index("ENV", words.index("ENV") + 1) < warming
    assert "chmod -R a+rX,go-w " + environment(BUILD)["TRAFFICGUARD_CACHE_DIR"] in BUILD[warming].rest
    for name in ("TRAFFICGUARD_CACHE_DIR", "NUMBA_CPU_NAME"):
        assert environment(BUILD)[name] == environment(FINAL)[name]
    assert environment(FINAL)["TRAFFICGUARD_CACHE_DIR"].startswith(only(FINAL, "COPY").split()[-1] + "/")


def test_nothing_is_written_where_it_runs() -> None:
    assert environment(FINAL)["PYTHONDONTWRITEBYTECODE"] == "1"
    assert not any(word in ("VOLUME", "WORKDIR") for word, _ in FINAL)


def test_its_variables_mean_something_to_the_program() -> None:
    ours = {name for name in environment(FINAL) if name.startswith("TRAFFICGUARD_")}
    assert ours <= OTHER | set(variables())


def test_it_serves_on_the_port_it_exposes_and_stops_on_sigterm() -> None:
    assert json.loads(only(FINAL, "ENTRYPOINT")) == ["trafficguard"]
    assert json.loads(only(FINAL, "CMD")) == ["serve", "--listen", f"0.0.0.0:{only(FINAL, 'EXPOSE')}"]
    assert only(FINAL, "STOPSIGNAL") == "SIGTERM"


def test_what_it_copies_is_let_through_by_dockerignore() -> None:
    rules = (ROOT / ".dockerignore").read_text().splitlines()
    copied = [source.rstrip("/") for word, rest in BUILD if word == "COPY" for source in rest.split()[:-1]]
    assert {rule[1:].rstrip("/") for rule in rules if rule.startswith("!")} == set(copied)
    assert "*" in rules


# The health check, run


class _Answer(http.server.BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status if self.path == "/readyz" else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def admin() -> Iterator[http.server.HTTPServer]:
    server = http.server.HTTPServer(("127.0.0.1", 0), _Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def check(port: int) -> int:
    """The exit code of the health check, with another port."""
    host, _, usual = str(AdminSettings().listen).partition(":")
    command = health_check()
    assert f"'{host}', {usual}," in command[-1]
    command[-1] = command[-1].replace(f" {usual},", f" {port},")
    return subprocess.run(command, capture_output=True, timeout=20, check=False).returncode


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False)])
def test_health_is_what_readyz_says(
    admin: http.server.HTTPServer, monkeypatch: pytest.MonkeyPatch, status: int, healthy: bool
) -> None:
    monkeypatch.setattr(_Answer, "status", status)
    assert (check(admin.server_address[1]) == 0) is healthy


def test_nobody_there_is_not_healthy() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        assert check(taken.getsockname()[1]) != 0
