"""`harness list`: what can be named on the command line and in a scenario."""

from __future__ import annotations

from argparse import Namespace

from harness import checkers, faults, scenario, systems
from harness.verbs.display import console
from harness.verdict import Ruling


def list_everything(_: Namespace) -> Ruling:
    """`harness list`: scenarios, faults, checkers and systems, each with its one-line story."""
    stories = {
        "scenarios": {name: scenario.load(name).story for name in scenario.names()},
        "faults": {name: (fault.__doc__ or "").splitlines()[0] for name, fault in faults.FAULTS.items()},
        "checkers": checkers.stories(),
        "systems": {name: systems.load(name).description for name in systems.built_in()},
    }
    for kind, members in stories.items():
        console.print(f"[bold]{kind}[/]")
        for name, story in members.items():
            console.print(f"  {name:<40} {story}", markup=False)
    return Ruling.HELD
