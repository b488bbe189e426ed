"""Faults of the mail provider, SendGrid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from harness.faults.settings import require


@dataclass(frozen=True, slots=True)
class SendGridAnswers:
    """SendGrid answers every mail with one status and takes none."""

    needs: ClassVar[str] = "sendgrid"
    status: int = 503

    def __post_init__(self) -> None:
        require(400 <= self.status <= 599, f"status is {self.status}, expected an HTTP status that takes no mail: 400 to 599")


@dataclass(frozen=True, slots=True)
class SendGridRateLimits:
    """SendGrid takes `mails` per window and answers the rest 429, with X-RateLimit-Reset or without a word about when."""

    needs: ClassVar[str] = "sendgrid"
    mails: int = 5
    window_seconds: int = 5
    tells: Literal["reset-time", "nothing"] = "reset-time"

    def __post_init__(self) -> None:
        require(0 <= self.mails <= 1_000_000, f"mails is {self.mails}, expected 0 to 1,000,000")
        require(1 <= self.window_seconds <= 3600, f"window_seconds is {self.window_seconds}, expected 1 to 3,600")


@dataclass(frozen=True, slots=True)
class SendGridLosesReplies:
    """SendGrid takes mails, but a share of its replies is lost: the connection is reset instead."""

    needs: ClassVar[str] = "sendgrid"
    share: float = 0.5

    def __post_init__(self) -> None:
        _require_share(self.share)


@dataclass(frozen=True, slots=True)
class SendGridStalls:
    """SendGrid keeps every caller waiting and then resets the connection; `takes` says whether it took the mail."""

    needs: ClassVar[str] = "sendgrid"
    seconds: float = 8.0
    takes: Literal["no-mail", "mail"] = "no-mail"

    def __post_init__(self) -> None:
        require(0 < self.seconds <= 600, f"seconds is {self.seconds:g}, expected more than 0, at most 600")


@dataclass(frozen=True, slots=True)
class SendGridTrickles:
    """SendGrid takes mails and answers a byte at a time: each byte comes in time, the whole answer never does."""

    needs: ClassVar[str] = "sendgrid"


@dataclass(frozen=True, slots=True)
class SendGridTalksGarbage:
    """Something that is not SendGrid answers in its place and takes no mail: a page with status 200, or no HTTP at all."""

    needs: ClassVar[str] = "sendgrid"
    what: Literal["page", "noise"] = "page"


@dataclass(frozen=True, slots=True)
class SendGridRejects:
    """SendGrid refuses a share of the addresses for good (400), the same ones every time, and takes the others' mails."""

    needs: ClassVar[str] = "sendgrid"
    share: float = 0.5

    def __post_init__(self) -> None:
        _require_share(self.share)


def _require_share(share: float) -> None:
    require(0 <= share <= 1, f"share is {share:g}, expected 0 to 1")
