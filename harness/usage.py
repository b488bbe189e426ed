"""What a person got wrong, or what broke around the harness, said in one sentence. The command line turns it into an exit."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UsageError(Exception):
    """Wrong usage or configuration: what happened, what was expected, the exact fix, in one sentence."""


class StackBrokenError(Exception):
    """A stack of the harness cannot go on (its guardian is gone, a server of ours stays down), in one sentence.

    This says nothing about the service, and there is no history to judge: exit code 70.
    """


def nearest(word: str, candidates: Iterable[str]) -> str:
    """A suggestion such as `` Did you mean 'worker'?`` for a word nobody knows, or every candidate when none is near."""
    known = sorted(candidates)
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"Did you mean '{close[0]}'?" if close else f"Known: {', '.join(known)}."
