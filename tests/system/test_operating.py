"""What operators see: shadow mode, the decision log, readiness and numbers, over all workers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

from tests.conftest import Program as FindProgram
from tests.system import origins
from tests.system.clients import CURL, ask, connected, page, read_answer, script
from tests.system.operators import number, readiness, requests_counted
from tests.system.program import DEADLINE, Proxy, to, until

EVENT = {
    "t", "id", "site", "client", "method", "host", "target", "user_agent", "status", "action", "score", "reasons",
    "signals", "labels", "rule", "shadow", "us", "origin", "bytes_in", "bytes_out", "error",
    "challenge",
}  # fmt: skip


def events_of(log: Path) -> list[dict[str, Any]]:
    """All lines of a decision log, each of which must be an event."""
    lines = log.read_text(encoding="ascii").splitlines()
    events = [json.loads(line) for line in lines]
    assert all(event.keys() == EVENT for event in events)
    return events


def test_shadow_passes_curl_and_records_that_it_would_have_been_blocked(program: FindProgram, tmp_path: Path) -> None:
    log = tmp_path / "decisions"
    with (
        origins.raw(origins.answering) as origin,
        Proxy(tmp_path, to(origin, log={"file": str(log)}), "--shadow") as proxy,
    ):
        command = [program("curl"), "-sS", "-i", f"http://127.0.0.1:{proxy.port}/product/7"]
        curl = subprocess.run(command, capture_output=True, timeout=DEADLINE)
        assert curl.stdout == origins.OK
        assert proxy.stop() == 0
    (event,) = events_of(log)
    assert (event["action"], event["status"], event["target"]) == ("block", 200, "/product/7")
    assert event["user_agent"].startswith("curl/")
    assert any("(curl)" in reason for reason in event["reasons"])
    assert (event["origin"], event["client"], event["error"]) == (origin, "127.0.0.1", "")


def test_the_log_holds_what_was_blocked_refused_and_failed_and_a_sample_of_the_rest(tmp_path: Path) -> None:
    log = tmp_path / "decisions"
    with origins.raw(origins.answering) as origin, origins.nobody() as dead:
        upstreams = [{"servers": [origin]}, {"path": "/dead", "servers": [dead]}]
        settings = {"sites": [{"upstreams": upstreams}], "workers": 2, "log": {"file": str(log), "sample": 0.25}}
        with Proxy(tmp_path, settings) as proxy:
            with connected(proxy.port) as sock:  # one worker, so that its sample is what it must be
                for _ in range(40):
                    sock.sendall(script("/api/cart"))
                    assert read_answer(sock).status == 200
            blocked = ask(proxy.port, CURL.format("/x%0A\\").encode())
            refused = ask(proxy.port, page("/").replace(b"Host: shop.example", b"Host: a b"))
            failed = ask(proxy.port, page("/dead"))
            assert proxy.stop() == 0
    events = events_of(log)
    assert [event["action"] for event in events if event["status"] == 200] == ["pass"] * 10
    rest = {event["id"]: (event["status"], event["action"]) for event in events if event["status"] != 200}
    assert rest == {
        blocked.headers["x-request-id"]: (403, "block"),
        refused.headers["x-request-id"]: (400, ""),
        failed.headers["x-request-id"]: (502, "pass"),
    }


def test_metrics_sum_up_what_all_workers_did_dead_ones_included(tmp_path: Path) -> None:
    with origins.raw(origins.answering) as origin, Proxy(tmp_path, to(origin, workers=2)) as proxy:
        passed, blocked = 60, 20
        answers = [ask(proxy.port, script("/api/cart")) for _ in range(passed)]
        answers += [ask(proxy.port, CURL.format("/").encode()) for _ in range(blocked)]
        assert [answer.status for answer in answers] == [200] * passed + [403] * blocked
        expected = {("pass", "2xx"): passed, ("block", "4xx"): blocked}
        until(lambda: requests_counted(proxy) == expected, "that the numbers are shown")
        until(lambda: number(proxy, "connections_open") == 0, "that no connection is open")
        assert number(proxy, "connections_total") == passed + blocked

        os.kill(proxy.workers[0], signal.SIGKILL)
        until(lambda: number(proxy, "restarts_total") == 1, "that the worker is replaced")
        until(lambda: readiness(proxy) == (200, []), "that the new worker is ready")
        for _ in range(20):
            assert ask(proxy.port, script("/api/cart")).status == 200
        expected["pass", "2xx"] += 20
        until(lambda: requests_counted(proxy) == expected, "that counting goes on")
        assert number(proxy, "workers_alive") == 2
