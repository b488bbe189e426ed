"""On the synchronous path a mail that failed counts as sent: the client is told processed, and the reader gets nothing."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference.mailer import Answer
from reference.synchronous import Attempt, SynchronousPath

CAUGHT_BY, IN, SYSTEM = "every_accepted_event_is_mailed", "sendgrid_outage", "sync"


async def _not_sent(self: SynchronousPath, attempt: Attempt, answer: Answer) -> None:
    return


def plant() -> AbstractContextManager[Any]:
    return patch.object(SynchronousPath, "_not_sent", _not_sent)
