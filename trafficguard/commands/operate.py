"""What operators tell a program that runs: `trafficguard status`, `mode`, `allow`, `block`, `forget`, `reload`.

The door is found as `serve` found it: in flags, variables and the settings file, of which nothing else needs to be in
order. Promises: exit code 0 only once all workers follow the order, and what is now in force is said. Never: changes a
file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click
from rich.console import Console

from trafficguard.errors import NotDoneError
from trafficguard.load import load_admin
from trafficguard.values import BadValueError, parse_duration

if TYPE_CHECKING:
    from trafficguard.commands.door import Door, State

Command = TypeVar("Command", bound=Callable[..., Any])

_CODES: Final = """\b
Exit codes: 0 when all workers follow it; 1 when it was refused or not carried
out, and why is said; 2 when it cannot be understood."""


def _duration(_ctx: click.Context, _option: click.Parameter, value: str) -> str:
    try:
        parse_duration(value)
    except BadValueError as error:
        raise click.BadParameter(f"{error}; {error.remedy}") from None
    return value


def _key(_ctx: click.Context, _argument: click.Parameter, value: str) -> str:
    from trafficguard.policy.orders import parse_key

    try:
        return parse_key(value)
    except BadValueError as error:
        raise click.BadParameter(f"{error}; {error.remedy}") from None


def _door_flags(command: Command) -> Command:
    """The flags that say where the operators' door is."""
    flags = (
        click.option(
            "--config", type=click.Path(path_type=Path), metavar="FILE",
            help="Settings that the program was started with; they name its admin listener.",
        ),
        click.option("--admin", metavar="PLACE", help="The admin listener itself: host:port or unix:/path."),
    )  # fmt: skip
    for flag in reversed(flags):
        command = flag(command)
    return command


def _hand_flags(command: Command) -> Command:
    """The arguments of a decision by hand."""
    flags = (
        click.argument("key", callback=_key),
        click.option(
            "--for", "span", default="1h", show_default=True, callback=_duration, metavar="DURATION",
            help="How long it holds: 90s, 15m, 1h, up to 720h.",
        ),
        click.option("--reason", default="", metavar="TEXT", help="Why, for the audit and for `status`."),
        _door_flags,
    )  # fmt: skip
    for flag in reversed(flags):
        command = flag(command)
    return command


def _door(config: Path | None, admin: str | None) -> Door:
    """The door of the program that flags, variables and settings name."""
    from trafficguard.commands.door import Door

    place = load_admin(config, os.environ, {"admin": admin}).listen
    if place is None:
        raise NotDoneError(
            "the settings say `admin.listen: none`, so there is no door for operators\n"
            "    start it with an admin listener, such as unix:/run/trafficguard.sock; until then, change the policy\n"
            "    file: it is read anew within a second, and on SIGHUP"
        )
    return Door(place)


def _tell(state: State, *lines: str) -> None:
    for line in lines:
        click.echo(line)
    click.echo(f"followed by all workers ({len(state['following'])})")


@click.command(
    short_help="Show what is in force in a program that runs.",
    epilog="""\b
Examples:
  trafficguard status
  trafficguard status --json
  trafficguard status --config /etc/trafficguard.yaml
  trafficguard status --admin unix:/run/trafficguard.sock

\b
Exit codes: 0 when it could be asked, 1 when not.""",
)
@_door_flags
@click.option("--json", "for_machines", is_flag=True, help="One JSON object; times in ns since the Unix epoch.")
def status(config: Path | None, admin: str | None, for_machines: bool) -> None:
    """Show what is in force: policy, modes, verdicts, keys decided by hand, the fuse, and what was not taken."""
    from trafficguard.clock import SystemClock
    from trafficguard.commands.standing import show

    state = _door(config, admin).look()
    if for_machines:
        click.echo(json.dumps(state))
    else:
        show(state, SystemClock().now(), Console(highlight=False, markup=False, emoji=False))


@click.command(
    short_help="Set whether verdicts are carried out, at once.",
    epilog=f"""\b
Examples:
  trafficguard mode shadow
  trafficguard mode enforce --site shop.example
  trafficguard mode off
  trafficguard mode configured

{_CODES}""",
)
@click.argument("mode", type=click.Choice(["off", "shadow", "enforce", "configured"]))
@click.option("--site", metavar="HOST", help="One site only, named by the first of its hosts.")
@_door_flags
def mode(mode: str, site: str | None, config: Path | None, admin: str | None) -> None:
    """Set the mode of the proxy, or of one site, in a program that runs; until it is started anew.

    enforce carries verdicts out; shadow judges and records everything and acts on nothing; off does not even judge;
    configured takes back what was ordered. Proxy, site and policy each have a mode, and the weakest of them counts: so
    `mode off` always helps, and `mode enforce` cannot overrule a policy that is in shadow.
    """
    from trafficguard.commands.standing import falls_short, modes_in_words

    state = _door(config, admin).order("/mode", {"mode": mode} | ({"site": site} if site else {}))
    lines = modes_in_words(state)
    _tell(state, *(lines if len(lines) > 1 else (f"mode {line}" for line in lines)))
    weak = [] if mode == "configured" else falls_short(state, mode, site)
    if weak:
        raise NotDoneError(
            f"{', '.join(weak)}: not in mode {mode}, because the mode of the proxy, of the site or of the policy is "
            "weaker, and the weakest counts\n"
            f"    trafficguard mode {mode} for the proxy, with --site HOST for a site, `mode: {mode}` in a policy file"
        )


def _decide(action: str, key: str, span: str, reason: str, door: Door) -> None:
    from trafficguard.clock import SystemClock
    from trafficguard.commands.standing import by_hand_in_words, falls_short

    state = door.order("/keys", {"action": action, "key": key, "for": span, "reason": reason})
    now = SystemClock().now()
    _tell(state, *(by_hand_in_words(one, now) for one in state["by_hand"] if one["key"] == key))
    weak = falls_short(state, "enforce", None)
    if action == "block" and weak:
        raise NotDoneError(
            f"{', '.join(weak)}: not in mode enforce, so it is only recorded that {key} would be blocked\n"
            "    to carry verdicts out: trafficguard mode enforce"
        )


@click.command(
    short_help="Let an address, network or fingerprint pass for a while.",
    epilog=f"""\b
Examples:
  trafficguard allow 203.0.113.7 --for 2h --reason "partner import"
  trafficguard allow 2001:db8:7::/48

{_CODES}""",
)
@_hand_flags
def allow(key: str, span: str, reason: str, config: Path | None, admin: str | None) -> None:
    """Let KEY pass for a while, whatever it scores: an address, a network (CIDR) or a fingerprint.

    For longer than 30 days, write a rule or a list in the policy. Of two decisions about one visitor a block counts.
    """
    _decide("allow", key, span, reason, _door(config, admin))


@click.command(
    short_help="Block an address, network or fingerprint for a while.",
    epilog=f"""\b
Examples:
  trafficguard block 203.0.113.0/24 --for 30m --reason "scraping prices"
  trafficguard block h1.c.14-0a1b2c3d.4e5f6071 --for 15m

{_CODES}""",
)
@_hand_flags
def block(key: str, span: str, reason: str, config: Path | None, admin: str | None) -> None:
    """Block KEY for a while, whatever it scores: an address, a network (CIDR) or a fingerprint.

    The decision log names the fingerprint of each request. In shadow nobody is blocked, by hand neither.
    """
    _decide("block", key, span, reason, _door(config, admin))


@click.command(
    short_help="Take back what was decided about a key by hand.",
    epilog=f"""\b
Example:
  trafficguard forget 203.0.113.7

{_CODES}""",
)
@click.argument("key", callback=_key)
@_door_flags
def forget(key: str, config: Path | None, admin: str | None) -> None:
    """Take back what `allow` or `block` has decided about KEY."""
    state = _door(config, admin).order("/keys", {"action": "forget", "key": key})
    _tell(state, f"nothing is decided by hand about {key} any more")


@click.command(
    short_help="Read the policy anew, at once.",
    epilog=f"""\b
Examples:
  trafficguard check policy.yaml && trafficguard reload
  trafficguard reload --admin unix:/run/trafficguard.sock

{_CODES}""",
)
@_door_flags
def reload(config: Path | None, admin: str | None) -> None:
    """Read the policy file and its lists anew, and say what is in force then.

    A file that changes is read within a second anyway. One that cannot be used changes nothing: the last good policy
    stays in force. Settings other than the policy are read at the start only.
    """
    door = _door(config, admin)
    before = door.look()["version"]
    try:
        state = door.order("/policy/reload", {})
    except NotDoneError as error:
        raise NotDoneError(f"the policy was not taken:\n{error}") from error
    was = "which was in force before" if state["version"] == before else f"instead of {before}"
    _tell(state, f"policy {state['name']}, version {state['version']}, {was}")


COMMANDS: Final = (status, mode, allow, block, forget, reload)
