"""What a time line shows, as numbers over time: the backlog, and the calls of the provider in slices of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.checkers import promises
from harness.history import Call, History, Pair


@dataclass(frozen=True, slots=True)
class Slice:
    """Calls of mail/send that began in one slice of time."""

    begin_s: float
    taken: int
    refused: int
    replies_lost: int

    @property
    def calls(self) -> int:
        """All of them."""
        return self.taken + self.refused + self.replies_lost


def end_s(history: History) -> float:
    """When the last thing of a history happened, in seconds; at least 1."""
    names = ("end_s", "at_s", "begin_s")
    times: list[float] = [getattr(entry, name) for entry in history.entries for name in names if hasattr(entry, name)]
    return max([1.0, *times])


def backlog(history: History) -> list[tuple[float, int]]:
    """How many events were promised and not finished, after each change. What is lost stays in it until the end."""
    finished = _finished_s(history)
    changes = [(post.end_s, 1) for post in history.promised.values()]
    changes += [(max(finished[pair], post.end_s), -1) for pair, post in history.promised.items() if pair in finished]
    level, levels = 0, []
    for at_s, step in sorted(changes):
        level += step
        levels.append((at_s, level))
    return levels


def _finished_s(history: History) -> dict[Pair, float]:
    """When each event was stored and its mail, if one was due, taken; or when it was first read as failed."""
    stored = dict.fromkeys(promises.stored_rows(history), end_s(history))  # a row nobody saw appear was there in the end
    stored |= promises.first_stored_s(history)
    mailed = {pair: calls[0].end_s for pair, calls in promises.mails_taken(history).items()}
    due = promises.due_mails(history) if "mails" in history.header.offers else {}
    done = {pair: max(at_s, mailed.get(pair, 0.0)) for pair, at_s in stored.items() if pair not in due or pair in mailed}
    shown = {pair: promises.first_shown(sightings, "failed") for pair, sightings in promises.sightings(history).items()}
    return {pair: failed.end_s for pair, failed in shown.items() if failed is not None} | done


def calls_over_time(history: History, *, slice_s: float) -> list[Slice]:
    """The provider's calls in slices of time, empty ones left out."""
    groups: dict[int, list[Call]] = {}
    for call in history.of(Call):
        groups.setdefault(max(int(call.begin_s / slice_s), 0), []).append(call)
    return [_slice(index * slice_s, calls) for index, calls in sorted(groups.items())]


def _slice(begin_s: float, calls: Sequence[Call]) -> Slice:
    lost = sum(call.reply_lost for call in calls)
    taken = sum(call.taken and not call.reply_lost for call in calls)
    return Slice(begin_s, taken, len(calls) - taken - lost, lost)
