"""The stream is trimmed to its last ten entries to save memory: the head of a longer backlog is thrown away."""

from contextlib import AbstractContextManager
from typing import Any

from reference.flaws import edited

CAUGHT_BY, IN = "every_accepted_event_is_stored_once", "backlog"


def plant() -> AbstractContextManager[Any]:
    return edited("accept", "'XADD', KEYS[1], '*'", "'XADD', KEYS[1], 'MAXLEN', '10', '*'")
