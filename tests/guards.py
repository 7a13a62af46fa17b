"""Guards for tests: small memories, one shop, and short ways to send a visitor to it.

Promises: every guard has a memory of its own; a `Visitor` has the head, the address and the clock that it was given,
and nothing about it is random. Never: waits, or reads a clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.corpus.clients import head_of
from trafficguard.actions import BLOCK, PASS, ActionValue, ChallengeAction, TarpitAction, ThrottleAction
from trafficguard.clock import SECOND
from trafficguard.counters.layout import Sizes
from trafficguard.counters.table import Table
from trafficguard.exchange import (
    UNKNOWN_HANDSHAKE,
    ChallengeResult,
    Conditions,
    Handshake,
    LoginResult,
    Outcome,
    Request,
    Verdict,
)
from trafficguard.guard import Guard
from trafficguard.policy.build import build
from trafficguard.policy.defaults import BALANCED
from trafficguard.policy.model import PolicyFile, SignalOverride
from trafficguard.policy.orders import Orders
from trafficguard.settings import Mode, RouteSettings, SessionSettings, SiteSettings, UpstreamSettings
from trafficguard.signals.catalog import DIRECT, Need, SignalMode
from trafficguard.signals.facts import SiteFacts, facts_of

SHOP = "shop.example"
COOKIE = "sid"
"""The shop's own session cookie."""
EVERY_ACTION = (PASS, BLOCK, ThrottleAction(), ChallengeAction(), TarpitAction())
NOON = 1_700_000_000 * SECOND
CALM = Conditions()
SECRET = bytes(range(16))
SMALL = Sizes(
    256, 64, 256, 64, 64, 64, sketch_cells=1 << 14, gate_buckets=1, nonces=16, workers=1
)
ROUTES = (("/product/{id}", "item"), ("/login", "login"), ("/list/{id}", "listing"), ("/assets/**", "asset"))


def facts(cookie: str | None = COOKIE) -> dict[str, SiteFacts]:
    """What is known of the shop."""
    shop = SiteSettings(
        hosts=[SHOP],
        upstreams=[UpstreamSettings(servers=["http://127.0.0.1:1"])],
        session=SessionSettings(cookie=cookie),
        routes=[RouteSettings.model_validate({"path": path, "class": word}) for path, word in ROUTES],
    )
    return facts_of([shop], SECRET)


def make_guard(
    policy: PolicyFile | None = None,
    *,
    cookie: str | None = COOKIE,
    mode: Mode = "shadow",
    on_error: ActionValue = PASS,
    intact: frozenset[Need] = DIRECT,
    modes: Mapping[str, SignalMode] | None = None,
    sees_answers: bool = True,
) -> Guard:
    """A guard of the shop with an empty memory."""
    table = Table.create(SMALL, SECRET)
    table.close()
    orders = Orders(1, build(policy or balanced(modes)), mode)
    return Guard(orders, table.memory, facts(cookie), on_error=on_error, intact=intact, sees_answers=sees_answers)


def balanced(modes: Mapping[str, SignalMode] | None = None) -> PolicyFile:
    """The default policy, with some signals in other modes."""
    overrides = {name: SignalOverride(mode=mode) for name, mode in (modes or {}).items()}
    return BALANCED.model_copy(update={"signals": overrides})


@dataclass
class Visitor:
    """Somebody who asks a guard's shop for one thing after another."""

    guard: Guard
    head: str
    """The head that it sends, with other targets and more lines each time."""
    address: str = "192.0.2.1"
    session: str = ""
    """The shop's cookie, once it has one."""
    now: int = NOON
    handshake: Handshake = UNKNOWN_HANDSHAKE
    account: bytes = b""
    secure: bool = True
    proof: int = 0
    """Rank of the challenge that its pass proves."""
    told: int = 0
    """What its pass tells of its browser."""
    reuse: int = 0
    highest: dict[str, float] = field(default_factory=dict)
    """The most evidence of each reason that it was ever given."""

    def request(self, target: str, *lines: str, method: str = "GET") -> Request:
        """Its request for a target, with more header lines."""
        first, *rest = self.head.strip().splitlines()
        cookie = (f"Cookie: {COOKIE}={self.session}",) if self.session else ()
        version = first.rpartition(" ")[2]
        text = "\n".join((f"{method} {target} {version}", *rest, *lines, *cookie))
        request = Request(head_of(text), self.address, self.secure, SHOP, b"0", self.handshake, self.account)
        request.proof, request.told, request.reuse = self.proof, self.told, self.reuse
        return request

    def ask(
        self,
        target: str,
        *lines: str,
        method: str = "GET",
        status: int = 200,
        login: LoginResult = 0,
        challenge: ChallengeResult = 0,
        challenged: bool = False,
        wait: float = 0.0,
    ) -> Verdict:
        """Waits, asks for a target and gets an answer of this status."""
        self.now += int(wait * SECOND)
        request = self.request(target, *lines, method=method)
        verdict = self.guard.judge(request, self.now, CALM)
        assert self.guard.last_error == ""
        self.guard.observe(request, Outcome(status, login, challenge=challenge, challenged=challenged), self.now)
        for reason in verdict.reasons:
            self.highest[reason.signal] = max(reason.evidence, self.highest.get(reason.signal, 0.0))
        return verdict
