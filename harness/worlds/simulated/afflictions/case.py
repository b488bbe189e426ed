"""One fault about to happen in the simulated world: to what, on which occasion, and what became of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from harness.worlds.simulated.fleet import Fleet, Servers
from harness.worlds.world import Occasion


@dataclass
class Wound:
    """What a fault did: whom it hurt, and the evidence, None as long as there is none."""

    processes: tuple[str, ...] = ()
    evidence: str | None = None
    keeps: str | None = None  # the process it stops for as long as it lasts


@dataclass(frozen=True)
class Case:
    """What can be hurt, whom the trigger met, and the wound."""

    fleet: Fleet
    servers: Servers
    random: Random  # who is hurt where nobody is named
    now: Callable[[], float]
    occasion: Occasion
    wound: Wound = field(default_factory=Wound)

    def victim(self, role: str) -> str:
        """The one process of a role that is hurt: the one that met the trigger, else one that is drawn."""
        names = [member.name for member in self.fleet.members.values() if member.role == role]
        return self.occasion.process if self.occasion.process in names else self.random.choice(names)

    def roles(self, role: str) -> frozenset[str] | None:
        """Whose connections fail (None: everybody's); without workers an API process does the work."""
        if role == "every":
            return None
        return frozenset({role if role == "api" or self.fleet.workers() else "api"})
