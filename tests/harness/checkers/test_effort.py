"""A history is looked through as often as a checker has questions, not once for every entry: else judging takes hours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from harness import checkers, faults
from harness.history import Entry, History, Lifecycle, Rest, Suffered
from harness.verdict import Checker
from tests.harness.story import PROBLEM, Story, plan

ARGUMENTS = {"p95_ms": 50.0, "within_seconds": 5.0}
FEW = (Lifecycle, Rest, Suffered)  # of which there are never thousands


def troubled(events: int) -> Story:
    """Every kind of trouble that a client and a service may have with one event, so many times."""
    story = Story(plan=plan(faults.RedisCrashes(), faults.SendGridAnswers()), world="real")
    for number in range(events):
        good, gone, bad, late = (f"{kind}-{number}" for kind in ("good", "gone", "bad", "late"))
        story.kept(good, 6).posted(good, 8, "duplicate").posted(good, 9, payload="other").mailed(good, 11).read(
            good, 12, "failed"
        )
        story.unanswered(gone, 6).refused(gone, 7).refused(gone, 8, 500).refused(gone, 9, 401).row(gone).stored(gone, 8)
        story.refused(bad, 6, 422, poison=True).posted(bad, 7).read(bad, 8, "pending").read(bad, 9, "completed", reason="no")
        story.refused(bad, 9.5, 422, payload="other").refused(late, 6, 429).posted(late, 7).mailed(late, 8, http_status=503)
        story.mailed(late, 9, http_status=400).read(late, 10, None, http_status=404, outcome="failed", content_type=PROBLEM)
        story.mailed(None, 10).probed(8, 0.2).crowd(8, 9, 0.9).scraped(9, 3.0)
        story.span(good, "post", f"t{number}/a").span(good, "mail", f"t{number}/b", parent="a")
    story.process("worker-0", "killed", 6.5).process("worker-0", "started", 7)
    return story.suffered("RedisCrashes", 5, 15, "redis").suffered("SendGridAnswers", 5, 15, "sendgrid")


def looks(checker: Checker, history: History) -> int:
    """How often a checker looks through all entries, or all of a kind of which there are many."""
    counted, of = 0, History.of

    def counting_of(self: History, kind: type[Any]) -> list[Any]:
        nonlocal counted
        counted += kind not in FEW
        return of(self, kind)

    def counting_entries(self: History) -> Sequence[Entry]:
        nonlocal counted
        counted += 1
        return self._entries

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(History, "of", counting_of)
        patched.setattr(History, "entries", property(counting_entries))
        checker(history)
    return counted


@pytest.mark.parametrize("name", list(checkers.CHECKERS))
def test_of_twice_the_events_a_history_is_looked_through_no_more_often(name: str) -> None:
    checker = checkers.by_name(name, {word: ARGUMENTS[word] for word in checkers._parameters(checkers.CHECKERS[name])})
    for quiet in (True, False):  # or cut off
        few, many = ((story.quiet() if quiet else story).history for story in (troubled(20), troubled(40)))
        assert looks(checker, many) == looks(checker, few)
