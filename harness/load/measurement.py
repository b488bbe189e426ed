"""One load run, from what is asked to what it found: the contest, the limits, and whether the promises made under load were kept.

`measure` is read from top to bottom. `harness/verbs/load.py` asks for it and shows it, `contest.py` does the work.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness import archive, checkers
from harness.archive import Execution, RunFolder
from harness.history import Header, History
from harness.load.baseline import Baseline, compared, sent
from harness.load.contest import STUB_SECONDS, WARM_UP_BLOCKS, Contest, contend, rounds_of, warm_up_ends_s
from harness.load.decision import Outcome, Rule, Seen, decide
from harness.load.generator import Plan, require_locustfile
from harness.load.provider import AS_PUBLISHED
from harness.load.rows import Row, limits_of, row_of_stub, rows_of
from harness.load.samples import ENDPOINTS, Sample, of_endpoint, of_lateness, of_stub
from harness.runner import about
from harness.systems import Load, System
from harness.verdict import Ruling
from harness.worlds.world import Stage

NAME = "load"
# Statuses are read of recent events at random, not of every event at once, and that is what this one looks for.
JUDGED = tuple(known for known in checkers.the_contract if known is not checkers.a_promise_is_readable_at_once)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is asked: `after` is judged, `before` only measured beside it. A gate stops as soon as it is decided.

    With a baseline, limits that are held are no reason to stop: what differs from then shows only in many samples.
    """

    after: System
    before: System | None = None
    baseline: Baseline | None = None
    gate: bool = False
    seed: int = 1
    processes: int = 1
    repeat: str = ""

    @property
    def systems(self) -> dict[str, System]:
        """By role, in the order of their turns."""
        return ({"before": self.before} if self.before else {}) | {"after": self.after}

    @property
    def load(self) -> Load:
        """The same for everybody: what the judged system's file says."""
        return self.after.load


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What came of it: rows for `results.json`, the judged execution, and the history of every system by its role."""

    rows: tuple[Row, ...]
    execution: Execution
    histories: Mapping[str, History]


def measure(wish: Wish, folder: RunFolder, *, show: Callable[[str, float], None]) -> Measurement:
    """Load the systems, judge, and keep histories, logs and Locust's own reports in the run's folder.

    Raises UsageError if a system cannot be started, StackBrokenError if the generator ends before its time.
    """
    require_locustfile()
    wall, cpu = time.perf_counter(), time.process_time()
    kept = {role: folder.execution_folder(f"{NAME}-{role}", "real", wish.seed) for role in wish.systems}
    histories = {role: History(_header(wish, system)) for role, system in wish.systems.items()}
    stages = {
        role: Stage(system=system, history=histories[role], seed=wish.seed, plan=(), folder=kept[role])
        for role, system in wish.systems.items()
    }
    referee = _Referee(wish, histories)
    contest = Contest(
        load=wish.load,
        latency=AS_PUBLISHED,
        plan=Plan(folder=_locusts(folder), seed=wish.seed, processes=wish.processes),
        decide=referee.has_seen_enough,
        show=show,
    )
    stub_ms = asyncio.run(contend(stages, contest))
    for role, history in histories.items():
        folder.keep(history, kept[role])
    rows = [row | {"load": sent(wish.load)} for role in histories for row in referee.rows(role)]
    rows.append(row_of_stub(stub_ms, STUB_SECONDS))
    execution = archive.execution_of(
        histories["after"],
        checkers.judge(histories["after"]),
        folder=folder.relative(kept["after"]),
        wall_s=time.perf_counter() - wall,
        cpu_s=time.process_time() - cpu,
    )
    if wish.baseline is not None:
        rows = compared(rows, wish.baseline)
    return Measurement(rows=tuple(rows), execution=execution, histories=histories)


class _Referee:
    """Looks at the samples after each round, and decides about every role by the same limits."""

    def __init__(self, wish: Wish, histories: Mapping[str, History]) -> None:
        self._histories = histories
        self._roles = list(histories)
        self._gate = wish.gate
        self._compares = wish.baseline is not None
        self._limits = limits_of(wish.after.limits)
        self._looks = rounds_of(wish.load) - WARM_UP_BLOCKS if wish.gate else 1
        self._outcome: Outcome | None = None

    def has_seen_enough(self, number: int) -> bool:
        """After round `number`: whether all is decided about the judged system. Without a gate only the end decides."""
        look = number - WARM_UP_BLOCKS
        if not self._gate or look < 1:
            return False
        self._outcome = decide(self._rule(self._looks), self._seen("after"), look=look, previous=self._outcome)
        return self._outcome.ruling is Ruling.VIOLATED if self._compares else self._outcome.is_final

    def rows(self, role: str) -> list[Row]:
        """What is said of one system in the end."""
        outcome = self._outcome if role == "after" else None
        if outcome is None:
            outcome = decide(self._rule(1), self._seen(role), look=1)
        return rows_of(self._histories[role], outcome, role=role, since_s=self._since_s(role))

    def _rule(self, looks: int) -> Rule:
        return Rule(limits=self._limits, looks=looks)

    def _since_s(self, role: str) -> float:
        return warm_up_ends_s(self._roles.index(role))

    def _seen(self, role: str) -> Seen:
        history, since_s = self._histories[role], self._since_s(role)
        samples: dict[str, Sequence[Sample]] = {name: of_endpoint(history, name, since_s=since_s) for name in ENDPOINTS}
        stub, lateness = of_stub(history, since_s=since_s), of_lateness(history, since_s=since_s)
        return Seen(samples=samples, stub=stub, lateness=lateness)


def _locusts(folder: RunFolder) -> Path:
    """Where Locust keeps its files."""
    path = folder.path / NAME
    path.mkdir(parents=True, exist_ok=True)
    return path.resolve()


def _header(wish: Wish, system: System) -> Header:
    load = wish.load
    posts = f"{load.posts_per_second:g} POSTs a second ({load.mailed:.0%} of them with a mail)"
    return Header(
        scenario=NAME,
        story="Locust sends an open load, and what was promised under it is judged like everything else.",
        system_path=str(system.path),
        seed=wish.seed,
        traffic=f"{posts} and {load.reads_per_second:g} status reads, Poisson arrivals",
        must_hold=tuple(checker.to_data() for checker in JUDGED),
        repeat=wish.repeat,
        **about(system, world="real"),
    )
