"""A time-out of Redis is answered 503, as if nothing had been taken: the client's retry is a duplicate of nothing."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference import intake

CAUGHT_BY, IN = "duplicates_point_to_their_event", "redis_replies_lost"


def plant() -> AbstractContextManager[Any]:
    return patch.object(intake, "UnansweredError", intake.UnavailableError)
