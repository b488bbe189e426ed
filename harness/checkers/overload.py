"""Overload: what is beyond the room a service claims is refused, before it promises what nobody can keep."""

from __future__ import annotations

from collections.abc import Sequence

from harness.checkers.promises import REFUSED_FOR_NOW, due_mails, why_no_mail_is_told_apart
from harness.history import Call, History, Post
from harness.verdict import Verdict, Violation, checker, judged, unknown

Wait = tuple[float, float]


@checker("mails", "claims.high_water")
def the_backlog_is_bounded(history: History) -> Verdict:
    """No event is accepted while as many wait already as the service claims to take."""
    most, waits = int(history.header.claims["high_water"]), _certain_waits(history)
    if why := why_no_mail_is_told_apart(history):
        return unknown(why)
    asked = [post for post in history.of(Post) if post.answer == "accepted" or post.http_status in REFUSED_FOR_NOW]
    full = {post: waiting for post in asked if (waiting := _waiting_throughout(waits, post)) >= most}
    violations = [
        Violation(f"{post.pair} was accepted at {post.end_s:.3f} s while {waiting} events waited, of {most} claimed", post.pair)
        for post, waiting in full.items()
        if post.answer == "accepted"
    ]
    return judged(checked=len(full), violations=violations, nothing=f"never did {most} events wait, the claimed high water")


def _certain_waits(history: History) -> list[Wait]:
    """From the answer until the provider has a call: by then it is not finished, and was waiting all the time."""
    calls = history.by_pair(Call)
    return [
        (promise.end_s, min(call.begin_s for call in calls[pair]))
        for pair, promise in due_mails(history).items()
        if promise.answer == "accepted" and pair in calls
    ]


def _waiting_throughout(waits: Sequence[Wait], post: Post) -> int:
    """How many waited from the beginning of a POST to its end, so that it met them whenever it was decided."""
    return sum(since_s <= post.begin_s and post.end_s < until_s for since_s, until_s in waits)
