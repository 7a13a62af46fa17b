"""`trafficguard explain`: how one request would be judged, and why.

Promises: reads and judges with the same code as the proxy, so that the verdict is the one a visitor would
get. Never: opens a connection, or remembers anything.
"""

from __future__ import annotations

import ipaddress
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from trafficguard.clock import SECOND, Clock
from trafficguard.commands.request_text import read_request_text
from trafficguard.counters.layout import Sizes
from trafficguard.counters.ledger import KIND_WORDS
from trafficguard.counters.table import Table
from trafficguard.exchange import Conditions, Request
from trafficguard.exchange import Outcome as Answered
from trafficguard.guard import Explanation, Found, Guard
from trafficguard.http.framing import HEAD_TOO_LARGE, frame
from trafficguard.http.head import RequestHead, RequestReader
from trafficguard.http.refusal import Refusal
from trafficguard.policy.engine import Policy
from trafficguard.policy.orders import Orders
from trafficguard.policy.words import action_in_words
from trafficguard.scoring.weigh import Share
from trafficguard.settings import LimitSettings, SiteSettings
from trafficguard.signals.behaviour import Behaviour
from trafficguard.signals.catalog import DIRECT, Need, Signal
from trafficguard.signals.facts import facts_of

_LONGEST_LINE = 76
_SIZES = Sizes(16, 16, 16, 16, 16, 16, 64, 1, 16, 1)
"""Counters for one visitor."""
_SECRET = bytes(16)
_FOUND = Answered(200)
"""What became of the times before."""


class Sender(NamedTuple):
    """What a request's bytes do not say about who sent it."""

    client: str
    """Client address."""
    secure: bool
    """Whether the client spoke https."""
    times: int = 1
    """How often it has sent the request, this time included."""
    every: float = 1.0
    """Seconds from one time to the next."""
    intact: frozenset[Need] = DIRECT
    """What the front leaves as the client sent it."""
    sees_answers: bool = True
    """Whether the shop's answers come through us."""


class Outcome(NamedTuple):
    """A request as the proxy sees it: refused for its form, or judged."""

    result: Refusal | Explanation
    line: str
    """Its request line."""
    sender: Sender
    notes: tuple[str, ...]


def explain(
    data: bytes,
    sender: Sender,
    limits: LimitSettings,
    policy: Policy,
    site: SiteSettings,
    clock: Clock,
) -> Outcome:
    """What becomes of the request at the beginning of `data`, sent to `site`."""
    text = read_request_text(data)
    line = text.raw.partition(b"\r\n")[0].decode("latin-1")
    head = read_head(text.raw, limits)
    if isinstance(head, Refusal):
        return Outcome(head, line, sender, text.notes)
    return Outcome(_judge(head, sender, policy, site, clock.now()), line, sender, text.notes)


def _judge(
    head: RequestHead, sender: Sender, policy: Policy, site: SiteSettings, now: int
) -> Explanation:
    table = Table.create(_SIZES, _SECRET)
    try:
        guard = Guard(
            Orders(1, policy), table.memory, facts_of([site], _SECRET), intact=sender.intact,
            sees_answers=sender.sees_answers,
        )  # fmt: skip
        request = Request(head, sender.client, sender.secure, site.hosts[0], b"explain")
        step = int(sender.every * SECOND)
        for before in range(sender.times - 1, 0, -1):
            guard.judge(request, now - before * step, Conditions())
            if sender.sees_answers:
                guard.observe(request, _FOUND, now - before * step)
        return guard.explain(request, now, Conditions())
    finally:
        table.close()


def read_head(raw: bytes, limits: LimitSettings) -> RequestHead | Refusal:
    """The head in `raw`, or why the proxy would refuse it."""
    if len(raw) > limits.head:
        return HEAD_TOO_LARGE
    head = RequestReader(limits.headers).read(raw)
    if isinstance(head, Refusal):
        return head
    framing = frame(head)
    return framing if isinstance(framing, Refusal) else head


def is_address(text: str) -> bool:
    """Whether `text` is an IPv4 or IPv6 address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def as_json(outcome: Outcome) -> dict[str, Any]:
    """`outcome` for machines; evidence in nats."""
    result, sender = outcome.result, outcome.sender
    record: dict[str, Any] = {
        "request": outcome.line,
        "client": sender.client,
        "https": sender.secure,
        "notes": list(outcome.notes),
    }
    if isinstance(result, Refusal):
        return record | {
            "refused": {"status": result.status, "reason": result.reason, "detail": result.detail}
        }
    verdict = result.verdict
    return record | {
        "action": verdict.action.word,
        "parameters": verdict.action.model_dump(mode="json"),
        "rule": verdict.rule,
        "shadow": list(verdict.shadow),
        "score": round(verdict.score, 3),
        "evidence": result.evidence,
        "individual": result.individual,
        "group": result.group,
        "route": result.place.route.word,
        "labels": list(verdict.labels),
        "fingerprint": result.assessment.fingerprint,
        "signals": [
            *(_share_as_json(share) for share in result.assessment.shares),
            *(_found_as_json(one) for one in result.found),
        ],
        "features": result.features,
        "silent": [signal.name for signal in result.silent],
        "unmet": [signal.name for signal in result.unmet],
    }


def _share_as_json(share: Share) -> dict[str, Any]:
    return {
        "signal": share.signal.name,
        "mode": share.signal.mode,
        "amount": share.finding.amount,
        "unit": share.signal.unit,
        "evidence": share.evidence,
        "text": share.text,
    }


def _found_as_json(one: Found) -> dict[str, Any]:
    return {
        "signal": one.signal.name,
        "key": one.signal.key,
        "mode": "on" if one.counts else "shadow",
        "evidence": one.evidence,
        "text": one.signal.text,
    }


def show(outcome: Outcome, console: Console) -> None:
    """Prints `outcome` for people."""
    result, sender = outcome.result, outcome.sender
    line = "".join(letter if letter.isprintable() else "?" for letter in outcome.line)
    console.print(line if len(line) <= _LONGEST_LINE else f"{line[: _LONGEST_LINE - 3]}...", style="bold")
    console.print(f"from {sender.client} over {'https' if sender.secure else 'http'}")
    for note in outcome.notes:
        console.print(f"Note: {note}")
    console.print()
    if isinstance(result, Refusal):
        console.print(f"Refused with {result.status} ({result.reason}): {result.detail}", style="red")
        console.print("It is refused for its form, before anyone asks whether a bot sent it.")
    else:
        _show_explanation(result, sender, console)


def _show_explanation(explanation: Explanation, sender: Sender, console: Console) -> None:
    assessment = explanation.assessment
    verdict = explanation.verdict
    style = "green" if verdict.action.word == "pass" else "red"
    score = f"{verdict.score:.1f}"
    console.print(f"{verdict.action.word}: bot score {score} of 100, by rule {verdict.rule}", style=style)
    if verdict.action.word not in ("pass", "block"):
        console.print(f"that is: {action_in_words(verdict.action)}")
    for noted in verdict.shadow:
        console.print(f"in shadow: {noted}")
    console.print(f"labels: {', '.join(verdict.labels) or 'none'}")
    console.print(f"fingerprint: {assessment.fingerprint}")
    console.print()
    console.print(_table(explanation))
    console.print()
    if explanation.features:
        console.print(_features(explanation))
        console.print()
    else:
        console.print("Nothing is known of the sender yet: a key is followed from its third request on (--times).")
        console.print()
    if explanation.silent:
        console.print(f"Looked and found nothing: {', '.join(signal.name for signal in explanation.silent)}.")
    if explanation.unmet:
        console.print(f"Not asked: {', '.join(_why_unmet(signal, sender) for signal in explanation.unmet)}.")


def _table(explanation: Explanation) -> Grid:
    """One row a signal that found something, and their sum; evidence in nats."""
    table = Grid(show_footer=True, expand=False)
    table.add_column("Signal", "sum", overflow="fold")
    table.add_column("Found", justify="right")
    evidence = f"{explanation.evidence:.2f}"
    table.add_column("Evidence", evidence, justify="right")
    parts = f"its own {explanation.individual:.2f}, its group's {explanation.group:.2f}"
    table.add_column("Why", f"{parts}; {evidence} nats are a bot score of {explanation.verdict.score:.1f}")
    for share in explanation.assessment.shares:
        name = share.signal.name if share.counts else f"{share.signal.name} (in shadow: does not count)"
        unit = share.signal.unit
        found = unit if unit == "yes" else f"{share.finding.amount:g} {unit}"
        table.add_row(Text(name), Text(found), f"{share.evidence:.2f}", Text(share.text))
    for one in explanation.found:
        name = one.signal.name if one.counts else f"{one.signal.name} (in shadow: does not count)"
        amount = explanation.features[one.signal.key][one.signal.feature]
        table.add_row(Text(name), Text(f"{amount:.2g}"), f"{one.evidence:.2f}", Text(one.signal.text))
    return table


def _features(explanation: Explanation) -> Grid:
    """What is known of each key: one row a feature, one column a key."""
    table = Grid(expand=False)
    table.add_column("Known of its")
    kinds = [kind for kind in KIND_WORDS if kind in explanation.features]
    for kind in kinds:
        table.add_column(kind, justify="right")
    for name in next(iter(explanation.features.values())):
        values = [explanation.features[kind][name] for kind in kinds]
        if any(values):
            table.add_row(name.replace("_", " "), *(f"{value:.2f}".rstrip("0").rstrip(".") for value in values))
    return table


def _why_unmet(signal: Signal | Behaviour, sender: Sender) -> str:
    if signal.mode == "off":
        return f"{signal.name} (off)"
    if isinstance(signal, Behaviour):
        if signal.needs_answer and not sender.sees_answers:
            return f"{signal.name} (needs the shop's answer, told by POST /outcomes)"
        return f"{signal.name} (nothing known of its {signal.key} yet)"
    return f"{signal.name} (needs {', '.join(sorted(need.value for need in signal.needs))})"
