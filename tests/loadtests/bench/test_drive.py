"""Tests of loadtests/bench/drive.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from loadtests.bench.crowd import STRIDE
from loadtests.bench.drive import Run, drive, hot_script, lua_string, mixed_script, parse, request_head
from loadtests.bench.errors import BenchError
from loadtests.bench.heads import HOT, Head
from loadtests.bench.plan import Style
from tests.conftest import Program
from tests.loadtests.bench.servers import Respond, serving

OUTPUT = """Running 1s test @ http://127.0.0.1:34567/
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.65ms    1.03ms  25.19ms   90.34%
    Req/Sec    38.93k     2.39k   42.68k    70.00%
  38840 requests in 1.00s, 54.24MB read
  Non-2xx or 3xx responses: 3
Requests/sec:  38688.51
Transfer/sec:     54.03MB
bench requests=38840 duration_us=1003920 bytes=56874000 connect=0 read=1 write=0 status=3 timeout=2 \
p50_us=1434 p99_us=5230
"""
ODD = Head("odd", ("Host: shop.test", "X-Odd: \"\\1]]--'%d\t~"))


def test_a_result_is_read_from_the_output_of_wrk() -> None:
    assert parse(OUTPUT) == Run(38840, 1.00392, 56874000, errors=6, p50_us=1434, p99_us=5230)
    assert parse(OUTPUT).rps == pytest.approx(38688, rel=0.001)


def test_output_without_a_result_is_an_error_that_shows_it() -> None:
    with pytest.raises(BenchError, match="unable to connect"):
        parse("unable to connect to 127.0.0.1:1 Connection refused\n")


def test_a_request_ends_with_the_address_and_says_close_only_when_asked() -> None:
    head = Head("c", ("host: a",))
    assert request_head(head, "/x", Style.KEEPALIVE) == b"GET /x HTTP/1.1\r\nhost: a\r\n\r\n"
    assert request_head(head, "/x", Style.CLOSE, "192.0.2.1") == (
        b"GET /x HTTP/1.1\r\nhost: a\r\nConnection: close\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n"
    )


def test_a_lua_literal_escapes_everything_that_could_end_it() -> None:
    assert lua_string('a"\\\n1') == '"a\\034\\092\\0101"'


def keep(heads: list[bytes]) -> Respond:
    """Answers 200 and keeps the head of every request."""

    def respond(head: bytes) -> tuple[int, bytes]:
        heads.append(head)
        return 200, b"ok"

    return respond


def test_wrk_sends_the_hot_head_byte_for_byte(program: Program, tmp_path: Path) -> None:
    program("wrk")
    script, heads = tmp_path / "hot.lua", list[bytes]()
    script.write_text(hot_script(Style.KEEPALIVE))
    with serving(keep(heads)) as port:
        run = drive(port, script, connections=1, seconds=1, start=0)
    assert run.errors == 0
    assert 0 < run.requests <= len(heads)
    assert set(heads) == {request_head(HOT, "/product/7", Style.KEEPALIVE)}


def test_wrk_walks_the_crowd_from_where_it_is_told(program: Program, tmp_path: Path) -> None:
    program("wrk")
    recorded, addresses, targets = [HOT, ODD], [f"192.0.2.{n}" for n in range(1, 8)], ["/a", "/b?c=%20", "/d"]

    def visit(n: int) -> bytes:
        client = n * STRIDE % 7
        return request_head(recorded[client % 2], targets[n % 3], Style.CLOSE, addresses[client])

    script, heads = tmp_path / "mixed.lua", list[bytes]()
    script.write_text(mixed_script(Style.CLOSE, recorded, addresses, targets))
    with serving(keep(heads)) as port:
        drive(port, script, connections=1, seconds=1, start=1_000_000)
    # wrk asks the script for one request before the first that it sends, to see how many are pipelined.
    assert heads[0] == visit(1_000_002)
    assert set(heads) == {visit(n) for n in range(7 * 2 * 3)}
