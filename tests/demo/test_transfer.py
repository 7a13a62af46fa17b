"""Large bodies pass exactly, and nothing of them is kept."""

from __future__ import annotations

import tracemalloc
from collections.abc import AsyncIterator
from hashlib import sha256

import pytest

from trafficguard.demo import transfer
from trafficguard.demo.transfer import MAX_BYTES, PIECE

from .conftest import Client

_MIB = 1 << 20


@pytest.mark.parametrize("size", [0, 1, len(PIECE) - 1, len(PIECE), len(PIECE) + 1, 3 * len(PIECE) + 17])
async def test_a_download_has_exactly_the_size_asked_for(client: Client, size: int) -> None:
    answer = await client.get(f"/download/{size}")
    body = await answer.read()

    assert answer.headers["Content-Length"] == str(size)
    assert len(body) == size
    assert body == (PIECE * 4)[:size]


async def test_a_head_request_learns_the_size_without_the_bytes(client: Client) -> None:
    answer = await client.head(f"/download/{MAX_BYTES}")

    assert answer.headers["Content-Length"] == str(MAX_BYTES)
    assert await answer.read() == b""


@pytest.mark.parametrize(
    ("size", "status"), [(str(MAX_BYTES + 1), 400), ("-1", 404), ("x", 404), ("9" * 12, 404)]
)
async def test_a_size_out_of_bounds_is_refused(client: Client, size: str, status: int) -> None:
    assert (await client.get(f"/download/{size}")).status == status


@pytest.mark.parametrize("size", [0, 1, 300_000])
async def test_an_upload_is_counted_and_digested(client: Client, size: int) -> None:
    body = (PIECE * 5)[:size]
    answer = await client.post("/upload", data=body)

    assert answer.status == 200
    assert await answer.json() == {"bytes": size, "sha256": sha256(body).hexdigest()}


async def test_a_chunked_upload_is_counted_like_any_other(client: Client) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield PIECE

    answer = await client.post("/upload", data=pieces())

    assert await answer.json() == {"bytes": 3 * len(PIECE), "sha256": sha256(PIECE * 3).hexdigest()}


async def test_an_upload_past_the_bound_is_refused(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "MAX_BYTES", 1_000)

    assert (await client.post("/upload", data=b"x" * 1_000)).status == 200
    assert (await client.post("/upload", data=b"x" * 1_001)).status == 413


async def test_transfers_need_the_same_little_memory_at_any_size(client: Client) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(32 * _MIB // len(PIECE)):
            yield PIECE

    tracemalloc.start()
    try:
        async with client.get(f"/download/{32 * _MIB}") as answer:
            received = sum([len(piece) async for piece in answer.content.iter_any()])
        sent = (await (await client.post("/upload", data=pieces())).json())["bytes"]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert received == sent == 32 * _MIB
    assert peak < 6 * _MIB
