"""What can be hurt in the real world, and what a fault did to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from harness.worlds.provider import Provider
from harness.worlds.real.stack import Stack


@dataclass
class Injury:
    """What a fault did so far: whom it hurt, and the evidence (None: nothing yet)."""

    processes: tuple[str, ...] = ()
    evidence: str | None = None


@dataclass(frozen=True, kw_only=True)
class Ward:
    """What can be hurt, and which process of each role is meant where a fault says "one"."""

    stack: Stack
    provider: Provider
    victims: Mapping[str, str]  # by role
    moment: str  # what the victim was doing

    def names(self, role: str) -> list[str]:
        """The processes whose connections fail; without workers an API process does the work."""
        fleet = self.stack.fleet
        return fleet.names() if role == "every" else fleet.names(role) or fleet.names("api")


Inflict = Callable[[Ward, Any], AbstractAsyncContextManager[Injury]]
