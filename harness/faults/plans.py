"""Plans: faults, when they begin and how long they last. A plan is data (`to_data`, `from_data`): it is drawn from the
seed, stored with the run, and can be shrunk.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from dataclasses import dataclass
from random import Random
from typing import Any

from harness.faults.catalogue import FAULTS, Fault
from harness.faults.triggers import TRIGGERS, AmidWork, At, AtOperation, Trigger, UponMail

BLIND_SPREAD_SECONDS = 3.0  # within which the moment of `AmidWork` is drawn where nothing of the work can be seen


@dataclass(frozen=True, slots=True)
class Planned:
    """A fault, when it begins, and how long it lasts."""

    fault: Fault
    trigger: Trigger
    lasts_seconds: float

    @property
    def latest_end_seconds(self) -> float | None:
        """When it ends, if that is known beforehand."""
        return self.trigger.seconds + self.lasts_seconds if isinstance(self.trigger, At) else None


def between(begin_seconds: float, end_seconds: float, fault: Fault) -> Planned:
    """`fault` from `begin_seconds` to `end_seconds` after the traffic began."""
    return Planned(fault, At(begin_seconds), end_seconds - begin_seconds)


def upon(trigger: Trigger, fault: Fault, *, for_seconds: float) -> Planned:
    """`fault` from the moment `trigger` is seen: `upon(mail(10), faults.WorkerCrashes(), for_seconds=3)`."""
    return Planned(fault, trigger, for_seconds)


def mail(number: int, *, after_seconds: float = 0.0) -> UponMail:
    """The moment the provider sees its `number`-th call."""
    return UponMail(number, after_seconds)


def at_operation(number: int, *, after_seconds: float = 0.0, sent: bool = True) -> AtOperation:
    """The moment workers perform their `number`-th I/O operation (simulated world only)."""
    return AtOperation(number, after_seconds, sent)


def amid_work(*, after_seconds: float) -> AmidWork:
    """Some moment at which a worker is in the middle of an event, drawn from the seed."""
    return AmidWork(after_seconds)


def resolve(planned: Planned, *, world: str, random: Random, offers: Collection[str]) -> Planned:
    """Draw what the plan leaves open: `AmidWork` becomes an I/O operation in the simulation, a mail on the wire for real.

    `offers` is what the system has; where it sends no mail, nothing of its work is seen on the wire, and a time is drawn.
    """
    if not isinstance(planned.trigger, AmidWork):
        return planned
    after = planned.trigger.after_seconds
    trigger: Trigger = UponMail(random.randint(1, 10), after)
    if world == "simulated":
        trigger = AtOperation(random.randint(1, 60), after, sent=random.random() < 0.5)
    elif trigger.needs not in offers:
        trigger = At(round(after + random.uniform(0.0, BLIND_SPREAD_SECONDS), 3))
    return dataclasses.replace(planned, trigger=trigger)


def story(fault: Fault) -> str:
    """One sentence for people: the fault's docstring and its settings."""
    settings = ", ".join(f"{field.name}={getattr(fault, field.name)!r}" for field in dataclasses.fields(fault))
    sentence = (type(fault).__doc__ or "").strip().splitlines()[0]
    return f"{sentence} ({settings})" if settings else sentence


def to_data(planned: Planned) -> dict[str, Any]:
    """A planned fault as JSON data."""
    return {
        "fault": type(planned.fault).__name__,
        "settings": dataclasses.asdict(planned.fault),
        "trigger": type(planned.trigger).__name__,
        "when": dataclasses.asdict(planned.trigger),
        "lasts_seconds": planned.lasts_seconds,
    }


def from_data(data: dict[str, Any]) -> Planned:
    """The planned fault that `to_data` wrote. Raises KeyError or TypeError if it is none."""
    fault = FAULTS[data["fault"]](**data["settings"])
    return Planned(fault, TRIGGERS[data["trigger"]](**data["when"]), data["lasts_seconds"])
