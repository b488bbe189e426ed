"""The synchronous path mails without a breaker: every request of an outage waits for a provider that is down, and hammers it."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference.breaker import Breaker

CAUGHT_BY, IN, SYSTEM = "provider_is_spared", "sendgrid_outage", "sync"


async def _call(self: Breaker, operation: Callable[[], Awaitable[Any]], *, judge: Any) -> Any:
    return await operation()


def plant() -> AbstractContextManager[Any]:
    return patch.object(Breaker, "call", _call)
