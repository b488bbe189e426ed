"""What came of one flaw, or of one tampered fact: a row of the proof, as plain data. `hunt` and `tampering` make them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.verdict import Ruling

FLAW, TAMPERING = "flaw", "tampering"


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """One lie told to the harness: planted into a service (`flaw`) or into a history (`tampering`).

    It held if the checker meant for it accused, is violated if that checker saw nothing, and unknown if it could not tell.
    """

    kind: str
    name: str
    story: str
    caught_by: str
    scenario: str
    world: str
    system: str
    ruling: Ruling
    accused: tuple[str, ...] = ()  # every checker that accused, in the runs up to the one that caught it
    seeds: int = 1  # how many schedules were tried
    seed: int | None = None  # the one in which it was caught
    cpu_s: float = 0.0  # of this process, until it was caught; what real processes used is not in it
    wall_s: float = 0.0
    folder: str = ""  # where the history that convicts it lies, relative to the run's
    repeat: str = ""
    reason: str = ""  # why it was not caught

    @property
    def is_caught(self) -> bool:
        """Whether the checker meant for it accused."""
        return self.ruling is Ruling.HELD

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Challenge:
        """The challenge `dataclasses.asdict` wrote. Raises KeyError, TypeError or ValueError if it is none."""
        return cls(**(dict(data) | {"ruling": Ruling(data["ruling"]), "accused": tuple(data["accused"])}))
