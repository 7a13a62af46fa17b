"""Runs a plan: starts everything, verifies, warms up, and measures round by round.

Promises: a target that cannot start, does not verify or fails under load becomes a row with an error; the
others go on.
Never: compares or prints (`compare`, `report`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from loadtests.bench import origin
from loadtests.bench.configs import Place
from loadtests.bench.cpu import cpu_seconds
from loadtests.bench.drive import Run, drive, write_scripts
from loadtests.bench.errors import BenchError
from loadtests.bench.fetch import free_port
from loadtests.bench.plan import START_SECONDS, Cell, Plan, Workload
from loadtests.bench.service import Service, running
from loadtests.bench.targets import TARGETS, Target
from loadtests.bench.verify import verify

CROWD_STEP = 17_389
"""How far each round starts into the crowd, so that slow targets see all of it too."""

Tell = Callable[[str, int], None]
"""Takes what is done now and the seconds of the plan that have passed since it was told last."""


@dataclass(frozen=True)
class Sample:
    """One measurement of one target."""

    turn: int
    """Number of the round."""
    run: Run
    cpu_seconds: float
    """User + system time of the target's process tree."""

    @property
    def cpu_us(self) -> float:
        """CPU microseconds per request."""
        return self.cpu_seconds / self.run.requests * 1e6


@dataclass
class Row:
    """All measurements of one target in one table."""

    cell: Cell
    target: str
    samples: list[Sample] = field(default_factory=list)
    error: str | None = None
    """Why the row has no figures, or why they do not count."""

    def fail(self, reason: object) -> None:
        """Keep the first reason; later ones follow from it."""
        self.error = self.error or str(reason)


def measure(plan: Plan, tell: Tell) -> list[Row]:
    """All rows of all tables. BenchError when the origin does not start."""
    rows = {(cell, target): Row(cell, target) for cell in plan.cells() for target in plan.targets}
    with _working_folder() as folder, _origin(folder) as origin_port:
        scripts = write_scripts(plan.cells(), folder)
        for workload in plan.workloads:
            bench = _Bench(plan, workload, scripts, rows, tell)
            with bench.started(folder, origin_port) as services:
                bench.warm_up(services)
                bench.rounds(services)
    return list(rows.values())


@contextmanager
def _working_folder() -> Iterator[Path]:
    with TemporaryDirectory(prefix="trafficguard-bench-") as name:
        yield Path(name)


@contextmanager
def _origin(folder: Path) -> Iterator[int]:
    port = free_port()
    home = folder / "origin"
    home.mkdir()
    try:
        with running(origin.launch(port, home), port, home) as service:
            yield service.port
    except BenchError as error:
        raise BenchError(f"the origin: {error}") from error


@dataclass(frozen=True)
class _Bench:
    """One workload: its targets stay up from the first warm-up to the last round."""

    plan: Plan
    workload: Workload
    scripts: dict[Cell, Path]
    rows: dict[tuple[Cell, str], Row]
    tell: Tell

    @contextmanager
    def started(self, folder: Path, origin_port: int) -> Iterator[dict[str, Service]]:
        """The targets that started and verify, by name; all are stopped at the end."""
        services = {}
        with ExitStack() as stack:
            for name in self.plan.targets:
                self.tell(f"{self.workload}: starting {name}", 0)
                home = folder / f"{self.workload}-{name}"
                home.mkdir()
                place = Place(free_port(), origin_port, trusting=self.workload is Workload.MIXED)
                try:
                    service = stack.enter_context(_start(TARGETS[name], place, home))
                    verify(service.port, self.workload)
                    services[name] = service
                except BenchError as error:
                    self._fail_everywhere(name, error)
                self.tell(f"{self.workload}: started {name}", START_SECONDS)
            yield services

    def warm_up(self, services: dict[str, Service]) -> None:
        """An unmeasured run of every target in every style."""
        if self.plan.warmup:
            for cell, name in self._visits(turn=0):
                self.tell(f"{cell}: warming {name} up", 0)
                if name in services:
                    self._drive(cell, services[name], name, turn=-1)
                self.tell(f"{cell}: warmed {name} up", self.plan.warmup)

    def rounds(self, services: dict[str, Service]) -> None:
        """The measured runs, interleaved."""
        for turn in range(self.plan.rounds):
            for cell, name in self._visits(turn):
                self.tell(f"{cell}: round {turn + 1} of {self.plan.rounds}, {name}", 0)
                if name in services and self.rows[cell, name].error is None:
                    self._sample(cell, services[name], name, turn)
                self.tell(f"{cell}: round {turn + 1} of {self.plan.rounds}, {name}", self.plan.seconds)

    def _sample(self, cell: Cell, service: Service, name: str, turn: int) -> None:
        before = cpu_seconds(service.pid)
        run = self._drive(cell, service, name, turn)
        used = cpu_seconds(service.pid) - before
        if run is not None:
            self.rows[cell, name].samples.append(Sample(turn, run, used))

    def _drive(self, cell: Cell, service: Service, name: str, turn: int) -> Run | None:
        """One run of wrk; the row fails when any request of it does."""
        row = self.rows[cell, name]
        seconds = self.plan.warmup if turn < 0 else self.plan.seconds
        try:
            run = drive(
                service.port,
                self.scripts[cell],
                connections=self.plan.connections,
                seconds=seconds,
                start=(turn + 1) * CROWD_STEP,
            )
        except BenchError as error:
            row.fail(error)
            return None
        problem = fault(run)
        if problem:
            row.fail(f"{'warm-up' if turn < 0 else f'round {turn + 1}'}: {problem}")
        return run if run.requests else None

    def _visits(self, turn: int) -> list[tuple[Cell, str]]:
        cells = [cell for cell in self.plan.cells() if cell.workload is self.workload]
        return [(cell, name) for cell in cells for name in self.plan.order(turn)]

    def _fail_everywhere(self, name: str, error: BenchError) -> None:
        for (cell, target), row in self.rows.items():
            if target == name and cell.workload is self.workload:
                row.fail(error)


@contextmanager
def _start(target: Target, place: Place, home: Path) -> Iterator[Service]:
    with running(target.launch(place, home), place.port, home) as service:
        yield service


def fault(run: Run) -> str | None:
    """What makes a run worthless: no answer, a failed request, answers too short for the origin's body."""
    if run.requests == 0:
        return "no request was answered"
    if run.errors:
        return f"{run.errors} of {run.requests} requests failed"
    if run.bytes < run.requests * len(origin.BODY):
        return "answers without the origin's body"
    return None
