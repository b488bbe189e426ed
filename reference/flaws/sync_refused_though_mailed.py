"""A lost reply of the provider is answered 503, as if nothing had been taken: the client drops an event that was mailed."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference import synchronous
from reference.problem import ProblemError

CAUGHT_BY, IN, SYSTEM = "refusals_are_honest", "sendgrid_reply_lost", "sync"


def _unknown(detail: str, *, retry_after_seconds: float = 1.0) -> ProblemError:
    return ProblemError(503, f"{detail}; nothing was taken.", kind="mail-closed", retry_after_seconds=retry_after_seconds)


def plant() -> AbstractContextManager[Any]:
    return patch.object(synchronous, "_unknown", _unknown)
