"""`python -m loadtests`: load tests and evaluations, each a command with a --help of its own.

Promises: a command is imported only when it is asked for, since the benchmark needs programs that others do not.
"""

from __future__ import annotations

from importlib import import_module
from typing import Final

import click

COMMANDS: Final = {
    "bench": ("loadtests.bench.__main__", "main", "CPU per proxied request beside nginx, HAProxy, Caddy and aiohttp."),
    "bogus": ("loadtests.bogus", "main", "What a flood of bogus submissions costs, beside proxying."),
    "challenges": ("loadtests.challenges", "main", "What challenges cost this side, in microseconds."),
    "clients": ("loadtests.clients.command", "main", "Real clients take items from the shop, beside a person."),
    "drivers": ("loadtests.drivers", "main", "What becomes of programs that drive a browser when challenged."),
    "eval": ("loadtests.evaluate.command", "evaluate", "How well recorded people and programs are told apart."),
    "ablate": ("loadtests.virtual.ablate", "main", "What each signal adds, by running the virtual hour without it."),
    "flood": ("loadtests.flood", "main", "Whether known clients find their state while millions of new ones pass."),
    "judging": ("loadtests.virtual.judging", "main", "What one verdict costs, in microseconds."),
    "nightly": ("loadtests.run.nightly", "main", "All scenarios, written to loadtests/results/LATEST.md."),
    "reloading": ("loadtests.reloading.command", "main", "A hundred reloads of a policy in two minutes under load."),
    "rules": ("loadtests.rules", "main", "What 200 rules of a policy add to a request, in microseconds."),
    "run": ("loadtests.run.command", "main", "People and waves of crawlers from a scenario file."),
    "virtual": ("loadtests.virtual.command", "main", "An hour of people and crawlers in virtual time."),
    "waves": ("loadtests.run.command", "waves", "The waves and the scenarios that there are."),
}
"""Module, name in it and one line of help, by command."""


class Commands(click.Group):
    """Commands that are imported when they run."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """All names."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """One command; None when there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        module, name, short = COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(module), name)
        command.short_help = short
        return command


@click.command(
    cls=Commands,
    epilog="""\b
Examples:
  python -m loadtests bench --rounds 2 --seconds 1
  python -m loadtests eval captures ../shared/data/captures
  python -m loadtests flood --write
  python -m loadtests nightly
  python -m loadtests run crawlers
  python -m loadtests virtual --only long-tail --markdown report.md
  python -m loadtests COMMAND --help""",
)
def main() -> None:
    """Load tests and evaluations of TrafficGuard."""


if __name__ == "__main__":
    main(prog_name="python -m loadtests")
