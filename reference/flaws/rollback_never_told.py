"""What was processed while Redis was away is never made known there: turned back, the flag lets the queue accept it once more."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference.markers import Markers

CAUGHT_BY, IN = "one_acceptance_per_pair", "rollback_without_redis"


async def _catch_up(self: Markers) -> None:
    return


def plant() -> AbstractContextManager[Any]:
    return patch.object(Markers, "catch_up", _catch_up)
