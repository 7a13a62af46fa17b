"""`trafficguard check`: the settings in force, and where each comes from.

Promises: shows every setting that was given anywhere and the few that everybody asks about. Never: connects
to anything, or tells whether a port is free or an origin answers.
"""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import ByteSize
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from trafficguard.load import Loaded
from trafficguard.policy.defaults import BALANCED
from trafficguard.policy.engine import Policy
from trafficguard.settings import Settings, SiteSettings
from trafficguard.sources.schema import scalar_settings
from trafficguard.sources.tree import Value
from trafficguard.values import Steps

_ALWAYS = {("listen",), ("workers",), ("mode",), ("policy",), ("admin", "listen"), ("log", "file")}


def show(loaded: Loaded, policy: Policy, console: Console) -> None:
    """Prints the settings for people, and which policy they put in force."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for heading in ("Setting", "Value", "From"):
        table.add_column(heading, overflow="fold")
    for name, value, origin in _rows(loaded):
        table.add_row(Text(name), Text(value), Text(origin))
    if loaded.file is not None:
        console.print(f"File: {loaded.file}")
    console.print(table)
    made = policy.file
    console.print(
        f"Policy {made.name}: mode {made.mode}, rules: {len(made.rules)}, thresholds: {len(made.thresholds)}. "
        f"What it does: trafficguard check {loaded.settings.policy or made.name}"
    )
    console.print("The settings can be used. All that is not listed has its default.")


def _rows(loaded: Loaded) -> Iterator[tuple[str, str, str]]:
    for steps, _ in scalar_settings():
        given = _is_given(loaded.tree.values, steps)
        if given or steps in _ALWAYS:
            origin = _origin(loaded, steps) if given else "default"
            yield ".".join(steps), _value(loaded.settings, steps), origin
    for index, asked in enumerate(loaded.settings.forward_auth):
        peers = ", ".join(str(peer) for peer in asked.peers) or "its socket"
        said = f"{asked.front} asks on {asked.listen} from {peers}"
        yield "forward auth", said, _origin(loaded, ("forward_auth", index))
    for index, site in enumerate(loaded.settings.sites):
        yield f"site {site.hosts[0]}", "\n".join(_lines(site)), _origin(loaded, ("sites", index))


def _origin(loaded: Loaded, steps: Steps) -> str:
    """Where the setting at `steps` was given: a flag, a variable, or a line of the file."""
    place = loaded.tree.place_of(steps)
    return place.source if place.line is None else f"line {place.line}"


def _is_given(values: dict[str, Value], steps: tuple[str, ...]) -> bool:
    group: Value = values
    for step in steps:
        if not isinstance(group, dict) or step not in group:
            return False
        group = group[step]
    return True


def _value(settings: Settings, steps: tuple[str, ...]) -> str:
    value: object = settings
    for step in steps:
        value = getattr(value, step)
    if steps == ("policy",):
        return str(value or BALANCED.name)
    if isinstance(value, ByteSize):
        return value.human_readable()
    if steps[0] == "timeouts":
        return f"{value:g}s"
    if isinstance(value, list):
        return ", ".join(str(part) for part in value) or "none"
    if isinstance(value, float):
        return f"{value:g}"
    return "none" if value is None else str(value)


def _lines(site: SiteSettings) -> Iterator[str]:
    """A site in lines: its hosts, then each path prefix with its origins and limit."""
    if len(site.hosts) > 1:
        yield f"also {', '.join(site.hosts[1:])}"
    for upstream in site.upstreams:
        checks = f", asked for {upstream.health.path}" if upstream.health is not None else ""
        yield f"{upstream.path} to {', '.join(upstream.servers)}{checks}"
    for body in site.bodies:
        yield f"{body.path} takes bodies up to {body.limit.human_readable()}"
