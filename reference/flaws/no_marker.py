"""Synchronous requests leave nothing in Redis: what they processed is accepted once more when the flag is turned back."""

from contextlib import AbstractContextManager
from typing import Any

from reference.flaws import edited

CAUGHT_BY, IN = "one_acceptance_per_pair", "flag_flips"


def plant() -> AbstractContextManager[Any]:
    return edited("mark", "leave(record, index, ARGV[at], ARGV[at + 2])", "")
