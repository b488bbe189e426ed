"""`harness prove`: plant every flaw of a system, run the sound one under the same schedules, and tamper with what held.

A system whose file names no flaws is run for real as it is; what is shown of it is which claims the harness can judge there, and
that it sees a breach of each. Next: `hunt.py` and `tampering.py`.
"""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial

from harness import archive, scenario, systems
from harness.archive import Execution, RunFolder
from harness.campaign.draw import Draw
from harness.history import History
from harness.prove import catalogue, tampering
from harness.prove.hunt import Hunt
from harness.runner import Order
from harness.systems import System, require_real_processes
from harness.usage import UsageError
from harness.verbs.display import styled
from harness.verbs.publication import conclude, run_folder
from harness.verbs.steps import Step, carry_out, worth_a_row
from harness.verdict import Ruling

FEWEST_CONTROLS = 3  # seeds of each scenario
MOST_REAL = 2  # schedules a real hunt takes: a second only if the first caught nothing
ALWAYS_TAMPERED = "baseline"  # the one in which no fault explains anything


def prove(words: Namespace) -> Ruling:
    """Do all of it, write results and report, and show what a person needs to know."""
    started_at, clock = datetime.now(UTC).isoformat(timespec="seconds"), time.monotonic()
    system = systems.load(words.system)
    hunts = _hunts(words, system)
    controls: list[Draw] = []
    with run_folder(words.out, "prove") as folder:
        interrupted = carry_out(_hunting(hunts), folder) if hunts else ""
        if not interrupted:
            controls = _controls(words, hunts)
            interrupted = carry_out(_controlling(controls, system), folder)
    results = archive.assemble(
        "prove",
        system.name,
        scenarios=worth_a_row(controls),
        campaigns=[draw.row() for draw in controls if draw.is_campaign and draw.ended],
        proof=[*(hunt.challenge() for hunt in hunts if hunt.executions), *tampering.summed(_kept(controls, folder))],
        started_at=started_at,
        wall_s=time.monotonic() - clock,
    )
    return conclude(results, folder, interrupted=interrupted)


def _hunts(words: Namespace, system: System) -> list[Hunt]:
    """A hunt for every flaw in every world it can be seen in. Raises UsageError if none is left, or nothing can be run."""
    flaws = catalogue.of(system, name=words.system)
    if not flaws:
        if words.world == "simulated":
            raise UsageError(
                f"The system '{system.name}' names no flaws (simulation.flaws), so there is nothing to simulate; "
                "leave out --world: real processes show what the harness sees of it."
            )
        require_real_processes(system)
    hunts = [
        Hunt.after(flaw, world=world, seed=words.seed, most=words.seeds if world == "simulated" else MOST_REAL)
        for flaw in flaws
        for world in flaw.worlds
        if words.world in (None, world)
    ]
    if flaws and not hunts:
        raise UsageError(f"No flaw of '{system.name}' can be seen in the {words.world} world; leave out --world.")
    return hunts


def _hunting(hunts: Sequence[Hunt]) -> list[Step]:
    worlds = {world: [hunt for hunt in hunts if hunt.first.world == world] for world in ("simulated", "real")}
    told = partial(_news, hunts)
    return [
        Step(f"{len(chosen)} flaws, each by itself, {_how(world)}", chosen, told) for world, chosen in worlds.items() if chosen
    ]


def _news(hunts: Sequence[Hunt], execution: Execution) -> str:
    """A line about the execution that caught a flaw, and about the last of a hunt that caught none."""
    hunt = next(hunt for hunt in hunts if any(one is execution for one in hunt.executions))
    if hunt.caught is execution:
        return f"[green]caught[/] {hunt.flaw.name} ({execution.world}, seed {execution.seed}) by {hunt.flaw.caught_by}"
    if hunt.caught is not None or len(hunt.executions) < hunt.wanted:
        return ""
    told = hunt.challenge()
    ruling = "[bold red]survived[/]" if told.ruling is Ruling.VIOLATED else styled(told.ruling)
    return f"{ruling} {hunt.flaw.name} ({execution.world}): {told.reason}"


def _controls(words: Namespace, hunts: Sequence[Hunt]) -> list[Draw]:
    """The sound systems under every schedule a flaw was hunted in, or for want of flaws in every scenario for acceptance."""
    seeds: dict[tuple[str, str, str], int] = {}
    for hunt in hunts:
        key = (hunt.first.scenario, hunt.first.system, hunt.first.world)
        least = FEWEST_CONTROLS if hunt.first.world == "simulated" else 1
        seeds[key] = max(seeds.get(key, 0), hunt.drawn if hunt.first.world == "simulated" else 1, least)
    for world in {hunt.first.world for hunt in hunts}:
        least = FEWEST_CONTROLS if world == "simulated" else 1
        seeds.setdefault((ALWAYS_TAMPERED, words.system, world), least)
    if not hunts:
        names = [name for name in scenario.names() if scenario.load(name).for_acceptance]
        seeds = {(name, words.system, "real"): 1 for name in names}
    return [
        Draw(Order(scenario=name, system=system, world=world, seed=words.seed), wanted=wanted)
        for (name, system, world), wanted in sorted(seeds.items(), key=lambda item: item[0][::-1], reverse=True)
    ]


def _controlling(controls: Sequence[Draw], system: System) -> list[Step]:
    worlds = {world: [draw for draw in controls if draw.first.world == world] for world in ("simulated", "real")}
    return [
        Step(f"the sound service in {len(chosen)} scenarios, {_how(world)}", chosen) for world, chosen in worlds.items() if chosen
    ]


def _how(world: str) -> str:
    return "simulated" if world == "simulated" else "with real processes: about a minute each, four at a time"


def _kept(controls: Iterable[Draw], folder: RunFolder) -> Iterator[History]:
    """The histories of the sound service that held and were kept."""
    for draw in controls:
        for execution in draw.executions:
            history = folder.history_of(execution) if execution.ruling is Ruling.HELD else None
            if history is not None:
                yield history
