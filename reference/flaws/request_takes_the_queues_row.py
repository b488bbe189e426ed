"""A request takes up rows that the queue is at work on: while the flag is turned, both paths mail the same reader."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference import statements
from reference.flaws import together
from reference.markers import Standing
from reference.store import Row

CAUGHT_BY, IN = "no_unexplained_second_mail", "rollback_with_backlog"

_SQL = statements.RESERVE.replace("AND events.path = 'request' ", "")


def plant() -> AbstractContextManager[Any]:
    is_free = property(lambda self: self.status == "pending" and not self.is_leased)
    rows = together(patch.object(Row, "is_abandoned", is_free), patch.object(statements, "RESERVE", _SQL))
    return together(rows, patch.object(Standing, "is_queued", False))
