"""The life of one event, in order: posted, answered, mailed, stored, read, with the faults of its time in between.

What a person asks first when a promise was broken. A line stands where its operation ended, because only then was it known: a
read that hung for 400 ms says nothing of what was true when it began. When it began stands before it.
`page.py` and the command line print it; the history knows it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from harness.checkers.promises import is_acceptance, is_refused
from harness.history import Call, Handed, History, Lifecycle, Pair, Post, Read, Row, Stored, Suffered


@dataclass(frozen=True, slots=True)
class _Moment:
    """One line: what was known at `at_s`; an operation began at `begin_s`. Neighbours of one `kind` are told as one, "" never."""

    at_s: float
    words: str
    kind: str = ""
    begin_s: float | None = None

    @property
    def took_s(self) -> float:
        """Seconds from begin to end; 0 of what has no duration."""
        return 0.0 if self.begin_s is None else self.at_s - self.begin_s


def life_of(history: History, pair: Pair) -> list[str]:
    """Everything a history knows of one event, a line each, in the order in which it ended; seconds since the traffic began."""
    own = sorted(_own(history, pair), key=lambda moment: moment.at_s)
    if not own:
        return [f"no client posted it and nobody saw it happen; it has {_rows(history, pair)} in the end"]
    begin_s = min(moment.at_s - moment.took_s for moment in own)
    moments = sorted([*own, *_around(history, begin_s, own[-1].at_s), *_rest(history)], key=lambda moment: moment.at_s)
    groups = [list(group) for _, group in groupby(enumerate(moments), key=lambda item: item[1].kind or item[0])]
    return [*(_line([moment for _, moment in group]) for group in groups), _end(history, pair)]


def _line(moments: Sequence[_Moment]) -> str:
    first, last, more = moments[0], moments[-1], len(moments) - 1
    begun = f"{first.begin_s:9.3f} →" if first.begin_s is not None else " " * 11
    told = f"{begun} {first.at_s:9.3f} s  {first.words}"
    if not more:
        return told
    slowest = f", at most {_ms(max(moment.took_s for moment in moments))} ms each" if first.begin_s is not None else ""
    return f"{told} (and {more} more like it until {last.at_s:.3f} s{slowest})"


def _own(history: History, pair: Pair) -> Iterator[_Moment]:
    payload = next((post.payload for post in history.of(Post) if post.pair == pair), "")
    for entry in history.entries:
        if isinstance(entry, Post) and entry.pair == pair:
            said = f"post {entry.http_status} {entry.answer} {entry.error} {entry.current_status} {entry.payload}"
            words = _posted(entry, changed=entry.payload != payload)
            yield _Moment(entry.end_s, words, "" if is_acceptance(entry) else said, entry.begin_s)
        elif isinstance(entry, Read) and entry.pair == pair:
            words = _read(entry)
            yield _Moment(entry.end_s, f"{words} {_took(entry)}", words, entry.begin_s)
        elif isinstance(entry, Call) and entry.pair == pair:
            yield _Moment(entry.end_s, f"{_called(entry)} {_took(entry)}", begin_s=entry.begin_s)
        elif isinstance(entry, Handed) and entry.pair == pair:
            yield _Moment(entry.at_s, f"{entry.process} was handed it")
        elif isinstance(entry, Stored) and entry.pair == pair:
            yield _Moment(entry.at_s, "its row was seen in the database")


def _posted(post: Post, *, changed: bool) -> str:
    again = f" again (attempt {post.attempt + 1})" if post.attempt else ""
    again += " with another payload" if changed else ""
    took = _took(post)
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
    return f"the history is cut off here: {state}" if history.rest is None else f"{'in the end':>23}  {state}"


def _rows(history: History, pair: Pair) -> str:
    if history.rest is None or not history.rest.rows_read:
        return "rows not read"
    return _plural(sum(row.pair == pair for row in history.of(Row)), "row")


def _plural(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"


def _took(operation: Post | Read | Call) -> str:
    return f"after {_ms(operation.end_s - operation.begin_s)} ms"


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:,.0f}" if seconds >= 0.0095 else f"{seconds * 1e3:.1f}"
