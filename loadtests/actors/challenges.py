"""What visitors do who are challenged: read the page, do what it asks, and go on to where they wanted to go.

They do what the page's own script does (`trafficguard/challenge/page/page.js`): ask whether there is a pass, compute,
hand in, ask again, borrow where cookies are not kept, reload. Whoever runs no scripts answers the question; whoever
only follows addresses passes what asks for no more.

Promises: at most `ATTEMPTS` in a row, as the page has it. Never: reads more of a page than a browser would use.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple
from urllib.parse import quote_from_bytes

from loadtests.actors.client import Client
from loadtests.actors.model import Answer, Ask, Step, Work
from loadtests.actors.templates import Kind
from trafficguard.challenge.page.render import PREFIX as PREFIX_TEXT

PREFIX: Final = PREFIX_TEXT.encode()
ATTEMPTS: Final = 3
"""After so many in a row the page stops."""
READING_S: Final = 4.0
"""Median seconds that a person takes for the question."""
_DATA: Final = re.compile(rb'<script type="application/json" id="tg">(.*?)</script>', re.S)
_FORM: Final = re.compile(rb'name="challenge" value="([^"]*)">.*?name="to" value="([^"]*)">', re.S)
_SUM: Final = re.compile(rb"(\d+) \+ (\d+)")
_REFRESH: Final = re.compile(rb'http-equiv="refresh" content="(\d+);url=([^"]*)"')
_PART: Final = re.compile(rb'<img class="part" src="([^"]*)"')
_LOCATION: Final = re.compile(rb"^location: *(.*?)\r\n", re.I | re.M)
_RECEIPT: Final = re.compile(rb"^x-pass-receipt: *(.*?)\r\n", re.I | re.M)

Again = Callable[[], Step]
"""Asks once more for what was asked for."""
Doing = Generator[Ask, Answer, bool]
"""A part of a life that ends with whether something was done."""


@dataclass(frozen=True, slots=True)
class Skill:
    """What a visitor can do about a challenge."""

    steps: bool = True
    """Follows redirects and refreshes, and loads the page's part."""
    works: bool = False
    """Runs the page's script."""
    answers: bool = False
    """Reads the question."""
    hashes: float = 1_000_000.0
    """What it computes a second."""
    pace: float = 1.0
    """Factor of the time to read."""
    told: Mapping[str, object] = field(default_factory=dict)
    """What its page tells of the browser, beside the User-Agent; nothing odd without."""
    silent: bool = False
    """Whether it is a program that tells nothing of a browser."""


class Asked(NamedTuple):
    """What a challenge asks for."""

    kind: str
    ticket: str = ""
    bits: int = 0
    parts: int = 0
    form: tuple[bytes, bytes, int] | None = None
    """Ticket, path and answer of the question."""
    go: bytes = b""
    part: bytes = b""
    seconds: float = 0.0


def location_of(answer: Answer) -> bytes:
    """Where an answer leads; empty for nowhere."""
    found = _LOCATION.search(answer.lines)
    return found[1] if found else b""


def read(answer: Answer) -> Asked | None:
    """The challenge that an answer is to who goes to a page; None where it is none."""
    if answer.status == 303:
        place = location_of(answer)
        return Asked("cookie", go=place) if place.startswith(PREFIX + b"go?") else None
    if answer.status != 403 or PREFIX not in answer.body:
        return None
    body, form = answer.body, None
    asks, numbers = _FORM.search(body), _SUM.search(body)
    if asks and numbers:
        form = asks[1], asks[2].replace(b"&amp;", b"&"), int(numbers[1]) + int(numbers[2])
    refresh, part = _REFRESH.search(body), _PART.search(body)
    if refresh:
        go = refresh[2].replace(b"&amp;", b"&")
        kind = "resource" if part else "refresh"
        return Asked(kind, go=go, part=part[1] if part else b"", seconds=float(refresh[1]))
    data = _DATA.search(body)
    if data:
        page = json.loads(data[1])
        return Asked("pow", page["challenge"], page["bits"], page["parts"], form)
    return Asked("interactive", form=form) if form else None


def is_challenge(answer: Answer) -> bool:
    """Whether an answer asks for something first, be it of a page or of a program."""
    if answer.status == 303:
        return PREFIX + b"go?" in answer.lines
    return answer.status == 403 and b'"challenge"' in answer.body


def meet(client: Client, skill: Skill, again: Again) -> Step:
    """Asks for something, does what challenges ask for meanwhile; the answer in the end."""
    answer = yield from again()
    for _ in range(ATTEMPTS):
        asked = read(answer)
        if asked is None:
            return answer
        done = yield from _do(client, skill, asked)
        if not done:
            return answer
        answer = yield from again()
    return answer


def _do(client: Client, skill: Skill, asked: Asked) -> Doing:
    """Whether it was done, as far as the visitor knows."""
    if asked.go:
        return (yield from _step(client, asked)) if skill.steps else False
    if asked.kind == "pow" and skill.works and client.browser.sends(Kind.ADD):
        return (yield from _work(client, skill, asked))
    if asked.form and skill.answers and client.browser.sends(Kind.LOGIN):
        return (yield from _answer(client, skill, asked.form))
    return False


def _step(client: Client, asked: Asked) -> Doing:
    if asked.part and client.browser.sends(Kind.IMAGE):
        client.wait(0.05)
        yield from client.ask(Kind.IMAGE, asked.part, client.origin + b"/")
    client.wait(asked.seconds + 0.1 if asked.seconds else 0.02)
    answer = yield from client.ask(Kind.PAGE, asked.go)
    return answer.status == 303


def _work(client: Client, skill: Skill, asked: Asked) -> Doing:
    page = client.origin + b"/"
    client.wait(0.1)
    yield from _has_pass(client, page)
    took = asked.parts * (1 << asked.bits) / skill.hashes * client.random.gammavariate(asked.parts, 1 / asked.parts)
    client.wait(max(took, 0.01))
    touches = 5 if client.browser.system == "phone" else 0
    told = {} if skill.silent else {"ua": client.browser.agent, "touch_points": touches, **skill.told}
    work = Work(asked.ticket, asked.bits, asked.parts, math.ceil(took * 1000), told)
    answer = yield from client.ask(Kind.ADD, PREFIX + b"solve", page, method=b"POST", work=work)
    if answer.status != 204:
        return False
    has_pass = yield from _has_pass(client, page)
    receipt = _RECEIPT.search(answer.lines)
    if has_pass or not receipt:
        return has_pass
    lent = yield from client.ask(Kind.ADD, PREFIX + b"lend", page, method=b"POST", body=receipt[1])
    return lent.status == 204


def _has_pass(client: Client, page: bytes) -> Doing:
    answer = yield from client.ask(Kind.FETCH, PREFIX + b"pass", page)
    return answer.status == 204


def _answer(client: Client, skill: Skill, form: tuple[bytes, bytes, int]) -> Doing:
    ticket, target, total = form
    client.wait(2.2 + client.random.lognormvariate(math.log(READING_S), 0.5) * skill.pace)
    body = b"challenge=%b&to=%b&answer=%d" % (ticket, quote_from_bytes(target).encode(), total)
    page = client.origin + b"/"
    answer = yield from client.ask(Kind.LOGIN, PREFIX + b"solve", page, method=b"POST", body=body)
    return answer.status == 303
