"""What can be done with a request, with its parameters, as policies spell it and verdicts carry it.

Promises: frozen values; each names itself by `word`, the same in policies, logs, headers and metrics. Never: acts.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal

from pydantic import ByteSize, Field

from trafficguard.settings import Bytes, Count, Duration, Number, Section

Key = Literal["address", "network", "session", "fingerprint", "cluster", "account"]
ActionWord = Literal["pass", "throttle", "challenge", "block", "tarpit"]
ChallengeKind = Literal["cookie", "refresh", "resource", "pow", "interactive"]
KINDS: Final[tuple[ChallengeKind, ...]] = ("cookie", "refresh", "resource", "pow", "interactive")
"""From what costs a visitor least to what costs it most: who has solved one is not asked for an earlier one."""
LONGEST_DELAY_S: Final = 60
"""No browser waits for longer; and gates take a turn further ahead for one of a clock that was set back."""


class PassAction(Section):
    """The request goes to the shop."""

    word: ClassVar[ActionWord] = "pass"


class ThrottleAction(Section):
    """The requests of one key are paced; those that would wait too long are refused with 429."""

    word: ClassVar[ActionWord] = "throttle"
    rate: Annotated[Number, Field(gt=0, le=10_000)] = 1.0
    """Requests per second in the long run."""
    burst: Annotated[Count, Field(ge=1)] = 10
    """Requests that may come at once."""
    key: Key = "address"
    """What is paced: every address, network, session ... has a pace of its own."""
    delay: Annotated[Duration, Field(le=LONGEST_DELAY_S)] = 5.0
    """Longest that one request is held back, up to 60s; beyond that the answer is 429 with Retry-After."""
    reveal: bool = False
    """Whether everybody is told the pace in RateLimit fields, not only who has a valid pass."""


class ChallengeAction(Section):
    """The visitor has to show something first."""

    word: ClassVar[ActionWord] = "challenge"
    kind: ChallengeKind = "pow"
    """`cookie`, `refresh` and `resource` need no JavaScript, `pow` makes the browser compute, `interactive` asks."""

    @property
    def rank(self) -> int:
        """What a pass has to prove, as in `Request.proof`."""
        return KINDS.index(self.kind) + 1


class BlockAction(Section):
    """The request is refused."""

    word: ClassVar[ActionWord] = "block"
    status: Annotated[Count, Field(ge=400, le=599)] = 403
    """Status of the answer."""
    body: Annotated[str, Field(max_length=4096)] = ""
    """Text of the answer; without one a short standard answer."""
    close: bool = False
    """Whether the connection is closed after it."""


class TarpitAction(Section):
    """The sender gets its answer drop by drop and then nothing."""

    word: ClassVar[ActionWord] = "tarpit"
    hold: Duration = 30.0
    """How long one connection is held."""
    size: Annotated[Bytes, Field(le=1 << 20)] = ByteSize(1024)
    """Bytes of answer in all that while, up to 1 MiB."""


ActionValue = PassAction | ThrottleAction | ChallengeAction | BlockAction | TarpitAction

WORDS: Final[tuple[ActionWord, ...]] = ("pass", "block", "throttle", "challenge", "tarpit")
"""All actions, in the order of the metrics."""
PASS: Final = PassAction()
BLOCK: Final = BlockAction()
