"""Operators steer a running program: policies, modes and keys, over all workers, and what goes wrong is told."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.system import origins
from tests.system.clients import Answer, ask, connected, page, read_answer
from tests.system.operators import number
from tests.system.program import Proxy, to, until

PASSES = "name: mild\nrules: [{name: bad, when: 'path == \"/bad\"', action: pass}]\n"
BLOCKS = "name: strict\nrules: [{name: bad, when: 'path == \"/bad\"', action: {block: {status: 451}}}]\n"
BROKEN = "name: broken\nrules:\n  - name: bad\n    when: path == 7\n    action: block\n"
SOON = 1.0
"""Seconds in which an order takes effect."""


def order(proxy: Proxy, path: str, body: dict[str, Any] | None = None) -> Answer:
    """An operator's order at the admin listener."""
    data = json.dumps(body or {})
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n"
    return ask(proxy.admin_port, f"{head}\r\n{data}".encode())


def in_force(proxy: Proxy) -> dict[str, Any]:
    """What the admin listener says is in force."""
    shown: dict[str, Any] = json.loads(ask(proxy.admin_port, b"GET /policy HTTP/1.1\r\nHost: localhost\r\n\r\n").body)
    return shown


def status(proxy: Proxy) -> int:
    return ask(proxy.port, page("/bad")).status


def statuses(proxy: Proxy) -> set[int]:
    """What a few connections get, of which each worker takes some."""
    return {status(proxy) for _ in range(12)}


@contextmanager
def steered(folder: Path, text: str = PASSES, **more: Any) -> Iterator[tuple[Proxy, Path]]:
    """A proxy of two workers by a policy in a file that can be written to."""
    policy = folder / "policy.yaml"
    policy.write_text(text)
    with origins.raw(origins.answering) as origin:
        settings = to(origin, policy=str(policy), workers=2, log={"file": str(folder / "log")}, **more)
        with Proxy(folder, settings) as proxy:
            until(lambda: in_force(proxy)["applied"], "the first orders")
            yield proxy, policy


def test_a_policy_is_reloaded_by_all_workers_when_its_file_changes_on_sighup_and_when_it_is_ordered(
    tmp_path: Path,
) -> None:
    with steered(tmp_path) as (proxy, policy):
        assert statuses(proxy) == {200}
        ways = {
            "file": lambda: None,
            "SIGHUP": lambda: proxy.send(signal.SIGHUP),
            "order": lambda: order(proxy, "/policy/reload"),
        }
        for turn, reload in enumerate(ways.values()):
            before = in_force(proxy)
            policy.write_text(PASSES if turn % 2 else BLOCKS)
            reload()
            until(lambda: in_force(proxy)["number"] > before["number"] and in_force(proxy)["applied"], "the reload")  # noqa: B023
            assert in_force(proxy)["version"] != before["version"]
            assert statuses(proxy) == {200 if turn % 2 else 451}
        assert proxy.stop() == 0
    told = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert {one["policy"] for one in told if one.get("audit") == "reload"} == {"mild", "strict"}


def test_a_bad_file_keeps_the_old_policy_and_is_told_of_in_log_admin_and_metrics(tmp_path: Path) -> None:
    with steered(tmp_path, BLOCKS) as (proxy, policy):
        before = in_force(proxy)
        policy.write_text(BROKEN)
        proxy.wait_for_text("the last one stays in force")
        shown = in_force(proxy)
        assert (shown["version"], shown["number"], shown["applied"]) == (before["version"], before["number"], True)
        assert f"{policy}:4:19: " in shown["complaints"][0]
        proxy.wait_for_text(f"{policy}:4:19: ")
        assert (number(proxy, "policy_complaints"), number(proxy, "policy_refused_total")) == (1, 1)
        answer = order(proxy, "/policy/reload")
        assert answer.status == 422
        assert f"{policy}:4:19: " in json.loads(answer.body)["errors"][0]
        assert statuses(proxy) == {451}
        policy.write_text(PASSES)
        until(lambda: in_force(proxy)["name"] == "mild" and in_force(proxy)["applied"], "the good file")
        assert number(proxy, "policy_complaints") == 0
        assert statuses(proxy) == {200}


def test_a_mode_takes_effect_within_a_second_on_connections_that_are_open(tmp_path: Path) -> None:
    with steered(tmp_path, BLOCKS) as (proxy, _), connected(proxy.port) as kept:
        for mode, expected in (("shadow", 200), ("enforce", 451), ("off", 200), ("configured", 451)):
            began = time.monotonic()
            assert order(proxy, "/mode", {"mode": mode}).status == 200
            until(lambda: in_force(proxy)["applied"], "the mode")
            assert time.monotonic() - began < SOON
            kept.sendall(page("/bad"))
            assert read_answer(kept).status == expected
            assert statuses(proxy) == {expected}


def test_a_key_is_blocked_and_allowed_for_a_while_and_both_are_audited(tmp_path: Path) -> None:
    with steered(tmp_path) as (proxy, _):
        began = time.monotonic()
        assert order(proxy, "/keys", {"action": "block", "key": "127.0.0.0/8", "for": "1h"}).status == 200
        until(lambda: in_force(proxy)["applied"], "the block")
        assert time.monotonic() - began < SOON
        assert statuses(proxy) == {403}
        assert [one["key"] for one in in_force(proxy)["by_hand"]] == ["127.0.0.0/8"]
        assert order(proxy, "/keys", {"action": "forget", "key": "127.0.0.0/8"}).status == 200
        until(lambda: in_force(proxy)["applied"], "the end of it")
        assert statuses(proxy) == {200}
        assert order(proxy, "/keys", {"action": "block", "key": "127.0.0.1", "for": "1s"}).status == 200
        until(lambda: in_force(proxy)["by_hand"] == [] and in_force(proxy)["applied"], "its end by itself")
        assert statuses(proxy) == {200}
        assert proxy.stop() == 0
    told = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert [one["audit"] for one in told if "audit" in one] == ["block", "forget", "block", "expired"]


def test_a_worker_that_is_replaced_follows_the_orders_in_force(tmp_path: Path) -> None:
    with steered(tmp_path) as (proxy, policy):
        policy.write_text(BLOCKS)
        until(lambda: in_force(proxy)["name"] == "strict" and in_force(proxy)["applied"], "the reload")
        order(proxy, "/keys", {"action": "allow", "key": "192.0.2.1"})
        for dead in proxy.workers:
            os.kill(dead, signal.SIGKILL)
        until(lambda: number(proxy, "restarts_total") == 2 and in_force(proxy)["applied"], "the new workers")
        assert statuses(proxy) == {451}
        order(proxy, "/mode", {"mode": "shadow"})
        until(lambda: in_force(proxy)["applied"], "the mode")
        assert statuses(proxy) == {200}


def test_verdicts_are_counted_by_version_of_the_policy(tmp_path: Path) -> None:
    with steered(tmp_path) as (proxy, policy):
        mild = in_force(proxy)["version"]
        for _ in range(5):
            status(proxy)
        until(lambda: {"version": mild, "action": "pass", "count": 5} in in_force(proxy)["verdicts"], "the first count")
        policy.write_text(BLOCKS)
        until(lambda: in_force(proxy)["name"] == "strict" and in_force(proxy)["applied"], "the reload")
        strict = in_force(proxy)["version"]
        for _ in range(3):
            status(proxy)
        until(lambda: {"version": strict, "action": "block", "count": 3} in in_force(proxy)["verdicts"], "the second count")


def test_a_jump_of_blocks_after_a_reload_blows_the_fuse(tmp_path: Path) -> None:
    with steered(tmp_path) as (proxy, policy):
        policy.write_text(BLOCKS)
        until(lambda: in_force(proxy)["name"] == "strict" and in_force(proxy)["applied"], "the reload")
        with connected(proxy.port) as sock:
            for _ in range(300):
                sock.sendall(page("/bad"))
                assert read_answer(sock).status == 451
        until(lambda: in_force(proxy)["fuses"] == 1 and in_force(proxy)["applied"], "the fuse")
        assert in_force(proxy)["name"] == "mild"
        assert statuses(proxy) == {200}
        proxy.wait_for_text("ERROR the fuse has blown: challenges and blocks jumped from 0% to 100%")
        assert number(proxy, "policy_fuses_total") == 1
