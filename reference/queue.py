"""The queue on Redis Streams as a worker sees it: read, take up, renew, delay, tend (bring back, reclaim), finish.

An event is always in exactly one place: the stream, the delayed set (until a time) or the parked set (until mail goes out
again), and at the end nowhere but in its record.
Every move is one script (``scripts/``), and only the owner of an entry can move it. Where to go next: ``lease`` and ``worker``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from reference import scripts
from reference.alarm import Alarm
from reference.connection import DEAD, DELAYED, GROUP, OPEN, PARKED, STREAM, call, index_key, record_key
from reference.events import Pair

_PROMOTED_AT_ONCE = 250
FRESH_SECONDS = 0.1  # so soon after its reading, taking an entry up does not renew its lease
SUSPECTED_AFTER_TAKES = 3
_FORGOTTEN_AFTER_SECONDS = 3600.0  # a consumer that holds nothing


@dataclass(frozen=True)
class Reading:
    """An entry as read: whose event it is, not yet taken up. ``is_in_doubt``: nobody knows, for taking it up was not answered."""

    entry_id: str
    key: str
    is_in_doubt: bool = False


@dataclass(frozen=True)
class Entry:
    """An entry taken up: the event and what happened to it before; ``traceparent`` names the span of its acceptance, if any.

    ``takes``: how often it was taken up without an end, this time included. ``age_seconds``: since it was accepted, told only of
    those with ``attempts``.
    """

    entry_id: str
    key: str
    event: str
    fingerprint: str
    attempts: int
    takes: int
    was_mailed: bool
    traceparent: str = ""
    age_seconds: float = 0.0

    @cached_property
    def pair(self) -> Pair:
        """The event's identity."""
        return Pair.of_key(self.key)

    @property
    def is_suspect(self) -> bool:
        """Whether so many workers died with it in hand that it may be why."""
        return self.takes > SUSPECTED_AFTER_TAKES


@dataclass(frozen=True)
class Taken:
    """What became of readings: taken up, left for lack of room, or left because another suspect has to end first.

    What is in none of these is lost or finished already. What was left is not counted as taken.
    """

    entries: list[Entry]
    left: list[Reading]
    suspects: list[Reading]


@dataclass(frozen=True)
class Finish:
    """How an entry ends: ``completed`` or ``failed`` with a reason."""

    entry_id: str
    pair: Pair
    status: str
    processed_at: str
    reason: str
    attempts: int


@dataclass(frozen=True)
class Delay:
    """How long an entry waits, and what the next taker has to know. ``attempts`` and ``takes``: None leaves the count.

    ``is_parked``: it waits for mail to go out again; ``delay_seconds`` says when that is worth a try. ``takes``: how often it was
    taken by workers that died or lost it.
    """

    entry_id: str
    key: str
    delay_seconds: float
    attempts: int | None = None
    was_mailed: bool = False
    is_parked: bool = False
    takes: int | None = None


@dataclass(frozen=True)
class Reclaim:
    """Up to ``most`` entries whose owner has not renewed them for ``idle_seconds``, ours whose reading was lost included."""

    idle_seconds: float
    most: int


class Queue:
    """The worker's side of the queue, seen by one consumer. Every method may raise ``connection.QUEUE_ERRORS``."""

    def __init__(self, redis: Redis, *, consumer: str, window_seconds: float) -> None:
        self._redis: Any = redis  # redis-py types its commands loosely or not at all
        self._consumer = consumer
        self._window_seconds = window_seconds
        self._has_parked = False
        self.alarm = Alarm()  # rings when something we put back falls due

    async def create_group(self) -> None:
        """Create stream and group where they are missing (after the first start, or when Redis came back empty)."""
        try:
            await call(self._redis, "XGROUP", "CREATE", STREAM, GROUP, "0", "MKSTREAM")
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise

    async def read(self, *, count: int, block_seconds: float) -> list[Reading]:
        """Up to ``count`` entries nobody has read; waits at most ``block_seconds`` for the first."""
        answer = await call(
            self._redis, "XREADGROUP", "GROUP", GROUP, self._consumer, "COUNT", count,
            "BLOCK", int(block_seconds * 1000), "STREAMS", STREAM, ">", patience_seconds=block_seconds,
        )  # fmt: skip
        return _readings(answer[0][1]) if answer else []

    async def take(self, readings: Sequence[Reading], *, most_bytes: int, most_suspects: int = 1) -> Taken:
        """Take up what was read, in order: at most ``most_bytes`` of events (one in any case), and so many suspects.

        Each lease is at most ``FRESH_SECONDS`` old then. What was in doubt and had been taken up is not counted again.
        """
        is_repeated = any(reading.is_in_doubt for reading in readings)
        limits = [most_bytes, SUSPECTED_AFTER_TAKES, most_suspects, "1" if is_repeated else ""]
        answers = await self._run(
            "take",
            keys=[STREAM, OPEN, *(record_key(reading.key) for reading in readings)],
            args=[int(FRESH_SECONDS * 1000), *limits, *(reading.entry_id for reading in readings)],
        )
        told: dict[str, list[tuple[Reading, Any]]] = {"taken": [], "full": [], "suspect": []}
        for reading, answer in zip(readings, answers, strict=True):
            told.get(answer[0], []).append((reading, answer))
        left, suspects = ([reading for reading, _ in told[why]] for why in ("full", "suspect"))
        return Taken([_entry(*each) for each in told["taken"]], left, suspects)

    async def renew(self, entry_ids: Sequence[str]) -> list[str]:
        """Renew the leases; answers the entries that are ours no longer."""
        return list(await self._run("renew", keys=[STREAM], args=entry_ids)) if entry_ids else []

    async def finish(self, finishes: Sequence[Finish]) -> list[bool]:
        """Write final statuses and acknowledge; False where the entry was ours no longer and nothing was written."""
        keys, args = [STREAM, DEAD, OPEN], list[scripts.Argument]([int(self._window_seconds * 1000)])
        for end in finishes:
            keys += [record_key(end.pair.key), index_key(end.pair.id)]
            args += [end.entry_id, end.pair.source, end.pair.id, end.status, end.processed_at, end.reason, end.attempts]
        return [done == 1 for done in await self._run("finish", keys=keys, args=args)]

    async def delay(self, delays: Sequence[Delay]) -> list[bool]:
        """Put entries back for later; False where the entry was ours no longer."""
        keys, args = [STREAM], list[scripts.Argument]()
        for later in delays:
            attempts, takes = ("" if count is None else count for count in (later.attempts, later.takes))
            delay_ms = 0 if later.is_parked else int(later.delay_seconds * 1000)
            keys += [record_key(later.key), PARKED if later.is_parked else DELAYED]
            args += [later.entry_id, later.key, delay_ms, attempts, "1" if later.was_mailed else "", takes]
        done = await self._run("delay", keys=keys, args=args)
        for later in delays:
            self._has_parked = self._has_parked or later.is_parked
            self.alarm.set(later.delay_seconds)
        return [put_back == 1 for put_back in done]

    async def tend(self, *, most_parked: int = _PROMOTED_AT_ONCE, reclaim: Reclaim | None = None) -> list[Reading]:
        """Bring back what is due, whoever delayed it, and of what is parked ``most_parked``; answers what was reclaimed."""
        most, idle_ms = (reclaim.most, int(reclaim.idle_seconds * 1000)) if reclaim else (0, 0)
        forgotten_ms = int(_FORGOTTEN_AFTER_SECONDS * 1000)
        due, parked, reclaimed = await self._run(
            "tend", keys=[STREAM, DELAYED, PARKED], args=[_PROMOTED_AT_ONCE, most_parked, most, idle_ms, forgotten_ms]
        )
        self._has_parked = parked > 0
        if due == _PROMOTED_AT_ONCE:
            self.alarm.set(0.0)  # there may be more
        return _readings(reclaimed)

    def unpark(self) -> None:
        """Mail goes out: what is parked should come back at once."""
        if self._has_parked:
            self.alarm.set(0.0)

    async def retire(self) -> None:
        """Forget this consumer, unless entries are still on its name: those are for others to reclaim."""
        await self._run("retire", keys=[STREAM], args=[])

    async def _run(self, name: str, *, keys: Sequence[str], args: Sequence[scripts.Argument]) -> Any:
        return await scripts.run(self._redis, scripts.load(name), keys=keys, args=[GROUP, self._consumer, *args])


def _readings(entries: Sequence[Any]) -> list[Reading]:
    # RESP2 nests fields as a flat list; an entry deleted behind our back has none.
    return [Reading(entry_id, key=_field(fields, "pair")) for entry_id, fields in entries if fields]


def _field(fields: Any, name: str) -> str:
    values = fields if isinstance(fields, dict) else dict(zip(fields[::2], fields[1::2], strict=True))
    return str(values[name])


def _entry(reading: Reading, answer: Sequence[Any]) -> Entry:
    _, event, fingerprint, attempts, takes, mailed, trace, age_ms = answer
    return Entry(
        reading.entry_id, reading.key, event, fingerprint, int(attempts), int(takes), mailed == "1", trace, age_ms / 1000
    )
