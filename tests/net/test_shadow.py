"""With mode shadow the bytes in both directions are those of mode off, even of a request that would be blocked."""

from __future__ import annotations

import re

import pytest

from tests.net.harness import proxy_to
from tests.net.messages import chunked, get, in_chunks, ok, post, statuses
from tests.net.origins import Origin, recording_origin
from tests.net.test_tunnel import HANDSHAKE
from trafficguard.policy.model import PolicyFile

STRICTEST = PolicyFile.model_validate({"thresholds": [{"steps": [{"score": 1, "action": "block"}]}]})
FORM = "Content-Type: application/x-www-form-urlencoded"
LIBRARY = ("User-Agent: python-requests/2.32.0", "Accept: */*")
CONVERSATIONS = {
    "a plain request": get("/bad"),
    "a library": get("/bad", *LIBRARY),
    "claims": get("/bad", "X-Bot-Score: 0", "X-Forwarded-For: 1.2.3.4", "X-Request-Id: mine"),
    "a pipeline": get("/bad") * 3 + get("/good") + get("/bad", method="HEAD"),
    "bodies": post(b"body", "/bad") + chunked(b"a", b"b", path="/bad"),
    "an old client": get("/bad", *LIBRARY, version="1.0"),
    "an absolute target": get("/bad").replace(b" /", b" http://shop.example/", 1),
    "a handshake": get("/bad", *HANDSHAKE),
    "a refusal": get("/bad") + b"GET /bad HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "a login": post(b"username=ann&password=x", "/login", FORM) * 2 + get("/bad"),
    "a login in chunks": get("/login", FORM, "Transfer-Encoding: chunked", method="POST") + in_chunks(b"user", b"=ann"),
    "a login in broken chunks": get("/login", FORM, "Transfer-Encoding: chunked", method="POST") + b"4\r\nuser!",
    "a large login": post(b"username=ann&pad=" + b"x" * 40_000, "/login", FORM),
    "a visit to a page": get("/", "Accept: text/html") + get("/bad", "Accept: text/html", "Cookie: tgs=none"),
    "a host that is not served": get("/bad").replace(b"shop.example", b"other.example"),
}


async def bytes_of(mode: str, conversation: bytes, real_guard: bool) -> tuple[bytes, list[bytes], list[str]]:
    """What the client got and what the origin got, without ids and dates; and what was decided."""

    async with recording_origin(lambda seen: ok(seen.target, b"X-Shop: a\r\n")) as origin:
        sites = [{"hosts": ["shop.example"], "upstreams": [{"servers": [origin.url]}]}]
        async with proxy_to(sites=sites, mode=mode, real_guard=real_guard, policy=STRICTEST) as proxy:
            answers = await proxy.send(conversation)
            decided = [one.verdict.action.word if one.verdict else None for one in proxy.record.exchanges]
        return timeless(answers), [timeless(received) for received in received_by(origin)], decided


def received_by(origin: Origin) -> list[bytes]:
    return [received for received in origin.received if received]


def timeless(raw: bytes) -> bytes:
    raw = re.sub(rb"\b[0-9a-f]{20}\b", b"<id>", raw)
    return re.sub(rb"Date: [^\r]*", b"Date: <now>", raw)


@pytest.mark.parametrize("real_guard", [False, True], ids=["path guard", "real guard"])
@pytest.mark.parametrize("conversation", CONVERSATIONS.values(), ids=CONVERSATIONS.keys())
async def test_shadow_changes_no_byte_in_any_direction(conversation: bytes, real_guard: bool) -> None:
    off_client, off_origin, nothing = await bytes_of("off", conversation, real_guard)
    shadow_client, shadow_origin, decided = await bytes_of("shadow", conversation, real_guard)
    assert (shadow_client, shadow_origin) == (off_client, off_origin)
    assert set(nothing) <= {None}
    if statuses(off_client)[0] not in (400, 421):
        assert decided[0] is not None


async def test_what_shadow_lets_through_enforce_blocks() -> None:
    for real_guard, conversation in ((False, CONVERSATIONS["a plain request"]), (True, CONVERSATIONS["a library"])):
        _, reached, decided = await bytes_of("shadow", conversation, real_guard)
        assert (len(reached), decided) == (1, ["block"])
        client, reached, decided = await bytes_of("enforce", conversation, real_guard)
        assert (statuses(client), reached, decided) == ([403], [], ["block"])


async def test_enforce_tells_the_origin_about_what_passes_and_the_client_nothing() -> None:
    off_client, _, _ = await bytes_of("off", get("/good"), real_guard=False)
    client, (reached,), _ = await bytes_of("enforce", get("/good"), real_guard=False)
    assert client == off_client
    assert b"\r\nX-Bot-Score: 12\r\nX-Bot-Verdict: pass\r\nX-Bot-Labels: ua.browser, bot.none\r\n" in reached


async def test_protocol_is_enforced_in_every_mode() -> None:
    for mode in ("off", "shadow", "enforce"):
        async with (
            recording_origin() as origin,
            proxy_to(origin.url, mode=mode, limits={"body": 3, "head": 600}) as proxy,
        ):
            assert statuses(await proxy.send(b"nonsense\r\n\r\n")) == [400]
            assert statuses(await proxy.send(post(b"1234"))) == [413]
            assert statuses(await proxy.send(get("/" + "x" * 700))) == [431]
            assert not origin.received
