"""What a time line shows, as numbers over time: the provider's calls in slices. (The backlog is `checkers/backlog.py`.)"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.history import Call, History


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
