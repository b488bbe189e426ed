"""Requests that arrive while a call is under way leave together in the next one: a list and a busy flag, no timer.

One call in flight turns N round trips into one without making anybody wait longer than the call before.
Where to go next: ``intake`` (accepting events) and ``delivery`` (rows and acknowledgements) use it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Coalescer(Generic[T, R]):
    """Gathers single items into calls of at most ``limit`` items, which together weigh at most ``most`` (0: no matter how much).

    What alone weighs more goes alone. ``call`` answers one result per item, in order; a result that is an exception is raised
    to that item's caller, an exception raised by ``call`` to all of them.
    """

    def __init__(
        self,
        call: Callable[[list[T]], Awaitable[Sequence[R | Exception]]],
        *,
        limit: int = 250,
        weigh: Callable[[T], int] = lambda item: 0,
        most: int = 0,
    ) -> None:
        self._call = call
        self._limit = limit
        self._weigh = weigh
        self._most = most
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._runner: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop

    async def submit(self, item: T, *, until: float | None = None) -> R:
        """The result for ``item``. Cancelled before its call began, it is never part of one.

        Raises TimeoutError if it is not there ``until`` then, by the event loop's clock.
        """
        if self._runner is None:
            self._loop = asyncio.get_running_loop()
            self._runner = self._loop.create_task(self._run())
        answer: asyncio.Future[R] = self._loop.create_future()
        self._waiting.append((item, answer))
        if until is None:
            return await answer
        timer = self._loop.call_at(until, _expire, answer)  # a fraction of what asyncio.timeout costs
        try:
            return await answer
        finally:
            timer.cancel()

    async def _run(self) -> None:
        try:
            while self._waiting:
                count = self._fitting()
                taken, self._waiting = self._waiting[:count], self._waiting[count:]
                await self._answer([(item, answer) for item, answer in taken if not answer.done()])
        finally:
            self._runner = None

    def _fitting(self) -> int:
        if not self._most:
            return self._limit
        weight = 0
        for count, (item, _) in enumerate(self._waiting[: self._limit]):
            weight += self._weigh(item)
            if weight > self._most and count:
                return count
        return self._limit

    async def _answer(self, taken: list[tuple[T, asyncio.Future[R]]]) -> None:
        if not taken:
            return
        try:
            results = await self._call([item for item, _ in taken])
        except Exception as error:  # every caller has to hear of it, whatever it is
            results = [error] * len(taken)
        for (_, answer), result in zip(taken, results, strict=True):
            _resolve(answer, result)


def _expire(answer: asyncio.Future[R]) -> None:
    if not answer.done():
        answer.set_exception(TimeoutError())


def _resolve(answer: asyncio.Future[R], result: R | Exception) -> None:
    if answer.done():
        return
    if isinstance(result, Exception):
        answer.set_exception(result)
    else:
        answer.set_result(result)
