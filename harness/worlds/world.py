"""The one shape both worlds have. `runner` performs a scenario against this protocol and knows nothing else of a world.

`_world` is the only place that chooses between the two.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from harness.faults import Fault, Planned, Trigger
from harness.history import History, Pair, Post, Read
from harness.systems import System
from harness.traffic import Event

if TYPE_CHECKING:
    from harness.worlds.real.world import RealWorld
    from harness.worlds.simulated.world import SimulatedWorld


class Clock(Protocol):
    """Seconds since the traffic began, virtual or wall. Waiting is `asyncio.sleep` in both worlds."""

    def now(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Occasion:
    """What a trigger met: the process it concerns ("worker-1"; held there until the fault bites), and what it was doing."""

    process: str | None = None
    what: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalState:
    """What a world says of the end: whether its rows were read, and how many keys of Redis have no expiry (None: unknown)."""

    rows_read: bool
    lasting_keys: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What a world is opened for."""

    system: System
    history: History  # empty, with its header: the world records everything it sees here
    seed: int
    plan: Sequence[Planned]  # known beforehand, so that a world can prepare (snapshots, proxies)
    folder: Path | None  # where process logs go; None keeps none
    flaw: str = ""  # path of a flaw to plant into the service (simulated world)


class World(Protocol):
    """A running system under test. An async context manager yields it; leaving the block stops everything."""

    name: str  # "simulated" | "real"
    clock: Clock
    history: History
    supported_faults: frozenset[type[Fault]]

    def begin(self) -> None:
        """The traffic begins now: the clock reads 0."""

    async def submit(self, event: Event, *, attempt: int) -> Post:
        """One POST /ingest, recorded with its answer. Never raises for what a service or network does."""

    async def read_status(self, pair: Pair, *, final: bool = False) -> Read:
        """One GET of the event's status (`source` named), recorded with its answer. Never raises likewise."""

    async def reached(self, trigger: Trigger) -> Occasion:
        """Wait until a trigger is met. A process it concerns is held in mid-work until `suffering` has begun."""

    def suffering(self, fault: Fault, occasion: Occasion, *, index: int) -> AbstractAsyncContextManager[None]:
        """The fault hurts inside the block and is healed after it, also on error; records `Suffered` with its evidence."""

    async def record_final_state(self) -> FinalState:
        """Record every stored row as `Row`; what else is known in the end."""

    @staticmethod
    def cannot_suffer(planned: Planned) -> str:
        """Why a supported fault or its trigger cannot happen here and now; empty if it can."""


def run(name: str, main: Callable[[], Coroutine[Any, Any, None]], *, seed: int) -> None:
    """Run `main` on the event loop of that world: virtual time and everything drawn from `seed`, or asyncio's own."""
    if name == "simulated":
        from harness.worlds.simulated.time import simulate

        simulate(main, seed=seed)
    else:
        asyncio.run(main())


def open_world(name: str, stage: Stage) -> AbstractAsyncContextManager[World]:
    """The world of that name with the stage's system running and ready in it.

    Raises UsageError if the system cannot be started: command not found, never ready, no `[simulation]`.
    """
    return _world(name).open(stage)


def cannot_suffer(name: str, planned: Planned) -> str:
    """Why a fault or its trigger cannot happen in the world of that name; empty if it can. Nothing stays started to tell."""
    world = _world(name)
    if type(planned.fault) not in world.supported_faults:
        return f"the {name} world cannot make {type(planned.fault).__name__} happen"
    return world.cannot_suffer(planned)


def _world(name: str) -> type[SimulatedWorld] | type[RealWorld]:
    """Imported late: each world brings libraries of its own along."""
    if name == "simulated":
        from harness.worlds.simulated.world import SimulatedWorld

        return SimulatedWorld
    from harness.worlds.real.world import RealWorld

    return RealWorld
