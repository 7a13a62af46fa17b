"""The command line: `trafficguard serve`, `demo`, `check`, `diff`, `import`, `explain`, `signals` ...

What operators tell a program that runs is in `commands.operate`. Exit codes: 0 when done; 1 when an order was not
carried out; 2 when the settings or the arguments cannot be used or the program cannot start, and then nothing was
started. One message on stderr says why. Promises: importing this file is cheap; each
command imports what it runs. Never: decides anything about requests.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeVar

import click
from rich.console import Console

from trafficguard import __version__
from trafficguard.commands import operate
from trafficguard.commands.init import init
from trafficguard.errors import ConfigError, NotDoneError, TrafficGuardError
from trafficguard.load import load_settings, load_with_policy
from trafficguard.sources.packs import policy_path
from trafficguard.values import BadValueError, parse_listen, split_place

Command = TypeVar("Command", bound=Callable[..., Any])

_FILE: Final = click.Path(path_type=Path)
_CANNOT_USE: Final = 2
_NOT_DONE: Final = 1
_SECTIONS: Final = {
    "Start": ("demo", "init", "check", "serve"),
    "Steer a program that runs": ("status", "mode", "allow", "block", "forget", "reload"),
    "Work on a policy": ("diff", "explain", "signals", "import", "schema"),
    "Install": ("warm", "completion"),
}
"""Commands as the help lists them."""
_BEYOND_HEAD: Final = 64 * 1024
"""Bytes read of a request file beyond the largest head, so that a body behind it is noticed."""


class Commands(click.Group):
    """Turns every error that is somebody else's to mend into one message and exit code 2."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Lists the commands by what one wants to do."""
        known = [name for names in _SECTIONS.values() for name in names]
        others = [name for name in self.list_commands(ctx) if name not in known]
        for title, names in (*_SECTIONS.items(), ("Others", others)):
            found = [(name, command) for name in names if (command := self.get_command(ctx, name)) is not None]
            if found:
                with formatter.section(title):
                    formatter.write_dl([(name, command.get_short_help_str(80)) for name, command in found])

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command."""
        try:
            return super().invoke(ctx)
        except ConfigError as error:
            count = len(error.complaints)
            wrong = "one thing is wrong" if count == 1 else f"{count} things are wrong"
            click.echo(f"{error}\ntrafficguard: {wrong} with the settings; nothing was started", err=True)
        except NotDoneError as error:
            click.echo(f"trafficguard: {error}", err=True)
            raise click.exceptions.Exit(_NOT_DONE) from None
        except TrafficGuardError as error:
            click.echo(f"trafficguard: {error}", err=True)
        raise click.exceptions.Exit(_CANNOT_USE)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="""\b
Examples:
  trafficguard demo
  trafficguard serve --upstream http://127.0.0.1:9000 --shadow
  trafficguard COMMAND --help""",
)
@click.version_option(__version__, message="trafficguard %(version)s")
def main() -> None:
    """TrafficGuard stands in front of an online shop and keeps crawlers and scrapers off it.

    Every request gets one bot score with reasons. A policy says what scores lead to: a request passes, is slowed down,
    has to show that a person is there, or is blocked before the shop sees it.
    """


def setting_flags(command: Command) -> Command:
    """The flags of commands that load settings."""
    flags = (
        click.option("--config", type=_FILE, metavar="FILE", help="Configuration file (YAML)."),
        click.option(
            "--listen",
            multiple=True,
            metavar="PLACE",
            help="Where clients connect: host:port, [v6]:port or unix:/path. May be repeated.",
        ),
        click.option(
            "--upstream",
            multiple=True,
            metavar="URL",
            help="Origin: http://host:port or unix:/path. May be repeated; replaces all sites of the file.",
        ),
        click.option("--workers", metavar="N", help="Worker processes, 1 without it; best one per core."),
        click.option(
            "--policy", metavar="NAME|FILE", help="What scores lead to: balanced, strict, monitor or a policy file."
        ),
        click.option("--shadow", is_flag=True, help="Judge and record everything, act on nothing."),
        click.option(
            "--admin", metavar="PLACE|none", help="Where /metrics is, and where `status`, `mode` ... ask."
        ),
    )
    for flag in reversed(flags):
        command = flag(command)
    return command


@main.command(
    epilog="""\b
Examples:
  trafficguard serve --upstream http://127.0.0.1:9000
  trafficguard serve --listen 0.0.0.0:80 --upstream http://10.0.0.5:9000 --workers 4
  trafficguard serve --config /etc/trafficguard.yaml --shadow
  TRAFFICGUARD_LIMITS__HEAD=16KiB trafficguard serve --config FILE

\b
Exit codes: 0 after SIGTERM or Ctrl-C; 2 when the settings cannot be used or a
port is taken (nothing was started then)."""
)
@setting_flags
@click.pass_context
def serve(ctx: click.Context, /, config: Path | None, **flags: object) -> None:
    """Run the proxy in front of a shop.

    Settings come from flags, then TRAFFICGUARD_ environment variables, then the file, then defaults; the
    first that names a setting wins. `trafficguard init` writes a first file; every setting there is stands in
    config/trafficguard.yaml of the source. As a variable, limits.head is TRAFFICGUARD_LIMITS__HEAD, and lists are
    written with commas; TRAFFICGUARD_CONFIG names the file and TRAFFICGUARD_UPSTREAM the origins.

    While it runs: `trafficguard status`, `mode`, `allow`, `block`, `reload`. A policy file that changes is read anew
    within a second.
    """
    settings = load_with_policy(config, os.environ, flags)[0].settings
    from trafficguard.supervisor import serve as run

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    ctx.exit(run(settings))


@main.command(
    short_help="Check settings or a policy, and show what they say.",
    epilog="""\b
Examples:
  trafficguard check /etc/trafficguard.yaml
  trafficguard check --upstream http://127.0.0.1:9000 --workers 4
  trafficguard check strict
  trafficguard check strict --explain-rule declared-bots
  trafficguard check policy.yaml --config /etc/trafficguard.yaml

\b
Exit codes: 0 when they can be used, 2 when not: then every mistake is told on
stderr as FILE:LINE:COLUMN: what is wrong, and below it what to do.""",
)
@click.argument("file", type=_FILE, required=False)
@setting_flags
@click.option("--explain-rule", metavar="NAME", help="Say what one rule or threshold of a policy means.")
def check(file: Path | None, config: Path | None, explain_rule: str | None, **flags: object) -> None:
    """Check settings or a policy, without starting anything.

    FILE is a file of settings, a policy file, or the name of a policy that comes with the program: balanced,
    strict or monitor. Settings are shown with where each comes from, and the policy they name is checked as well;
    the same flags, variables and file count as for serve. Of a policy it is shown what it does; --config names the
    settings whose sites it is for.
    """
    from trafficguard.commands import check as report
    from trafficguard.commands import policies

    file = file and policy_path(str(file))
    if file is not None and (explain_rule is not None or policies.is_policy(file)):
        given = config is not None or any(flags.values())
        settings = load_settings(config, os.environ, flags) if given else None
        sites = None if settings is None else [site.hosts[0] for site in settings.sites]
        policies.check(file, sites, explain_rule, _console())
        return
    if explain_rule is not None:
        raise click.UsageError("--explain-rule needs the FILE of a policy")
    if file is not None and config is not None:
        raise click.UsageError("name the file of settings once, as FILE or with --config")
    report.show(*load_with_policy(file or config, os.environ, flags), _console())


@main.command(
    short_help="Show what changes from one policy to another.",
    epilog="""\b
Examples:
  trafficguard diff balanced strict
  trafficguard diff policy.yaml.old policy.yaml

\b
Exit codes: 0 when both can be used, whether they differ or not; 2 when not.""",
)
@click.argument("old", type=_FILE)
@click.argument("new", type=_FILE)
def diff(old: Path, new: Path) -> None:
    """Show what changes from policy OLD to policy NEW: rules, thresholds, lists, signals and modes.

    Both are policy files, or balanced, strict or monitor, which come with the program.
    """
    from trafficguard.commands import policies

    policies.diff(policy_path(str(old)), policy_path(str(new)), _console())


@main.group(
    name="import",
    short_help="Turn a policy of another program into one of ours.",
    epilog="""\b
Example:
  trafficguard import anubis botPolicies.yaml > policy.yaml""",
)
def import_() -> None:
    """Turn a policy of another program into one of ours."""


@import_.command(
    short_help="Print an Anubis policy as one of ours.",
    epilog="""\b
Examples:
  trafficguard import anubis botPolicies.yaml > policy.yaml
  trafficguard import anubis botPolicies.yaml --data /usr/share/docs/anubis/data

\b
Exit codes: 0 when a policy was printed; 2 when the file cannot be read."""
)
@click.argument("file", type=_FILE)
@click.option("--data", type=_FILE, metavar="FOLDER", help="Where Anubis's own rules, (data)/..., are.")
def anubis(file: Path, data: Path | None) -> None:
    """Print an Anubis policy as one of ours, and on stderr what it could not express.

    What is printed passes `trafficguard check`. Try it with `mode: shadow` first: our own signals add to its weights.
    """
    from trafficguard.commands.anubis import convert

    converted = convert(file, data)
    click.echo(converted.text, nl=False)
    for remark in converted.remarks:
        click.echo(f"{file}: {remark}", err=True)


@main.command(
    short_help="Print the JSON Schema of policy files.",
    epilog="""\b
Example:
  trafficguard schema > config/policy.schema.json""",
)
def schema() -> None:
    """Print the JSON Schema of policy files, with which editors complete and check while one types."""
    from trafficguard.commands.schema import as_text

    click.echo(as_text(), nl=False)


@main.command(
    short_help="Print what a shell needs to complete commands.",
    epilog="""\b
Examples:
  trafficguard completion bash > /etc/bash_completion.d/trafficguard
  trafficguard completion zsh > "${fpath[1]}/_trafficguard"
  trafficguard completion fish > ~/.config/fish/completions/trafficguard.fish""",
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print what a shell needs to complete commands and flags."""
    from click.shell_completion import BashComplete, FishComplete, ZshComplete

    shells = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}
    click.echo(shells[shell](main, {}, "trafficguard", "_TRAFFICGUARD_COMPLETE").source())


def _demo_place(_ctx: click.Context, _option: click.Parameter, value: str) -> str:
    try:
        place = split_place(parse_listen(value))
    except BadValueError as error:
        raise click.BadParameter(f"{error}; {error.remedy}") from None
    if place is None or not place[1]:
        raise click.BadParameter("the demo needs a host and a port, such as 127.0.0.1:8080")
    return value


@main.command(
    epilog="""\b
Examples:
  trafficguard demo
  trafficguard demo --listen 127.0.0.1:8888 --products 200
  trafficguard demo --wave
  trafficguard demo --wave --seconds 120

\b
Then open the printed address in a browser, and try it with curl:
  curl -i http://127.0.0.1:8080/"""
)
@click.option(
    "--listen", default="127.0.0.1:8080", show_default=True, callback=_demo_place, metavar="HOST:PORT"
)
@click.option(
    "--products", default=2000, show_default=True, type=click.IntRange(1, 1_000_000), help="Pages to make up."
)
@click.option(
    "--workers", default=1, show_default=True, type=click.IntRange(1, 256), help="Worker processes."
)
@click.option("--wave", is_flag=True, help="Let people and crawlers of ours in, and end with what became of them.")
@click.option(
    "--seconds", type=click.FloatRange(1, 3600), metavar="N", help="How long the wave goes on.  [default: 30]"
)
@click.pass_context
def demo(ctx: click.Context, listen: str, products: int, workers: int, wave: bool, seconds: float | None) -> None:
    """Run a sample shop with the proxy in front of it.

    Prints both addresses and one line for each request: time, client, verdict, score, top reason. With --wave a few
    people and four crawlers come by themselves, the view says who is who, and after half a minute a table says what
    became of each; you may join in meanwhile.
    """
    if wave:
        from trafficguard.demo.wave.run import SECONDS, run_wave

        ctx.exit(run_wave(listen, products, workers, seconds or SECONDS))
    if seconds is not None:
        raise click.UsageError("--seconds goes with --wave")
    from trafficguard.demo.run import run_demo

    ctx.exit(run_demo(listen, products, workers))


def _client_address(_ctx: click.Context, _option: click.Parameter, value: str) -> str:
    from trafficguard.commands.explain import is_address

    if not is_address(value):
        raise click.BadParameter("write an IPv4 or IPv6 address")
    return value


@main.command(
    epilog="""\b
Examples:
  trafficguard explain request.txt
  printf 'GET / HTTP/1.1\\nHost: a\\n' | trafficguard explain -
  trafficguard explain --times 30 --every 2 request.txt
  trafficguard explain --policy strict request.txt
  trafficguard explain --https --json request.txt"""
)
@click.argument("request_file", metavar="REQUEST.txt|-", type=click.File("rb"))
@click.option("--config", type=_FILE, metavar="FILE", help="Settings whose policy and limits to judge by.")
@click.option("--policy", metavar="NAME|FILE", help="Policy to judge by, instead of that of the settings.")
@click.option(
    "--front", default="direct", show_default=True, type=click.Choice(["direct", "proxy", "forward-auth"]),
    help="What is in front: signals that such a front spoils are not asked.",
)
@click.option("--https", is_flag=True, help="The client spoke https.")
@click.option(
    "--client", default="127.0.0.1", show_default=True, callback=_client_address, metavar="ADDRESS",
    help="Address of the client.",
)  # fmt: skip
@click.option(
    "--times", default=1, show_default=True, type=click.IntRange(1, 10_000),
    help="Judge it as sent again and again, this being the last time: shows what behaviour adds.",
)  # fmt: skip
@click.option(
    "--every", default=1.0, show_default=True, type=click.FloatRange(0, 3600), metavar="SECONDS",
    help="Time from one to the next.",
)  # fmt: skip
@click.option("--json", "for_machines", is_flag=True, help="One JSON object instead of text.")
def explain(
    request_file: BinaryIO,
    config: Path | None,
    policy: str | None,
    front: str,
    https: bool,
    client: str,
    times: int,
    every: float,
    for_machines: bool,
) -> None:
    """Show how one request would be judged, and why.

    REQUEST.txt holds a request as a client sends it: request line, header lines, empty line; LF line ends
    are fine. Evidence is in nats: the log-odds that a bot sent the request. What the sender has done before is
    not known here; --times says that it sent the same before.
    """
    from trafficguard.clock import SystemClock
    from trafficguard.commands import explain as report
    from trafficguard.load import load_policy_of
    from trafficguard.signals.catalog import intact_of, sees_answers

    # Where requests go does not matter here, so a file without sites, or none, will do.
    settings = load_settings(config, os.environ, {"upstream": ["http://127.0.0.1"]})
    data = request_file.read(settings.limits.head + _BEYOND_HEAD)
    if not data.strip():
        raise click.BadParameter("there is no request in it", param_hint="REQUEST.txt")
    sender = report.Sender(client, https, times, every, intact_of(front), sees_answers(front))
    if policy is not None:
        settings = settings.model_copy(update={"policy": policy})
    outcome = report.explain(
        data, sender, settings.limits, load_policy_of(settings)[0], settings.sites[0], SystemClock()
    )
    if for_machines:
        click.echo(json.dumps(report.as_json(outcome)))
    else:
        report.show(outcome, _console())


@main.command(
    short_help="Show the catalog of signals.",
    epilog="""\b
Examples:
  trafficguard signals
  trafficguard signals --json
  trafficguard signals --markdown > config/signals.md""",
)
@click.option("--json", "form", flag_value="json", help="One JSON array instead of a table.")
@click.option("--markdown", "form", flag_value="markdown", help="The reference, as in config/signals.md.")
def signals(form: str | None) -> None:
    """Show every signal: what it means, what it weighs, what it needs and where its weight comes from.

    Evidence is in nats: the log-odds that a bot sent the request. 4.55 nats are a bot score of 50, 5.65 of 75.
    """
    from trafficguard.commands import signals as report

    if form == "json":
        click.echo(json.dumps(report.as_json(), indent=2))
    elif form == "markdown":
        click.echo(report.as_markdown(), nl=False)
    else:
        report.show(_console())


@main.command(
    short_help="Compile the counting kernels into the cache.",
    epilog="""\b
Example, in a container image or an installation script:
  trafficguard warm""",
)
def warm() -> None:
    """Compile the counting kernels into the cache, so that serve starts fast.

    Serve does this by itself where needed. TRAFFICGUARD_CACHE_DIR names another folder for the cache.
    """
    from trafficguard.counters.warm import warm as run

    report = run()
    click.echo(f"ready after {report.seconds:.1f} s: {', '.join(report.kernels)}")
    click.echo(
        f"kept nowhere: {report.remark}" if report.cache_dir is None else f"kept in {report.cache_dir}"
    )


for _command in (init, *operate.COMMANDS):
    main.add_command(_command)


def _console() -> Console:
    return Console(highlight=False, markup=False, emoji=False)
