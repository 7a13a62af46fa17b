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
from tests.net.lines import until
from tests.net.messages import statuses
from tests.net.origins import Origin, recording_origin

BYTEWISE_AT_MOST = 4096


def load_shared(folder: Path) -> list[dict[str, Any]]:
    with (folder / "http1" / "requests.jsonl").open() as lines:
        return [json.loads(line) for line in lines]


async def ask(raw: bytes, bytewise: bool) -> tuple[bytes, Origin]:
    async with recording_origin() as origin, proxy_to(origin.url) as proxy:
        pieces = [raw[at : at + 1] for at in range(len(raw))] if bytewise else [raw]
        answers = await proxy.send(*pieces)
        await until(lambda: origin.open == 0 or bool(origin.requests))
        return answers, origin


def streamed_body_has_begun(raw: bytes) -> bool:
    """Whether a fault may lie inside a body, of whose request the origin may have seen the beginning."""
    return b"chunked" in raw.lower() and b"\r\n\r\n" in raw


@pytest.mark.parametrize("bytewise", [False, True], ids=["whole", "bytewise"])
async def test_no_request_that_every_peer_refuses_reaches_the_origin(shared_data: Path, bytewise: bool) -> None:
    cases = [case for case in load_shared(shared_data) if case["verdicts"] == "RRRR"]
    assert len(cases) > 30
    for case in cases:
        raw = base64.b64decode(case["request_b64"])
        answers, origin = await ask(raw, bytewise)
        assert all(400 <= status < 500 for status in statuses(answers)), (case["id"], answers)
        assert not origin.requests, case["id"]
        if not streamed_body_has_begun(raw) or not bytewise:
            assert not any(origin.received), case["id"]


@pytest.mark.parametrize("bytewise", [False, True], ids=["whole", "bytewise"])
async def test_every_request_that_every_peer_accepts_is_served(shared_data: Path, bytewise: bool) -> None:
    cases = [case for case in load_shared(shared_data) if case["verdicts"] == "AAAA"]
    assert len(cases) > 8
    for case in cases:
        answers, origin = await ask(base64.b64decode(case["request_b64"]), bytewise)
        assert statuses(answers)[:1] == [200], (case["id"], answers)
        assert len(origin.requests) == case["messages_complete"], case["id"]


@pytest.mark.parametrize("bytewise", [False, True], ids=["whole", "bytewise"])
async def test_a_request_never_turns_into_two_at_the_origin(shared_data: Path, bytewise: bool) -> None:
    for case in load_shared(shared_data):
        _, origin = await ask(base64.b64decode(case["request_b64"]), bytewise)
        assert len(origin.requests) <= max(1, case["messages_complete"]), case["id"]
