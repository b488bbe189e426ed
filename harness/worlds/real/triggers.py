"""Moments of the real world: a time, or the n-th call the stand-in sees.

Whoever makes that call is held: it is decided only when the fault has begun (`release`), or nobody waits any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from harness.faults import At, Trigger, UponMail
from harness.usage import UsageError
from harness.worlds.provider import MailRequest
from harness.worlds.world import Occasion

LONGEST_HOLD_S = 20.0


@dataclass(eq=False)
class _Watch:
    """Waits for one call; `released` lets it go on."""

    trigger: UponMail
    met: asyncio.Future[Occasion]
    released: asyncio.Event = field(default_factory=asyncio.Event)
    seen: int = 0


class Triggers:
    """What is waited for, and who is held."""

    def __init__(self, now: Callable[[], float], *, id_of: Callable[[bytes], str | None]) -> None:
        self._now = now
        self._id_of = id_of
        self._watches: list[_Watch] = []

    async def reached(self, trigger: Trigger) -> Occasion:
        """Wait until it is met. Raises UsageError for a trigger that only the simulation can see."""
        if isinstance(trigger, At):
            await asyncio.sleep(max(0.0, trigger.seconds - self._now()))
            return Occasion()
        if not isinstance(trigger, UponMail):
            raise UsageError(f"{type(trigger).__name__} can only be seen in the simulated world; use `mail(n)` or `amid_work`.")
        watch = _Watch(trigger, asyncio.get_running_loop().create_future())
        self._watches.append(watch)
        try:
            return await watch.met
        except asyncio.CancelledError:
            self._let_go(watch)
            raise

    def release(self, occasion: Occasion) -> None:
        """The fault of this occasion has begun: whoever is held for it goes on."""
        for watch in list(self._watches):
            if watch.met.done() and not watch.met.cancelled() and watch.met.result() is occasion:
                self._let_go(watch)

    async def hold(self, request: MailRequest) -> bool:
        """Count one call of the stand-in; returns when it may be decided, True if it was held until then."""
        for watch in list(self._watches):
            if watch.met.done() or self._now() < watch.trigger.after_seconds:
                continue
            watch.seen += 1
            if watch.seen == watch.trigger.number:
                watch.met.set_result(Occasion(request.process, f"its mail for {self._id_of(request.body)} was under way"))
                await self._released(watch)
                return True
        return False

    async def _released(self, watch: _Watch) -> None:
        try:
            async with asyncio.timeout(LONGEST_HOLD_S):
                await watch.released.wait()
        except TimeoutError:
            self._let_go(watch)

    def _let_go(self, watch: _Watch) -> None:
        watch.released.set()
        if watch in self._watches:
            self._watches.remove(watch)
