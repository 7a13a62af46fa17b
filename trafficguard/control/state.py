"""What the supervisor knows of itself and its workers, for `/readyz` and `/metrics`.

Promises: readiness follows from the facts, so that it cannot contradict them. Never: changed by anybody but
the supervisor.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class WorkerState:
    """One place for a worker, whichever process fills it now."""

    pid: int = 0
    alive: bool = False
    ready: bool = False
    """Whether it has said that it takes requests; to be unset when it dies."""
    restarts: int = 0
    """How many times a new process had to take this place."""


@dataclass(slots=True)
class PolicyState:
    """What is in force, as operators see it."""

    number: int = 0
    """Of the orders; each change has the next one."""
    name: str = ""
    version: str = ""
    """A digest of what the policy says."""
    file: str = ""
    """Where it came from; empty for the one that is built in."""
    policy_since: int = 0
    """When it came into force, ns since the Unix epoch."""
    mode: str = ""
    """Of the whole proxy."""
    mode_since: int = 0
    """When a mode was ordered last, or the program started, ns since the Unix epoch."""
    site_modes: dict[str, str] = field(default_factory=dict)
    """What was ordered for single sites, by their first hosts."""
    modes: dict[str, str] = field(default_factory=dict)
    """What is in force on each site: the weakest of what proxy, policy and site say."""
    latest: str = ""
    """What was ordered last, and by whom."""
    applied: bool = False
    """Whether all workers follow these orders."""
    following: list[int] = field(default_factory=list)
    """The number of the orders that each worker follows; 0 for one that is just starting."""
    by_hand: list[dict[str, object]] = field(default_factory=list)
    """Keys that are allowed or blocked by hand: `action`, `key`, `until` (ns since the Unix epoch), `reason`."""
    complaints: list[str] = field(default_factory=list)
    """What was wrong with the latest change, if it was not taken."""
    reloads: int = 0
    refused: int = 0
    """Policies that could not be used."""
    fuses: int = 0
    """How often the fuse has blown."""
    fuse_limit: float = 0.0
    """By how much the share of challenges and blocks may jump."""
    fuse_seconds: int = 0
    """For how long it goes on watching the latest change; 0 when nothing has changed lately."""
    verdicts: dict[tuple[str, str], int] = field(default_factory=dict)
    """Verdicts by version of the policy and action."""


@dataclass(slots=True)
class AdminState:
    """Mutable: the supervisor keeps it true."""

    version: str
    workers: list[WorkerState]
    warm: bool = False
    """Whether all code that judges is compiled."""
    draining: bool = False
    """Whether the program is on its way out."""
    reasons: list[str] = field(default_factory=list)
    """Further sentences on why no request should be sent here yet."""
    log_lost: int = 0
    """Events that reached the supervisor and not the decision log."""
    policy: PolicyState = field(default_factory=PolicyState)

    def missing(self) -> list[str]:
        """One sentence for everything that stands between this program and being ready."""
        missing = list(self.reasons)
        if not self.warm:
            missing.append("kernels are not compiled yet")
        for number, worker in enumerate(self.workers):
            if not worker.alive:
                missing.append(f"worker {number} is not running")
            elif not worker.ready:
                missing.append(f"worker {number} has not reported ready")
        if self.draining:
            missing.append("shutting down")
        return missing

    @property
    def ready(self) -> bool:
        """Whether requests should be sent here."""
        return not self.missing()
