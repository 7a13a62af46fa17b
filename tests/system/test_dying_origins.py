"""An origin that dies, in whatever way, gives a clear answer in bounded time, and never a hang."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from http.client import IncompleteRead
from typing import NamedTuple

import pytest

from tests.system import origins
from tests.system.clients import Answer, ask, page, script
from tests.system.program import Proxy, free_port

SHORT = {"connect": "1s", "first_byte": "1s", "answer_head": "1s"}
BOUND = 5.0
"""Seconds: a second of timeout, up to one more for the wheel, and a busy machine."""
REQUEST_ID = re.compile(r"[0-9a-f]{20}")


class Death(NamedTuple):
    """A way not to answer, and what a visitor is told about it."""

    origin: Callable[[], AbstractContextManager[str]]
    status: int
    detail: str


DEATHS = {
    "nobody-listens": Death(origins.nobody, 502, "could not be reached"),
    "closes-at-once": Death(partial(origins.raw, origins.leaving_at_once), 502, "without an answer"),
    "reads-and-closes": Death(partial(origins.raw, origins.leaving_after_the_request), 502, "without an answer"),
    "dies-in-the-head": Death(partial(origins.raw, origins.leaving_in_the_head), 502, "without an answer"),
    "talks-nonsense": Death(partial(origins.raw, origins.talking_nonsense), 502, "not valid"),
    "never-answers": Death(origins.silent, 504, "did not answer in time"),
}
HALF = "dies-in-the-body"
MORTAL = "lives-again"


class Graveyard(NamedTuple):
    """A proxy in front of an origin for every death, each under a path of its own."""

    proxy: Proxy
    mortal_port: int
    """Where an origin may stand that the test starts."""


@pytest.fixture(scope="module")
def graveyard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Graveyard]:
    with ExitStack() as stack:
        urls = {name: stack.enter_context(death.origin()) for name, death in DEATHS.items()}
        urls[HALF] = stack.enter_context(origins.raw(origins.leaving_in_the_body))
        port = free_port()
        urls[MORTAL] = f"http://127.0.0.1:{port}"
        upstreams = [{"path": f"/{name}", "servers": [url]} for name, url in urls.items()]
        settings = {"sites": [{"upstreams": upstreams}], "timeouts": SHORT}
        yield Graveyard(stack.enter_context(Proxy(tmp_path_factory.mktemp("proxy"), settings, "--shadow")), port)


def timed(proxy: Proxy, request: bytes) -> Answer:
    start = time.monotonic()
    answer = ask(proxy.port, request)
    assert time.monotonic() - start < BOUND
    return answer


@pytest.mark.parametrize("name", DEATHS)
def test_a_script_gets_a_problem_with_the_request_id(graveyard: Graveyard, name: str) -> None:
    death = DEATHS[name]
    answer = timed(graveyard.proxy, script(f"/{name}/stock", accept="application/json"))
    assert (answer.status, answer.headers["content-type"]) == (death.status, "application/problem+json")
    problem = json.loads(answer.body)
    assert problem["status"] == death.status
    assert death.detail in problem["detail"]
    assert REQUEST_ID.fullmatch(problem["request_id"])
    assert problem["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize("name", DEATHS)
def test_a_browser_gets_a_page_with_the_request_id(graveyard: Graveyard, name: str) -> None:
    death = DEATHS[name]
    answer = timed(graveyard.proxy, page(f"/{name}"))
    assert (answer.status, answer.headers["content-type"]) == (death.status, "text/html; charset=utf-8")
    text = answer.body.decode()
    assert death.detail in text
    assert answer.headers["x-request-id"] in text


def test_half_an_answer_ends_with_the_connection(graveyard: Graveyard) -> None:
    with pytest.raises(IncompleteRead):
        ask(graveyard.proxy.port, page(f"/{HALF}"))


def test_an_origin_that_comes_back_is_asked_again(graveyard: Graveyard) -> None:
    proxy, port = graveyard
    for _ in range(2):
        with origins.raw(origins.answering, port):
            assert [ask(proxy.port, page(f"/{MORTAL}")).status for _ in range(3)] == [200] * 3
        assert [ask(proxy.port, page(f"/{MORTAL}")).status for _ in range(5)] == [502] * 5
