"""The reference's API with the coalescer off: every request makes a round trip to Redis of its own, beside the others'."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from unittest.mock import patch

from reference import __main__, intake


class OneByOne:
    """In the coalescer's place; calls do not wait for one another."""

    def __init__(self, call: Callable[[list[Any]], Awaitable[Sequence[Any]]], **_: Any) -> None:
        self._call = call

    async def submit(self, item: Any, *, until: float | None = None) -> Any:
        """The answer to a call with ``item`` alone."""
        async with asyncio.timeout_at(until):
            (answer,) = await self._call([item])
        if isinstance(answer, Exception):
            raise answer
        return answer


if __name__ == "__main__":
    with patch.object(intake, "Coalescer", OneByOne):
        sys.exit(__main__.main())
