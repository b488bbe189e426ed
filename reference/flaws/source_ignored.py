"""Events are told apart by their id alone: what a second source sends under an id in use is never stored."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference import connection, intake, queue, status
from reference.flaws import together

CAUGHT_BY, IN = "duplicates_point_to_their_event", "duplicate_storm"


def _record_key(pair_key: str) -> str:
    return f"{connection.TAG}:event:{pair_key.rpartition(':')[2]}"


def plant() -> AbstractContextManager[Any]:
    return together(*(patch.object(module, "record_key", _record_key) for module in (intake, queue, status)))
