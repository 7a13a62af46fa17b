"""The policies that come with the program: what settings and commands may name instead of a file.

They are the files under config/, which an installed package has in `packs/`.

Promises: a name of `PACKS` means the pack, so that a file of that name is written `./strict`. Never: reads one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

PACKS: Final = ("balanced", "strict", "monitor")
"""Names of all packs."""

_FOLDER: Final = Path(__file__).parents[1] / "packs"


def policy_path(named: str) -> Path:
    """The file of a policy that is named by its pack or its path."""
    return _FOLDER / f"{named}.yaml" if named in PACKS else Path(named)
