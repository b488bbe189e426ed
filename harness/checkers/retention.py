"""Retention: what is finished is forgotten in the end, so that memory does not grow with every event there ever was."""

from __future__ import annotations

from harness.checkers.promises import stored_rows
from harness.history import History
from harness.verdict import Verdict, Violation, checker, judged, unknown

FEWEST_EVENTS = 15  # a service has some keys that stay, whatever comes: of a queue, a lock, a setting


@checker("redis", "claims.dedupe_window_hours")
def nothing_is_kept_for_ever(history: History) -> Verdict:
    """A service that forgets an event after its window does not keep a key of Redis for each without an expiry."""
    rest = history.rest
    if rest is None or rest.lasting_keys is None:
        return unknown("the keys of Redis could not be counted")
    done = len(history.promised.keys() & stored_rows(history).keys())
    if done < FEWEST_EVENTS:
        return unknown(f"{done} events were done, at least {FEWEST_EVENTS} tell their keys from others", checked=done)
    told = f"{rest.lasting_keys} keys of Redis have no expiry after {done} events were done"
    return judged(checked=done, violations=[Violation(told)] if rest.lasting_keys >= done else [])
