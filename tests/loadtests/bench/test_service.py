"""Tests of loadtests/bench/service.py."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from loadtests.bench.cpu import processes
from loadtests.bench.errors import BenchError
from loadtests.bench.fetch import PLAIN, connection, free_port
from loadtests.bench.service import Launch, running

SERVER = """
import os, signal, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"hello")
if not os.fork():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.pause()
HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
"""A server with a child that ignores SIGTERM."""


def alive(session: int) -> set[int]:
    """The processes of a session that still run; a zombie waits only for whoever inherited it."""
    members = {process.pid for process in processes() if process.session == session}
    return {pid for pid in members if _state(pid) not in ("Z", "X")}


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "X"


def gone(session: int, deadline: float = 5.0) -> bool:
    """Whether a session is empty before the deadline: a killed process needs a moment to end."""
    end = time.monotonic() + deadline
    while alive(session) and time.monotonic() < end:
        os.sched_yield()
    return not alive(session)


def test_a_service_answers_inside_the_block_and_leaves_no_process_behind(tmp_path: Path) -> None:
    port = free_port()
    with running(Launch([sys.executable, "-c", SERVER, str(port)]), port, tmp_path) as service:
        with connection(port) as asked:
            answer = asked.ask(PLAIN)
        assert (answer.status, answer.body) == (200, b"hello")
        assert len(alive(service.pid)) == 2
    assert gone(service.pid)


def test_a_program_that_ends_at_once_is_an_error_with_its_last_words(tmp_path: Path) -> None:
    launch = Launch([sys.executable, "-c", "raise SystemExit('no such upstream')"])
    with (
        pytest.raises(BenchError, match="status 1: no such upstream"),
        running(launch, free_port(), tmp_path),
    ):
        pass


def test_the_environment_is_added_to(tmp_path: Path) -> None:
    code = "import os; raise SystemExit(os.environ['ADDED'] + str('PATH' in os.environ))"
    launch = Launch([sys.executable, "-c", code], {"ADDED": "yes"})
    with pytest.raises(BenchError, match="yesTrue"), running(launch, free_port(), tmp_path):
        pass
