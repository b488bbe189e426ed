"""Synchronous requests do not look whether another one is at work on the event: a client's impatient retry is a second mail."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference import statements
from reference.flaws import together
from reference.store import Row

CAUGHT_BY, IN, SYSTEM = "no_unexplained_second_mail", "duplicate_storm", "sync"

_SQL = statements.RESERVE.replace("AND coalesce(events.lease_until <= now(), true)", "")


def plant() -> AbstractContextManager[Any]:
    is_free = property(lambda self: self.status == "pending" and self.path == "request")
    return together(patch.object(Row, "is_abandoned", is_free), patch.object(statements, "RESERVE", _SQL))
