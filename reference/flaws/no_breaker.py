"""There is no breaker: a provider that is down is called for every event, again and again."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from reference.breaker import Breaker

CAUGHT_BY, IN, WORLD = "provider_is_spared", "sendgrid_outage", "both"


async def _call(self: Breaker, operation: Callable[[], Awaitable[Any]], *, judge: Any) -> Any:
    return await operation()


def plant() -> AbstractContextManager[Any]:
    return patch.object(Breaker, "call", _call)
