"""Status: readable from the moment of the promise, never going back, never saying more than was done. Next: availability.py."""

from __future__ import annotations

from harness.checkers.promises import (
    FINAL_STATUSES,
    STATUSES,
    Sighting,
    first_shown,
    first_stored_s,
    in_words,
    mails_taken,
    poison,
    refused_for_good_s,
    rows_were_read,
    sightings,
    stored_rows,
)
from harness.history import History, Pair, Post, Read
from harness.verdict import Verdict, Violation, checker, judged, unknown


@checker()
def a_promise_is_readable_at_once(history: History) -> Verdict:
    """The status of an accepted event can be read from the moment its promise was given."""
    promised = history.promised
    after = [read for read in history.of(Read) if read.pair in promised and read.begin_s >= promised[read.pair].end_s]
    decided = [read for read in after if read.http_status is not None and read.http_status < 500 and read.http_status != 429]
    violations = [
        Violation(f"{read.pair} was {in_words(promised[read.pair])}, but a read at {read.begin_s:.3f} s {wrong}", read.pair)
        for read in decided
        if (wrong := _what_is_wrong(read))
    ]
    return judged(checked=len(decided), violations=violations, nothing="no status was read after a promise")


@checker()
def status_never_goes_back(history: History) -> Verdict:
    """A status that is completed or failed never changes again."""
    shown_by_pair = sightings(history)
    violations = [
        Violation(f"{pair} was shown {before.status} at {before.end_s:.3f} s and {after.status} at {after.end_s:.3f} s", pair)
        for pair, shown in shown_by_pair.items()
        for before, after in _first_step_back(shown)
    ]
    return judged(checked=len(shown_by_pair), violations=violations, nothing="no status was read")


@checker()
def every_status_becomes_final(history: History) -> Verdict:
    """When all is quiet, the status of every accepted event is completed or failed."""
    promised = history.promised
    last = {pair: shown[-1] for pair, shown in sightings(history).items() if pair in promised}
    unfinished = [pair for pair, sighting in last.items() if sighting.status not in FINAL_STATUSES]
    if not history.is_quiet:
        return unknown(f"the world was still moving; {len(unfinished)} of {len(last)} events were unfinished", checked=len(last))
    violations = [
        Violation(f"{pair} was still {last[pair].status} at {last[pair].end_s:.3f} s, when nothing moved any more", pair)
        for pair in unfinished
    ]
    return judged(checked=len(last), violations=violations, nothing="no status of an accepted event was read")


@checker("rows")
def completed_means_done(history: History) -> Verdict:
    """A completed event is stored, and its mail was taken before anybody was told so."""
    completed = {pair: first for pair, shown in sightings(history).items() if (first := first_shown(shown, "completed"))}
    without_row, without_mail = _without_row(history, completed), _without_mail(history, completed)
    if not rows_were_read(history) and not [*without_row, *without_mail]:
        return unknown("the final rows could not be read", checked=len(completed))
    return judged(checked=len(completed), violations=[*without_row, *without_mail], nothing="no event was seen completed")


@checker()
def failed_is_justified(history: History) -> Verdict:
    """An event fails only if the provider refused its mail for good or nobody could finish it, and the reason is told."""
    shown_by_pair, refused_s, hopeless = sightings(history), refused_for_good_s(history), poison(history)
    failed = {pair: first for pair, shown in shown_by_pair.items() if (first := first_shown(shown, "failed"))}
    unjustified = [
        Violation(f"{pair} was shown failed at {first.end_s:.3f} s, but {_no_reason_to_fail(history, pair)}", pair)
        for pair, first in failed.items()
        if pair not in hopeless and not (pair in refused_s and refused_s[pair] <= first.end_s)
    ]
    silent = {read.pair: read for read in history.of(Read) if read.status == "failed" and not read.reason}
    untold = [
        Violation(f"{pair} is failed, but the status read at {read.begin_s:.3f} s gives no reason in result.error", pair)
        for pair, read in silent.items()
    ]
    return judged(checked=len(shown_by_pair), violations=[*unjustified, *untold], nothing="no status was read")


def _what_is_wrong(read: Read) -> str:
    if read.http_status != 200:
        return f"answered {read.http_status}; expected 200"
    return "" if read.status in STATUSES else f"says {read.status!r}; expected one of {', '.join(STATUSES)}"


def _first_step_back(shown: list[Sighting]) -> list[tuple[Sighting, Sighting]]:
    """The first sighting that contradicts an earlier final one; sightings that overlap say nothing about order."""
    return [
        (before, after)
        for before in shown
        if before.status in FINAL_STATUSES
        for after in shown
        if after is not before and after.begin_s >= before.end_s and after.status != before.status
    ][:1]


def _without_row(history: History, completed: dict[Pair, Sighting]) -> list[Violation]:
    rows, stored_s, are_known = stored_rows(history), first_stored_s(history), rows_were_read(history)
    violations = []
    for pair, seen in completed.items():
        if are_known and not rows[pair]:
            violations.append(Violation(f"{pair} was shown completed at {seen.end_s:.3f} s by {seen.how}, but has no row", pair))
        # Only the simulation sees a row the moment it is stored; the real world looks twice a second.
        elif history.header.world == "simulated" and stored_s.get(pair, seen.end_s) > seen.end_s:
            late = f"but its row came at {stored_s[pair]:.3f} s"
            violations.append(Violation(f"{pair} was shown completed at {seen.end_s:.3f} s by {seen.how}, {late}", pair))
    return violations


def _without_mail(history: History, completed: dict[Pair, Sighting]) -> list[Violation]:
    if "mails" not in history.header.offers:
        return []
    promised = history.promised
    asked = {post.pair for post in history.of(Post) if promised.get(post.pair, post).wants_mail}
    taken, violations = mails_taken(history), []
    for pair, seen in completed.items():
        if pair in asked and not (pair in taken and taken[pair][0].begin_s <= seen.end_s):
            what = f"its mail was first taken at {taken[pair][0].begin_s:.3f} s" if pair in taken else "its mail was never taken"
            violations.append(Violation(f"{pair} was shown completed at {seen.end_s:.3f} s by {seen.how}, but {what}", pair))
    return violations


def _no_reason_to_fail(history: History, pair: Pair) -> str:
    return f"{pair.id} is no poison and the provider had not refused its mail for good"
