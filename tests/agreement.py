"""Do the two worlds agree? `make agreement`: every scenario that both can perform, sound and flawed, in each; docs/agreement.md.

For each scenario a flaw is chosen by what it does in the simulation: it breaks a promise there with every seed tried, and none in
`baseline` if there is such a flaw, so that it is the scenario's fault that shows it. Then the real processes have their say: one
schedule, and a second where the first did not convict. What has ended stands in `agreement.jsonl`, and is not done again.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from zlib import crc32

from harness import scenario, systems
from harness.campaign import dispatch
from harness.campaign.dispatch import Desk
from harness.campaign.draw import Draw
from harness.markup.markdown import plain, table
from harness.prove import catalogue
from harness.prove.catalogue import Flaw
from harness.results import Execution
from harness.runner import Order, execute, why_not_applicable
from harness.verdict import Ruling, worst
from tests.command import ROOT

SYSTEM = "async"
SEEDS = (1, 2, 3)
MOST_REAL = 2  # schedules, where the first did not convict
PAGE = ROOT / "docs" / "agreement.md"


@dataclass(frozen=True)
class Case:
    """One scenario with one flaw, "" for none, in one world: the ruling, and who accused."""

    scenario: str
    flaw: str
    world: str
    ruling: str
    accused: tuple[str, ...] = ()


def accused_by(executions: Iterable[Execution]) -> tuple[str, ...]:
    return tuple(sorted({said.checker for one in executions for said in one.verdicts if said.ruling is Ruling.VIOLATED}))


def simulated(name: str, flaw: str, *, seeds: Sequence[int] = SEEDS) -> Case:
    """All seeds have to convict a flaw, and none the sound service."""
    orders = [Order(scenario=name, system=SYSTEM, world="simulated", seed=seed, flaw=flaw) for seed in seeds]
    found = [execute(order, None).execution for order in orders]
    bitten = [one for one in found if not one.no_bite]
    rulings = {one.ruling for one in bitten} or {Ruling.UNKNOWN}
    ruling = rulings.pop() if len(rulings) == 1 else Ruling.UNKNOWN if flaw else worst(rulings)
    return Case(name, Path(flaw).stem, "simulated", ruling.value, accused_by(bitten))


def chosen(name: str, flaws: Sequence[Flaw], shown_by_baseline: set[str]) -> Case | None:
    """The first flaw that every seed convicts: those meant for this scenario first, those that need its fault before others."""

    def place(flaw: Flaw) -> tuple[bool, bool, int]:
        return flaw.name in shown_by_baseline, flaw.scenario != name, crc32(f"{name} {flaw.name}".encode())  # each time others

    for flaw in sorted(flaws, key=place):
        case = simulated(name, flaw.path)
        if case.ruling == Ruling.VIOLATED:
            return case
    return None


def names() -> list[str]:
    """The scenarios both worlds can perform on the system."""
    system = systems.load(SYSTEM)
    plans = {name: scenario.load(name).faults for name in scenario.names()}
    worlds = ("simulated", "real")
    return [name for name, plan in plans.items() if not any(why_not_applicable(plan, system, world=world) for world in worlds)]


def in_the_simulation(wanted: Sequence[str]) -> Iterator[Case]:
    """The sound service and the flaw chosen, scenario by scenario."""
    every = catalogue.of(systems.load(SYSTEM), name=SYSTEM)
    own = "reference.memory"  # the simulation's store: a flaw in it is none of real processes
    flaws = [flaw for flaw in every if flaw.system == SYSTEM and own not in Path(flaw.path).read_text()]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        cases = pool.map(partial(simulated, "baseline", seeds=(1,)), [flaw.path for flaw in flaws])
        shown = {case.flaw for case in cases if case.ruling == Ruling.VIOLATED}
        sound = pool.map(partial(simulated, flaw=""), wanted)
        flawed = pool.map(partial(chosen, flaws=flaws, shown_by_baseline=shown), wanted)
        for case, other in zip(sound, flawed, strict=True):
            yield case
            if other is not None:
                yield other


def for_real(cases: Sequence[Case], tried: Sequence[Case], folder: Path, note: Callable[[Case], None]) -> None:
    """The same cases with real processes; each execution is noted as soon as it has ended."""
    flaws = {flaw.name: flaw.path for flaw in catalogue.of(systems.load(SYSTEM), name=SYSTEM)}
    tries = [*tried]

    def take(draw: Draw, executions: Sequence[Execution]) -> None:
        for one in executions:
            tries.append(Case(draw.first.scenario, Path(draw.first.flaw).stem, "real", one.ruling.value, accused_by([one])))
            note(tries[-1])

    for number in range(MOST_REAL):
        due = [case for case in cases if not is_told(case, same(case, tries)) and len(same(case, tries)) <= number]
        orders = [
            Order(scenario=case.scenario, system=SYSTEM, world="real", seed=1 + number, flaw=flaws.get(case.flaw, ""))
            for case in due
        ]
        dispatch.run([Draw(order, wanted=1) for order in orders], Desk(folder=folder, watch=lambda _: None, note=take))


def is_told(case: Case, tries: Sequence[Case]) -> bool:
    """Whether another try would add nothing."""
    return ruling_of(tries) in (Ruling.VIOLATED, Ruling.VIOLATED if case.flaw else Ruling.HELD)


def same(case: Case, tries: Iterable[Case]) -> list[Case]:
    """The tries of a case."""
    return [one for one in tries if (one.scenario, one.flaw) == (case.scenario, case.flaw)]


def ruling_of(tries: Sequence[Case]) -> str:
    """Violated if any try was; else what the last one came to, for a first may have fallen on a busy machine."""
    return Ruling.VIOLATED if any(one.ruling == Ruling.VIOLATED for one in tries) else tries[-1].ruling if tries else ""


def page(cases: Sequence[Case]) -> str:
    """docs/agreement.md: the table, those that disagree first."""
    real = [case for case in cases if case.world == "real"]
    rows = []
    for case in cases:
        if case.world == "simulated" and (tries := same(case, real)):
            ruling, there = ruling_of(tries), {name for one in tries for name in one.accused}
            agree, both = ruling == case.ruling, ", ".join(sorted({*case.accused} & there))
            told = [plain(case.scenario), plain(case.flaw or "(sound)"), case.ruling, ruling, "yes" if agree else "**no**"]
            rows.append((agree, [*told, plain(both)]))
    lines = table(COLUMNS, [row for _, row in sorted(rows)])
    counts = {"alike": sum(agree for agree, _ in rows), "rows": len(rows), "scenarios": len({row[0] for _, row in rows})}
    return "\n".join([HEAD.format(**counts, seeds=len(SEEDS)), *lines, ""])


COLUMNS = ["scenario", "flaw", "simulated", "real", "agree", "accused in both worlds"]
HEAD = """# Do the two worlds agree?

Written by `make agreement`: every scenario that both worlds can perform on `async`, the sound service and one with a flaw,
simulated ({seeds} seeds) and with real processes. The flaws were chosen in the simulation: where there is one, a flaw that only
this scenario's fault brings to light.

**{alike} of {rows} times both worlds ruled alike** ({scenarios} scenarios). Where they did not, says
[simulation.md](simulation.md#where-the-worlds-disagree) why.
"""


def main() -> int:
    """0 if both worlds ruled alike everywhere, else 1."""
    words = argparse.ArgumentParser(prog="python -m tests.agreement", description=(__doc__ or "").splitlines()[0])
    words.add_argument("only", nargs="*", help="scenarios (default: every one that both worlds can perform)")
    words.add_argument("--out", type=Path, default=ROOT / "reports" / "agreement", help="what has ended, histories and logs")
    words.add_argument("--world", choices=("simulated", "real"), default="real", help="simulated: only choose the flaws")
    asked = words.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    notes = asked.out / "agreement.jsonl"
    cases = [Case(**json.loads(line)) for line in notes.read_text().splitlines()] if notes.exists() else []

    def note(case: Case) -> None:
        cases.append(case)
        with notes.open("a") as file:
            file.write(json.dumps(asdict(case)) + "\n")
        print(f"{case.ruling} {case.scenario} {case.flaw or '(sound)'} ({case.world})", flush=True)

    wanted = asked.only or names()
    for case in in_the_simulation([name for name in wanted if not any(case.scenario == name for case in cases)]):
        note(case)
    if asked.world == "real":
        due = [case for case in cases if case.world == "simulated" and case.scenario in wanted]
        for_real(due, [case for case in cases if case.world == "real"], asked.out, note)
    text = page(cases)
    if not asked.only and asked.world == "real":
        PAGE.write_text(text)
    print(text)
    return int("**no**" in text)


if __name__ == "__main__":
    sys.exit(main())
