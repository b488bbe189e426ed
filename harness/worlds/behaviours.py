"""How the mail provider misbehaves, and which fault makes it do what. `provider.py` acts on it in both worlds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar, get_args

from harness import faults

# Behaviours compare by identity (eq=False): two equal faults at once stay two, each with evidence of its own.


@dataclass(frozen=True, eq=False)
class Answers:
    """Every call is answered with this status and nothing is taken."""

    status: int


@dataclass(frozen=True, eq=False)
class RateLimits:
    """At most `requests` calls in a window of `window_seconds`; beyond that 429 until the window resets, which it `tells`."""

    requests: int
    window_seconds: float
    tells: bool = True


@dataclass(frozen=True, eq=False)
class LosesReplies:
    """A taken mail's reply is lost with `probability`, at most for the `first` n mails (None: no end)."""

    probability: float = 1.0
    first: int | None = None


@dataclass(frozen=True, eq=False)
class Stalls:
    """Every call hangs for `seconds`, then its connection is reset; `takes` says whether the mail was taken."""

    seconds: float = 60.0
    takes: bool = False


@dataclass(frozen=True, eq=False)
class Trickles:
    """Every answer drips, a byte at a time."""


@dataclass(frozen=True, eq=False)
class Babbles:
    """Somebody else answers: a "page" with status 200, or "noise" that is no HTTP. No mail is taken."""

    what: str


@dataclass(frozen=True, eq=False)
class Rejects:
    """A share of the addresses is refused for good, the same ones every time."""

    share: float


@dataclass(eq=False)
class Kills:
    """Whoever mails the first event that comes is killed before its mail is taken, and so is everybody who tries again."""

    kill: Callable[[str], None]  # given the caller's name
    id: str = ""  # of that event


Behaviour = Answers | RateLimits | LosesReplies | Stalls | Trickles | Babbles | Rejects | Kills
B = TypeVar("B", Answers, RateLimits, LosesReplies, Stalls, Trickles, Babbles, Rejects, Kills)

MailFault = (
    faults.SendGridAnswers
    | faults.SendGridRateLimits
    | faults.SendGridLosesReplies
    | faults.SendGridStalls
    | faults.SendGridTrickles
    | faults.SendGridTalksGarbage
    | faults.SendGridRejects
)
MAIL_FAULTS: tuple[type[MailFault], ...] = get_args(MailFault)


def behaviour_under(fault: MailFault) -> tuple[Behaviour, str]:
    """What the provider does, and what is said of the calls it does it to."""
    match fault:
        case faults.SendGridAnswers(status=status):
            return Answers(status), f"were answered {status}"
        case faults.SendGridRateLimits(mails=mails, window_seconds=window_seconds, tells=tells):
            return RateLimits(mails, window_seconds, tells=tells == "reset-time"), "were answered 429"
        case faults.SendGridLosesReplies(share=share):
            return LosesReplies(share), "were taken and their replies lost"
        case faults.SendGridStalls(seconds=seconds, takes=takes):
            told = "taken" if takes == "mail" else "not taken"
            return Stalls(seconds, takes=takes == "mail"), f"were {told} and kept waiting for {seconds:g} s"
        case faults.SendGridTrickles():
            return Trickles(), "were answered a byte at a time"
        case faults.SendGridTalksGarbage(what=what):
            return Babbles(what), "were answered with a page and status 200" if what == "page" else "were answered with no HTTP"
        case faults.SendGridRejects(share=share):
            return Rejects(share), "were refused for good because of their address"
