"""The evidence that a turned flag was followed: what clients were answered afterwards. Both worlds judge it here."""

from __future__ import annotations

from harness.faults import FlagFlips
from harness.history import History, Post


def evidence_of(fault: FlagFlips, history: History, *, told: str, since_s: float) -> str | None:
    """What the command told and what came of it; None if nothing did: no event took the way it opened."""
    answers = [post.answer for post in history.of(Post) if post.begin_s >= since_s]
    accepted, processed = answers.count("accepted"), answers.count("processed")
    if not (processed if fault.percent < 100 else accepted):
        return None
    return f"{told}; afterwards {accepted} events were accepted and {processed} processed at once"
