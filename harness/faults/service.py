"""Faults of the service's own: nothing at all, its flag, its processes. `NoFault` is the smallest one to copy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from harness.faults.settings import require

FLAG_COMMAND = "flag"  # the name under which the commands that turn the flag (`FlagFlips`) stand in the history


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
class Upgrades:
    """Every process of one role becomes the next version (SIGTERM, `[upgrade] env`), the others follow when the fault ends."""

    needs: ClassVar[str] = "upgrade"
    first: Literal["api", "worker"] = "api"


@dataclass(frozen=True, slots=True)
class ClockJumps:
    """The wall clock of a role's processes jumps by so many seconds, and back when the fault ends (simulated world only)."""

    needs: ClassVar[str] = "api"
    seconds: float = 3600.0
    role: Literal["api", "worker"] = "worker"

    def __post_init__(self) -> None:
        require(0 < abs(self.seconds) <= 10_000_000, f"seconds is {self.seconds:g}, expected up to 10,000,000, and not 0")


@dataclass(frozen=True, slots=True)
class EventKillsWorkers:
    """One event kills whoever works on it (kill -9, at its mail), again and again; who was killed is started again after 1 s."""

    needs: ClassVar[str] = "sendgrid"


@dataclass(frozen=True, slots=True)
class FlagFlips:
    """The service's flag is turned: `percent` of its events go to the queue, until the fault ends and the flag is cleared."""

    needs: ClassVar[str] = "flag"
    percent: int = 0

    def __post_init__(self) -> None:
        require(0 <= self.percent <= 100, f"percent is {self.percent}, expected 0 to 100")
