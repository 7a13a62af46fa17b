"""Requests that peers disagree about, over real sockets: what is refused never reaches the origin.

The corpus in `tests/corpus/wire` always runs; the shared set of llhttp's cases runs wherever it is present.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from tests.net.harness import proxy_to
from tests.net.lines import settle, until
from tests.net.messages import statuses
from tests.net.origins import Origin, recording_origin


def load_shared(folder: Path) -> list[dict[str, Any]]:
    with (folder / "http1" / "requests.jsonl").open() as lines:
        return [json.loads(line) for line in lines]


async def ask(raw: bytes, bytewise: bool) -> tuple[bytes, Origin, list[str]]:
    """The answers, what the origin saw, and the error words of what was refused."""
    async with recording_origin() as origin, proxy_to(origin.url) as proxy:
        pieces = [raw[at : at + 1] for at in range(len(raw))] if bytewise else [raw]
        answers = await proxy.send(*pieces)
        await settle()
        # A connection on which no whole request was sent is closed, never kept for the next one.
        await until(lambda: origin.open <= len(origin.requests))
        return answers, origin, proxy.record.errors


@pytest.mark.parametrize("bytewise", [False, True], ids=["whole", "bytewise"])
async def test_no_request_that_every_peer_refuses_reaches_the_origin(shared_data: Path, bytewise: bool) -> None:
    cases = [case for case in load_shared(shared_data) if case["verdicts"] == "RRRR"]
    assert len(cases) > 30
    for case in cases:
        raw = base64.b64decode(case["request_b64"])
        answers, origin, errors = await ask(raw, bytewise)
        assert all(400 <= status < 500 for status in statuses(answers)), (case["id"], answers)
        assert not origin.requests, case["id"]
        # A body is streamed, so the origin may have seen the beginning of a request whose chunks turn out wrong.
        if errors != ["bad-chunk"] or not bytewise:
            assert not any(origin.received), case["id"]


@pytest.mark.parametrize("bytewise", [False, True], ids=["whole", "bytewise"])
async def test_every_request_that_every_peer_accepts_is_served(shared_data: Path, bytewise: bool) -> None:
    cases = [case for case in load_shared(shared_data) if case["verdicts"] == "AAAA"]
    assert len(cases) > 8
    for case in cases:
        answers, origin, _ = await ask(base64.b64decode(case["request_b64"]), bytewise)
        assert statuses(answers) == [200] * case["messages_complete"], (case["id"], answers)
        assert len(origin.requests) == case["messages_complete"], case["id"]


@pytest.mark.parametrize("bytewise", [False, True], ids=["whole", "bytewise"])
async def test_a_request_never_turns_into_two_at_the_origin(shared_data: Path, bytewise: bool) -> None:
    for case in load_shared(shared_data):
        _, origin, _ = await ask(base64.b64decode(case["request_b64"]), bytewise)
        assert len(origin.requests) <= max(1, case["messages_complete"]), case["id"]
