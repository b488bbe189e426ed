"""How many events were offered, promised, refused, stored, mailed and lost: the counts of `results.json`, from a history.

Every offered event is exactly one of accepted, refused and unknown. The words are the checkers' own (`checkers/promises.py`).
Next: `results.py`, which carries the counts.
"""

from __future__ import annotations

from harness.checkers import promises
from harness.history import History, Pair, Post

Counts = dict[str, int | None]  # None: it could not be decided, because the world never came to rest or its rows were not read


def counts(history: History) -> Counts:
    """The counts of one history; see contract.md for the words.

    `offered`, `accepted`, `refused` and `unknown` count events; accepted are those a client holds a promise for, refused those
    whose every attempt was refused, unknown the rest. `duplicate` counts answers. `stored`, `mailed`, `stored_twice`,
    `mailed_twice` and `lost` count events.
    """
    posts, promised = history.by_pair(Post), history.promised
    rows, mails = promises.stored_rows(history), promises.mails_taken(history)
    refused = {pair for pair, attempts in posts.items() if all(map(promises.is_refused, attempts))}
    rows_known = promises.rows_were_read(history)
    return {
        "offered": len(posts),
        "accepted": len(promised),
        "duplicate": sum(post.promises and post.answer == "duplicate" for post in history.of(Post)),
        "refused": len(refused),
        "unknown": len(posts.keys() - promised.keys() - refused),
        "stored": len(rows) if rows_known else None,
        "mailed": len(mails),
        "stored_twice": sum(number > 1 for number in rows.values()) if rows_known else None,
        "mailed_twice": sum(len(calls) > 1 for calls in mails.values()),
        "lost": len(lost(history)) if rows_known and history.is_quiet else None,
    }


def lost(history: History) -> list[Pair]:
    """Every event a client holds a promise for that is without its row, or without the mail it asked for, and not excused."""
    rows, mails, excused = promises.stored_rows(history), promises.mails_taken(history), promises.excused(history)
    due = promises.due_mails(history) if "mails" in history.header.offers else {}
    return [
        pair for pair in history.promised if pair not in excused and (pair not in rows or (pair in due and pair not in mails))
    ]
