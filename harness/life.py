"""The life of one event, in order: posted, answered, mailed, stored, read, with the faults of its time in between.

What a person asks first when a promise was broken. `report.py` and the command line print it; the history knows it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from harness.checkers.promises import is_acceptance, is_refused
from harness.history import Call, History, Lifecycle, Pair, Post, Read, Row, Stored, Suffered


@dataclass(frozen=True, slots=True)
class _Moment:
    """One line. Neighbours with one `kind` are told as one; "" is never merged."""

    at_s: float
    words: str
    kind: str = ""


def life_of(history: History, pair: Pair) -> list[str]:
    """Everything a history knows of one event, a line each, in order of time; seconds since the traffic began."""
    own = sorted(_own(history, pair), key=lambda moment: moment.at_s)
    if not own:
        return [f"no client posted it and nobody saw it happen; it has {_rows(history, pair)} in the end"]
    around = _around(history, own[0].at_s, own[-1].at_s)
    moments = sorted([*own, *around, *_rest(history)], key=lambda moment: moment.at_s)
    groups = [list(group) for _, group in groupby(enumerate(moments), key=lambda item: item[1].kind or item[0])]
    return [*(_line([moment for _, moment in group]) for group in groups), _end(history, pair)]


def _line(moments: Sequence[_Moment]) -> str:
    first, more = moments[0], len(moments) - 1
    told = f"{first.at_s:9.3f} s  {first.words}"
    return f"{told} (and {more} more like it until {moments[-1].at_s:.3f} s)" if more else told


def _own(history: History, pair: Pair) -> Iterator[_Moment]:
    payload = next((post.payload for post in history.of(Post) if post.pair == pair), "")
    for entry in history.entries:
        if isinstance(entry, Post) and entry.pair == pair:
            said = f"post {entry.http_status} {entry.answer} {entry.error} {entry.current_status} {entry.payload}"
            words = _posted(entry, changed=entry.payload != payload)
            yield _Moment(entry.begin_s, words, "" if is_acceptance(entry) else said)
        elif isinstance(entry, Read) and entry.pair == pair:
            words = _read(entry)
            yield _Moment(entry.begin_s, words, words)
        elif isinstance(entry, Call) and entry.pair == pair:
            yield _Moment(entry.begin_s, _called(entry))
        elif isinstance(entry, Stored) and entry.pair == pair:
            yield _Moment(entry.at_s, "its row was seen in the database")


def _posted(post: Post, *, changed: bool) -> str:
    again = f" again (attempt {post.attempt + 1})" if post.attempt else ""
    again += " with another payload" if changed else ""
    took = f"after {_ms(post.end_s - post.begin_s)} ms"
    head = f"a client posted it{again} to {post.process or 'the service'}: "
    if post.http_status is None:
        known = "certainly not taken" if is_refused(post) else "unknown whether it was taken"
        return f"{head}no answer {took} ({post.error or post.outcome}), {known}"
    answer = f"{post.http_status} {post.answer or ''}".strip()
    return f"{head}{answer} {took}{_remark(post)}"


def _remark(post: Post) -> str:
    if is_refused(post):
        later = f", to be retried after {post.retry_after_s:g} s" if post.retry_after_s is not None else ""
        return f", refused{later}"
    if not post.promises:
        return ", unknown whether it was taken"
    return f", its status {post.current_status}" if post.current_status else ""


def _read(read: Read) -> str:
    head = "final status read" if read.final else "status read"
    if read.status is not None:
        return f"{head}: {read.status}" + (f" ({read.reason})" if read.reason else "")
    return f"{head}: {read.http_status if read.http_status is not None else 'no answer'}" + (
        f" ({read.error})" if read.error else ""
    )


def _called(call: Call) -> str:
    head = f"{call.process or 'somebody'} called SendGrid: "
    if call.reply_lost:
        return f"{head}mail {'taken' if call.taken else 'not taken'}, but the reply was lost"
    return f"{head}{call.http_status}, mail {'taken' if call.taken else 'not taken'}"


def _around(history: History, begin_s: float, end_s: float) -> Iterator[_Moment]:
    """Faults and what befell the processes while the event lived."""
    for fault in history.of(Suffered):
        if fault.end_s < begin_s or fault.begin_s > end_s:
            continue
        who = f" ({', '.join(fault.processes)})" if fault.processes else ""
        yield _Moment(fault.begin_s, f"--- fault begins: {fault.name}{who}")
        if fault.end_s <= end_s:
            yield _Moment(fault.end_s, f"--- fault ends: {fault.name}; evidence: {fault.evidence or 'none'}")
    for change in history.of(Lifecycle):
        if begin_s <= change.at_s <= end_s:
            yield _Moment(change.at_s, f"--- {change.process} {change.what}{_told(change)}")


def _rest(history: History) -> Iterator[_Moment]:
    rest = history.rest
    if rest is not None:
        moving = f"time is over, and still moving: {', '.join(rest.moving) or 'nobody knows what'}"
        yield _Moment(rest.at_s, f"--- {'all is quiet' if rest.quiet else moving}")


def _told(change: Lifecycle) -> str:
    code = f" with code {change.exit_code}" if change.exit_code is not None else ""
    return code + (f" ({change.detail})" if change.detail else "")


def _end(history: History, pair: Pair) -> str:
    mails = sum(call.taken for call in history.of(Call) if call.pair == pair)
    asked = "" if any(post.wants_mail for post in history.of(Post) if post.pair == pair) else " (none was asked for)"
    last = next((read.status for read in reversed(history.of(Read)) if read.pair == pair and read.status), "never shown")
    state = f"{_rows(history, pair)}, {_plural(mails, 'mail')} taken{asked}, last status {last}"
    return f"the history is cut off here: {state}" if history.rest is None else f"   in the end  {state}"


def _rows(history: History, pair: Pair) -> str:
    if history.rest is None or not history.rest.rows_read:
        return "rows not read"
    return _plural(sum(row.pair == pair for row in history.of(Row)), "row")


def _plural(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:,.0f}" if seconds >= 0.0095 else f"{seconds * 1e3:.1f}"
