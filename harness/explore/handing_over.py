"""A finding as things a person can use: a scenario file that repeats it, its history to replay, and a row of the results."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness import checkers, systems
from harness.archive import Execution, RunFolder, write_atomically
from harness.explore.attempt import Subject, charges_of
from harness.explore.finding import Finding
from harness.explore.trial import Trial, scenario_of
from harness.faults import At, AtOperation, Fault, Planned, Trigger, UponMail
from harness.runner import Order, execute
from harness.traffic import Posted
from harness.verdict import Checker

FOLDER = "found"
WORDS = ("Scenario", "at_operation", "between", "checkers", "faults", "mail", "traffic", "upon")


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """A finding that stands in the run's folder: its file, and what came of running that file."""

    finding: Finding
    name: str
    path: Path
    order: Order
    execution: Execution | None = None  # None: nobody ran the file yet

    @property
    def reproduces(self) -> bool:
        """Whether running the file shows what was found."""
        return self.execution is not None and self.finding.charge in charges_of(self.execution)


def write(findings: Sequence[Finding], folder: RunFolder, subject: Subject) -> list[Handed]:
    """Write a scenario file of every finding. What was shrunk to least comes first."""
    ordered = sorted(findings, key=lambda one: (not one.is_shrunk, len(one.shrunk.plan), len(one.shrunk.posted)))
    return [_write(finding, number, folder=folder, subject=subject) for number, finding in enumerate(ordered, start=1)]


def _write(finding: Finding, number: int, *, folder: RunFolder, subject: Subject) -> Handed:
    name, trial = f"found_{number}_{finding.charge.checker}", finding.shrunk
    path = folder.path / FOLDER / f"{name}.py"
    path.parent.mkdir(exist_ok=True)
    write_atomically(path, scenario_text(trial, story=_story(finding, subject), subject=subject))
    order = Order(scenario=str(path), system=subject.system, world=subject.world, seed=trial.seed, flaw=subject.flaw)
    return Handed(finding=finding, name=name, path=path, order=order)


def performed(handed: Handed, folder: RunFolder) -> Handed:
    """Run the file of a finding, and keep its history for `harness replay`."""
    order = handed.order
    place = folder.execution_folder(handed.name, order.world, order.seed)
    seen = execute(order, place if order.world == "real" else None)
    if seen.history is None:
        return dataclasses.replace(handed, execution=seen.execution)
    folder.keep(seen.history, place)
    return dataclasses.replace(handed, execution=dataclasses.replace(seen.execution, folder=folder.relative(place)))


def _story(finding: Finding, subject: Subject) -> str:
    claim = checkers.stories()[finding.charge.checker].rstrip(".")
    causes = " and ".join(finding.causes) or "no fault at all"
    flaw = f", with the flaw {Path(subject.flaw).stem}" if subject.flaw else ""
    left = "" if finding.is_shrunk else ", not shrunk"
    return f"{claim}: not so with {causes} (explored {subject.system}{flaw}, seed {finding.shrunk.seed}{left})."


def scenario_text(trial: Trial, *, story: str, subject: Subject) -> str:
    """A scenario file: `harness run FILE --seed N` repeats the trial exactly in the simulation."""
    scenario = scenario_of(trial, systems.load(subject.system))
    body = [
        "scenario = Scenario(",
        "    traffic=traffic.of_events(",
        *_listed((posted_text(posted) for posted in trial.posted), indent=8),
        "    ),",
        *_listed((planned_text(planned) for planned in scenario.faults), indent=4, name="faults="),
        *_listed(_demands(scenario.must_hold), indent=4, name="must_hold="),
        ")",
    ]
    text = "\n".join(body)
    used = [word for word in WORDS if f"{word}(" in text or f"{word}." in text]
    return f'"""{story}"""\n\nfrom harness import {", ".join(used)}\n\n{text}\n'


def _listed(items: Iterator[str], *, indent: int, name: str = "") -> Iterator[str]:
    space, end = " " * indent, "," if name else ""
    lines = [f"{space}    {item}," for item in items]
    yield from [f"{space}{name}[", *lines, f"{space}]{end}"] if lines else [f"{space}{name}[]{end}"]


def posted_text(posted: Posted) -> str:
    """An event as a scenario file writes it."""
    return f"traffic.Posted({_settings(posted)})"


def planned_text(planned: Planned) -> str:
    """A planned fault as a scenario file writes it."""
    fault = _fault_text(planned.fault)
    if isinstance(planned.trigger, At):
        begin_s = planned.trigger.seconds
        return f"between({begin_s:g}, {round(begin_s + planned.lasts_seconds, 3)!r}, {fault})"
    return f"upon({_trigger_text(planned.trigger)}, {fault}, for_seconds={planned.lasts_seconds!r})"


def _fault_text(fault: Fault) -> str:
    return f"faults.{type(fault).__name__}({_settings(fault)})"


def _trigger_text(trigger: Trigger) -> str:
    after = f", after_seconds={trigger.after_seconds!r}" if not isinstance(trigger, At) and trigger.after_seconds else ""
    if isinstance(trigger, AtOperation):
        return f"at_operation({trigger.number}{after}{'' if trigger.sent else ', sent=False'})"
    assert isinstance(trigger, UponMail), trigger
    return f"mail({trigger.number}{after})"


def _settings(value: Posted | Fault) -> str:
    """Every field that is not what it would be anyway."""
    given = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    defaults = {field.name: field.default for field in dataclasses.fields(value)}
    return ", ".join(f"{name}={_literal(given[name])}" for name in given if given[name] != defaults[name])


def _literal(value: object) -> str:
    return json.dumps(value) if isinstance(value, str) else repr(value)


def _demands(must_hold: Sequence[Checker]) -> Iterator[str]:
    contract = set(checkers.the_contract) if set(checkers.the_contract) <= set(must_hold) else set()
    if contract:
        yield "*checkers.the_contract"
    for checker in must_hold:
        if checker not in contract:
            arguments = ", ".join(f"{name}={value:g}" for name, value in checker.arguments.items())
            yield f"checkers.{checker.name}({arguments})" if arguments else f"checkers.{checker.name}"
