"""`trafficguard explain`: how one request would be judged, and why.

Promises: reads and judges with the same code as the proxy, so that the verdict is the one a visitor would
get. Never: opens a connection, or remembers anything.
"""

from __future__ import annotations

import ipaddress
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table
from rich.text import Text

from trafficguard.clock import Clock
from trafficguard.commands.request_text import read_request_text
from trafficguard.exchange import Conditions, Request
from trafficguard.guard import Explanation, Guard
from trafficguard.http.framing import HEAD_TOO_LARGE, frame
from trafficguard.http.head import RequestHead, RequestReader
from trafficguard.http.refusal import Refusal
from trafficguard.scoring.weigh import Share
from trafficguard.settings import LimitSettings, PolicySettings
from trafficguard.signals.catalog import Signal

SITE = "*"
"""The request is judged as if it came to the one site of `serve --upstream`."""
_LONGEST_LINE = 76


class Sender(NamedTuple):
    """What a request's bytes do not say about who sent it."""

    client: str
    """Client address."""
    secure: bool
    """Whether the client spoke https."""


class Outcome(NamedTuple):
    """A request as the proxy sees it: refused for its form, or judged."""

    result: Refusal | Explanation
    line: str
    """Its request line."""
    sender: Sender
    notes: tuple[str, ...]


def explain(
    data: bytes, sender: Sender, limits: LimitSettings, policy: PolicySettings, clock: Clock
) -> Outcome:
    """What becomes of the request at the beginning of `data`."""
    text = read_request_text(data)
    line = text.raw.partition(b"\r\n")[0].decode("latin-1")
    head = read_head(text.raw, limits)
    if isinstance(head, Refusal):
        return Outcome(head, line, sender, text.notes)
    request = Request(head, sender.client, sender.secure, SITE, b"explain")
    explanation = Guard(policy).explain(request, clock.now(), Conditions())
    return Outcome(explanation, line, sender, text.notes)


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
    verdict = result.assessment.verdict
    return record | {
        "action": verdict.action.word,
        "rule": verdict.rule,
        "score": round(verdict.score, 3),
        "evidence": result.assessment.evidence,
        "labels": list(verdict.labels),
        "fingerprint": result.assessment.fingerprint,
        "signals": [_share_as_json(share) for share in result.assessment.shares],
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
        _show_explanation(result, console)


def _show_explanation(explanation: Explanation, console: Console) -> None:
    assessment = explanation.assessment
    verdict = assessment.verdict
    style = "green" if verdict.action.word == "pass" else "red"
    score = f"{verdict.score:.1f}"
    console.print(f"{verdict.action.word}: bot score {score} of 100, by rule {verdict.rule}", style=style)
    console.print(f"labels: {', '.join(verdict.labels) or 'none'}")
    console.print(f"fingerprint: {assessment.fingerprint}")
    console.print()
    console.print(_table(explanation))
    console.print()
    if explanation.silent:
        console.print(f"Looked and found nothing: {', '.join(signal.name for signal in explanation.silent)}.")
    if explanation.unmet:
        console.print(f"Not asked: {', '.join(_why_unmet(signal) for signal in explanation.unmet)}.")


def _table(explanation: Explanation) -> Table:
    """One row a signal that found something, and their sum; evidence in nats."""
    table = Table(show_footer=True, expand=False)
    table.add_column("Signal", "sum", overflow="fold")
    table.add_column("Found", justify="right")
    evidence = f"{explanation.assessment.evidence:.2f}"
    table.add_column("Evidence", evidence, justify="right")
    table.add_column("Why", f"{evidence} nats are a bot score of {explanation.assessment.verdict.score:.1f}")
    for share in explanation.assessment.shares:
        name = share.signal.name if share.counts else f"{share.signal.name} (in shadow: does not count)"
        unit = share.signal.unit
        found = unit if unit == "yes" else f"{share.finding.amount:g} {unit}"
        table.add_row(Text(name), Text(found), f"{share.evidence:.2f}", Text(share.text))
    return table


def _why_unmet(signal: Signal) -> str:
    if signal.mode == "off":
        return f"{signal.name} (off)"
    return f"{signal.name} (needs {', '.join(sorted(need.value for need in signal.needs))})"
