"""Tests of loadtests/bench/heads.py and the corpus beside it."""

from __future__ import annotations

from pathlib import Path

import httptools

from loadtests.bench.derive_heads import DROPPED, FIELD
from loadtests.bench.drive import request_head
from loadtests.bench.heads import HOST, HOT, Head, load, save
from loadtests.bench.plan import Style


class Seen:
    """Collects what the parser finds."""

    def __init__(self) -> None:
        self.hosts: list[bytes] = []
        self.stays_open: list[bool] = []
        """One entry for each whole request."""
        self.parser = httptools.HttpRequestParser(self)

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"host":
            self.hosts.append(value)

    def on_message_complete(self) -> None:
        self.stays_open.append(self.parser.should_keep_alive())


def test_there_are_more_than_a_thousand_different_heads_of_many_clients() -> None:
    heads = load()
    assert len({head.lines for head in heads}) == len(heads) >= 1000
    assert len({head.client for head in heads}) >= 100


def test_every_head_makes_one_valid_request_in_both_styles() -> None:
    for head in [HOT, *load()]:
        for style in Style:
            seen = Seen()
            seen.parser.feed_data(request_head(head, "/", style, "198.51.100.7"))
            assert seen.hosts == [HOST.encode()], head
            assert seen.stays_open == [style is Style.KEEPALIVE], head


def test_no_head_brings_what_belongs_to_the_connection_or_changes_the_answer() -> None:
    for head in load():
        names = {field["name"].lower() for line in head.lines if (field := FIELD.fullmatch(line))}
        assert len(names) <= len(head.lines)
        assert not names & DROPPED, head


def test_the_hot_head_has_ten_headers() -> None:
    assert len(HOT.lines) == 10


def test_what_is_saved_is_loaded_and_the_same_heads_give_the_same_bytes(tmp_path: Path) -> None:
    heads = [Head("one", (f"Host: {HOST}", 'X-Quoted: "a\\b"')), Head("two", (f"host: {HOST}",))]
    save(heads, tmp_path / "a")
    save(heads, tmp_path / "b")
    assert load(tmp_path / "a") == heads
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
