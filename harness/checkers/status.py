"""Status: readable from the moment of the promise, never going back, never saying more than was done. Next: availability.py."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from harness.checkers.losses import forgettable, lost_beyond_claims
from harness.checkers.noise import not_held_up, rest_is_doubtful, weighed
from harness.checkers.promises import (
    FINAL_STATUSES,
    STATUSES,
    Sighting,
    fault_windows,
    first_shown,
    first_stored_s,
    in_words,
    is_cut_off,
    is_refusal_for_good,
    mails_are_told_apart,
    mails_taken,
    poison,
    refused_for_good_s,
    rows_were_read,
    sightings,
    stored_rows,
    why_no_mail_is_told_apart,
)
from harness.history import Call, History, Pair, Post, Read
from harness.verdict import Ruling, Verdict, Violation, checker, judged, unknown

READABLE_AGAIN_SECONDS = 5.0  # so long after a fault a status may still be unavailable
SOON_SECONDS = 5.0  # "at once" as clients see it, who may have to ask a few times
UNREAD_SHARE_THAT_DOUBTS = 0.1
SEEN_IN_TIME_SECONDS = 1.0  # how much later than a status read a mail may enter the history that was taken before it


@checker()
def a_promise_is_readable_at_once(history: History) -> Verdict:
    """The status of an accepted event can be read from the moment its promise was given."""
    promised = history.promised
    after = [read for read in history.of(Read) if read.pair in promised and read.begin_s >= promised[read.pair].end_s]
    forgotten = forgettable(history)
    decided = [read for read in after if _is_decided(read) and not (read.http_status == 404 and read.pair in forgotten)]
    unavailable = _unavailable(history, after)
    certain = not_held_up(history, unavailable)
    violations = [
        Violation(f"{read.pair} was {in_words(promised[read.pair])}, but a read at {read.begin_s:.3f} s {wrong}", read.pair)
        for read in [*decided, *certain]
        if (wrong := _what_is_wrong(read))
    ]
    unread = _unread(promised, decided)
    if not violations and decided and unread > UNREAD_SHARE_THAT_DOUBTS * len(promised):
        told = f"{unread} of {len(promised)} accepted events had no answered status read within {SOON_SECONDS:g} s"
        undecided = [read for read in after if not _is_decided(read)]  # excused by a fault or not
        return unknown(told, checked=len(decided), noisy=len(not_held_up(history, undecided)) < len(undecided))
    verdict = judged(checked=len(decided), violations=violations, nothing="no status was read after a promise")
    return weighed(verdict, set_aside=len(unavailable) - len(certain), what="status reads were not answered")


@checker()
def status_never_goes_back(history: History) -> Verdict:
    """A status that is completed or failed never changes again."""
    shown_by_pair = {pair: shown for pair, shown in sightings(history).items() if _is_shown_after_final(shown)}
    violations = [
        Violation(f"{pair} was shown {before.status} at {before.end_s:.3f} s and {after.status} at {after.end_s:.3f} s", pair)
        for pair, shown in shown_by_pair.items()
        for before, after in _first_step_back(shown)
    ]
    return judged(checked=len(shown_by_pair), violations=violations, nothing="no status was read again after a final one")


@checker()
def every_status_becomes_final(history: History) -> Verdict:
    """When all is quiet, the status of every accepted event is completed or failed."""
    promised = history.promised
    last = {pair: shown[-1] for pair, shown in sightings(history).items() if pair in promised}
    unfinished = [pair for pair, sighting in last.items() if sighting.status not in FINAL_STATUSES]
    if history.rest is None or not history.rest.quiet:
        return unknown(f"the world was still moving; {len(unfinished)} of {len(last)} events were unfinished", checked=len(last))
    unanswered, lost = _asked_in_vain(history, last), lost_beyond_claims(history)
    unfinished = [pair for pair in unfinished if pair not in lost]
    known = [pair for pair in unfinished if pair not in unanswered]
    set_aside = len(known) if rest_is_doubtful(history) else 0
    violations = [Violation(_never_final(last[pair], history.rest.at_s, pair), pair) for pair in known]
    verdict = judged(
        checked=len(last), violations=[] if set_aside else violations, nothing="no status of an accepted event was read"
    )
    if verdict.ruling is Ruling.HELD and (untold := len(unfinished) - len(known)):
        told = f"{untold} events were last shown unfinished, and nobody was told their status once nothing moved any more"
        return unknown(told, checked=len(last))
    return weighed(verdict, set_aside=set_aside, what="events were unfinished, and nothing moved any more,")


@checker("rows")
def completed_means_done(history: History) -> Verdict:
    """A completed event is stored, and its mail was taken before anybody was told so."""
    completed = {pair: first for pair, shown in sightings(history).items() if (first := first_shown(shown, "completed"))}
    without_row, without_mail = _without_row(history, completed), _without_mail(history, completed)
    if not rows_were_read(history) and not [*without_row, *without_mail]:
        return unknown("the final rows could not be read", checked=len(completed))
    if not without_row and "mails" in history.header.offers and (why := why_no_mail_is_told_apart(history)):
        return unknown(why, checked=len(completed))
    return judged(checked=len(completed), violations=[*without_row, *without_mail], nothing="no event was seen completed")


@checker()
def failed_is_justified(history: History) -> Verdict:
    """An event fails only if nobody could finish it or a fault refused its mail for good, and the reason is told."""
    shown_by_pair, refused_s, hopeless = sightings(history), refused_for_good_s(history), poison(history)
    calls = history.by_pair(Call)
    failed = {pair: first for pair, shown in shown_by_pair.items() if (first := first_shown(shown, "failed"))}
    unjustified = [
        Violation(f"{pair} was shown failed at {first.end_s:.3f} s, but {_no_reason_to_fail(pair, calls.get(pair, []))}", pair)
        for pair, first in failed.items()
        if pair not in hopeless and not (pair in refused_s and refused_s[pair] <= first.end_s)
    ]
    silent = {read.pair: read for read in history.of(Read) if read.status == "failed" and not read.reason}
    untold = [
        Violation(f"{pair} is failed, but the status read at {read.begin_s:.3f} s gives no reason in result.error", pair)
        for pair, read in silent.items()
    ]
    return judged(checked=len(shown_by_pair), violations=[*unjustified, *untold], nothing="no status was read")


def _is_decided(read: Read) -> bool:
    return read.http_status is not None and read.http_status < 500 and read.http_status != 429


def _unavailable(history: History, reads: Sequence[Read]) -> list[Read]:
    """The reads that got no answer though no fault was there to excuse it."""
    windows = fault_windows(history)
    return [
        read
        for read in reads
        if not _is_decided(read)
        and not any(window.overlaps(read.begin_s - READABLE_AGAIN_SECONDS, read.end_s) for window in windows)
    ]


def _asked_in_vain(history: History, last: Mapping[Pair, Sighting]) -> set[Pair]:
    """The events whose status somebody asked for after it was last shown, and was told nothing: no answer, a 5xx or 429."""
    return {
        read.pair
        for read in history.of(Read)
        if read.pair in last and read.begin_s > last[read.pair].end_s and not _is_decided(read)
    }


def _never_final(shown: Sighting, rest_s: float, pair: Pair) -> str:
    """How an event was left unfinished, whether somebody looked again at the end or not."""
    if shown.end_s >= rest_s:
        return f"{pair} was still {shown.status} at {shown.end_s:.3f} s, when nothing moved any more"
    return f"{pair} was last shown {shown.status}, at {shown.end_s:.3f} s, and at {rest_s:.3f} s nothing moved any more"


def _unread(promised: Mapping[Pair, Post], decided: Sequence[Read]) -> int:
    """How many promised events had no answered read soon after their promise: a service may be mute until all is done."""
    soon = {read.pair for read in decided if read.begin_s <= promised[read.pair].end_s + SOON_SECONDS}
    return len(promised.keys() - soon)


def _what_is_wrong(read: Read) -> str:
    if read.http_status is None:
        return f"was not answered ({read.error or 'no answer'}); expected 200"
    if read.http_status != 200:
        return f"answered {read.http_status}; expected 200"
    return "" if read.status in STATUSES else f"says {read.status!r}; expected one of {', '.join(STATUSES)}"


def _is_shown_after_final(shown: list[Sighting]) -> bool:
    """Whether anybody looked again once the event had been shown final: else it had no chance to go back."""
    final = next((sighting for sighting in shown if sighting.status in FINAL_STATUSES), None)
    return final is not None and any(again is not final and again.begin_s >= final.end_s for again in shown)


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
    if not mails_are_told_apart(history):
        return []
    promised = history.promised
    asked = {post.pair for post in history.of(Post) if promised.get(post.pair, post).wants_mail}
    taken, cut_off_s, violations = mails_taken(history), history.last_s if is_cut_off(history) else math.inf, []
    for pair, seen in completed.items():
        if pair not in taken and seen.end_s + SEEN_IN_TIME_SECONDS >= cut_off_s:
            continue  # the mail's entry may be what was cut off
        if pair in asked and not (pair in taken and taken[pair][0].begin_s <= seen.end_s):
            what = f"its mail was first taken at {taken[pair][0].begin_s:.3f} s" if pair in taken else "its mail was never taken"
            violations.append(Violation(f"{pair} was shown completed at {seen.end_s:.3f} s by {seen.how}, but {what}", pair))
    return violations


def _no_reason_to_fail(pair: Pair, calls: Sequence[Call]) -> str:
    if any(map(is_refusal_for_good, calls)):
        return "the provider refused a body that should have been valid"
    return f"{pair.id} is no poison and the provider had not refused its mail for good"
