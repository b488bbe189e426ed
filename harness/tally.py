"""How many events were offered, promised, refused, stored, mailed and lost: the counts of `results.json`, from a history.

Every offered event is exactly one of accepted, refused and unknown. The words are the checkers' own (`checkers/promises.py`).
Next: `results.py`, which carries the counts.
"""

from __future__ import annotations

from harness.checkers import promises
from harness.history import History, Pair, Post, Read

Counts = dict[str, int | None]  # None: nobody can know, because the world never came to rest, or rows or mails were not read


def counts(history: History) -> Counts:
    """The counts of one history; see contract.md for the words.

    `offered`, `accepted`, `refused` and `unknown` count events; accepted are those a client holds a promise for, refused those
    whose every attempt was refused, unknown the rest. `stored`, `mailed`, `failed` (by the last status anybody read),
    `stored_twice`, `mailed_twice` and `lost` count events. `duplicate`, `posts_refused` and `posts_unknown` count answers, as a
    time line shows them: an event may be accepted in the end whose first POST was unknown.
    """
    posts, promised = history.by_pair(Post), history.promised
    rows, mails = promises.stored_rows(history), promises.mails_taken(history)
    refused = {pair for pair, attempts in posts.items() if all(map(promises.is_refused, attempts))}
    rows_known, mails_known = promises.rows_were_read(history), promises.mails_are_told_apart(history)
    all_known = rows_known and history.is_quiet and (mails_known or "mails" not in history.header.offers)
    return {
        "offered": len(posts),
        "accepted": len(promised),
        "duplicate": sum(post.promises and post.answer == "duplicate" for post in history.of(Post)),
        "refused": len(refused),
        "unknown": len(posts.keys() - promised.keys() - refused),
        "stored": len(rows) if rows_known else None,
        "mailed": len(mails) if mails_known else None,
        "failed": sum(status == "failed" for status in _last_statuses(history).values()),
        "stored_twice": sum(number > 1 for number in rows.values()) if rows_known else None,
        "mailed_twice": sum(len(calls) > 1 for calls in mails.values()) if mails_known else None,
        "lost": len(lost(history)) if all_known else None,
        "posts_refused": sum(map(promises.is_refused, history.of(Post))),
        "posts_unknown": sum(map(promises.is_unknown, history.of(Post))),
    }


def _last_statuses(history: History) -> dict[Pair, str]:
    return {read.pair: read.status for read in sorted(history.of(Read), key=lambda read: read.end_s) if read.status}


def lost(history: History) -> list[Pair]:
    """Every event a client holds a promise for that is without its row, or without the mail it asked for, and not excused."""
    rows, mails, excused = promises.stored_rows(history), promises.mails_taken(history), promises.excused(history)
    due = promises.due_mails(history) if "mails" in history.header.offers else {}
    return [
        pair for pair in history.promised if pair not in excused and (pair not in rows or (pair in due and pair not in mails))
    ]
