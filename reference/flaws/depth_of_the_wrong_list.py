"""The queue depth counts the delayed events and not the stream: while thousands wait, the alert reads nought."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference.census import Census

CAUGHT_BY, IN, WORLD = "queue_depth_shows_the_backlog", "backlog", "real"


def plant() -> AbstractContextManager[Any]:
    return patch.object(Census, "depth", property(lambda self: self.delayed))
