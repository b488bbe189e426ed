"""The backlog as it is seen from outside: events that were promised and are not finished, over time."""

from __future__ import annotations

from harness.checkers import promises
from harness.history import History, Pair


def end_s(history: History) -> float:
    """When the last thing of a history happened, in seconds; at least 1."""
    names = ("end_s", "at_s", "begin_s")
    times: list[float] = [getattr(entry, name) for entry in history.entries for name in names if hasattr(entry, name)]
    return max([1.0, *times])


def backlog(history: History) -> list[tuple[float, int]]:
    """How many events were promised and not finished, after each change. What is lost stays in it until the end."""
    finished = _finished_s(history)
    changes = [(post.end_s, 1) for post in history.promised.values()]
    changes += [(max(finished[pair], post.end_s), -1) for pair, post in history.promised.items() if pair in finished]
    level, levels = 0, []
    for at_s, step in sorted(changes):
        level += step
        levels.append((at_s, level))
    return levels


def _finished_s(history: History) -> dict[Pair, float]:
    """When each event was stored and its mail, if one was due, taken; or when it was first read as failed."""
    stored = dict.fromkeys(promises.stored_rows(history), end_s(history))  # a row nobody saw appear was there in the end
    stored |= promises.first_stored_s(history)
    mailed = {pair: calls[0].end_s for pair, calls in promises.mails_taken(history).items()}
    due = promises.due_mails(history) if "mails" in history.header.offers else {}
    done = {pair: max(at_s, mailed.get(pair, 0.0)) for pair, at_s in stored.items() if pair not in due or pair in mailed}
    shown = {pair: promises.first_shown(sightings, "failed") for pair, sightings in promises.sightings(history).items()}
    return {pair: failed.end_s for pair, failed in shown.items() if failed is not None} | done
