"""A front that asks about requests: who is answered, what is judged, what the answers say, and what is learnt later."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.net.harness import Record, leave_berth, make_berth, orders_of
from tests.net.lines import Line, settle, until
from trafficguard.challenge.work import solve
from trafficguard.clock import ManualClock
from trafficguard.control.dispatch import Parcel, open_line
from trafficguard.exchange import Conditions, Exchange, Outcome, Request, Verdict
from trafficguard.guard import Guard
from trafficguard.net.forward_auth import ANSWER, ForwardAuth
from trafficguard.net.recent import recent_bytes
from trafficguard.policy.build import build
from trafficguard.policy.model import PolicyFile
from trafficguard.policy.orders import Orders
from trafficguard.settings import Settings
from trafficguard.telemetry.meters import ACTIONS, REFUSALS, Meters
from trafficguard.worker import Worker

CHROME = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
)
PAGE = {"User-Agent": CHROME, "Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Accept-Language": "en"}
POLICY = PolicyFile.model_validate(
    {
        "lists": {"office": {"entries": ["198.51.100.0/24"]}},
        "rules": [
            {"name": "office", "when": 'address in list("office")', "action": "pass"},
            {"name": "gone", "when": 'path == "/gone"', "action": {"block": {"status": 451, "body": "Never <again>"}}},
            {"name": "head", "when": 'method == "HEAD"', "action": {"block": {"status": 405}}},
            {"name": "secure", "when": 'path == "/secure" && secure', "action": {"block": {"status": 410}}},
            {"name": "asked", "when": 'path == "/asked"', "action": "challenge"},
            {"name": "trap", "when": 'path == "/trap"', "action": "tarpit"},
            {"name": "paced", "when": 'path == "/paced"', "action": {"throttle": {
                "rate": 50, "burst": 1, "delay": "1s", "reveal": True}}},
            {"name": "held", "when": 'path == "/held"', "action": {"throttle": {
                "rate": 0.02, "burst": 1, "delay": "60s"}}},
            {"name": "refused", "when": 'path == "/refused"', "action": {"throttle": {
                "rate": 0.01, "burst": 1, "delay": "1s"}}},
        ],
        "thresholds": [{"steps": [{"score": 75, "action": "block"}]}],
    }
)  # fmt: skip


@dataclass
class Door:
    """A worker's end of a place where a front asks, on a port of its own."""

    worker: Worker
    front: ForwardAuth
    place: str
    record: Record
    kind: str

    @property
    def meters(self) -> Meters:
        return self.worker.services.meters

    @property
    def guard(self) -> Guard:
        return self.worker._guards[1]

    def lines(self, target: str = "/", method: str = "GET", **more: str | None) -> dict[str, str]:
        """What the front sends; `more` replaces lines, named with underscores."""
        method_at, target_at = (
            ("X-Original-Method", "X-Original-URI") if self.kind == "nginx" else ("X-Forwarded-Method", "X-Forwarded-Uri")
        )
        told = {
            method_at: method, target_at: target, "X-Forwarded-Host": "shop.example", "X-Forwarded-Proto": "http",
            "X-Forwarded-For": "203.0.113.5", **PAGE,
        }  # fmt: skip
        for name, value in more.items():
            known = name.replace("_", "-").lower()
            told = {key: old for key, old in told.items() if key.lower() != known}
            if value is not None:
                told[name.replace("_", "-")] = value
        return told


@dataclass
class Heard:
    status: int
    headers: Mapping[str, str]
    text: str


@contextlib.asynccontextmanager
async def door(
    kind: str = "caddy", listen: Path | None = None, peers: str = "127.0.0.0/8", **sections: Any
) -> AsyncIterator[Door]:
    place = "127.0.0.1:0" if listen is None else f"unix:{listen}"
    values: dict[str, Any] = {
        "sites": [{"hosts": ["shop.example"], "upstreams": [{"servers": ["http://127.0.0.1:9"]}]}],
        "forward_auth": [{"listen": place, "peers": [peers], "front": kind}],
        **sections,
    }
    settings = Settings.model_validate(values)
    berth, *ends = make_berth(settings)
    berth = replace(berth, recent=memoryview(bytearray(recent_bytes(1))))
    worker = Worker(berth, settings, orders_of(settings, POLICY))
    worker.services.ring = record = Record()  # type: ignore[assignment]
    (front,) = worker._fronts
    await front.start()
    loop = asyncio.get_running_loop()
    if listen is None:
        server = await loop.create_server(front.connection, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    else:
        server = await loop.create_unix_server(front.connection, str(listen))
        url = "http://front"
    try:
        yield Door(worker, front, url, record, kind)
    finally:
        server.close()
        await front.close()
        leave_berth(berth, *ends)


async def ask(door: Door, path: str = "/auth", method: str = "GET", unix: Path | None = None, **options: Any) -> Heard:
    """The answer to one question."""
    connector = aiohttp.UnixConnector(str(unix)) if unix is not None else None
    async with aiohttp.ClientSession(
        door.place, connector=connector, skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding")
    ) as session:
        async with session.request(method, path, **options) as answer:
            return Heard(answer.status, answer.headers, await answer.text())


async def judged(door: Door, target: str = "/", **lines: str | None) -> tuple[Heard, Exchange]:
    """The answer to a question about one request, and what was recorded of it, once."""
    before = len(door.record.exchanges)
    heard = await ask(door, headers=door.lines(target, **lines))
    assert len(door.record.exchanges) == before + 1
    return heard, door.record.exchanges[-1]


@pytest.fixture(params=["nginx", "caddy", "traefik"])
def kind(request: pytest.FixtureRequest) -> Iterator[str]:
    yield request.param


# ---- what goes on


async def test_what_goes_on_is_told_with_the_verdict_and_the_id(kind: str) -> None:
    async with door(kind) as one:
        heard, exchange = await judged(one, "/product/7?a=b")
        assert exchange.request is not None
        assert (heard.status, heard.text) == (204, "")
        assert heard.headers["X-Bot-Verdict"] == "pass"
        assert heard.headers["X-Bot-Score"].isdecimal()
        assert "route.item" in heard.headers["X-Bot-Labels"]
        assert heard.headers["X-Request-Id"] == exchange.request.request_id
        assert heard.headers["Cache-Control"] == "no-store"
        assert "Server" not in heard.headers
        assert "Set-Cookie" not in heard.headers


async def test_the_request_is_that_of_the_visitor(kind: str) -> None:
    async with door(kind) as one:
        _, exchange = await judged(one, "/a?b=c", method="PUT", X_Forwarded_Proto="https", X_Forwarded_Host="SHOP.example:81")
        request = exchange.request
        assert request is not None
        assert (request.client, request.secure, request.site) == ("203.0.113.5", True, "shop.example")
        assert request.head.line == b"PUT /a?b=c HTTP/1.1"
        assert request.head.value(b"host") == b"SHOP.example:81"
        assert (exchange.status, exchange.turned_away) == (204, False)


async def test_the_client_is_walked_to_over_trusted_hops_only() -> None:
    async with door(trusted={"peers": ["10.0.0.0/8"], "header": "x-forwarded-for"}) as one:
        for chain, client in (
            ("6.6.6.6, 203.0.113.9", "203.0.113.9"),
            ("6.6.6.6, 203.0.113.9, 10.1.2.3", "203.0.113.9"),
            ("6.6.6.6, 203.0.113.9, 10.1.2.3, 127.0.0.1", "203.0.113.9"),
            ("127.0.0.1", "127.0.0.1"),
            ("2001:DB8::0:1", "2001:db8::1"),
        ):
            _, exchange = await judged(one, X_Forwarded_For=chain)
            assert exchange.request is not None
            assert exchange.request.client == client


async def test_signals_that_such_a_front_spoils_are_not_asked() -> None:
    async with door() as one, door(mode="shadow") as other:
        for some in (one, other):
            # Caddy sorts these lines, and says nothing of the connection.
            _, exchange = await judged(some, X_Forwarded_Proto="https")
            assert exchange.verdict is not None
            assert not {reason.signal for reason in exchange.verdict.reasons} & {
                "headers.order", "headers.spelling", "protocol.connection", "protocol.old", "accept.encoding",
            }  # fmt: skip


async def test_each_question_is_judged_once_and_counted_like_a_request_of_our_own(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bytes] = []
    judge = Guard.judge

    def counting(guard: Guard, request: Request, now: int, conditions: Conditions) -> Verdict:
        seen.append(request.head.target.path)
        return judge(guard, request, now, conditions)

    monkeypatch.setattr(Guard, "judge", counting)
    async with door(kind) as one:
        await judged(one, "/a")
        await judged(one, "/gone")
        assert seen == [b"/a", b"/gone"]
        row = len(one.meters.requests) // len(ACTIONS)
        by_action = {word: sum(one.meters.requests[at * row : (at + 1) * row]) for at, word in enumerate(ACTIONS)}
        assert {word: count for word, count in by_action.items() if count} == {"pass": 1, "block": 1}


# ---- what does not


async def visitors_answer(door: Door, target: str, **lines: str | None) -> Heard:
    """What the visitor gets, whichever way the front comes by it."""
    heard, exchange = await judged(door, target, **lines)
    if door.kind == "nginx":
        assert (heard.status, heard.text) == (403, "")
        carried = {ANSWER: heard.headers[ANSWER]}
        before = len(door.record.exchanges)
        heard = await ask(door, "/answer", headers={**door.lines(target, **lines), **carried})
        assert len(door.record.exchanges) == before
    assert heard.status == exchange.status
    if exchange.request is not None:
        assert heard.headers["X-Request-Id"] == exchange.request.request_id, "what a visitor quotes is in the log"
    assert not [name for name in heard.headers if name.startswith("X-Bot-")]
    return heard


async def test_a_block_has_its_status_and_text(kind: str) -> None:
    async with door(kind) as one:
        heard = await visitors_answer(one, "/gone")
        assert (heard.status, heard.text) == (451, "Never <again>")
        assert heard.headers["Content-Type"] == "text/plain; charset=utf-8"
        heard = await visitors_answer(one, "/", User_Agent="curl/8.5.0", Accept="*/*")
        problem = json.loads(heard.text)
        recorded = one.record.exchanges[-1].request
        assert recorded is not None
        assert (heard.status, problem["request_id"]) == (403, recorded.request_id)
        assert heard.headers["X-Request-Id"] == recorded.request_id


async def solved(one: Door, text: str) -> str:
    """The cookie that the work on a page earns, at the place to which the front passes visitors' answers on."""
    match = re.search(r'id="tg">(.*?)</script>', text)
    assert match is not None
    data = json.loads(match[1])
    answers = [answer.decode() for answer in solve(data["challenge"].encode(), data["bits"], data["parts"])]
    report = json.dumps({"challenge": data["challenge"], "answers": answers})
    told = {name: value for name, value in one.lines("/").items() if not name.startswith("X-Original")}
    heard = await ask(
        one, "/.trafficguard/solve", method="POST", data=report, headers={**told, "Content-Type": "application/json"}
    )
    assert heard.status == 204, heard.text
    return heard.headers["Set-Cookie"].partition(";")[0]


async def test_what_is_sent_to_the_desk_is_nobody_elses_business(kind: str) -> None:
    async with door(kind) as one:
        heard, exchange = await judged(one, "/.trafficguard/pass")
        assert (heard.status, exchange.verdict) == (204, None), "the front passes it on"
        told = {name: value for name, value in one.lines("/").items() if not name.startswith("X-Original")}
        assert (await ask(one, "/.trafficguard/pass", headers=told)).status == 403
        assert (await ask(one, "/.trafficguard/nothing", headers=told)).status == 404


async def test_a_challenge_has_its_page_and_its_cookie_which_is_then_good(kind: str) -> None:
    async with door(kind) as one:
        heard = await visitors_answer(one, "/asked")
        assert heard.status == 403
        assert "One moment, please" in heard.text
        assert "nonce-" in heard.headers["Content-Security-Policy"]
        assert heard.headers["Set-Cookie"].startswith("tg-try=")
        cookie = await solved(one, heard.text)
        heard, exchange = await judged(one, "/asked", Cookie=cookie)
        assert exchange.verdict is not None
        assert (heard.status, exchange.verdict.rule) == (204, "asked+passed")
        heard, _ = await judged(one, "/asked", Cookie=cookie, User_Agent="other")
        assert heard.status == 403
        heard, _ = await judged(one, "/asked", Cookie=cookie, X_Forwarded_For="192.0.2.9")
        assert heard.status == 403


async def test_a_tarpit_blocks_for_it_is_the_front_that_would_be_trapped(kind: str) -> None:
    async with door(kind) as one:
        assert (await visitors_answer(one, "/trap")).status == 403
        assert one.meters.trapped == 0


async def test_who_comes_too_often_gets_429(kind: str) -> None:
    async with door(kind) as one:
        assert (await judged(one, "/refused"))[0].status == 204
        heard = await visitors_answer(one, "/refused")
        assert (heard.status, heard.headers["Retry-After"]) == (429, "101")


async def test_what_was_turned_away_counts_as_never_seen_by_the_shop(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Outcome] = []
    monkeypatch.setattr(Guard, "observe", lambda guard, request, outcome, now: seen.append(outcome))
    async with door(kind) as one:
        await judged(one, "/gone")
        await judged(one, "/a")
        assert seen == [Outcome(0)]


@pytest.mark.parametrize("carried", ["", "bm9uc2Vuc2U=", "=", "ä"])
async def test_an_answer_is_given_for_what_was_sealed_only(carried: str) -> None:
    async with door("nginx") as one:
        lines = {**one.lines("/gone"), ANSWER: carried}
        assert (await ask(one, "/answer", headers=lines)).status == 400


# ---- modes and orders


@pytest.mark.parametrize("mode", ["shadow", "off"])
async def test_with_shadow_and_off_all_goes_on_and_nothing_is_said_but_the_id(kind: str, mode: str) -> None:
    async with door(kind, mode=mode) as one:
        for target in ("/", "/gone", "/asked", "/trap", "/refused", "/refused"):
            heard, exchange = await judged(one, target)
            assert heard.status == 204
            said = {name.lower() for name in heard.headers if name.startswith(("X-", "Set-", "Retry", "Rate"))}
            assert said == {"x-request-id"}
            assert (exchange.verdict is None) is (mode == "off")
        assert one.guard.orders.mode == mode


async def test_orders_reach_the_guard_of_the_fronts() -> None:
    async with door() as one:
        ours, theirs = open_line()
        one.worker._berth = replace(one.worker._berth, line=theirs)
        assert (await judged(one, "/gone"))[0].status == 451
        open_to_all = build(PolicyFile.model_validate({"rules": []}))
        for orders, status in (
            (Orders(2, open_to_all), 204),
            (Orders(3, build(POLICY), "shadow"), 204),
            (Orders(4, build(POLICY)), 451),
        ):
            parcel = Parcel(orders)
            parcel.send(ours)
            one.worker._on_orders()
            parcel.close()
            assert (await judged(one, "/gone"))[0].status == status
        ours.close()
        theirs.close()


async def test_failures_of_this_guard_are_counted_with_those_of_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object) -> Verdict:
        raise ArithmeticError("a test")

    monkeypatch.setattr(Guard, "_judge", fail)
    async with door() as one:
        heard, exchange = await judged(one, "/gone")
        assert exchange.verdict is not None
        assert (heard.status, exchange.verdict.rule) == (204, "on-error")
        one.worker._guards[0].errors += 2
        one.worker._tell_errors()
        assert one.meters.guard_errors == 3


# ---- throttle


async def test_a_request_is_held_back_until_its_turn() -> None:
    async with door() as one:
        one.worker.services.clock = ManualClock()  # so that the second comes too early, however slow this machine is
        assert (await judged(one, "/paced"))[0].headers["RateLimit-Policy"] == '"paced";q=1;w=1'
        heard, exchange = await judged(one, "/paced")
        assert (heard.status, heard.headers["X-Bot-Verdict"]) == (204, "throttle")
        assert exchange.sent_on
        assert heard.headers["RateLimit"] == '"paced";r=0;t=1'
        assert one.meters.paced == 0


async def test_a_front_that_leaves_frees_the_place() -> None:
    async with door() as one:
        await judged(one, "/held")
        asking = asyncio.create_task(ask(one, headers=one.lines("/held")))
        await until(lambda: one.meters.paced == 1)
        asking.cancel()
        await until(lambda: one.meters.paced == 0)
        await until(lambda: len(one.record.exchanges) == 2)
        last = one.record.exchanges[-1]
        assert (last.error, last.status) == ("client-left", 0)


async def test_told_to_go_it_lets_go_what_it_holds_back_at_once() -> None:
    async with door() as one:
        await judged(one, "/held")
        asking = asyncio.create_task(ask(one, headers=one.lines("/held")))
        await until(lambda: one.meters.paced == 1)
        await one.front.close()
        heard = await asking
        assert (heard.status, heard.headers["X-Bot-Verdict"]) == (204, "throttle")


async def test_where_verdicts_are_carried_out_no_longer_nobody_waits() -> None:
    async with door() as one:
        await judged(one, "/held")
        asking = asyncio.create_task(ask(one, headers=one.lines("/held")))
        await until(lambda: one.meters.paced == 1)
        one.front.follow()  # other orders, but the same mode
        await settle()
        assert one.meters.paced == 1
        one.worker.services.sites.set_modes(lambda _site: "shadow")
        one.front.follow()
        heard = await asking
        assert (heard.status, "X-Bot-Verdict" in heard.headers) == (204, False)


# ---- who is answered


@pytest.mark.parametrize("path", ["/auth", "/answer", "/outcomes"])
async def test_strangers_are_not_answered_whatever_they_say(kind: str, path: str) -> None:
    async with door(kind, peers="10.0.0.0/8") as one:
        method = "POST" if path == "/outcomes" else "GET"
        heard = await ask(one, path, method, headers={**one.lines("/"), "Content-Type": "application/json"})
        assert heard.status == 403
        assert "X-Request-Id" not in heard.headers
        assert one.record.exchanges == []
        assert sum(one.meters.requests) == 0


async def test_who_asks_on_a_unix_socket_is_trusted(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("s") / "s"
    async with door("caddy", path, "10.0.0.0/8") as one:
        heard = await ask(one, unix=path, headers=one.lines("/"))
        assert heard.status == 204
        request = one.record.exchanges[0].request
        assert request is not None
        assert request.client == "203.0.113.5"


# ---- fronts that do not say, and visitors that try


async def test_a_front_that_does_not_say_is_told_which_line_is_missing(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    async with door(kind) as one:
        for name in [name for name in one.lines() if name.startswith("X-") and name != "X-Forwarded-Host"]:
            lines = {key: value for key, value in one.lines("/gone").items() if key != name}
            heard = await ask(one, headers=lines)
            assert heard.status == 400
            assert name.lower() in heard.text.lower()
            assert one.record.exchanges[-1].verdict is None
        assert one.meters.refusals[REFUSALS.index("untold")] == 4
    assert len(caplog.records) == 1, "it is said once a minute"
    assert kind in caplog.text


@pytest.mark.parametrize(
    ("lines", "status", "reason"),
    [
        ({"target": "http://other.example/gone"}, 400, "bad-target"),
        ({"target": "/%zz"}, 400, "bad-escape"),
        ({"target": "/%00"}, 400, "bad-escape"),
        ({"target": "/a#b"}, 400, "fragment"),
        ({"target": "/a b"}, 400, "malformed"),
        ({"target": "/ä"}, 400, "malformed"),
        ({"method": "get"}, 400, "malformed"),
        ({"method": "GET /gone HTTP/1.1 "}, 400, "malformed"),
        ({"method": "CONNECT", "target": "/"}, 405, "connect"),
        ({"X_Forwarded_Host": "a b"}, 400, "bad-host"),
        ({"X_Forwarded_Host": "user@shop.example"}, 400, "bad-host"),
        ({"X_Forwarded_Host": None}, 400, "missing-host"),
        ({"X_Forwarded_Host": "other.example"}, 421, "no-site"),
        ({"X_Long": "x" * 33_000}, 431, "head-too-large"),
    ],
)
async def test_what_is_no_request_is_refused_and_never_judged(
    kind: str, lines: dict[str, str | None], status: int, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Guard, "judge", lambda *_arguments: pytest.fail("it was judged"))
    async with door(kind) as one:
        target = lines.get("target") or "/"
        heard = await visitors_answer(one, target, **{name: value for name, value in lines.items() if name != "target"})
        assert heard.status == status
        assert one.record.errors == [reason]
        assert json.loads(heard.text)["status"] == status if heard.text.startswith("{") else "<h1>" in heard.text


async def test_too_many_lines_are_refused() -> None:
    async with door(limits={"headers": 20}) as one:
        heard = await visitors_answer(one, "/", **{f"X_{number}": "a" for number in range(20)})
        assert (heard.status, one.record.errors) == (431, ["too-many-headers"])


@pytest.mark.parametrize(
    "broken",
    [
        b"X-A: b\r\n folded: c\r\n", b"X-A: b\nX-Forwarded-Uri: /\r\n", b"X-A: \0\r\n", b"X-A : b\r\n",
        b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", b"X-A: b\rc\r\n",
    ],
)  # fmt: skip
async def test_lines_that_could_be_read_in_two_ways_end_before_us(broken: bytes) -> None:
    async with door() as one:
        port = int(one.place.rpartition(":")[2])
        line = Line(*await asyncio.open_connection("127.0.0.1", port))
        told = "".join(f"{name}: {value}\r\n" for name, value in one.lines("/gone").items()).encode()
        line.say(b"GET /auth HTTP/1.1\r\nHost: a\r\n" + told + broken + b"\r\n")
        head, _ = await line.hear_answer()
        line.close()
        assert head.startswith((b"HTTP/1.1 400 ", b"HTTP/1.0 400 "))
        assert one.record.exchanges == []


async def test_a_body_that_comes_with_a_question_is_not_looked_at(kind: str) -> None:
    async with door(kind) as one:
        heard = await ask(one, method="POST", data=b"username=ann" * 10_000, headers=one.lines("/login", "POST"))
        assert heard.status == 204
        request = one.record.exchanges[0].request
        assert request is not None
        assert (request.head.method, request.account) == (b"POST", b"")


# ---- outcomes


@dataclass
class Learnt:
    asked: bytes
    outcome: Outcome


@pytest.fixture
def learnt(monkeypatch: pytest.MonkeyPatch) -> list[Learnt]:
    """What guards are told of requests later."""
    told: list[Learnt] = []
    monkeypatch.setattr(Guard, "feed_back", lambda guard, asked, outcome, now: told.append(Learnt(asked, outcome)))
    return told


async def report(door: Door, what: object, media: str = "application/json") -> int:
    data = what if isinstance(what, bytes) else json.dumps(what).encode()
    return (await ask(door, "/outcomes", "POST", data=data, headers={"Content-Type": media})).status


async def test_what_became_of_a_request_is_learnt_once(kind: str, learnt: list[Learnt]) -> None:
    async with door(kind) as one:
        heard, exchange = await judged(one, "/login", method="POST")
        assert exchange.request is not None
        told = {"id": heard.headers["X-Request-Id"], "status": 401, "login": "failed", "account": " ANN"}
        assert await report(one, told) == 204
        account = one.worker.services.sites.all[0].facts.accounts.hash(b"ann")
        assert learnt == [Learnt(exchange.request.asked, Outcome(401, -1, account))]
        assert await report(one, told) == 404
        assert len(learnt) == 1


async def test_in_shadow_it_is_learnt_too_and_with_mode_off_there_is_nothing_to_learn(learnt: list[Learnt]) -> None:
    for mode, status in (("shadow", 204), ("off", 404)):
        async with door(mode=mode) as one:
            heard, _ = await judged(one, "/")
            assert await report(one, {"id": heard.headers["X-Request-Id"], "status": 200}) == status
    assert [one.outcome for one in learnt] == [Outcome(200)]


async def test_what_was_turned_away_has_no_outcome(kind: str, learnt: list[Learnt]) -> None:
    async with door(kind) as one:
        _, exchange = await judged(one, "/gone")
        assert exchange.request is not None
        learnt.clear()
        assert await report(one, {"id": exchange.request.request_id, "status": 200}) == 404
        assert learnt == []


async def test_reports_that_are_none_are_refused(learnt: list[Learnt]) -> None:
    async with door() as one:
        heard, _ = await judged(one, "/")
        good = {"id": heard.headers["X-Request-Id"], "status": 200}
        assert await report(one, good, "text/plain") == 415
        assert await report(one, good, "application/x-www-form-urlencoded") == 415
        assert await report(one, {**good, "more": 1}) == 400
        assert await report(one, b"{") == 400
        assert await report(one, json.dumps(good).encode() + b" " * 5000) == 413
        assert await report(one, {"id": "f" * 20, "status": 200}) == 404
        assert learnt == []
        assert await report(one, good) == 204


async def test_nothing_else_is_served_there() -> None:
    async with door() as one:
        assert (await ask(one, "/")).status == 404
        assert (await ask(one, "/outcomes")).status == 405
        assert one.record.exchanges == []
