"""Perform a scenario in a world and judge what was seen. One path for both worlds.

`execute` is the whole story of one execution: load, open the world, perform, judge. Next: `performance.py` (what happens in
the world), `worlds/world.py` (what a world is), `campaign/` (many executions in many processes).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness import archive, checkers, faults, scenario, systems
from harness.faults import Planned
from harness.history import Header, History
from harness.performance import perform
from harness.scenario import Scenario
from harness.systems import System
from harness.usage import UsageError
from harness.worlds import world as worlds
from harness.worlds.world import Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One execution asked for, as plain words, so that it can be sent to another process."""

    scenario: str
    system: str
    world: str
    seed: int
    full_traffic: bool = False
    flaw: str = ""
    plan: tuple[Planned, ...] | None = None  # instead of the scenario's own: a replay
    written: Scenario | None = None  # instead of the file `scenario` names: a scenario that stands in none yet

    @property
    def label(self) -> str:
        """What its folder is called after: the flaw, if one is planted, and the scenario."""
        return "-".join(Path(name).stem for name in (self.flaw, self.scenario) if name)

    @property
    def repeat(self) -> str:
        """The one command that repeats this execution."""
        words = ["harness run", self.scenario, "--system", self.system, "--world", self.world, "--seed", str(self.seed)]
        words += ["--full-traffic"] if self.full_traffic else []
        words += ["--flaw", self.flaw] if self.flaw else []
        return " ".join(words)


@dataclass(frozen=True, slots=True)
class Performed:
    """One execution with the history it left; None if the scenario does not apply to the system."""

    execution: archive.Execution
    history: History | None


def execute(order: Order, folder: Path | None) -> Performed:
    """Run one scenario on one system in one world and judge it; the processes' logs go to `folder` if there is one.

    Raises UsageError for a system that cannot be started or a name that does not exist.
    """
    wanted = order.written or scenario.load(order.scenario)
    system = systems.load(order.system)
    if order.world == "simulated" and system.simulation is None:
        raise UsageError(
            f"The system '{system.name}' cannot be simulated: its file has no [simulation] table. Use --world real instead."
        )
    if order.flaw:
        _require_plantable(order.flaw, system, world=order.world)
    plan = order.plan if order.plan is not None else wanted.plan(world=order.world, seed=order.seed, offers=system.offers)
    if reason := why_not_applicable(plan, system, world=order.world):
        return Performed(_skipped(order, system, reason), None)
    history = History(_header(order, wanted, system, plan=plan))
    wall, cpu = time.perf_counter(), time.process_time()
    _perform_in_world(order, wanted, _stage(order, system, history, folder=folder))
    verdicts = checkers.judge(history)
    execution = archive.execution_of(
        history,
        verdicts,
        folder="",
        wall_s=time.perf_counter() - wall,
        cpu_s=time.process_time() - cpu,
    )
    return Performed(execution, history)


def _require_plantable(flaw: str, system: System, *, world: str) -> None:
    """Raises UsageError unless a flaw can be planted into a system."""
    if not Path(flaw).is_file():
        raise UsageError(f"The flaw {flaw} cannot be planted: there is no such file; name a .py file that defines plant().")
    commands = [part.command for part in (system.api, system.worker) if part is not None]
    if world == "real" and any(command[0] != "python" for command in commands):
        raise UsageError(
            f"A flaw can only be planted into Python: a command of the system '{system.name}' does not begin with `python`. "
            "Leave out --flaw."
        )


def why_not_applicable(plan: Sequence[Planned], system: System, *, world: str) -> str:
    """The reason why a plan says nothing about a system; empty if it applies.

    What a fault would hurt, or what its trigger waits for, is not there, or this world cannot make it happen.
    """
    for planned in plan:
        for part in (planned.fault, planned.trigger):
            if part.needs not in system.offers:
                return f"{type(part).__name__} needs {part.needs}, which the system '{system.name}' does not use"
        if reason := worlds.cannot_suffer(world, planned):
            return reason
    return ""


def _skipped(order: Order, system: System, reason: str) -> archive.Execution:
    return archive.Execution.not_applicable(
        name=order.scenario, world=order.world, seed=order.seed, system=system.name, reason=reason
    )


def _stage(order: Order, system: System, history: History, *, folder: Path | None) -> Stage:
    return Stage(
        system=system,
        history=history,
        seed=order.seed,
        plan=[faults.from_data(data) for data in history.header.plan],
        folder=folder,
        flaw=order.flaw,
    )


def _perform_in_world(order: Order, wanted: Scenario, stage: Stage) -> None:
    async def main() -> None:
        async with worlds.open_world(order.world, stage) as world:
            await perform(wanted, world, plan=stage.plan, thinned=order.world == "simulated" and not order.full_traffic)

    worlds.run(order.world, main, seed=order.seed)


def about(system: System, *, world: str) -> dict[str, Any]:
    """What every header says of the system and of what ran, save how it was named: keyword arguments of `Header`."""
    versions = archive.versions()
    return {
        "system": system.name,
        "world": world,
        "offers": tuple(sorted(system.offers)),
        "claims": system.claims.model_dump(),
        "limits": {name: limit for name, limit in system.limits.model_dump().items() if limit is not None},
        "processes": system.processes,
        "started_at": "" if world == "simulated" else datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": versions.commit,
        "python": versions.python,
        "harness_version": versions.harness,
    }


def _header(order: Order, wanted: Scenario, system: System, *, plan: Sequence[Planned]) -> Header:
    thinned = order.world == "simulated" and not order.full_traffic
    return Header(
        scenario=wanted.name,
        story=wanted.story,
        scenario_path=order.scenario,
        system_path=order.system,  # as it was typed: a replay loads it again
        seed=order.seed,
        flaw=order.flaw,
        full_traffic=order.full_traffic,
        traffic=(wanted.traffic.thinned() if thinned else wanted.traffic).story,
        plan=tuple(faults.to_data(planned) for planned in plan),
        must_hold=tuple(checker.to_data() for checker in wanted.must_hold),
        acknowledgements=wanted.acknowledgements,
        repeat=order.repeat,
        **about(system, world=order.world),
    )
