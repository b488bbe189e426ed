"""What the database said of an event is not noted where it was shown: once the database is away, completed becomes processing."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference.events import Pair
from reference.status import Statuses

CAUGHT_BY, IN = "status_never_goes_back", "postgres_backends_ended"


async def _shown_before(self: Statuses, pair: Pair) -> None:
    return None


def plant() -> AbstractContextManager[Any]:
    return patch.object(Statuses, "_shown_before", _shown_before)
