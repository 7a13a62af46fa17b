"""The policy file as values: its mode, lists, signals, rules and thresholds, with units and defaults.

Promises: a `PolicyFile` that exists is well formed: every name, number and mode is one that means something; unknown
keys and wrong types are refused. What only shows when conditions are read and compared is found by `build`. Never:
reads a file.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, ByteSize, ConfigDict, Field, model_validator

from trafficguard.actions import (
    ActionValue,
    BlockAction,
    ChallengeAction,
    Key,
    PassAction,
    TarpitAction,
    ThrottleAction,
)
from trafficguard.policy.facts import VERIFIED
from trafficguard.settings import Bytes, Count, Duration, Host, Mode, Number, Section, Text
from trafficguard.signals.catalog import SignalMode
from trafficguard.values import BadValueError, shown

HardWord = Literal["throttle", "challenge", "block", "tarpit"]
Route = Literal["page", "item", "listing", "search", "asset", "api", "login", "checkout", "feed"]

_NAME: Final = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*", re.ASCII)
_LONGEST_NAME: Final = 64


def parse_name(value: object) -> str:
    """A checked name of a rule, a list, a label or a policy; BadValueError otherwise."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or _NAME.fullmatch(text) is None or len(text) > _LONGEST_NAME:
        remedy = f"write up to {_LONGEST_NAME} letters a to z, digits, and . _ - between them"
        raise BadValueError(f"{shown(value)} is not a name", remedy)
    return text


def parse_condition(value: object) -> str:
    """The text of a condition; YAML's `true` counts as text. BadValueError for what is no text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        raise BadValueError(f"{shown(value)} is not a condition", 'write one such as path == "/cart", or true')
    return value


Name = Annotated[str, BeforeValidator(parse_name)]
Condition = Annotated[str, BeforeValidator(parse_condition)]


class ActionSettings(Section):
    """One action: a word, or its word with parameters under it."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, validate_by_name=True)

    pass_: Annotated[PassAction | None, Field(alias="pass")] = None
    """Let the request through."""
    throttle: ThrottleAction | None = None
    """Pace the requests of its key."""
    challenge: ChallengeAction | None = None
    """Ask for something first."""
    block: BlockAction | None = None
    """Refuse it."""
    tarpit: TarpitAction | None = None
    """Waste its time."""

    @property
    def value(self) -> ActionValue:
        """The one action that is given."""
        given = (self.pass_, self.throttle, self.challenge, self.block, self.tarpit)
        return next(action for action in given if action is not None)

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        given = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(given) != 1:
            message = f"one action is wanted, {len(given)} are given"
            steps = (given[1],) if len(given) > 1 else ()
            raise BadValueError(message, _ACTION_REMEDY, steps)
        return self


_ACTION_REMEDY: Final = "write pass, throttle, challenge, block or tarpit, or one of them with parameters under it"


def spell_out(value: Any) -> Any:
    """`block` as `{block: {}}`, and an empty group of parameters as one with defaults."""
    if isinstance(value, str):
        if value not in ("pass", "throttle", "challenge", "block", "tarpit"):
            raise BadValueError(f"{shown(value)} is not an action", _ACTION_REMEDY)
        return {value: {}}
    if isinstance(value, dict):
        return {name: {} if inner is None else inner for name, inner in value.items()}
    if isinstance(value, ActionSettings):
        return value
    raise BadValueError(f"{shown(value)} is not an action", _ACTION_REMEDY)


Action = Annotated[ActionSettings, BeforeValidator(spell_out)]


class RuleSettings(Section):
    """One rule: a condition, and what follows from it."""

    name: Name
    """What logs, reasons and counters call it; there is one of each name."""
    when: Condition
    """CEL: the rule matches requests of which this holds."""
    action: Action | None = None
    """What is done with the request; rules below are not asked any more."""
    weigh: Annotated[Number | None, Field(ge=-16, le=16)] = None
    """Evidence in nats that is added, or taken away; rules below see the new score."""
    label: Name | None = None
    """Label that rules below and the shop see."""
    mode: Mode = "enforce"
    """`shadow` only notes what the rule would do, `off` leaves it out."""

    @model_validator(mode="after")
    def _action_or_weigh(self) -> Self:
        if (self.action is None) == (self.weigh is None):
            given = "neither is given" if self.action is None else "both are given"
            steps = () if self.action is None else ("weigh",)
            raise BadValueError(
                f"a rule has either `action` or `weigh`, {given}",
                "write `action: block` to end, or `weigh: 2` to add evidence and go on", steps,
            )  # fmt: skip
        if self.label is not None and self.label.startswith(VERIFIED):
            message = f"labels that begin with {VERIFIED} are proved, no rule can give them"
            raise BadValueError(message, "choose another label", ("label",))
        if self.weigh == 0 and self.label is None:
            raise BadValueError("a weight of 0 without a label does nothing", "add a weight or a label", ("weigh",))
        return self


class StepSettings(Section):
    """What happens from one score on."""

    score: Annotated[Number, Field(ge=0, le=100)]
    """Bot score from which the action is taken."""
    action: Action
    """What is done with the request."""


class ThresholdSettings(Section):
    """Steps for some requests. The first entry that fits a request counts, and only that."""

    name: Name = "threshold"
    """What logs call it, with the score of the step: `threshold-50`."""
    sites: list[Host] = []
    """Sites, by their first host, that it is for; empty: all."""
    routes: list[Route] = []
    """Route classes that it is for; empty: all."""
    when: Condition = "true"
    """CEL: it counts only while this holds, such as `load.host > 0.8`."""
    mode: Mode = "enforce"
    """`shadow` only notes what it would do, `off` leaves it out."""
    steps: Annotated[list[StepSettings], Field(min_length=1)]
    """Scores and actions; below the first score a request passes."""


class ListSettings(Section):
    """Networks or texts that conditions look into, written here or in a file of one entry a line."""

    kind: Literal["networks", "texts"] = "networks"
    """`networks` for addresses and CIDR, `texts` for paths, fingerprints, hosts ..."""
    entries: list[Text] = []
    """The entries, where there are few."""
    file: Text | None = None
    """File of more entries, one a line, # for remarks; a relative path starts at the policy file."""
    max_entries: Annotated[Count, Field(ge=1, le=1_000_000)] = 100_000
    """Guard against a list that ran away: with more entries it is refused."""
    min_entries: Annotated[Count, Field(ge=1)] = 1
    """Guard against a list that broke off: with fewer entries it is refused."""
    max_size: Bytes = ByteSize(8 * 1024 * 1024)
    """Guard: a larger file is refused unread."""
    max_doubles: Annotated[Number, Field(ge=0, le=1)] = 0.1
    """Guard: largest share of entries that are there twice."""

    @model_validator(mode="after")
    def _has_a_source(self) -> Self:
        if not self.entries and self.file is None:
            raise BadValueError("the list has neither `entries` nor a `file`", "add one of them")
        if self.min_entries > self.max_entries:
            raise BadValueError("min_entries is above max_entries", "turn them round", ("min_entries",))
        for name in ("max_size", "max_doubles"):
            if self.file is None and name in self.model_fields_set:
                raise BadValueError(f"{name} guards a file, and there is none", "add `file:` or remove it", (name,))
        return self


class SignalOverride(Section):
    """What differs from the catalog for one signal."""

    mode: SignalMode | None = None
    """`on` counts, `shadow` is measured and shown but does not count, `off` is not measured."""
    weight: Annotated[Number | None, Field(ge=0, le=16)] = None
    """Evidence in nats for each unit."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.mode is None and self.weight is None:
            raise BadValueError("nothing is overridden", "write `mode:` or `weight:` under it, or remove it")
        if self.mode == "off" and self.weight is not None:
            raise BadValueError("a signal that is off has no weight", "remove one of the two", ("weight",))
        return self


class SitePolicy(Section):
    """What differs for one site."""

    mode: Mode
    """Mode of all of this site; the weaker of this and that of the policy counts."""


class EscalationSettings(Section):
    """What happens for a while to a key that has earned too many hard verdicts."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, validate_by_name=True)

    name: Name
    """What logs and reasons call it; there is one of each name."""
    verdicts: Annotated[list[HardWord], Field(min_length=1)] = ["challenge", "block"]
    """Verdicts that count: throttle, challenge, block, tarpit. A challenge that has been solved does not."""
    key: Key = "address"
    """What they are counted of: every address, network, session ... has a count of its own."""
    count: Annotated[Count, Field(ge=1, le=100_000)] = 20
    """It takes more of them than this ..."""
    within: Duration = 600.0
    """... in about this time."""
    action: Action
    """What is then done with requests of the key that would have got away more lightly."""
    for_: Annotated[Duration, Field(alias="for")] = 3600.0
    """For how long; then the key is judged like everybody again."""
    mode: Mode = "enforce"
    """`shadow` only notes what it would do, `off` leaves it out."""

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if self.action.value.word == "pass":
            raise BadValueError("an escalation that lets pass does nothing", _ESCALATION_REMEDY, ("action",))
        for name, seconds in (("within", self.within), ("for", self.for_)):
            if not _SHORTEST_S <= seconds <= _LONGEST_S:
                raise BadValueError(f"{seconds:g} s is out of bounds", "write 1s to 24h", (name,))
        return self


_ESCALATION_REMEDY: Final = "write throttle, challenge, block or tarpit"
_SHORTEST_S: Final = 1.0
_LONGEST_S: Final = 86_400.0


class PolicyFile(Section):
    """A whole policy."""

    version: Annotated[Count, Field(ge=1, le=1)] = 1
    """Version of the format of this file."""
    name: Name = "balanced"
    """What logs and metrics call this policy."""
    mode: Mode = "enforce"
    """`enforce` acts, `shadow` judges and notes but acts on nothing, `off` does not judge."""
    sites: dict[Host, SitePolicy] = {}
    """What differs for single sites, by their first host."""
    signals: dict[str, SignalOverride] = {}
    """What differs from the catalog for single signals."""
    lists: dict[Name, ListSettings] = {}
    """Lists that conditions look into, by name."""
    rules: list[RuleSettings] = []
    """Rules, asked in this order."""
    thresholds: list[ThresholdSettings] = []
    """What scores lead to, for requests that no rule has ended."""
    escalations: list[EscalationSettings] = []
    """What repeated verdicts lead to for a while; of several the hardest counts. What a rule lets pass, passes."""

    @model_validator(mode="after")
    def _one_rule_of_each_name(self) -> Self:
        _refuse_twice("rules", [rule.name for rule in self.rules])
        _refuse_twice("thresholds", [entry.name for entry in self.thresholds])
        _refuse_twice("escalations", [one.name for one in self.escalations])
        return self


def _refuse_twice(group: str, names: list[str]) -> None:
    for index, name in enumerate(names):
        if name in names[:index]:
            message = f"the name {shown(name)} is there twice"
            raise BadValueError(message, "give each a name of its own", (group, index, "name"))

