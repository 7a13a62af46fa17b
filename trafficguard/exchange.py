"""The mutable record that travels with a request from its arrival to its log line, and what judging takes and gives.

Promises: `Request`, `Conditions` and `Verdict` are treated as frozen; only `Exchange` changes. All times are integer
nanoseconds since the Unix epoch. Never: knows sockets, or how any of its values came about.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from trafficguard.actions import ActionValue, ChallengeAction
from trafficguard.http.head import RequestHead

LoginResult = Literal[-1, 0, 1]
ChallengeResult = Literal[-1, 0, 1]


class Reason(NamedTuple):
    """One signal's share in a bot score."""

    signal: str
    """Name of the signal in the catalog."""
    evidence: float
    """Log-odds in nats that it added."""
    text: str
    """One plain sentence for a shopkeeper."""


class Verdict(NamedTuple):
    """What was decided about one request."""

    action: ActionValue
    """What is to be done, with its parameters."""
    score: float
    """Bot score, 0 to 100, higher = more surely a bot."""
    reasons: tuple[Reason, ...]
    """Strongest first."""
    labels: tuple[str, ...]
    rule: str
    """What decided: a rule, the step of a threshold, `by-hand`, or `default`."""
    shadow: tuple[str, ...] = ()
    """What rules in shadow would have done, each as `rule: action`."""


class Conditions(NamedTuple):
    """A snapshot of the host and the origins, swapped once a second."""

    load: float = 0.0
    """Load average over one minute, divided by the number of cores."""
    origins_up: float = 1.0
    """Share of the origins that are healthy."""
    origin_latency: float = 0.0
    """Seconds that origins took to answer of late, on average."""
    error_rate: float = 0.0
    """Share of their answers of late that have a status from 500, 0 to 1."""


class Handshake(NamedTuple):
    """What is known of how the client's connection was opened, by a trusted peer's word. Empty: not known."""

    ja4: str = ""
    """JA4 of the ClientHello (FoxIO, JA4 technical details)."""
    http2: str = ""
    """HTTP/2 fingerprint in Akamai's form: `SETTINGS|WINDOW_UPDATE|PRIORITY|pseudo-header order`."""


UNKNOWN_HANDSHAKE: Final = Handshake()


class Request:
    """All that judging may look at. Treat as frozen."""

    __slots__ = (
        "account", "asked", "client", "handshake", "head", "id_bytes", "proof", "reuse", "secure", "site", "told",
    )  # fmt: skip

    def __init__(
        self,
        head: RequestHead,
        client: str,
        secure: bool,
        site: str,
        id_bytes: bytes,
        handshake: Handshake = UNKNOWN_HANDSHAKE,
        account: bytes = b"",
    ) -> None:
        self.head = head
        self.client = client
        """Client address in text form: IPv4, or IPv6 without zone; `unix` when there is none."""
        self.secure = secure
        """Whether the visitor's browser spoke https, by a trusted peer's word."""
        self.site = site
        """First host of the site that was asked."""
        self.id_bytes = id_bytes
        """The request id as it is written to heads."""
        self.handshake = handshake
        self.account = account
        """Keyed hash (16 bytes) of the account that the request is about; empty when it is about none."""
        self.proof = 0
        """Rank of the kind of challenge that its valid pass proves, 1 + its place in `actions.KINDS`; 0 without one."""
        self.told = 0
        """What the page of the challenge told of the browser, one bit for each probe; sealed into the pass."""
        self.reuse = 0
        """How far its pass has spread over networks, 0 to 3: a step of the ladder of reuse."""
        self.asked = b""
        """What counting was told of it; the guard notes it when it judges, for the outcome to be counted under."""

    @property
    def passed(self) -> bool:
        """Whether it carries a valid pass."""
        return self.proof > 0

    @property
    def request_id(self) -> str:
        """The request id: ASCII, up to 64 letters, digits, dots, dashes and underscores."""
        return self.id_bytes.decode("ascii")


class Outcome(NamedTuple):
    """What became of a request: the feedback for `guard.observe`."""

    status: int
    """Status of the answer, the shop's or ours for a shop that did not give one; 0 when there was none, or when the
    answer was the verdict itself: a block is nothing that the shop refused."""
    login: LoginResult = 0
    """Whether a login succeeded (1), failed (-1), or nothing is known or nobody tried (0)."""
    account: bytes = b""
    """Keyed hash (16 bytes) of the account that the shop named in its answer; empty when it named none."""
    challenge: ChallengeResult = 0
    """Whether it was an attempt at a challenge that solved it (1) or failed (-1), or none, or nothing to hold against
    anybody (0): an answer that is late, or was given before, is what an honest page sends as well."""
    challenged: bool = False
    """Whether the answer was a challenge."""


class Exchange:
    """One request and its answer."""

    # Class attributes are the defaults: most exchanges leave most of them alone.
    ended = 0
    """When the last byte of its answer was handed over."""
    verdict: Verdict | None = None
    """None with mode off, and for a request refused before judging."""
    status = 0
    """Status sent to the client; 0 when the client left before one was."""
    bytes_in = 0
    """Body bytes taken from the client."""
    bytes_out = 0
    """Bytes sent to the client, head included."""
    origin = ""
    """The server that answered, as configured; empty when none was asked."""
    peer = ""
    """Address of the socket's peer, where there is no request that tells the client's."""
    error = ""
    """Short stable word when something failed: a refusal's reason, `connect`, `first-byte`, `client-left` ..."""
    sent_on = 0
    """When the last of it was sent on, where it was held back or its body took a while; else 0."""
    answered = 0
    """When the head of an answer came that was still to go on; 0 for those that came at once."""
    turned_away = False
    """Whether the answer was the verdict's: the shop was not asked."""
    login: LoginResult = 0
    """How a login ended, by the shop's answer."""
    account = b""
    """Keyed hash of the account that the shop named in its answer."""
    challenge: ChallengeResult = 0
    """How an attempt at a challenge ended, where it was one: solved, or wrong or forged."""
    desk = ""
    """What happened with a challenge, where something did: `issued`, `solved` or `failed`, kind, rule or cause."""
    framing_refusal = False
    """Whether the request was refused for its form, before anyone thought of bots."""

    def __init__(self, request: Request | None, started: int) -> None:
        self.request = request
        """None when the head could not even be read."""
        self.started = started
        """When its head was complete; of a login whose body is waited for, when that was."""

    @property
    def outcome(self) -> Outcome:
        """What became of it."""
        if self.challenge:
            return Outcome(0, challenge=self.challenge)
        if self.turned_away and self._is_challenged():
            return _CHALLENGED
        status = 0 if self.turned_away else self.status
        return Outcome(status, self.login, self.account) if self.login or self.account else _PLAIN[status]

    def _is_challenged(self) -> bool:
        """Whether a visitor was challenged who is there to see it.

        Who fetches ahead is not, nor who has been spared and was only asked to be slower.
        """
        request, verdict = self.request, self.verdict
        if request is None or verdict is None or not isinstance(verdict.action, ChallengeAction):
            return False
        return self.status != _TOO_OFTEN and request.head.value(b"sec-purpose") is None


_TOO_OFTEN: Final = 429
_CHALLENGED: Final = Outcome(0, challenged=True)
_PLAIN: Final = tuple(Outcome(status) for status in range(1000))
"""What becomes of nearly all requests, made once."""
