"""Performs a scenario in the simulated world without judging it: what the tests of the world itself need."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from harness import faults, systems, traffic
from harness.faults import Planned
from harness.history import Header, History
from harness.performance import perform
from harness.scenario import Scenario
from harness.systems import System
from harness.traffic import Traffic
from harness.worlds.simulated.time import simulate
from harness.worlds.simulated.world import SimulatedWorld
from harness.worlds.world import Stage

TOY = str(Path(__file__).parent / "toy.toml")
SMALL = traffic.steady(per_second=0.5, for_seconds=20)


def staged(*plan: Planned, seed: int, load: Traffic = SMALL, system: str = TOY, build: str = "") -> History:
    """The history of one run under a plan; `build` replaces the system's own `[simulation] build`."""
    wanted = Scenario(traffic=load, must_hold=(), faults=plan, name="staged")
    service = with_build(systems.load(system), build)
    drawn = wanted.plan(world="simulated", seed=seed)
    history = History(_header(service, drawn, seed))
    stage = Stage(system=service, history=history, seed=seed, plan=drawn, folder=None)

    async def main() -> None:
        async with SimulatedWorld.open(stage) as world:
            await perform(wanted, world, plan=drawn, thinned=False)

    simulate(main, seed=seed)
    return history


def with_build(system: System, build: str) -> System:
    """The same system, built by another function."""
    if not build or system.simulation is None:
        return system
    return system.model_copy(update={"simulation": system.simulation.model_copy(update={"build": build})})


def digest(history: History) -> str:
    """One hash of everything that happened."""
    return hashlib.sha256("\n".join(history.lines()).encode()).hexdigest()


def _header(system: System, plan: Sequence[Planned], seed: int) -> Header:
    return Header(
        scenario="staged",
        system=system.name,
        world="simulated",
        seed=seed,
        plan=tuple(faults.to_data(planned) for planned in plan),
        offers=tuple(sorted(system.offers)),
        claims=system.claims.model_dump(),
        processes=system.processes,
    )
