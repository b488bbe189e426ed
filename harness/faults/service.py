"""Faults of the service's own: nothing at all, its flag, its processes. `NoFault` is the smallest one to copy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from harness.faults.settings import require


@dataclass(frozen=True, slots=True)
class NoFault:
    """Nothing goes wrong; its evidence is that it was reached."""

    needs: ClassVar[str] = "api"


@dataclass(frozen=True, slots=True)
class WorkerCrashes:
    """One worker is killed (kill -9), and started again when the fault ends."""

    needs: ClassVar[str] = "worker"


@dataclass(frozen=True, slots=True)
class WorkerFreezes:
    """One worker stops (SIGSTOP), and goes on where it was (SIGCONT) when the fault ends."""

    needs: ClassVar[str] = "worker"


@dataclass(frozen=True, slots=True)
class WorkersStop:
    """Every worker is told to stop (SIGTERM), and all are started again when the fault ends."""

    needs: ClassVar[str] = "worker"


@dataclass(frozen=True, slots=True)
class ApiCrashes:
    """One API process is killed (kill -9), and started again when the fault ends."""

    needs: ClassVar[str] = "api"


@dataclass(frozen=True, slots=True)
class ApiFreezes:
    """One API process stops (SIGSTOP), and goes on where it was (SIGCONT) when the fault ends."""

    needs: ClassVar[str] = "api"


@dataclass(frozen=True, slots=True)
class Deploys:
    """Every process is told to stop (SIGTERM) and started again, one after the other: a rolling deploy."""

    needs: ClassVar[str] = "api"


@dataclass(frozen=True, slots=True)
class FlagFlips:
    """The service's flag is turned: `percent` of its events go to the queue, until the fault ends and the flag is cleared."""

    needs: ClassVar[str] = "flag"
    percent: int = 0

    def __post_init__(self) -> None:
        require(0 <= self.percent <= 100, f"percent is {self.percent}, expected 0 to 100")
