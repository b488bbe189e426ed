"""Faults: what can go wrong, as values, and when. Worlds (`worlds/`) make them happen; nothing here does.

A `Planned` fault is a fault, a trigger and how long it lasts. A plan is data (`to_data`, `from_data`): it is drawn from the
seed, stored with the run, and can be shrunk. `NoFault` is the smallest one to copy.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from dataclasses import dataclass
from random import Random
from typing import Any, ClassVar, Literal

Loss = Literal["process-crash", "power-loss", "empty"]
BLIND_SPREAD_SECONDS = 3.0  # within which the moment of `AmidWork` is drawn where nothing of the work can be seen
FLAG_COMMAND = "flag"  # the name under which the commands that turn the flag (`FlagFlips`) stand in the history


@dataclass(frozen=True, slots=True)
class NoFault:
    """Nothing goes wrong; its evidence is that it was reached."""

    needs: ClassVar[str] = "api"


@dataclass(frozen=True, slots=True)
class SendGridAnswers:
    """SendGrid answers every mail with one status and takes none."""

    needs: ClassVar[str] = "sendgrid"
    status: int = 503

    def __post_init__(self) -> None:
        _require(400 <= self.status <= 599, f"status is {self.status}, expected an HTTP status that takes no mail: 400 to 599")


@dataclass(frozen=True, slots=True)
class SendGridRateLimits:
    """SendGrid takes `mails` per window and answers the rest 429 with X-RateLimit-Reset."""

    needs: ClassVar[str] = "sendgrid"
    mails: int = 5
    window_seconds: int = 5

    def __post_init__(self) -> None:
        _require(0 <= self.mails <= 1_000_000, f"mails is {self.mails}, expected 0 to 1,000,000")
        _require(1 <= self.window_seconds <= 3600, f"window_seconds is {self.window_seconds}, expected 1 to 3,600")


@dataclass(frozen=True, slots=True)
class SendGridLosesReplies:
    """SendGrid takes mails, but a share of its replies is lost: the connection is reset instead."""

    needs: ClassVar[str] = "sendgrid"
    share: float = 0.5

    def __post_init__(self) -> None:
        _require(0 <= self.share <= 1, f"share is {self.share:g}, expected 0 to 1")


@dataclass(frozen=True, slots=True)
class RedisCrashes:
    """Redis is killed (kill -9), and started again when the fault ends; `loss` is what it forgets."""

    needs: ClassVar[str] = "redis"
    loss: Loss = "process-crash"


@dataclass(frozen=True, slots=True)
class RedisLosesReplies:
    """Redis executes commands of one role's processes, but its replies are lost and the connections break."""

    needs: ClassVar[str] = "redis"
    role: Literal["api", "worker"] = "api"


@dataclass(frozen=True, slots=True)
class PostgresCrashes:
    """Postgres is killed (kill -9), and started again when the fault ends."""

    needs: ClassVar[str] = "postgres"


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
class Deploys:
    """Every process is told to stop (SIGTERM) and started again, one after the other: a rolling deploy."""

    needs: ClassVar[str] = "api"


@dataclass(frozen=True, slots=True)
class FlagFlips:
    """The service's flag is turned: `percent` of its events go to the queue, until the fault ends and the flag is cleared."""

    needs: ClassVar[str] = "flag"
    percent: int = 0

    def __post_init__(self) -> None:
        _require(0 <= self.percent <= 100, f"percent is {self.percent}, expected 0 to 100")


def _require(fits: bool, what: str) -> None:
    if not fits:
        raise ValueError(what)


Fault = (
    NoFault
    | SendGridAnswers
    | SendGridRateLimits
    | SendGridLosesReplies
    | RedisCrashes
    | RedisLosesReplies
    | PostgresCrashes
    | WorkerCrashes
    | WorkerFreezes
    | WorkersStop
    | Deploys
    | FlagFlips
)
FAULTS: dict[str, type[Fault]] = {
    fault.__name__: fault
    for fault in (
        NoFault,
        SendGridAnswers,
        SendGridRateLimits,
        SendGridLosesReplies,
        RedisCrashes,
        RedisLosesReplies,
        PostgresCrashes,
        WorkerCrashes,
        WorkerFreezes,
        WorkersStop,
        Deploys,
        FlagFlips,
    )
}


@dataclass(frozen=True, slots=True)
class At:
    """A moment: seconds after the traffic began."""

    needs: ClassVar[str] = "api"
    seconds: float


@dataclass(frozen=True, slots=True)
class UponMail:
    """The moment the provider sees its n-th call at or after `after_seconds`; the caller is held in mid-call.

    It is held before the provider decides: a caller that dies of the fault leaves a mail that was never taken.
    """

    needs: ClassVar[str] = "sendgrid"
    number: int
    after_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class AtOperation:
    """The moment a worker performs its n-th I/O operation at or after `after_seconds` (simulated world only).

    In a system without workers an API process does the work, and is meant.

    `sent` says whether that operation still leaves the machine.
    """

    needs: ClassVar[str] = "api"
    number: int
    after_seconds: float = 0.0
    sent: bool = True


@dataclass(frozen=True, slots=True)
class AmidWork:
    """Some moment at which a worker is in the middle of an event; each world draws one from the seed (see `resolve`)."""

    needs: ClassVar[str] = "api"
    after_seconds: float = 0.0


Trigger = At | UponMail | AtOperation | AmidWork
TRIGGERS: dict[str, type[Trigger]] = {trigger.__name__: trigger for trigger in (At, UponMail, AtOperation, AmidWork)}


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
