"""Every signal's function by its name in the catalog, and the filling of a row's findings.

Promises: a signal whose needs a request does not meet, or that is off, is not asked. Never: weighs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from trafficguard.signals import declared, fetch, habits, headers, hints, page, transport
from trafficguard.signals.catalog import CATALOG, Signal
from trafficguard.signals.finding import Finding
from trafficguard.signals.row import Row

Measure = Callable[[Row], Finding | None]

MEASURES: Final[dict[str, Measure]] = {
    "agent.library": declared.library,
    "agent.automation": declared.automation,
    "agent.robot": declared.robot,
    "agent.missing": declared.missing,
    "agent.incomplete": declared.incomplete,
    "agent.bare": declared.bare,
    "agent.outdated": declared.outdated,
    "fetch.impossible": fetch.impossible,
    "fetch.partial": fetch.partial,
    "fetch.missing": fetch.missing,
    "fetch.upgrade": habits.upgrade,
    "hints.missing": hints.missing,
    "hints.foreign": hints.foreign,
    "hints.version": hints.version,
    "hints.system": hints.system,
    "hints.formula": hints.formula,
    "headers.order": headers.order,
    "headers.part": headers.part,
    "headers.spelling": headers.spelling,
    "accept.missing": headers.accept_missing,
    "accept.odd": headers.accept_odd,
    "accept.language": headers.language_missing,
    "accept.encoding": headers.encoding_missing,
    "accept.packing": habits.packing,
    "protocol.connection": headers.connection_missing,
    "protocol.old": headers.old_protocol,
    "protocol.h2c": headers.h2c,
    "protocol.priority": habits.priority,
    "protocol.trailers": habits.trailers,
    "tls.engine": transport.engine,
    "tls.protocol": transport.protocol,
    "tls.version": transport.version,
    "http2.engine": transport.http2,
    **{name: page.measure_of(name) for name in page.PROBES},
    "pass.reuse": page.reuse,
}


def find(row: Row, catalog: Mapping[str, Signal] = CATALOG) -> dict[str, Finding]:
    """What the signals found, by name; those that found nothing are not there."""
    findings: dict[str, Finding] = {}
    for name, signal in catalog.items():
        if signal.mode == "off" or not signal.needs <= row.met:
            continue
        finding = MEASURES[name](row)
        if finding is not None:
            findings[name] = finding
    return findings
