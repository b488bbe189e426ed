"""The flaws of a system: one file each in the folder its system file names, `[simulation] flaws`.

A flaw is a Python file with a docstring of one sentence, `plant()` (a context manager under which the service has the flaw),
`CAUGHT_BY` (the checker meant to see it) and `IN` (the scenario that brings it to light). `WORLD` may say "real" (only there
can it be seen) or "both", and `SYSTEM` that it lives in another built-in system.
"""

from __future__ import annotations

import runpy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import checkers, scenario, systems
from harness.systems import System
from harness.usage import UsageError, nearest

WORLDS = {"simulated": ("simulated",), "real": ("real",), "both": ("simulated", "real")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """One known way to be broken."""

    name: str
    story: str
    path: str
    caught_by: str
    scenario: str
    worlds: tuple[str, ...]
    system: str


def of(system: System, *, name: str) -> list[Flaw]:
    """Every flaw of a system that goes by `name` on the command line; none if its file names no folder.

    Raises UsageError for a folder or a file that is none.
    """
    if system.simulation is None or system.simulation.flaws is None:
        return []
    folder = (system.path.parent / system.simulation.flaws).resolve()
    paths = sorted(folder.glob("[!_]*.py"))
    if not paths:
        raise UsageError(f"There are no flaws in {folder}, which simulation.flaws of '{system.name}' names; correct the path.")
    return [read(path, system=name) for path in paths]


def read(path: Path, *, system: str) -> Flaw:
    """The flaw in a file. Raises UsageError with one sentence if it is none."""
    try:
        said = runpy.run_path(str(path))
    except Exception as error:
        raise UsageError(f"The flaw {path} cannot be read: {type(error).__name__}: {error}.") from error
    for name in ("plant", "CAUGHT_BY", "IN"):
        if name not in said:
            raise UsageError(f"The flaw {path} defines no {name}; rate_limit_ignored.py is the smallest to copy.")
    story = " ".join((said.get("__doc__") or "").split())
    if not story:
        raise UsageError(f"The flaw {path} tells no story; give it a docstring of one sentence.")
    flaw = Flaw(
        name=path.stem,
        story=story,
        path=str(path),
        caught_by=said["CAUGHT_BY"],
        scenario=said["IN"],
        worlds=_worlds(path, said),
        system=said.get("SYSTEM", system),
    )
    _require_known(flaw)
    return flaw


def _worlds(path: Path, said: dict[str, Any]) -> tuple[str, ...]:
    world = said.get("WORLD", "simulated")
    if world not in WORLDS:
        raise UsageError(f"The flaw {path} says WORLD = {world!r}. {nearest(str(world), WORLDS)}")
    return WORLDS[world]


def _require_known(flaw: Flaw) -> None:
    if flaw.caught_by not in checkers.CHECKERS:
        told = f"The flaw {flaw.path} is caught by '{flaw.caught_by}', a checker nobody knows."
        raise UsageError(f"{told} {nearest(flaw.caught_by, checkers.CHECKERS)}")
    scenario.load(flaw.scenario)
    systems.load(flaw.system)
