"""Answers: every answer tells what the contract asks of it, in the contract's words. Next: availability.py."""

from __future__ import annotations

from collections import defaultdict

from harness.history import History, Post, Read
from harness.verdict import Verdict, Violation, checker, judged

WORDS = ("accepted", "duplicate", "processed")


@checker()
def answers_follow_the_contract(history: History) -> Verdict:
    """Every 2xx says accepted, duplicate or processed, and every answer has the fields of the contract."""
    taken = [post for post in history.of(Post) if post.outcome == "ok"]
    told = [read for read in history.of(Read) if read.http_status == 200]
    entries: list[Post | Read] = [*taken, *told]
    alike: defaultdict[str, list[Post | Read]] = defaultdict(list)
    for entry in entries:
        if wrong := _what_is_wrong(entry):
            alike[f"{_what(entry)} {wrong}"].append(entry)
    # One sentence for all that are wrong in the same way: a service that forgets a field forgets it every time.
    violations = [Violation(_sentence(what, wrong), wrong[0].pair) for what, wrong in alike.items()]
    return judged(checked=len(taken) + len(told), violations=violations, nothing="no request was answered with 2xx")


def _what_is_wrong(entry: Post | Read) -> str:
    """What an answer lacks; empty if nothing."""
    if isinstance(entry, Post) and entry.answer not in WORDS:
        return f"says {entry.answer!r}; expected one of {', '.join(WORDS)}"
    return f"lacks {', '.join(entry.missing)}" if entry.missing else ""


def _what(entry: Post | Read) -> str:
    if isinstance(entry, Read):
        return "a status read"
    return f"a {entry.http_status} {entry.answer}" if entry.answer in WORDS else f"a {entry.http_status}"


def _sentence(what: str, entries: list[Post | Read]) -> str:
    also = f", and so do {len(entries) - 1} more" if len(entries) > 1 else ""
    return f"{what} (first: {entries[0].pair} at {entries[0].end_s:.3f} s{also})"
