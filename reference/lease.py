"""Which entries this worker holds, and whether it may still act on them.

An entry whose lease was not renewed for a while may have been reclaimed: a worker that was frozen finds out here,
before it sends a mail or writes a status.
Where to go next: ``delivery`` (asks before every effect) and ``worker`` (keeps renewing).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from reference.connection import QUEUE_ERRORS
from reference.queue import Queue

_RETRY_SECONDS = 0.2


class LeaseLostError(Exception):
    """The entry belongs to another worker now; drop it."""


class Leases:
    """The entries of ``queue`` held, each with the time by which its lease is known to be good."""

    def __init__(self, queue: Queue, *, reclaim_seconds: float) -> None:
        self.queue = queue
        self._fresh_for_seconds = reclaim_seconds / 2
        self._renewed_at: dict[str, float] = {}
        self._renewing = asyncio.Lock()

    def __len__(self) -> int:
        return len(self._renewed_at)

    def __contains__(self, entry_id: object) -> bool:
        return entry_id in self._renewed_at

    def hold(self, entry_ids: Iterable[str], *, since: float) -> None:
        """Hold entries owned since ``since`` (loop time *before* they were asked for, so that a freeze in between counts)."""
        for entry_id in entry_ids:
            self._renewed_at[entry_id] = since

    def drop(self, entry_id: str) -> None:
        """Hold ``entry_id`` no longer."""
        self._renewed_at.pop(entry_id, None)

    async def renew(self) -> None:
        """Renew everything held and drop what is lost. Raises QUEUE_ERRORS."""
        before, held = asyncio.get_running_loop().time(), list(self._renewed_at)
        lost = frozenset(await self.queue.renew(held))
        for entry_id in held:
            if entry_id in lost:
                self.drop(entry_id)
            elif entry_id in self._renewed_at:
                self._renewed_at[entry_id] = before

    async def ensure(self, entry_id: str) -> None:
        """Return once ``entry_id`` is certainly still ours. Raises LeaseLostError; waits while Redis cannot say."""
        while not self._is_fresh(entry_id):
            async with self._renewing:
                await self._renew_for(entry_id)

    async def _renew_for(self, entry_id: str) -> None:
        if self._is_fresh(entry_id):
            return  # somebody else's renewal, while we waited for the lock, was ours too
        try:
            await self.renew()
        except QUEUE_ERRORS:
            await asyncio.sleep(_RETRY_SECONDS)

    def _is_fresh(self, entry_id: str) -> bool:
        renewed_at = self._renewed_at.get(entry_id)
        if renewed_at is None:
            raise LeaseLostError(entry_id)
        return asyncio.get_running_loop().time() - renewed_at < self._fresh_for_seconds
