"""The lies told into histories, a function each: a history and an upright event of it in, the changed history out.

The answer is None where the run holds nothing to change. The smallest to copy is `a_row_is_lost`. Next: `tampering.py`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from harness.checkers.promises import is_acceptance, mails_taken
from harness.history import Call, Entry, History, Lifecycle, Pair, Post, Read, Rest, Row, Scrape, Span, Stored, Suffered

Tell = Callable[[History, Pair], History | None]
ODD = Pair("nobody", "evt_nobody_sent")
LONG_AFTER_S, LATE_S = 60.0, 600.0


@dataclass(frozen=True, slots=True)
class Lie:
    """A lie, the checker meant to see it, and what it would have been."""

    name: str
    caught_by: str
    story: str
    tell: Tell


LIES: list[Lie] = []


def caught_by(checker: str) -> Callable[[Tell], Tell]:
    """Enter a lie into `LIES`; the first line of its docstring is its story."""

    def enter(tell: Tell) -> Tell:
        LIES.append(Lie(tell.__name__, checker, (tell.__doc__ or "").splitlines()[0], tell))
        return tell

    return enter


@caught_by("every_accepted_event_is_stored_once")
def a_row_is_lost(history: History, pair: Pair) -> History | None:
    """An accepted event's row is gone."""
    return _without(history, lambda entry: isinstance(entry, Row | Stored) and entry.pair == pair)


@caught_by("every_accepted_event_is_stored_once")
def a_row_stands_twice(history: History, pair: Pair) -> History | None:
    """An accepted event has a second row."""
    return _with(history, Row(pair=pair))


@caught_by("nothing_is_invented")
def a_row_comes_from_nowhere(history: History, pair: Pair) -> History | None:
    """A row stands there that no client ever sent."""
    return _with(history, Row(pair=ODD))


@caught_by("nothing_is_invented")
def a_mail_goes_to_somebody_else(history: History, pair: Pair) -> History | None:
    """An event's mail went to an address that it did not name."""
    mails = mails_taken(history).get(pair, [])
    astray = [(mail, dataclasses.replace(mail, recipients=("somebody@example.net",))) for mail in mails]
    return _changed(history, astray) if astray else None


@caught_by("every_accepted_event_is_mailed")
def a_mail_is_lost(history: History, pair: Pair) -> History | None:
    """The provider never took an accepted event's mail."""
    return _without(history, lambda entry: isinstance(entry, Call) and entry.pair == pair)


@caught_by("no_unexplained_second_mail")
def a_mail_goes_out_twice(history: History, pair: Pair) -> History | None:
    """The provider took the same mail again though nothing had gone wrong."""
    if history.header.plan:
        return None  # a fault might explain it
    (mail,) = mails_taken(history)[pair]
    return _with(history, dataclasses.replace(mail, begin_s=mail.end_s + 0.1, end_s=mail.end_s + 0.2))


@caught_by("one_acceptance_per_pair")
def an_event_is_accepted_twice(history: History, pair: Pair) -> History | None:
    """The same event was accepted a second time."""
    promise = history.promised[pair]
    return _with(history, _later(promise, promise.end_s)) if is_acceptance(promise) else None


@caught_by("duplicates_point_to_their_event")
def a_duplicate_names_another_event(history: History, pair: Pair) -> History | None:
    """A duplicate's answer pointed to another event."""
    told = next((post for post in history.of(Post) if post.pair == pair and post.answer == "duplicate"), None)
    return None if told is None else _changed(history, [(told, dataclasses.replace(told, original_id="evt_another"))])


@caught_by("a_changed_payload_is_refused")
def a_changed_payload_is_taken(history: History, pair: Pair) -> History | None:
    """An accepted event was posted again with another payload and answered as a duplicate."""
    promise = history.promised[pair]
    again = _later(promise, promise.end_s)
    told = dataclasses.replace(
        again, payload="another", http_status=200, answer="duplicate", original_id=pair.id, current_status="completed"
    )
    return _with(history, told)


@caught_by("a_promise_is_readable_at_once")
def a_promise_is_unknown_at_once(history: History, pair: Pair) -> History | None:
    """The status of an event just accepted was answered 404."""
    end_s = history.promised[pair].end_s
    return _with(history, Read(pair=pair, begin_s=end_s + 0.001, end_s=end_s + 0.002, outcome="ok", http_status=404))


@caught_by("status_never_goes_back")
def a_status_goes_back(history: History, pair: Pair) -> History | None:
    """A completed event was shown as pending afterwards."""
    last = _final_read(history, pair)
    return _with(
        history, dataclasses.replace(last, begin_s=last.end_s + 0.1, end_s=last.end_s + 0.2, status="pending", final=False)
    )


@caught_by("every_status_becomes_final")
def a_status_stays_pending(history: History, pair: Pair) -> History | None:
    """An event was still pending when all was quiet."""
    shown = [read for read in history.of(Read) if read.pair == pair and read.status == "completed"]
    return _changed(history, [(read, dataclasses.replace(read, status="pending")) for read in shown])


@caught_by("completed_means_done")
def it_is_completed_too_early(history: History, pair: Pair) -> History | None:
    """A status read said completed before the mail was taken."""
    mails, end_s = mails_taken(history).get(pair, []), history.promised[pair].end_s
    if not mails or mails[0].begin_s <= end_s + 0.002:
        return None
    early = dataclasses.replace(_final_read(history, pair), begin_s=end_s, end_s=end_s + 0.001, final=False)
    return _with(history, early)


@caught_by("failed_is_justified")
def it_fails_without_a_reason(history: History, pair: Pair) -> History | None:
    """An event that nothing stood against ended as failed."""
    shown = [read for read in history.of(Read) if read.pair == pair and read.status == "completed"]
    return _changed(history, [(read, dataclasses.replace(read, status="failed", reason="no reason")) for read in shown])


@caught_by("refusals_are_honest")
def a_refusal_does_not_say_when(history: History, pair: Pair) -> History | None:
    """A POST was refused for now without Retry-After."""
    return _with(history, _answered(history, pair, 503))


@caught_by("refusals_are_honest")
def what_was_refused_is_stored(history: History, pair: Pair) -> History | None:
    """An event was refused at every attempt, and yet it is stored."""
    refused = dataclasses.replace(_answered(history, pair, 503), pair=ODD, retry_after_s=1.0)
    return _with(history, refused, Row(pair=ODD))


@caught_by("errors_are_problems")
def an_error_is_a_page(history: History, pair: Pair) -> History | None:
    """A POST was answered 500 with a page instead of a problem document."""
    return _with(history, dataclasses.replace(_answered(history, pair, 500), outcome="unknown", content_type="text/html"))


@caught_by("answers_follow_the_contract")
def a_field_is_missing(history: History, pair: Pair) -> History | None:
    """A promise lacked its Location."""
    promise = history.promised[pair]
    return _changed(history, [(promise, dataclasses.replace(promise, missing=("Location",)))])


@caught_by("processes_stay_up")
def a_process_ends(history: History, pair: Pair) -> History | None:
    """An API process ended by itself."""
    if history.header.plan:
        return None
    ended = Lifecycle(process="api-0", what="exited", at_s=history.promised[pair].end_s, detail="by itself", exit_code=1)
    return _with(history, ended)


@caught_by("terminations_are_clean")
def a_process_does_not_stop(history: History, pair: Pair) -> History | None:
    """A process that was told to stop had to be killed."""
    ends = [entry for entry in history.of(Lifecycle) if entry.what == "exited" and entry.took_s is not None]
    return _changed(history, [(end, dataclasses.replace(end, exit_code=-9, took_s=60.0)) for end in ends]) if ends else None


@caught_by("ingest_stays_available")
def ingest_is_away(history: History, pair: Pair) -> History | None:
    """A POST was refused for now though no fault touched ingest."""
    windows = [(fault.begin_s, fault.end_s) for fault in history.of(Suffered)] or [(0.0, history.last_s)]
    middle_s = sum(windows[0]) / 2
    refused = dataclasses.replace(_answered(history, pair, 503), begin_s=middle_s, end_s=middle_s + 0.01, retry_after_s=1.0)
    return _with(history, refused)


@caught_by("ingest_recovers")
def ingest_stays_away(history: History, pair: Pair) -> History | None:
    """A POST long after the last fault's end was refused for now."""
    end_s = max((fault.end_s for fault in history.of(Suffered)), default=0.0) + LONG_AFTER_S
    refused = dataclasses.replace(_answered(history, pair, 503), begin_s=end_s, end_s=end_s + 0.01, retry_after_s=1.0)
    return _with(history, refused)


@caught_by("backlog_drains")
def it_is_finished_late(history: History, pair: Pair) -> History | None:
    """An event was completed minutes after it should have been."""
    if any(post.pair == pair and (post.current_status == "completed" or post.answer == "processed") for post in history.of(Post)):
        return None  # an answer told of it in time
    reads = [read for read in history.of(Read) if read.pair == pair and read.status == "completed"]
    late = [(read, dataclasses.replace(read, begin_s=read.begin_s + LATE_S, end_s=read.end_s + LATE_S)) for read in reads]
    rows = [(row, dataclasses.replace(row, at_s=row.at_s + LATE_S)) for row in history.of(Stored) if row.pair == pair]
    return _changed(history, [*late, *rows])


@caught_by("queue_depth_shows_the_backlog")
def the_depth_stands_still(history: History, pair: Pair) -> History | None:
    """The metric of the queue's depth stayed 0 all the time."""
    scrapes = history.of(Scrape)
    return _changed(history, [(scrape, dataclasses.replace(scrape, queue_depth=0.0)) for scrape in scrapes]) if scrapes else None


@caught_by("a_trace_leads_from_post_to_mail")
def traces_are_torn(history: History, pair: Pair) -> History | None:
    """No span told which other it belongs to."""
    spans = history.of(Span)
    torn = [
        (span, dataclasses.replace(span, trace=f"{span.trace}-{number}", parent="", links=()))
        for number, span in enumerate(spans)
    ]
    return _changed(history, torn) if spans else None


@caught_by("nothing_is_kept_for_ever")
def a_key_stays_for_every_event(history: History, pair: Pair) -> History | None:
    """Redis held a key without an expiry for every event there was."""
    rest = history.rest
    if rest is None or rest.lasting_keys is None:
        return None
    return _changed(history, [(rest, dataclasses.replace(rest, lasting_keys=rest.lasting_keys + len(history.promised)))])


def _later(post: Post, end_s: float) -> Post:
    """The same POST and answer once more, after `end_s`."""
    return dataclasses.replace(post, begin_s=end_s + 0.01, end_s=end_s + 0.02, attempt=post.attempt + 1)


def _answered(history: History, pair: Pair, http_status: int) -> Post:
    """A later POST of the same event that got an error."""
    return dataclasses.replace(
        _later(history.promised[pair], history.promised[pair].end_s),
        outcome="failed",
        http_status=http_status,
        answer=None,
        content_type="application/problem+json",
        retry_after_s=None,
        missing=(),
    )


def _final_read(history: History, pair: Pair) -> Read:
    return next(read for read in history.of(Read) if read.pair == pair and read.final)


def _without(history: History, is_void: Callable[[Entry], bool]) -> History:
    return History(history.header, (entry for entry in history.entries if not is_void(entry)))


def _with(history: History, *more: Entry) -> History:
    """The history with more entries, told before the world came to rest."""
    seen = [entry for entry in history.entries if not isinstance(entry, Rest)]
    return History(history.header, [*seen, *more, *history.of(Rest)])


def _changed(history: History, changes: Iterable[tuple[Entry, Entry]]) -> History:
    new = {id(old): entry for old, entry in changes}
    return History(history.header, (new.get(id(entry), entry) for entry in history.entries))
