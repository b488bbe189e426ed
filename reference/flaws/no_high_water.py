"""The queue takes whatever comes: while nobody works it off, promises pile up until the memory is full."""

from contextlib import AbstractContextManager
from typing import Any

from reference.flaws import edited

CAUGHT_BY, IN, WORLD, SYSTEM = "the_backlog_is_bounded", "backlog_above_high_water", "both", "async_small"


def plant() -> AbstractContextManager[Any]:
    return edited("accept", "backlog >= high_water", "false")
