"""The finished policy, and the decision that it gives.

Promises: `Policy.decide` is a pure function of the facts and never waits; it raises nothing for facts of the kinds that
`facts` names. A policy is never changed once it is built, so that a worker swaps one reference. Never: acts.
"""

from __future__ import annotations

import ipaddress
import marshal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import FunctionType
from typing import Final, NamedTuple, TypeAlias, cast

from trafficguard.actions import ActionValue
from trafficguard.policy.facts import Facts
from trafficguard.policy.model import PolicyFile
from trafficguard.policy.networks import number_of
from trafficguard.policy.reading import Lists
from trafficguard.scoring.score import score_of
from trafficguard.settings import Mode

DEFAULT: Final = "default"
"""What decided when no rule and no threshold did."""

NEWCOMER: Final = score_of(0.0)
"""Score of who is seen for the first time."""


class Weighed(NamedTuple):
    """Evidence that a rule added."""

    rule: str
    nats: float


class Shadow(NamedTuple):
    """What a rule in shadow would have done."""

    rule: str
    action: ActionValue | None
    """None: it would have weighed."""
    nats: float


class Decision(NamedTuple):
    """What a policy says about one request."""

    action: ActionValue
    rule: str
    """The rule, the step of a threshold (`threshold-50`), or `default`."""
    score: float
    """Bot score, with what rules have weighed."""
    evidence: float
    """The same in nats."""
    weighed: tuple[Weighed, ...]
    """Rules that weighed, in their order."""
    labels: tuple[str, ...]
    """Labels that rules added, in their order."""
    shadow: tuple[Shadow, ...]
    """Rules and thresholds in shadow that matched before it was decided."""


Decide: TypeAlias = Callable[[Facts, list[int]], Decision]

_STRENGTH: Final[Mapping[Mode, int]] = {"off": 0, "shadow": 1, "enforce": 2}


def weaker(one: Mode, other: Mode) -> Mode:
    """The one of two modes that does less."""
    return one if _STRENGTH[one] <= _STRENGTH[other] else other


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """A policy that is ready to decide."""

    file: PolicyFile
    """What it was made from."""
    decide: Decide
    """`decide(facts, errors)`: the decision; each rule that fails adds 1 at its place in `errors` (`new_errors`)."""
    names: tuple[str, ...]
    """Rules and then thresholds that are asked, as their errors are counted."""
    headers: frozenset[str]
    """Lower-case names of the headers that conditions ask for: all others may be missing in the facts."""
    fields: frozenset[str]
    """Names of the fields that conditions ask for, as in `facts.FIELDS`."""
    lists: Lists
    """What its lists hold, by their names."""

    def __reduce__(self) -> tuple[object, ...]:
        """For processes that trust each other: the function goes as its code and what it looks up. Lists stay here."""
        function = cast("FunctionType", self.decide)
        known = {
            name: value
            for name, value in function.__globals__.items()
            if name not in ("__builtins__", function.__name__)
        }
        return _rebuilt, (self.file, marshal.dumps(function.__code__), known, self.names, self.headers, self.fields)

    def new_errors(self) -> list[int]:
        """A counter for each of `names`."""
        return [0] * len(self.names)

    def mode_of(self, site: str) -> Mode:
        """The mode of a site, by its first host: the weaker of its own and that of the policy."""
        own = self.file.sites.get(site)
        return self.file.mode if own is None else weaker(own.mode, self.file.mode)

    def self_test(self) -> None:
        """Decides about a few plain requests; raises what a request would run into."""
        for address, path in (("192.0.2.1", "/"), ("2001:db8::1", "/login"), ("unix", "*")):
            self.decide(plain_facts(address=address, path=path), self.new_errors())


def _rebuilt(
    file: PolicyFile,
    code: bytes,
    known: dict[str, object],
    names: tuple[str, ...],
    headers: frozenset[str],
    fields: frozenset[str],
) -> Policy:
    """A policy that came from another process."""
    decide: Decide = FunctionType(marshal.loads(code), known, "decide")  # noqa: S302 - from a process of ours
    return Policy(file, decide, names, headers, fields, {})


def plain_facts(
    *,
    score: float = NEWCOMER,
    evidence: float = 0.0,
    address: str = "192.0.2.1",
    path: str = "/",
    labels: tuple[str, ...] = (),
    headers: Mapping[str, str] | None = None,
    route: str = "page",
    method: str = "GET",
    host: str = "shop.example",
) -> Facts:
    """Facts of a request of which nothing else is known: for tests, self-tests and explanations."""
    return Facts(
        score, evidence, frozenset(labels), route, method, path, "", headers or {}, address, number_of(address),
        network_of(address), host, host, True, "", "", False, False, False, 12, "mon", 0.0, 0.0, 0.0, 1.0,
    )  # fmt: skip


def network_of(address: str) -> str:
    """The /24 or /48 around an address, as the field `network` spells it; empty for what is none."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return ""
    return str(ipaddress.ip_network((parsed, 24 if parsed.version == 4 else 48), strict=False))
