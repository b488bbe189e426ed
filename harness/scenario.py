"""A scenario: traffic + faults + how long it may take to settle + what must hold. A frozen value in a file of its own.

The file's name is the scenario's name, its docstring is the story. Files live in `scenarios/`; any other path works too.
"""

from __future__ import annotations

import dataclasses
import runpy
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Literal

from harness import checkers
from harness.faults import Planned, resolve
from harness.traffic import Submission, Traffic
from harness.usage import UsageError, nearest
from harness.verdict import Checker, Parameterised

FOLDER = Path(__file__).resolve().parent.parent / "scenarios"

Acknowledgements = Literal["required", "impossible", "either"]


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """What happens and what must hold. `name`, `story` and `path` come from the file it stands in."""

    traffic: Traffic
    must_hold: Sequence[Checker]
    faults: Sequence[Planned] = ()
    settles_within_seconds: float = 60.0
    acknowledgements: Acknowledgements = "either"  # inside the fault windows; "required" but none: it proved nothing
    for_acceptance: bool = True  # whether `harness accept` runs it
    name: str = ""
    story: str = ""
    path: str = ""

    def plan(self, *, world: str, seed: int, offers: Collection[str] = ("sendgrid",)) -> tuple[Planned, ...]:
        """The faults of one run, with everything drawn that the scenario leaves open; `offers` is what the system has."""
        random = Random(f"{seed}:faults")
        return tuple(resolve(planned, world=world, random=random, offers=offers) for planned in self.faults)

    def submissions(self, *, seed: int, thinned: bool) -> list[Submission]:
        """The events of one run."""
        traffic = self.traffic.thinned() if thinned else self.traffic
        return traffic.lay_out(Random(f"{seed}:traffic"))

    def with_plan(self, plan: Sequence[Planned]) -> Scenario:
        """The same scenario under another plan: how a stored or shrunk plan is run again."""
        return dataclasses.replace(self, faults=tuple(plan))


def load(name: str) -> Scenario:
    """The scenario of a name in `scenarios/`, or of a path to a .py file. Raises UsageError if there is none."""
    path = Path(name) if name.endswith(".py") else FOLDER / f"{name}.py"
    if not path.is_file():
        if name.endswith(".py"):
            raise UsageError(
                f"There is no scenario file {name}; name a .py file that defines `scenario`, or one of `harness list`."
            )
        raise UsageError(f"There is no scenario '{name}'. {nearest(name, names())}")
    return _read(path)


def names() -> list[str]:
    """The names of every scenario in `scenarios/`."""
    return sorted(path.stem for path in FOLDER.glob("*.py") if not path.stem.startswith("_"))


def _check(scenario: Scenario, path: Path) -> None:
    """Raises UsageError unless every checker is one that a stored history can name."""
    if not scenario.must_hold:
        raise UsageError(f"The scenario file {path} says nothing that must hold; begin with must_hold=[*checkers.the_contract].")
    for checker in scenario.must_hold:
        if isinstance(checker, Parameterised):
            raise UsageError(f"The scenario file {path} names {checker.name} without its limits; write {checker.name}(...).")
        if not isinstance(checker, Checker):
            raise UsageError(
                f"The scenario file {path} has {checker!r} in must_hold; expected checkers, such as checkers.backlog_drains(...)."
            )
        checkers.by_name(checker.name, checker.arguments)


def _read(path: Path) -> Scenario:
    try:
        module = runpy.run_path(str(path))
    except Exception as error:
        raise UsageError(f"The scenario file {path} cannot be run: {type(error).__name__}: {error}.") from error
    scenario = module.get("scenario")
    if not isinstance(scenario, Scenario):
        raise UsageError(
            f"The scenario file {path} defines no `scenario = Scenario(...)`; see scenarios/baseline.py for the smallest one."
        )
    story = (module.get("__doc__") or "").strip()
    if not story:
        raise UsageError(f"The scenario file {path} tells no story; give it a docstring of one sentence.")
    _check(scenario, path)
    return dataclasses.replace(scenario, name=path.stem, story=story.splitlines()[0], path=str(path.resolve()))
