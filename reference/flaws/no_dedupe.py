"""The accept script does not look whether it knows the pair: every copy is a new event."""

from contextlib import AbstractContextManager
from typing import Any

from reference.flaws import edited

CAUGHT_BY, IN, WORLD = "one_acceptance_per_pair", "duplicate_storm", "both"


def plant() -> AbstractContextManager[Any]:
    return edited("accept", "if known[1] then", "if false then")
