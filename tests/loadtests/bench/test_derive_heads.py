"""Tests of loadtests/bench/derive_heads.py."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path

import pytest

from loadtests.bench.derive_heads import derive, distinct
from loadtests.bench.heads import HOST, Head, load


def test_order_and_case_stay_and_the_host_is_replaced() -> None:
    raw = b"GET /x HTTP/1.1\r\naccept: */*\r\nHOST: other:81\r\nUser-Agent: a b\r\n\r\n"
    assert derive(raw) == ("accept: */*", f"HOST: {HOST}", "User-Agent: a b")


def test_headers_of_the_connection_and_conditions_go() -> None:
    raw = b'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nIf-None-Match: "x"\r\nUPGRADE: h2c\r\n\r\n'
    assert derive(raw) == (f"Host: {HOST}",)


@pytest.mark.parametrize(
    "raw",
    [
        b"GET / HTTP/1.0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nBad Name: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: \xe4\r\n\r\n",
    ],
)
def test_a_head_that_not_every_proxy_takes_is_left_out(raw: bytes) -> None:
    assert derive(raw) is None


def test_a_block_of_headers_counts_once_and_only_of_a_get_over_http_1(tmp_path: Path) -> None:
    raw = base64.b64encode(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").decode()
    get = {"client": "c", "kind": "request", "method": "GET", "raw_b64": raw}
    others = [
        {**get, "method": "POST"},
        {**get, "kind": "error"},
        {"client": "h2", "kind": "request", "method": "GET"},
    ]
    with gzip.open(tmp_path / "c.jsonl.gz", "wt") as file:
        file.writelines(json.dumps(record) + "\n" for record in [*others, get, get])
    assert distinct(tmp_path) == [Head("c", (f"Host: {HOST}",))]


def test_the_corpus_is_what_the_recorded_clients_give(shared_data: Path) -> None:
    assert distinct(shared_data / "captures") == load()
