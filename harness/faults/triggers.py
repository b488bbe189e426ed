"""Triggers: the moment at which a fault begins, a time or something seen on the wire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


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
