"""`trafficguard init`: a first file of settings, from flags, or from answers where there is a terminal to ask at.

Promises: what it writes passes `trafficguard check`, and says of each setting what it is for; nothing that is there
already is overwritten without --force. Never: starts anything, or tells whether the shop answers.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

from trafficguard.errors import ConfigError, Place, StartError
from trafficguard.sources.packs import PACKS, policy_path
from trafficguard.values import BadValueError, parse_count, parse_listen, parse_network, parse_server

_MOST_WORKERS: Final = 256
_HEADERS: Final = ("x-forwarded-for", "forwarded", "proxy-protocol")
_MODES: Final = ("shadow", "enforce", "off")
_OWN_POLICY: Final = "policy.yaml"
_SCHEMA_LINE: Final = "# yaml-language-server"
_ORIGIN: Final = "http://127.0.0.1:9000"
_NONE: Final = "none"
_LISTS: Final = frozenset(("upstream", "listen", "trusted"))
_LISTEN: Final = "127.0.0.1:8080"

_TEXT: Final = """\
# Settings of TrafficGuard.
# Check them:   trafficguard check {file}
# Run it:       trafficguard serve --config {file}
#
# What is not here has its default; what stands behind a # in front of its name is off. Stronger than this file are
# TRAFFICGUARD_ environment variables (TRAFFICGUARD_WORKERS=4), then flags. Durations: 250ms, 10s, 5m, 1h.

listen: {listen}    # where clients connect: host:port, [v6]:port or unix:/path
workers: {workers}    # worker processes, 1 to 256; one per core
# Begin in shadow. When `trafficguard status` and the log show that the right ones would be blocked, carry it out with
# `trafficguard mode enforce`, and write enforce here for the next start.
mode: {mode}    # enforce acts; shadow judges and records but acts on nothing; off does not judge

sites:    # the shops behind this proxy
  - hosts: ["*"]    # names without port; *.shop.example for subdomains, * for every other host
    upstreams:    # where requests go, by path prefix; the longest match wins
      - path: /    # path prefix, on segment borders
        servers: {servers}    # origins, used in turn: http://host:port or unix:/path
    #routes:    # what the shop's paths are, as far as the words in them do not tell
    #  - {{path: "/product/{{id}}", class: item}}    # page, item, listing, search, asset, api, login, checkout, feed
    #session: {{cookie: PHPSESSID}}    # name of the shop's own session cookie
    #accounts: {{fields: [email]}}    # fields of the login form that name the account; never kept, only hashed

policy: {policy}    # what scores lead to: balanced, strict, monitor, or a policy file from this file's folder
fuse: 0.2    # by how much the share of challenges and blocks may jump in the minute after a change, 0 to 1

trusted:    # who may say which client a request comes from; everybody else is the client
  peers: {peers}    # networks of the load balancers in front; Unix sockets are always trusted
  header: {header}    # where they write the client: none, x-forwarded-for or forwarded
  proxy_protocol: {proxy_protocol}    # PROXY protocol they open connections with: "off", v1, v2 or any

admin:    # the operators' door
  listen: "127.0.0.1:9180"    # of trafficguard status, mode, block ..., and of /metrics: loopback, unix:/path or none

log:    # the decision log: one JSON object a line
  #file: /var/log/trafficguard/decisions.jsonl    # path of the log; none is written without it
  sample: 0.01    # share of passed requests logged, 0 to 1; blocked and failed ones always are

# Without it, cookies that were given before a restart are no longer good after it.
#secrets: /var/lib/trafficguard/secret    # file of the secret that cookies are sealed with; made at the first start
"""


@dataclass(frozen=True, slots=True)
class Answers:
    """What somebody who starts has to decide."""

    upstream: tuple[str, ...]
    """Origins of the shop."""
    listen: tuple[str, ...] = (_LISTEN,)
    """Where clients connect."""
    workers: int = 1
    policy: str = PACKS[0]
    """Name of a pack."""
    is_own: bool = False
    """Whether the pack is copied into a file beside, to be changed."""
    mode: str = _MODES[0]
    trusted: tuple[str, ...] = ()
    """Networks of proxies in front."""
    header: str = _HEADERS[0]
    """How they tell the client's address, where there are any."""


def as_text(answers: Answers, file: Path) -> str:
    """The settings in `file`."""
    told = answers.header if answers.trusted else ""
    is_protocol = told == _HEADERS[-1]
    return _TEXT.format(
        file=file,
        listen=json.dumps(list(answers.listen)),
        workers=answers.workers,
        mode=json.dumps(answers.mode) if answers.mode == "off" else answers.mode,
        servers=json.dumps(list(answers.upstream)),
        policy=_OWN_POLICY if answers.is_own else answers.policy,
        peers=json.dumps(list(answers.trusted)),
        header="none" if is_protocol or not told else told,
        proxy_protocol="any" if is_protocol else '"off"',
    )


def write(answers: Answers, file: Path, *, force: bool) -> list[Path]:
    """Writes the settings, and the policy that is to be changed; what was written.

    Raises ConfigError when they cannot be used together, StartError when a file is in the way or cannot be written.
    """
    text = as_text(answers, file)
    _check(text, file)
    files = {file: text}
    if answers.is_own:
        pack = policy_path(answers.policy).read_text()
        lines = [line for line in pack.splitlines(keepends=True) if not line.startswith(_SCHEMA_LINE)]
        files = {file.parent / _OWN_POLICY: "".join(lines)} | files
    there = [str(one) for one in files if one.exists()]
    if there and not force:
        raise StartError(f"{' and '.join(there)} exists already; nothing was written\n    --force overwrites it")
    for one, content in files.items():
        try:
            with one.open("w" if force else "x") as stream:
                stream.write(content)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise StartError(f"{one} cannot be written: {reason}\n    name another FILE") from error
    return list(files)


def _check(text: str, file: Path) -> None:
    from pydantic import ValidationError

    from trafficguard.settings import Settings
    from trafficguard.sources.complaints import complaints_of
    from trafficguard.sources.document import read_text
    from trafficguard.sources.tree import Tree

    tree = Tree(Place(str(file)))
    complaints = read_text(text, str(file), tree)
    try:
        Settings.model_validate(tree.values)
    except ValidationError as failure:
        complaints += complaints_of(failure, tree)
    if complaints:
        raise ConfigError(complaints)


# ---- asking


def _checked(parse: Callable[[object], object]) -> Callable[[str], str]:
    """`parse` for answers: they stay as they were written."""

    def check(value: str) -> str:
        try:
            parse(value)
        except BadValueError as error:
            raise click.BadParameter(f"{error}; {error.remedy}") from None
        return value

    return check


def _networks(value: str) -> str:
    for part in _parts(value) if value != _NONE else ():
        _checked(parse_network)(part)
    return value


def _workers(value: object) -> int:
    count = parse_count(value)
    if not 1 <= count <= _MOST_WORKERS:
        raise BadValueError(f"{count} is not between 1 and {_MOST_WORKERS}", "write one per core")
    return count


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def can_ask() -> bool:
    """Whether somebody sits there."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def ask(given: dict[str, Any]) -> Answers:
    """Asks for all that is not `given`; an empty answer takes what is proposed."""
    click.echo("A few questions; Enter takes what is in brackets.\n")
    text, choose = _asking(given)
    answers: dict[str, Any] = {
        "upstream": text("upstream", "Where is your shop?", _ORIGIN, _checked(parse_server)),
        "listen": text("listen", "Where do clients connect?", _LISTEN, _checked(parse_listen)),
        "workers": text("workers", "Worker processes, one per core", str(_cores()), _checked(_workers)),
        "policy": choose("policy", "What scores lead to", PACKS),
        "trusted": text("trusted", "Networks of load balancers in front, with commas", _NONE, _networks),
    }
    if answers["trusted"] == _NONE:
        answers["trusted"] = ()
    else:
        answers["header"] = choose("header", "How do they tell the client's address?", _HEADERS)
    answers["mode"] = choose("mode", "Mode; shadow is where to begin", _MODES)
    if "is_own" not in given:
        question = f"Copy the policy to {_OWN_POLICY}, to change it?"
        answers["is_own"] = click.confirm(question, default=False)
    return _answers(given | answers)


def _asking(given: dict[str, Any]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """What asks for a text and what asks for one of several words, unless it is given."""

    def text(name: str, question: str, proposed: str, check: Callable[[str], str]) -> Any:
        return given[name] if name in given else click.prompt(question, default=proposed, value_proc=check)

    def choose(name: str, question: str, words: tuple[str, ...]) -> Any:
        return given[name] if name in given else click.prompt(question, default=words[0], type=click.Choice(words))

    return text, choose


def _answers(found: dict[str, Any]) -> Answers:
    """`found` as answers: what was asked for is text still."""
    found["workers"] = int(found["workers"])
    for name in _LISTS & found.keys():
        if isinstance(found[name], str):
            found[name] = _parts(found[name])
    return Answers(**found)


def _cores() -> int:
    return min(len(os.sched_getaffinity(0)), _MOST_WORKERS)


# ---- the command


def _each(check: Callable[[str], str]) -> Callable[[click.Context, click.Parameter, Any], Any]:
    """`check` for a flag that may be given once or several times, or not at all."""

    def callback(_ctx: click.Context, _option: click.Parameter, value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(check(one) for one in value)
        return value if value is None else check(value)

    return callback


@click.command(
    short_help="Write a first file of settings.",
    epilog=f"""\b
Examples:
  trafficguard init
  trafficguard init /etc/trafficguard.yaml --upstream http://10.0.0.5:9000
  trafficguard init --upstream http://127.0.0.1:9000 --workers 4 --policy strict
  trafficguard init --upstream {_ORIGIN} --trusted 10.0.0.0/8 --own-policy

\b
Exit codes: 0 when it was written, 2 when not.""",
)
@click.argument("file", type=click.Path(path_type=Path), default=Path("trafficguard.yaml"))
@click.option(
    "--upstream", multiple=True, metavar="URL", callback=_each(_checked(parse_server)),
    help="Your shop: http://host:port or unix:/path. May be repeated.",
)
@click.option(
    "--listen", multiple=True, metavar="PLACE", callback=_each(_checked(parse_listen)),
    help=f"Where clients connect; {_LISTEN} without it. May be repeated.",
)
@click.option(
    "--workers", metavar="N", callback=_each(_checked(_workers)), help="Worker processes; one per core without it."
)
@click.option("--policy", type=click.Choice(PACKS), help="What scores lead to; balanced without it.")
@click.option("--own-policy", is_flag=True, default=None, help=f"Copy that policy to {_OWN_POLICY}, to change it.")
@click.option(
    "--trusted", multiple=True, metavar="NETWORK", callback=_each(_checked(parse_network)),
    help="Load balancer in front, whose word on the client's address counts. May be repeated.",
)
@click.option(
    "--trusted-header", type=click.Choice(_HEADERS), help=f"How it tells the address; {_HEADERS[0]} without it."
)
@click.option("--mode", type=click.Choice(_MODES), help="Whether verdicts are carried out; shadow without it.")
@click.option("--force", is_flag=True, help="Overwrite files that are there.")
def init(file: Path, own_policy: bool | None, trusted_header: str | None, force: bool, **flags: Any) -> None:
    """Write a first, commented file of settings to FILE, trafficguard.yaml without it.

    On a terminal it asks for what no flag says; elsewhere --upstream is needed, and the rest has what is proposed. It
    begins in shadow: everything is judged and recorded, and nothing is acted on, until you have seen what would be.
    """
    if trusted_header and not flags["trusted"] and not can_ask():
        raise click.UsageError("--trusted-header needs --trusted")
    given = {name: value for name, value in flags.items() if value not in (None, ())}
    given |= {"is_own": own_policy} if own_policy else {}
    given |= {"header": trusted_header} if trusted_header else {}
    if can_ask():
        answers = ask(given)
    elif "upstream" in given:
        answers = _answers({"workers": _cores()} | given)
    else:
        raise click.UsageError(f"there is no terminal to ask at, so name your shop: --upstream {_ORIGIN}")
    for written in write(answers, file, force=force):
        click.echo(f"written: {written}")
    click.echo(f"\nCheck it:  trafficguard check {file}\nRun it:    trafficguard serve --config {file}")
    if answers.mode == "shadow":
        click.echo("Then:      trafficguard status, and when verdicts are right: trafficguard mode enforce")
