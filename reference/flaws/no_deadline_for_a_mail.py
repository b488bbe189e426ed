"""A mail has no deadline for the whole: an answer that drips keeps its worker's place for ever."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any
from unittest.mock import patch

from reference import mailer

CAUGHT_BY, IN = "every_status_becomes_final", "sendgrid_slow_loris"


def plant() -> AbstractContextManager[Any]:
    return patch.object(mailer, "deadline", lambda seconds: nullcontext())
