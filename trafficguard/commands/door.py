"""The operators' door, from outside: asks the admin listener of a program that runs, and gives it orders.

Promises: an order counts as carried out only once all workers follow it; whatever else comes of it is a `NotDoneError`
that says why and what to do. Never: waits longer than `PATIENCE_S` for workers, or speaks to another machine.
"""

from __future__ import annotations

import contextlib
import getpass
import grp
import http.client
import json
import os
import pwd
import socket
import time
from pathlib import Path
from typing import Any, Final

from trafficguard.errors import NotDoneError
from trafficguard.values import split_place

PATIENCE_S: Final = 10.0
"""Seconds that workers have to follow an order."""
_ANSWER_S: Final = 30.0
"""Seconds that an answer may take: a reload builds a large policy first."""
_PAUSE_S: Final = 0.02
_UNIX: Final = "unix:"
_OK: Final = 200

State = dict[str, Any]
"""What is in force, as /policy tells it."""


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=_ANSWER_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Door:
    """The admin listener at a place."""

    def __init__(self, place: str) -> None:
        """`place`: `host:port` or `unix:/path`."""
        self.place = place

    def look(self) -> State:
        """What is in force. Raises NotDoneError."""
        return self._ask("GET", "/policy", None)

    def order(self, path: str, body: dict[str, str]) -> State:
        """What is in force once all workers follow the order. Raises NotDoneError."""
        ordered = self._ask("POST", path, {**body, "by": _whoami()})
        state, end = ordered, time.monotonic() + PATIENCE_S
        while not (state["applied"] and state["number"] >= ordered["number"]):
            if time.monotonic() > end:
                late = [str(index) for index, number in enumerate(state["following"]) if number < ordered["number"]]
                raise NotDoneError(
                    f"the order was given, but after {PATIENCE_S:g} s not all workers follow it: {', '.join(late)}\n"
                    "    workers that do not answer are replaced; see `trafficguard status` and the log"
                )
            time.sleep(_PAUSE_S)
            state = self.look()
        return state

    def _ask(self, method: str, path: str, body: dict[str, str] | None) -> State:
        status, text = self._talk(method, path, body)
        with contextlib.suppress(ValueError):
            state = json.loads(text)
            if isinstance(state, dict) and {"applied", "number", "following", "errors"} <= state.keys():
                if status == _OK:
                    return state
                raise NotDoneError("\n".join(map(str, state["errors"])) or f"it was refused with {status}")
        raise NotDoneError(
            f"what answers at {self.place} ({status}) is not the admin listener of this version\n"
            "    name the right place with --admin, or restart the program after an upgrade"
        )

    def _talk(self, method: str, path: str, body: dict[str, str] | None) -> tuple[int, bytes]:
        connection = self._connection()
        headers = {} if body is None else {"Content-Type": "application/json"}
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except PermissionError as error:
            raise NotDoneError(self._not_allowed()) from error
        except TimeoutError as error:
            raise NotDoneError(
                f"{self.place} does not answer within {_ANSWER_S:g} s\n    see whether the supervisor is alive"
            ) from error
        except (ConnectionRefusedError, FileNotFoundError) as error:
            raise NotDoneError(
                f"nothing listens at {self.place}: TrafficGuard is not running, or its admin listener is elsewhere\n"
                "    name the settings it was started with (--config FILE), or the place itself (--admin PLACE)"
            ) from error
        except (OSError, http.client.HTTPException) as error:
            raise NotDoneError(
                f"what is at {self.place} cannot be talked to: {error}\n    name the right place with --admin"
            ) from error
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        if self.place.startswith(_UNIX):
            return _UnixConnection(self.place.removeprefix(_UNIX))
        host, port = split_place(self.place) or ("", None)
        return http.client.HTTPConnection(host, port, timeout=_ANSWER_S)

    def _not_allowed(self) -> str:
        path = Path(self.place.removeprefix(_UNIX))
        try:
            status = path.stat()
            who = f"the user {_user(status.st_uid)} and the group {_group(status.st_gid)}"
        except OSError:
            who = f"whoever may look into {path.parent}"
        return f"{_whoami()} may not use {self.place}\n    {who} may: use sudo, or become a member of the group"


def _whoami() -> str:
    with contextlib.suppress(OSError, KeyError):
        return getpass.getuser()
    return str(os.geteuid())


def _user(number: int) -> str:
    with contextlib.suppress(KeyError):
        return pwd.getpwuid(number).pw_name
    return str(number)


def _group(number: int) -> str:
    with contextlib.suppress(KeyError):
        return grp.getgrgid(number).gr_name
    return str(number)
