"""Faults that somebody starts and stops by hand while a system runs.

Each becomes part of the history like a planned one: the header's plan gets it when it begins, a `Suffered` with its evidence
tells of its end. So the checkers know it, and the run can be judged again.
"""

from __future__ import annotations

import asyncio
import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError

from harness import checkers
from harness.faults import (
    FAULTS,
    At,
    Deploys,
    Fault,
    NoFault,
    Planned,
    PostgresDiskFills,
    SendGridAnswers,
    SendGridRateLimits,
    story,
    to_data,
)
from harness.history import Suffered
from harness.runner import why_not_applicable
from harness.systems import System
from harness.usage import nearest
from harness.validation import wrong_value
from harness.verdict import Checker
from harness.worlds.real.world import RealWorld
from harness.worlds.world import Occasion

MOMENTARY = (NoFault, Deploys)  # over as soon as they have happened, whatever time they are given
NOT_BY_HAND: Mapping[type[Fault], str] = {
    PostgresDiskFills: "Postgres has no small disk of its own unless a scenario asks for one"
}
LONGEST_S = 3600.0

Phase = Literal["hurting", "healing", "over"]


class RefusedError(Exception):
    """A fault that cannot be started or stopped, and why, in one sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting of a fault: what kind of value it takes, and which it has if nobody says."""

    name: str
    kind: Literal["whole number", "number", "choice"]
    default: Any
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One kind of fault: what it does, its settings, and why it cannot happen here ("" if it can)."""

    name: str
    story: str
    settings: tuple[Setting, ...]
    momentary: bool
    why_not: str


@dataclass(kw_only=True, eq=False)
class Injection:
    """One fault that was started."""

    index: int  # in the plan
    fault: Fault
    begin_s: float
    lasts_seconds: float  # infinity: until somebody stops it
    phase: Phase = "hurting"
    end_s: float | None = None
    evidence: str | None = None
    stopped: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def name(self) -> str:
        """The kind of fault."""
        return type(self.fault).__name__


class Injector:
    """Starts faults in a world, stops them, and heals all of them at the end."""

    def __init__(self, world: RealWorld, system: System, *, begin: Callable[[], None]) -> None:
        self._world = world
        self._begin = begin  # a fault may come before any traffic: then everything begins with it
        self._offers = {name: _offer(kind, system) for name, kind in FAULTS.items()}
        self._tasks: list[asyncio.Task[None]] = []
        self._is_closed = False
        self.injections: list[Injection] = []

    @property
    def offers(self) -> Sequence[Offer]:
        """Every kind of fault there is."""
        return tuple(self._offers.values())

    @property
    def is_calm(self) -> bool:
        """Whether nothing hurts."""
        return all(one.phase == "over" for one in self.injections)

    @property
    def calm_since_s(self) -> float:
        """When the last fault was healed; 0 if there was none."""
        return max((one.end_s for one in self.injections if one.end_s is not None), default=0.0)

    def start(self, name: str, settings: Mapping[str, Any], *, lasts_seconds: float = math.inf) -> Injection:
        """Begin a fault now; it ends by itself after `lasts_seconds`, or when it is stopped. Raises RefusedError."""
        if self._is_closed:
            raise RefusedError("The session is ending, so no fault begins any more.")
        offer = self._offers.get(name)
        if offer is None:
            raise RefusedError(f"There is no fault '{name}'. {nearest(name, self._offers)}")
        if offer.why_not:
            raise RefusedError(f"{name} cannot happen here: {offer.why_not}.")
        if not 0 <= lasts_seconds <= LONGEST_S and lasts_seconds != math.inf:
            wanted = f"expected 0 to {LONGEST_S:g}, or none at all: until it is stopped"
            raise RefusedError(f"A fault cannot last {lasts_seconds:g} seconds; {wanted}.")
        if any(one.name == name and one.phase != "over" for one in self.injections):
            raise RefusedError(f"{name} is going on already; stop it before you start another.")
        fault = _made(offer, settings)
        self._begin()
        injection = Injection(
            index=len(self.injections),
            fault=fault,
            begin_s=self._world.clock.now(),
            lasts_seconds=0.0 if offer.momentary else lasts_seconds,
        )
        self.injections.append(injection)
        self._also_judge(_promise_about(fault))
        self._write_plan()
        self._tasks.append(asyncio.create_task(self._hurt(injection), name=f"fault {injection.index}: {name}"))
        return injection

    def stop(self, index: int) -> Injection:
        """End a fault; it heals meanwhile. Raises RefusedError if there is none of that number."""
        if not 0 <= index < len(self.injections):
            raise RefusedError(f"There is no fault number {index}; {len(self.injections)} were started so far, the first is 0.")
        self.injections[index].stopped.set()
        return self.injections[index]

    def require(self) -> None:
        """Raises what broke the harness' own part in a fault: a server that did not come back, say."""
        for task in self._tasks:
            if task.done() and not task.cancelled():
                task.result()

    def under_way(self) -> list[Suffered]:
        """The faults that are not over yet, as if they ended now: what a checker has to know of them."""
        now = self._world.clock.now()
        return [
            Suffered(
                index=one.index,
                name=one.name,
                story=story(one.fault),
                begin_s=one.begin_s,
                end_s=now,
                evidence="it is going on",
                processes=(),
            )
            for one in self.injections
            if one.phase != "over"
        ]

    def close(self) -> None:
        """No fault begins from now on."""
        self._is_closed = True

    async def heal(self) -> None:
        """End every fault and wait until all are healed; no other begins."""
        self.close()
        for injection in self.injections:
            injection.stopped.set()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _hurt(self, injection: Injection) -> None:
        try:
            async with self._world.suffering(injection.fault, Occasion(), index=injection.index):
                with suppress(TimeoutError):
                    async with asyncio.timeout(None if math.isinf(injection.lasts_seconds) else injection.lasts_seconds):
                        await injection.stopped.wait()
                injection.phase = "healing"
        finally:
            suffered = next((one for one in self._world.history.of(Suffered) if one.index == injection.index), None)
            injection.phase, injection.end_s = "over", self._world.clock.now()
            injection.evidence = suffered.evidence if suffered else None
            self._write_plan()

    def _also_judge(self, checker: Checker | None) -> None:
        """A promise about this kind of fault: without one of them there would be nothing to judge."""
        header = self._world.history.header
        if checker is not None and checker.to_data() not in header.must_hold:
            self._world.history.header = dataclasses.replace(header, must_hold=(*header.must_hold, checker.to_data()))

    def _write_plan(self) -> None:
        """The plan as it came to be, so that the history can be judged by anybody."""
        history, now = self._world.history, self._world.clock.now()
        plan = [
            Planned(one.fault, At(round(one.begin_s, 3)), round((now if one.end_s is None else one.end_s) - one.begin_s, 3))
            for one in self.injections
        ]
        history.header = dataclasses.replace(history.header, plan=tuple(to_data(planned) for planned in plan))


def _promise_about(fault: Fault) -> Checker | None:
    """The promise that only such a fault puts to the test."""
    match fault:
        case SendGridAnswers(status=status) if status >= 500:
            return checkers.provider_is_spared
        case SendGridRateLimits():
            return checkers.rate_limit_is_respected
    return None


def _offer(kind: type[Fault], system: System) -> Offer:
    hints = get_type_hints(kind)
    return Offer(
        name=kind.__name__,
        story=(kind.__doc__ or "").strip().splitlines()[0],
        settings=tuple(_setting(each.name, hints[each.name], each.default) for each in dataclasses.fields(kind)),
        momentary=kind in MOMENTARY,
        why_not=NOT_BY_HAND.get(kind) or why_not_applicable([Planned(kind(), At(0.0), 0.0)], system, world="real"),
    )


def _setting(name: str, hint: Any, default: Any) -> Setting:
    if get_origin(hint) is Literal:
        return Setting(name=name, kind="choice", default=default, choices=get_args(hint))
    return Setting(name=name, kind="whole number" if hint is int else "number", default=default)


def _made(offer: Offer, settings: Mapping[str, Any]) -> Fault:
    """The fault with these settings. Raises RefusedError."""
    known = [setting.name for setting in offer.settings]
    for name in settings:
        if name not in known:
            hint = nearest(name, known) if known else "It has none."
            raise RefusedError(f"{offer.name} has no setting '{name}'. {hint}")
    try:
        made: Fault = TypeAdapter(FAULTS[offer.name]).validate_python(dict(settings))
    except ValidationError as error:
        first = error.errors()[0]
        told = wrong_value(first, where=".".join(map(str, first["loc"])))
        raise RefusedError(f"{offer.name} cannot be started: {told}.") from None
    return made
