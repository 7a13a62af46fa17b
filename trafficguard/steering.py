"""What is in force, and who ordered it: the supervisor's side of policy, mode and decisions by hand.

A reload reads, checks, builds and tests a policy once, in a thread of the supervisor; only what is finished goes to the
workers. Orders count as applied when every worker has confirmed their number; a worker that is replaced starts with the
latest.

Promises: a file that cannot be used changes nothing and says why; every change is told to the audit with who ordered
it; when challenges and blocks jump after a change, the fuse goes back to the policy that was in force when it last was
quiet, and never to a mode that does more than the one in force. Never: touches a request.
"""

from __future__ import annotations

import asyncio
import logging
import os
import pickle
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, Literal

from trafficguard.clock import SECOND, Clock
from trafficguard.control.state import AdminState
from trafficguard.errors import ConfigError
from trafficguard.load import load_policy_of
from trafficguard.policy.engine import Policy, weaker
from trafficguard.policy.orders import MOST_BY_HAND, ByHand, Orders, parse_key
from trafficguard.settings import Mode, Settings
from trafficguard.values import BadValueError, shown

FUSE_WATCH_S: Final = 60
"""Seconds after a change in which the fuse watches."""
BUILDER_NICENESS: Final = 10
FUSE_LEAST: Final = 200
"""Verdicts below which a share says nothing."""

Audit = Callable[[str, Mapping[str, Any]], None]
"""Takes what happened, as a word, and its particulars."""

_log: Final = logging.getLogger("trafficguard")


@dataclass(frozen=True, slots=True)
class Tally:
    """Verdicts since the start."""

    judged: int = 0
    hard: int = 0
    """Of them, challenges, blocks and tarpits."""

    def __sub__(self, other: Tally) -> Tally:
        return Tally(self.judged - other.judged, self.hard - other.hard)

    @property
    def share(self) -> float:
        """Share of hard verdicts."""
        return self.hard / self.judged if self.judged else 0.0


class Fuse:
    """Watches what becomes of verdicts after a change."""

    def __init__(self, limit: float) -> None:
        """`limit`: by how much the share of challenges and blocks may jump, 0 to 1; 1 never blows."""
        self._limit = limit
        self._history: list[Tally] = [Tally()]
        self._since = Tally()
        self._before = 0.0
        self._seconds_left = 0

    @property
    def is_watching(self) -> bool:
        """Whether a change is so fresh that it is watched."""
        return self._seconds_left > 0

    @property
    def seconds_left(self) -> int:
        """For how long it still is."""
        return self._seconds_left

    def arm(self) -> None:
        """A change is being made: its share is compared with that of the last quiet minute."""
        if not self.is_watching:
            self._before = (self._history[-1] - self._history[0]).share
        self._since = self._history[-1]  # up to two seconds old: what was judged since then weighs little
        self._seconds_left = FUSE_WATCH_S

    def disarm(self) -> None:
        """What was changed has been taken back."""
        self._seconds_left = 0

    def look(self, now: Tally) -> str:
        """To be called every second; why it blows, or nothing."""
        self._history = [*self._history[-(FUSE_WATCH_S - 1) :], now]
        if self._seconds_left <= 0:
            return ""
        self._seconds_left -= 1
        since = now - self._since
        if since.judged < FUSE_LEAST or since.share - self._before <= self._limit:
            return ""
        return (
            f"challenges and blocks jumped from {self._before:.0%} to {since.share:.0%} of {since.judged} requests "
            f"(fuse: {self._limit:.0%})"
        )


class Steering:
    """The orders in force."""

    def __init__(
        self,
        settings: Settings,
        policy: Policy,
        files: Sequence[Path],
        state: AdminState,
        clock: Clock,
        send: Callable[[Orders], None],
        audit: Audit,
    ) -> None:
        """`policy` came from `files`; `send` takes orders on to all workers."""
        self._settings = settings
        self._files = tuple(files)
        self._stamps = _stamps(self._files)
        self._state = state
        self._clock = clock
        self._send = send
        self._audit = audit
        self._fuse = Fuse(settings.fuse)
        self._safe: Orders | None = None
        """What was in force before the changes that the fuse watches."""
        self._reloading = asyncio.Lock()
        self._builder = ThreadPoolExecutor(1, "policy", _step_back)
        self._confirmed = [0] * len(state.workers)
        self._version = version_of(policy)
        self._sites = [site.hosts[0] for site in settings.sites]
        """The first host of each."""
        self.orders = Orders(1, policy, settings.mode)
        """What is in force."""
        told = self._state.policy
        told.fuse_limit, told.latest = settings.fuse, "start"
        told.policy_since = told.mode_since = clock.now()
        self._tell()

    # ---- orders

    async def reload(self, who: str) -> list[str]:
        """Puts what the policy file says now in force; what is wrong with it, if it cannot be used."""
        async with self._reloading:
            self._stamps = before = _stamps(self._files)
            try:
                loop = asyncio.get_running_loop()
                policy, files, version = await loop.run_in_executor(self._builder, _finish, self._settings)
            except ConfigError as error:
                return self._refuse(who, [str(complaint) for complaint in error.complaints])
            except Exception as error:  # noqa: BLE001 - whatever a policy runs into, the last good one stays
                return self._refuse(who, [f"the policy fails its self-test: {error!r}"])
            # As they were before they were read: who wrote to one meanwhile is not overlooked.
            after = _stamps(files)
            self._files, self._stamps = files, {file: before.get(file, after[file]) for file in files}
            state = self._state.policy
            state.reloads += 1
            state.complaints = []
            self._version = version
            state.policy_since = self._clock.now()
            self._give(replace(self.orders, policy=policy), "reload", who, policy=policy.file.name)
            return []

    def set_mode(self, mode: Mode | None, who: str, site: str | None = None) -> None:
        """Orders a mode of the whole proxy or of one site, named by its first host. Raises BadValueError.

        None takes back what was ordered: of one site, or of all and the proxy, which is as in the settings again.
        """
        particulars: dict[str, str] = {"mode": mode or "as configured"}
        if site is None:
            sites = self.orders.sites if mode else {}
            orders = replace(self.orders, mode=mode or self._settings.mode, sites=sites)
        else:
            if site not in self._sites:
                message = f"no site has the first host {shown(site)}"
                raise BadValueError(message, f"there are {', '.join(self._sites)}")
            rest = {other: known for other, known in self.orders.sites.items() if other != site}
            orders = replace(self.orders, sites=rest | ({site: mode} if mode else {}))
            particulars["site"] = site
        self._state.policy.mode_since = self._clock.now()
        self._give(orders, "mode", who, **particulars)

    def decide_by_hand(self, action: str, key: str, seconds: float, who: str, reason: str = "") -> ByHand:
        """Allows or blocks a key for a while. Raises BadValueError."""
        if action not in ("allow", "block"):
            raise BadValueError(f"{action} is not a decision", "write allow or block")
        now = self._clock.now()
        word: Literal["allow", "block"] = "allow" if action == "allow" else "block"
        one = ByHand(word, parse_key(key), now + int(seconds * SECOND), reason)
        rest = tuple(other for other in self.orders.by_hand if other.key != one.key and other.until > now)
        if len(rest) >= MOST_BY_HAND:
            raise BadValueError(f"{MOST_BY_HAND} keys are decided by hand", "put the others into a list of the policy")
        told = {"key": one.key, "seconds": seconds} | ({"reason": reason} if reason else {})
        self._give(replace(self.orders, by_hand=(*rest, one)), action, who, **told)
        return one

    def forget(self, key: str, who: str) -> bool:
        """Takes back what was decided by hand about a key; whether anything was. Raises BadValueError."""
        spelled = parse_key(key)
        rest = tuple(one for one in self.orders.by_hand if one.key != spelled)
        if len(rest) == len(self.orders.by_hand):
            return False
        self._give(replace(self.orders, by_hand=rest), "forget", who, key=spelled)
        return True

    def confirm(self, worker: int, number: int) -> None:
        """A worker follows the orders of that number."""
        self._confirmed[worker] = number
        self._state.policy.following = list(self._confirmed)
        if not self._state.policy.applied and min(self._confirmed) >= self.orders.number:
            self._state.policy.applied = True
            _log.info("orders %d are followed by all workers", self.orders.number)

    def forget_worker(self, worker: int) -> None:
        """A worker has ended; its successor starts with the latest orders."""
        self._confirmed[worker] = 0
        self._state.policy.following = list(self._confirmed)
        self._state.policy.applied = False

    # ---- every second

    def each_second(self, tally: Tally) -> None:
        """Watches the policy's files and the fuse, and lets go of what is over."""
        self._watch_fuse(tally)
        self._state.policy.fuse_seconds = self._fuse.seconds_left
        now = self._clock.now()
        ended = [one for one in self.orders.by_hand if one.until <= now]
        if ended:
            rest = tuple(one for one in self.orders.by_hand if one.until > now)
            keys = ", ".join(one.key for one in ended)
            self._give(replace(self.orders, by_hand=rest), "expired", "time", key=keys)

    def files_changed(self) -> bool:
        """Whether the policy or one of its lists is another file than when it was read."""
        return bool(self._files) and _stamps(self._files) != self._stamps

    def _watch_fuse(self, tally: Tally) -> None:
        why = self._fuse.look(tally)
        if why and self._safe is not None:
            self._blow(self._safe, why)
        elif not self._fuse.is_watching:
            self._safe = None

    def _blow(self, safe: Orders, why: str) -> None:
        """Goes back to the last policy that was quiet, in its mode or the one in force, whichever does less."""
        state = self._state.policy
        state.fuses += 1
        state.complaints = [f"the fuse has blown: {why}"]
        mode = weaker(safe.mode, self.orders.mode)
        _log.error("the fuse has blown: %s; going back to the policy %s, %s", why, safe.policy.file.name, mode)
        self._version = version_of(safe.policy)
        state.policy_since = state.mode_since = self._clock.now()
        sites = {site: weaker(safe.ordered(site), self.orders.ordered(site)) for site in self._sites}
        orders = replace(self.orders, policy=safe.policy, mode=mode, sites=_apart(sites, mode))
        self._give(orders, "fuse", "fuse", why=why)
        self._fuse.disarm()
        self._safe = None

    # ---- telling

    def _give(self, orders: Orders, what: str, who: str, **particulars: object) -> None:
        modes = ((self.orders.ordered(site), orders.ordered(site)) for site in self._sites)
        does_more = any(mode != weaker(before, mode) for before, mode in modes)
        if orders.policy is not self.orders.policy or does_more:
            self._safe = self._safe or self.orders
            self._fuse.arm()
        self.orders = replace(orders, number=self.orders.number + 1)
        self._state.policy.applied, self._state.policy.latest = False, f"{what} by {who}"
        self._tell()
        self._audit(what, {"who": who, "orders": self.orders.number, **particulars})
        _log.info("%s by %s: %s", what, who, ", ".join(f"{name} {value}" for name, value in particulars.items()))
        self._send(self.orders)

    def _refuse(self, who: str, complaints: list[str]) -> list[str]:
        state = self._state.policy
        state.refused += 1
        state.complaints = complaints
        self._audit("refused", {"who": who, "complaints": complaints[:10]})
        _log.error("the policy cannot be used, the last one stays in force:\n%s", "\n".join(complaints))
        return complaints

    def _tell(self) -> None:
        state, orders = self._state.policy, self.orders
        state.number, state.name = orders.number, orders.policy.file.name
        state.version, state.mode = self._version, orders.mode
        state.file = str(self._files[0]) if self._files else ""
        state.site_modes = dict(orders.sites)
        state.modes = {site: orders.mode_of(site) for site in self._sites}
        state.following = list(self._confirmed)
        state.by_hand = [one._asdict() for one in orders.by_hand]


def _apart(sites: Mapping[str, Mode], mode: Mode) -> dict[str, Mode]:
    """Of the modes of sites, those that are not that of the proxy anyway."""
    return {site: one for site, one in sites.items() if one != mode}


def _step_back() -> None:
    """Lets the workers go first: to build a policy takes a moment of a processor that requests may need (nice(2))."""
    os.setpriority(os.PRIO_PROCESS, 0, BUILDER_NICENESS)  # on Linux, of this thread alone


def _finish(settings: Settings) -> tuple[Policy, tuple[Path, ...], str]:
    """The policy of `settings` as workers will have it, tried out; the files it came from, and its version."""
    policy, files = load_policy_of(settings)
    pickle.loads(pickle.dumps(policy)).self_test()  # noqa: S301 - our own
    return policy, files, version_of(policy)


def version_of(policy: Policy) -> str:
    """A short name for what a policy and its lists say: the same for the same contents."""
    digest = blake2b(policy.file.model_dump_json(by_alias=True).encode(), digest_size=6)
    for name, held in sorted(policy.lists.items()):
        digest.update("\n".join((name, *sorted(map(str, held.networks)), *sorted(held.texts))).encode())
    return digest.hexdigest()


def _stamps(files: Sequence[Path]) -> dict[Path, tuple[int, int, int]]:
    """What tells whether files are still the same; of one that is not there, nothing."""
    stamps = {}
    for file in files:
        try:
            status = file.stat()
        except OSError:
            stamps[file] = 0, 0, 0
        else:
            stamps[file] = status.st_mtime_ns, status.st_size, status.st_ino
    return stamps

