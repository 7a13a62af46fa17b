"""Command-line flags as settings.

Promises: each flag that was given overwrites what the environment and the file say; `--upstream` replaces
all their sites by one. Never: checks a value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from trafficguard.errors import Place
from trafficguard.sources.tree import Tree, Value

_STEPS: Final = {"listen": ("listen",), "workers": ("workers",), "policy": ("policy",), "admin": ("admin", "listen")}


def apply_flags(flags: Mapping[str, object], tree: Tree) -> None:
    """Writes `flags` into `tree`.

    Known are listen and upstream (sequences of text), workers, policy and admin (text) and shadow (bool); None, False
    and empty sequences count as not given.
    """
    for name, given in flags.items():
        if given is None or given is False or given == () or given == []:
            continue
        place = Place(f"--{name}")
        if name == "upstream":
            put_upstreams(tree, _plain_list(given), place)
        elif name == "shadow":
            tree.put(("mode",), "shadow", place)
        else:
            value = _plain_list(given) if isinstance(given, list | tuple) else str(given)
            tree.put(_STEPS[name], value, place)


def put_upstreams(tree: Tree, servers: list[Value], place: Place) -> None:
    """Replaces all sites by one that answers to every host and sends everything to `servers`."""
    site: Value = {"hosts": ["*"], "upstreams": [{"servers": servers}]}
    tree.put(("sites",), [site], place)


def _plain_list(given: object) -> list[Value]:
    return [str(part) for part in given] if isinstance(given, list | tuple) else [str(given)]
