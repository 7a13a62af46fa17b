"""Environment variables as settings: TRAFFICGUARD_LIMITS__HEAD=16KiB sets `limits.head`.

A double underscore stands between a group and a setting in it; lists are written with commas. Promises: a
TRAFFICGUARD_ variable that means nothing is a complaint, so that a typing error never goes unnoticed.
Never: reads variables without that prefix, or the environment itself (it is handed in).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from trafficguard.counters.cache_folder import FOLDER, SWITCH
from trafficguard.errors import Complaint, Place
from trafficguard.sources.flags import put_upstreams
from trafficguard.sources.schema import scalar_settings
from trafficguard.sources.tree import Tree, Value

PREFIX: Final = "TRAFFICGUARD_"
CONFIG: Final = f"{PREFIX}CONFIG"
"""Names the configuration file; `--config` is stronger."""
UPSTREAM: Final = f"{PREFIX}UPSTREAM"
"""Origins of one site for every host, in place of all sites of the file."""
SHORT: Final = {f"{PREFIX}ADMIN_LISTEN": f"{PREFIX}ADMIN__LISTEN", f"{PREFIX}LOG_FILE": f"{PREFIX}LOG__FILE"}
"""Second spellings of what people set most."""
OTHER: Final = frozenset((FOLDER, SWITCH, f"{PREFIX}DATA", f"{PREFIX}REQUIRE_PROGRAMS"))
"""Variables that are no settings: for the kernel cache, and for the tests, which start the program too."""

# Kubernetes gives every container of a namespace with a Service called `trafficguard` variables of this form.
_KUBERNETES: Final = re.compile(r"TRAFFICGUARD_(?:SERVICE_(?:HOST|PORT\w*)|PORT_\d+_\w+)")


class Variable(NamedTuple):
    """A setting as an environment variable."""

    steps: tuple[str, ...]
    is_list: bool


def variables() -> dict[str, Variable]:
    """Every variable that gives a setting, by its name."""
    named = {
        f"{PREFIX}{'__'.join(steps).upper()}": Variable(steps, is_list)
        for steps, is_list in scalar_settings()
    }
    return named | {short: named[long] for short, long in SHORT.items()}


def apply_variables(environ: Mapping[str, str], tree: Tree) -> list[Complaint]:
    """Writes the TRAFFICGUARD_ variables of `environ` into `tree`; what is wrong with them."""
    complaints: list[Complaint] = []
    known = variables()
    written: dict[tuple[str, ...], str] = {}
    for name, text in sorted(environ.items()):
        if not name.startswith(PREFIX) or name in OTHER or name == CONFIG or _is_foreign(name, text):
            continue
        place = Place(name)
        variable = known.get(name)
        if variable is None and name != UPSTREAM:
            complaints.append(_unknown(name, known))
        elif not text.strip():
            complaints.append(Complaint(place, "the variable is empty", f"give it a value or unset {name}"))
        elif variable is None:
            put_upstreams(tree, _parts(text), place)
        elif variable.steps in written:
            remedy = f"keep one of {written[variable.steps]} and {name}"
            complaints.append(Complaint(place, "two variables give the same setting", remedy))
        else:
            written[variable.steps] = name
            tree.put(variable.steps, _parts(text) if variable.is_list else text.strip(), place)
    return complaints


def _parts(text: str) -> list[Value]:
    return [part.strip() for part in text.split(",")]


def _is_foreign(name: str, text: str) -> bool:
    if name == f"{PREFIX}PORT":
        return text.startswith(("tcp://", "udp://", "sctp://"))
    return _KUBERNETES.fullmatch(name) is not None


def _unknown(name: str, known: Mapping[str, Variable]) -> Complaint:
    if name == f"{PREFIX}SITES":
        remedy = f"write sites into a file, or one site's origins into {UPSTREAM}"
    else:
        names = [one.removeprefix(PREFIX) for one in (*known, CONFIG, UPSTREAM)]
        close = difflib.get_close_matches(name.removeprefix(PREFIX), names, n=1, cutoff=0.7)
        rule = f"write {PREFIX}NAME or {PREFIX}GROUP__NAME, such as {PREFIX}LIMITS__HEAD"
        remedy = f"did you mean {PREFIX}{close[0]}?" if close else rule
    return Complaint(Place(name), "there is no such setting", remedy)
