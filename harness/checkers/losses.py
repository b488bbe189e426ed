"""Losses beyond what a service claims to survive: which promises they excuse, and what must be told of them all the same.

A Redis that comes back empty or evicts is beyond every claim, a power loss unless `claims.durability = "power-loss"`. Then a
promise given before may be lost. What stays asked: nothing is stored twice, the service recovers, what comes later is
delivered, and what is lost is not called done. Lost events are still counted (`tally.py`).
"""

from __future__ import annotations

import math
from typing import Any

from harness.checkers.promises import (
    FINAL_STATUSES,
    Window,
    excused,
    fault_windows,
    rows_were_read,
    setting,
    sightings,
    stored_rows,
)
from harness.history import History, Pair, Read
from harness.verdict import Verdict, Violation, checker, judged, not_applicable, unknown

EVICTS = "RedisEvicts"


def loss_ends_s(history: History) -> float:
    """When the last loss beyond the claims was over, in seconds; minus infinity if there was none."""
    return max((loss.end_s for loss in _losses(history)), default=-math.inf)


def forgets_s(history: History) -> list[float]:
    """After which moments an event taken before may be unknown: the end of a loss, also the beginning of an eviction."""
    losses = _losses(history)
    return [loss.end_s for loss in losses] + [loss.begin_s for loss in losses if loss.planned.get("fault") == EVICTS]


def forgettable(history: History) -> set[Pair]:
    """The promised events that such a loss may have taken: promised before it was over."""
    until_s = loss_ends_s(history)
    return {pair for pair, promise in history.promised.items() if promise.begin_s <= until_s}


def lost_beyond_claims(history: History) -> set[Pair]:
    """Those of them that are honestly lost: without a row and unknown (404), or with one and never called finished."""
    forgotten = forgettable(history)
    if not forgotten:
        return forgotten
    rows, shown, told = stored_rows(history), sightings(history), _last_answers(history)
    unfinished = {pair for pair in forgotten if not any(one.status in FINAL_STATUSES for one in shown.get(pair, []))}
    return {pair for pair in unfinished if rows[pair] or told.get(pair) == 404}


@checker("rows")
def what_is_lost_is_not_called_done(history: History) -> Verdict:
    """An event lost beyond the service's claims is unknown (404), or unfinished for ever; nobody is told that it was finished."""
    forgotten = forgettable(history)
    if loss_ends_s(history) == -math.inf:
        return not_applicable("nothing was lost that the service claims to keep")
    if not history.is_quiet or not rows_were_read(history):
        return unknown("the world was still moving, or the final rows could not be read", checked=len(forgotten))
    rows, told, honest = stored_rows(history), _last_answers(history), lost_beyond_claims(history) | excused(history)
    violations = [
        Violation(f"{pair} is lost, for it has no row, but its status was last answered {told.get(pair)}; expected 404", pair)
        for pair in sorted(forgotten)
        if not rows[pair] and pair not in honest
    ]
    return judged(checked=len(forgotten), violations=violations, nothing="no event was promised before the loss")


def _losses(history: History) -> list[Window]:
    return [window for window in fault_windows(history) if _is_beyond(window.planned, history.header.claims)]


def _is_beyond(planned: dict[str, Any], claims: dict[str, Any]) -> bool:
    if planned.get("fault") == EVICTS:
        return True
    loss = setting(planned, "loss") if planned.get("fault") == "RedisCrashes" else None
    return loss == "empty" or (loss == "power-loss" and claims.get("durability") != "power-loss")


def _last_answers(history: History) -> dict[Pair, int]:
    """The last status code a read of each event was answered with, of those that say something of the event."""
    reads = sorted(history.of(Read), key=lambda read: read.end_s)
    return {read.pair: read.http_status for read in reads if read.http_status in (200, 404)}
