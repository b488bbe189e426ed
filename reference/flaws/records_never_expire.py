"""What is finished is remembered without an expiry: Redis grows with every event there ever was, until it is full."""

from contextlib import AbstractContextManager
from typing import Any

from reference.flaws import edited

CAUGHT_BY, IN, WORLD = "nothing_is_kept_for_ever", "baseline", "both"


def plant() -> AbstractContextManager[Any]:
    return edited("finish", "redis.call('PEXPIRE', record, window_ms)", "redis.call('PERSIST', record)")
