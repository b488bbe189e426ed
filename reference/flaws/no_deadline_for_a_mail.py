"""A mail has a time-out for every read and none for the whole: an answer that drips keeps its worker's place for ever."""

import asyncio
from contextlib import AbstractContextManager, nullcontext
from typing import Any
from unittest.mock import patch

from reference import mailer

CAUGHT_BY, IN = "every_status_becomes_final", "sendgrid_slow_loris"


def plant() -> AbstractContextManager[Any]:
    endless = type("asyncio", (), {**vars(asyncio), "timeout": lambda seconds: nullcontext()})
    return patch.object(mailer, "asyncio", endless)
