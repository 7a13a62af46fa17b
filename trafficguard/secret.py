"""The secret that cookies are sealed and names are hashed with.

Promises: where a file is named, the secret outlives restarts: it is made at the first start, for nobody else to read,
and one that others can read or that is too short is refused. Without a file it is a new one at each start. Never:
prints it, or writes over a file.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from trafficguard.errors import StartError

SIZE: Final = 32
"""Bytes of a secret that we make, and the fewest of one that is given."""
_LARGEST: Final = 4096


def read_secret(file: str | None) -> bytes:
    """The secret in `file`, made if it is not there; a random one without a file. StartError if it cannot be."""
    if file is None:
        return os.urandom(SIZE)
    path = Path(file)
    try:
        with contextlib.suppress(FileExistsError):
            _make(path)
        return _read(path)
    except OSError as error:
        raise StartError(f"secrets: {file} cannot be used: {(error.strerror or str(error)).lower()}") from error


def read_previous(files: Iterable[str]) -> tuple[bytes, ...]:
    """The secrets in `files`, which must be there. StartError if one cannot be read."""
    secrets = []
    for file in files:
        try:
            secrets.append(_read(Path(file)))
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise StartError(f"previous_secrets: {file} cannot be used: {reason}") from error
    return tuple(secrets)


def _make(path: Path) -> None:
    """Makes the file whole or not at all, so that a start that breaks off leaves no half of a secret."""
    if path.exists():
        return
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(os.urandom(SIZE).hex().encode() + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
        os.link(fresh, path)
    finally:
        fresh.unlink()


def _read(path: Path) -> bytes:
    with path.open("rb") as stream:
        mode = os.fstat(stream.fileno()).st_mode
        if not stat.S_ISREG(mode):
            raise StartError(f"secrets: {path} is no file")
        if mode & 0o077:
            raise StartError(f"secrets: others may use {path}; take that away with: chmod 600 {path}")
        secret = stream.read(_LARGEST + 1).strip()
    if not SIZE <= len(secret) <= _LARGEST:
        remedy = "remove it, and a new one is made at the next start"
        raise StartError(f"secrets: {path} must hold {SIZE} to {_LARGEST} bytes, not {len(secret)}; {remedy}")
    return secret
