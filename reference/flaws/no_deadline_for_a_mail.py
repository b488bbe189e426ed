"""A mail has no deadline as a whole: an answer that drips keeps its worker's place for ever."""

from contextlib import AbstractContextManager, asynccontextmanager
from typing import Any
from unittest.mock import patch

from reference import mailer

CAUGHT_BY, IN = "every_status_becomes_final", "sendgrid_slow_loris"


@asynccontextmanager
async def _endless(seconds: float) -> Any:
    yield


def plant() -> AbstractContextManager[Any]:
    return patch.object(mailer, "deadline", _endless)
