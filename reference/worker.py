"""The worker: reads the queue, keeps its leases, reclaims what dead workers left, brings back what is due, stops in order.

Each duty is a loop of its own that survives every outage by trying again.
Where to go next: ``delivery`` (what happens to one entry), ``batch`` (to many that are alike).
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from redis.exceptions import ResponseError

from reference.batch import Batches
from reference.connection import QUEUE_ERRORS
from reference.defect import described
from reference.delivery import Delivery
from reference.lease import Leases
from reference.queue import FRESH_SECONDS, Delay, Entry, Reading, Reclaim, Taken
from reference.settings import HAND_BACK_SECONDS, LAST_READING_SECONDS, RETIRE_SECONDS, Settings
from reference.watch import Watch

_log = logging.getLogger(__name__)

_BLOCK_SECONDS = 5.0
_RENEWED_AFTER = 1 / 3  # of the time of a lease
_LOOKS_EVERY_SECONDS = 2.5  # for what dead workers left
_SUSPECTS_WAIT_SECONDS = 1.0


class Worker:
    """One worker process."""

    def __init__(self, delivery: Delivery, batches: Batches, *, leases: Leases, settings: Settings, watch: Watch) -> None:
        self._queue = leases.queue
        self._watch = watch
        self._delivery = delivery
        self._batches = batches
        self._leases = leases
        self._settings = settings
        self._backoff = delivery.backoff
        self._tasks: dict[str, tuple[Entry, asyncio.Task[Any]]] = {}
        self._in_batches = 0  # so many of them
        self._left: dict[str, Reading] = {}  # read, and not taken up yet for lack of room or of an answer
        self._room = asyncio.Event()
        self._stopping = asyncio.Event()
        self._reclaims_from = 0.0
        watch.metrics.watch(lambda: len(self._tasks))

    async def run(self, terminated: asyncio.Event) -> None:
        """Work until ``terminated`` is set, then finish or hand back what is in flight."""
        self._let_others_renew()
        reading = asyncio.create_task(self._repeat(self._read_once))
        chores = [asyncio.create_task(self._repeat(duty)) for duty in (self._renew_once, self._tend_once)]
        stop = asyncio.create_task(terminated.wait())
        await asyncio.wait([stop, reading, *chores], return_when=asyncio.FIRST_COMPLETED)
        for loop in (reading, *chores):
            if loop.done():
                loop.result()  # a loop never ends by itself: this is a defect, better a dead worker than a deaf one
        await self._drain(reading)
        for chore in chores:
            chore.cancel()
        await asyncio.gather(*chores, return_exceptions=True)
        await self._retire()

    async def _repeat(self, duty: Callable[[], Awaitable[None]]) -> None:
        failures = 0
        while not self._stopping.is_set() or duty == self._renew_once:
            try:
                await duty()
                failures = 0
            except QUEUE_ERRORS as error:
                failures += 1
                self._let_others_renew()
                await self._recover(error)
                await asyncio.sleep(self._backoff.seconds(min(failures, 3)))

    async def _recover(self, error: Exception) -> None:
        _log.warning("the queue is unavailable: %s", error)
        if isinstance(error, ResponseError) and str(error).startswith("NOGROUP"):
            try:
                await self._queue.create_group()
            except QUEUE_ERRORS as again:
                _log.warning("the consumer group cannot be created: %s", again)

    async def _read_once(self) -> None:
        self._watch.metrics.beat()
        if (most := self._most_at_once()) <= 0 or self._room_in_bytes() <= 0:
            self._room.clear()
            await self._room.wait()
        elif self._left:
            readings, self._left = self._left, {}
            await self._start(list(readings.values()))
        else:
            await self._start(await self._queue.read(count=most, block_seconds=_BLOCK_SECONDS))

    def _most_at_once(self) -> int:
        most = self._settings.most_in_hand
        room = min(most - len(self._tasks) + self._in_batches, 2 * most - len(self._tasks))  # those in batches are soon done
        return min(room, self._settings.batch_size)

    def _room_in_bytes(self) -> int:
        return self._settings.most_bytes_in_hand - sum(len(entry.event) for entry, _ in self._tasks.values())

    async def _renew_once(self) -> None:
        await asyncio.sleep(self._settings.reclaim_seconds * _RENEWED_AFTER)
        await self._leases.renew()

    def _knows(self, entry_id: str) -> bool:
        # A task that has not noticed yet that its lease was lost must not get a twin.
        return entry_id in self._leases or entry_id in self._tasks or entry_id in self._left

    async def _tend_once(self) -> None:
        """Its own come back when they are due; now and then it looks for what dead workers put back or had in hand."""
        is_time = asyncio.get_running_loop().time() >= self._reclaims_from
        # Whoever stands still just before a renewal has as long as anybody: so nobody reclaims before one was missed as well.
        idle_seconds = self._settings.reclaim_seconds * (1 + _RENEWED_AFTER)
        most = 0 if self._left or self._room_in_bytes() <= 0 else self._most_at_once()
        reclaim = Reclaim(idle_seconds, most) if is_time and most > 0 else None
        readings = await self._queue.tend(most_parked=self._delivery.mails_welcome(), reclaim=reclaim)
        await self._start([reading for reading in readings if not self._knows(reading.entry_id)])
        await self._queue.alarm.wait(at_most_seconds=min(self._settings.reclaim_seconds / 2, _LOOKS_EVERY_SECONDS))

    def _let_others_renew(self) -> None:
        """At the start and after an outage the living come first: they have the time of a lease to renew it."""
        self._reclaims_from = asyncio.get_running_loop().time() + self._settings.reclaim_seconds

    async def _start(self, readings: list[Reading]) -> None:
        if not readings:
            return
        if self._stopping.is_set():
            await self._put_back(readings)
            return
        taken = await self._take_up(readings)
        self._left |= {reading.entry_id: reading for reading in taken.left}
        ours = self._left.keys() | {entry.entry_id for entry in taken.entries}
        self._drop([reading for reading in readings if reading.entry_id not in ours])
        try:
            if taken.suspects:  # one at a time is tried, before which the others are safe
                await self._put_back(taken.suspects, seconds=self._backoff.spread(_SUSPECTS_WAIT_SECONDS))
        finally:
            self._begin_all(taken.entries)

    async def _take_up(self, readings: Sequence[Reading]) -> Taken:
        entry_ids = [reading.entry_id for reading in readings]
        # From then on the lease is good, whatever taking up did about it: a freeze before the answer must show.
        self._leases.hold(entry_ids, since=asyncio.get_running_loop().time() - FRESH_SECONDS)
        try:
            return await self._queue.take(
                readings,
                most_bytes=min(self._settings.batch_bytes, self._room_in_bytes()),
                most_suspects=0 if any(entry.is_suspect for entry, _ in self._tasks.values()) else 1,
            )
        except ResponseError:
            self._drop(readings)
            raise
        except QUEUE_ERRORS:
            self._leases.hold(entry_ids, since=-math.inf)  # renewed like others, and good for nothing before that
            self._left |= {reading.entry_id: replace(reading, is_in_doubt=True) for reading in readings}
            raise

    async def _put_back(self, readings: Iterable[Reading], *, seconds: float = 0.0) -> None:
        await self._queue.delay([Delay(reading.entry_id, reading.key, seconds) for reading in readings])

    def _begin_all(self, entries: Sequence[Entry]) -> None:
        together = self._batches.fitting(entries) if self._settings.fast_path else []
        if together:
            task = asyncio.create_task(self._batches.end(together))
            self._tasks |= {entry.entry_id: (entry, task) for entry in together}
            self._in_batches += len(together)
            task.add_done_callback(lambda done: self._ended_together(together, done))
        for entry in entries:
            if entry.entry_id not in self._tasks:
                self._begin(entry)

    def _begin(self, entry: Entry) -> None:
        task = asyncio.create_task(self._watch.follow(entry, self._delivery.deliver))
        self._tasks[entry.entry_id] = (entry, task)
        task.add_done_callback(lambda done: self._ended(entry, done))

    def _ended_together(self, entries: Sequence[Entry], task: asyncio.Task[list[Entry]]) -> None:
        self._in_batches -= len(entries)
        for entry in entries:
            self._ended(entry, task)
        if not task.cancelled() and task.exception() is None:
            for entry in task.result():
                self._begin(entry)

    def _ended(self, entry: Entry, task: asyncio.Task[Any]) -> None:
        self._tasks.pop(entry.entry_id, None)
        self._room.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            # A defect of ours: the entry stays pending and is reclaimed; after most_takes it is a dead letter.
            self._leases.drop(entry.entry_id)
            _log.error("delivery of entry %s broke: %s", entry.entry_id, described(error))

    def _drop(self, readings: Iterable[Reading]) -> None:
        for reading in readings:
            self._leases.drop(reading.entry_id)

    async def _drain(self, reading: asyncio.Task[None]) -> None:
        """Stop reading, let what is on its way arrive, hand back the rest; within ``drain_seconds``."""
        self._stopping.set()
        self._room.set()
        self._delivery.is_draining = True
        await asyncio.wait([reading], timeout=LAST_READING_SECONDS)
        reading.cancel()  # an idle one; should it be handed an entry at this very moment, another worker reclaims that
        in_flight = [task for _, task in self._tasks.values()]
        if in_flight:
            await asyncio.wait(in_flight, timeout=self._settings.last_mails_seconds)
        await self._hand_back()

    async def _hand_back(self) -> None:
        begun = list(self._tasks.values())
        for _, task in begun:
            task.cancel()
        backs = [self._delivery.hand_back(entry) for entry, _ in begun]
        if self._left:
            backs.append(self._put_back(self._left.values()))
        try:
            async with asyncio.timeout(HAND_BACK_SECONDS):
                await asyncio.gather(*backs)
        except (*QUEUE_ERRORS, TimeoutError) as error:
            count = len(begun) + len(self._left)
            _log.warning("%d entries could not be handed back, others will reclaim them: %s", count, error)

    async def _retire(self) -> None:
        try:
            async with asyncio.timeout(RETIRE_SECONDS):
                await self._queue.retire()
        except QUEUE_ERRORS as error:
            _log.info("the consumer stays registered: %s", error)
