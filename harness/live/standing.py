"""How the promises stand at one moment of a run that goes on: counts, backlog, how the provider is treated, the rulings so far.

`standing_of` is a pure function of a history. Until the world is at rest nothing that is missing is lost, so `lost` is None and
what the checkers cannot know yet is unknown; what is violated already is violated for good.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from harness import checkers, tally
from harness.checkers import promises
from harness.checkers.backlog import backlog
from harness.history import Call, History
from harness.verdict import Ruling, Verdict

Phase = Literal["nothing sent yet", "under load", "waiting for the faults to end", "coming to rest", "at rest"]
ABOUT_THE_END = checkers.world_came_to_rest.name  # says only that the end is not there yet


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One look at a run. `at_s` is when; `ruling` is the worst of the verdicts."""

    at_s: float
    phase: Phase
    counts: dict[str, int | None]
    provider: str
    verdicts: tuple[Verdict, ...]
    ruling: Ruling

    def to_json(self) -> dict[str, Any]:
        """As the page gets it."""
        return {
            "at_s": round(self.at_s, 1),
            "phase": self.phase,
            "counts": self.counts,
            "provider": self.provider,
            "ruling": str(self.ruling),
            "verdicts": [dataclasses.asdict(verdict) for verdict in self.verdicts],
        }


def standing_of(history: History, *, at_s: float, phase: Phase) -> Standing:
    """Judge what was seen so far."""
    verdicts = [one for one in checkers.judge(history) if phase == "at rest" or one.checker != ABOUT_THE_END]
    return Standing(
        at_s=at_s,
        phase=phase,
        counts=_counts(history),
        provider=how_the_provider_is_treated(history, now_s=at_s),
        verdicts=tuple(verdicts),
        ruling=checkers.ruling(verdicts) if verdicts else Ruling.UNKNOWN,
    )


def _counts(history: History) -> dict[str, int | None]:
    """`tally.counts`, with rows as they appear until the final ones are read; and the backlog."""
    counts = tally.counts(history)
    stored = counts["stored"] if counts["stored"] is not None else len(promises.first_stored_s(history))
    levels = backlog(history)
    return counts | {"stored": stored, "backlog": levels[-1][1] if levels else 0}


def how_the_provider_is_treated(history: History, *, now_s: float) -> str:
    """What can be told of a breaker from outside: whether calls go through, or are held back though mails are due."""
    claims = history.header.claims
    reset_s = claims.get("breaker_reset_seconds")
    due = len(promises.due_mails(history).keys() - promises.mails_taken(history).keys())
    if reset_s is None:
        return f"no breaker is claimed; {_many(due, 'mail')} due"
    window_s = 2.0 * float(reset_s)
    recent = [call for call in history.of(Call) if call.end_s >= now_s - window_s]
    told = f"{_many(len(recent), 'call')} in the last {window_s:g} s, {_many(due, 'mail')} due"
    return f"{_breaker(recent, history)}: {told}"


def _breaker(recent: Sequence[Call], history: History) -> str:
    """Open if calls fail and no more go out than trials; the same figures as `checkers.provider_is_spared`."""
    workers = sum(history.header.processes.get(role, 1) for role in promises.working_roles(history))
    trials = workers * int(history.header.claims.get("breaker_trials") or 1) * 3  # at most three resets fall into two
    if not recent:
        return "nothing is sent"
    if any(call.taken for call in recent):
        return "mails go through"
    return "held back (breaker open)" if len(recent) <= trials else "calls fail (breaker closed)"


def _many(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
