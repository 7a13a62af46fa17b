"""Which folder compiled kernels may be kept in, if any.

Compiled kernels are stored as pickles, so whoever can write into the folder can run code as us. Promises: a
folder is used only if it, every file in it and every folder above belong to us or to root and nobody else
can write there; its name holds a digest of this package's sources and of the compiler, so that a stale kernel
can never be loaded. A folder that is owned by root and that we can only read is fine. Never: raises; without
a safe folder the kernels are compiled at each start, and the reason is said.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SWITCH: Final = "TRAFFICGUARD_KERNEL_CACHE"
"""Environment variable: `off` keeps no compiled kernels anywhere."""
FOLDER: Final = "TRAFFICGUARD_CACHE_DIR"
"""Environment variable: the folder to use instead of ~/.cache/trafficguard."""

_WRITABLE_BY_OTHERS: Final = stat.S_IWGRP | stat.S_IWOTH


@dataclass(frozen=True, slots=True)
class CacheChoice:
    """Where compiled kernels are kept."""

    folder: Path | None
    """None: nowhere."""
    remark: str = ""
    """Why nowhere, for the operator; empty when there is a folder."""


def choose_cache_folder(environment: Mapping[str, str], compiler: str) -> CacheChoice:
    """Finds, and where needed makes, the folder for what `compiler` (version, processor, checks) compiles."""
    if environment.get(SWITCH, "").lower() == "off":
        return CacheChoice(None, f"{SWITCH} is off")
    try:
        base = _base(environment)
        folder = base / kernels_digest(compiler)
        # Others may read: root fills the cache at build time for workers that run as somebody else.
        base.mkdir(mode=0o755, parents=True, exist_ok=True)
        folder.mkdir(mode=0o755, exist_ok=True)
        refusal = why_unsafe(folder)
    except (OSError, RuntimeError) as problem:
        return CacheChoice(None, str(problem))
    return CacheChoice(None, refusal) if refusal else CacheChoice(folder)


def kernels_digest(compiler: str) -> str:
    """32 hexadecimal digits that change with any source file of this package and with the compiler."""
    digest = hashlib.blake2b(compiler.encode(), digest_size=16)
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(b"\0" + source.name.encode() + b"\0" + source.read_bytes())
    return digest.hexdigest()


def why_unsafe(folder: Path) -> str:
    """Why code must not be loaded from `folder`; empty if it may. Raises OSError where that cannot be seen.

    The files in it count, and, as in OpenSSH's check of key files, every folder above: who may rename one may
    replace what is in it. A sticky folder such as /tmp protects what others own in it, so it may stand above.
    """
    real = folder.resolve(strict=True)
    for place in (*real.iterdir(), real, *real.parents):
        status = place.stat()
        if status.st_uid not in (0, os.geteuid()):
            return f"{place} belongs to another user"
        sticky_above = place in real.parents and status.st_mode & stat.S_ISVTX
        if status.st_mode & _WRITABLE_BY_OTHERS and not sticky_above:
            return f"{place} can be written by others"
    return ""


def _base(environment: Mapping[str, str]) -> Path:
    """The folder asked for, or the usual one; raises RuntimeError where there is no home."""
    asked = environment.get(FOLDER)
    return Path(asked) if asked else Path.home() / ".cache" / "trafficguard"
