"""What does not fit into one answer at once passes through the demo: WebSockets, server-sent events, large bodies."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.client import HTTPResponse

import aiohttp

from tests.system.clients import USER_AGENT, connected, page, read_answer, script
from tests.system.demo import Demo
from tests.system.processes import peak_kib, reset_peak, resident_kib
from tests.system.program import DEADLINE
from trafficguard.demo.transfer import PIECE

LARGE = 2 << 30
MOST_GROWTH_KIB = 32 * 1024
PIECES = LARGE // len(PIECE)
HANDSHAKE = {
    "Pragma": "no-cache",
    "Cache-Control": "no-cache",
    "User-Agent": USER_AGENT,
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Accept-Language": "en-US,en;q=0.9",
}


async def test_a_websocket_echoes(demo: Demo) -> None:
    async with (
        aiohttp.ClientSession(headers=HANDSHAKE, timeout=aiohttp.ClientTimeout(DEADLINE)) as session,
        session.ws_connect(f"{demo.url}/ws/stock", origin=demo.url) as socket,
    ):
        for text in ("hello", "grüße ✓", "x" * 70_000):
            await socket.send_str(text)
            heard = [await socket.receive_json(timeout=DEADLINE)]
            while "echo" not in heard[-1] and len(heard) < 100:  # the shop's own updates come in between
                heard.append(await socket.receive_json(timeout=DEADLINE))
            assert heard[-1] == {"echo": text}
        await socket.close()
        assert socket.close_code == aiohttp.WSCloseCode.OK
    line = demo.wait_to_see("/ws/stock")
    assert (line.verdict, line.status) == ("pass", "101")


def test_server_sent_events_arrive_one_by_one(demo: Demo) -> None:
    count, pause = 6, 0.1
    arrivals = []
    with connected(demo.port) as sock:
        sock.sendall(script(f"/events/stock?count={count}&ms={pause * 1000:.0f}", accept="text/event-stream"))
        response = HTTPResponse(sock)
        response.begin()
        assert (response.status, response.headers.get_content_type()) == (200, "text/event-stream")
        while line := response.readline():
            if line.startswith(b"data: "):
                assert json.loads(line.removeprefix(b"data: "))["stock"] >= 0
                arrivals.append(time.monotonic())
    assert len(arrivals) == count
    # Held back until the end, all would arrive together; the first one has to be here before the last one is sent.
    assert arrivals[-1] - arrivals[0] > pause * (count - 2)


@contextmanager
def little_growth(demo: Demo) -> Iterator[None]:
    """No process of the demo, shop included, may need much more memory at any moment of the block."""
    before = {pid: resident_kib(pid) for pid in demo.processes()}
    assert len(before) == 3, demo.said()
    for pid in before:
        reset_peak(pid)
    yield
    growth = {pid: peak_kib(pid) - kib for pid, kib in before.items()}
    assert sum(growth.values()) < MOST_GROWTH_KIB, growth


def test_a_2_gib_download_passes_in_constant_memory(demo: Demo) -> None:
    buffer = bytearray(1 << 20)
    digest, received = sha256(), 0
    with little_growth(demo), connected(demo.port) as sock:
        sock.sendall(page(f"/download/{LARGE}"))
        response = HTTPResponse(sock)
        response.begin()
        assert (response.status, response.length) == (200, LARGE)
        while size := response.readinto(buffer):
            received += size
            digest.update(memoryview(buffer)[:size])
    assert received == LARGE
    assert digest.hexdigest() == digest_of_large()


def test_a_2_gib_upload_passes_in_constant_memory(demo: Demo) -> None:
    burst = PIECE * 16
    with little_growth(demo), connected(demo.port) as sock:
        sock.sendall(script("/upload", body=LARGE))
        for _ in range(PIECES // 16):
            sock.sendall(burst)
        answer = read_answer(sock)
    assert answer.status == 200
    assert json.loads(answer.body) == {"bytes": LARGE, "sha256": digest_of_large()}


def digest_of_large() -> str:
    """SHA-256 of what the shop sends for a download of that size."""
    digest, burst = sha256(), PIECE * 16
    for _ in range(PIECES // 16):
        digest.update(burst)
    return digest.hexdigest()
