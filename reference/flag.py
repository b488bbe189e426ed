"""The flag: which share of the identities goes to the queue, turned at run time for every API process at once.

``ASYNC_INGESTION`` is the default. A number from 0 to 100 under one Redis key overrides it; every process reads the key every
0.8 s or sooner. What cannot be read leaves the last value. A pair's side is a hash of its identity, so that a retry stays on its
path, and a larger share takes more pairs along without moving the others.
Where to go next: ``markers`` (what both paths share), ``flag_commands`` (who turns it).
"""

from __future__ import annotations

import asyncio
import logging
import re
import zlib
from contextlib import suppress
from random import Random
from typing import Any

from redis.asyncio import Redis

from reference.connection import FLAG, QUEUE_ERRORS, call
from reference.events import Pair
from reference.markers import Markers
from reference.settings import Settings
from reference.store import StoreUnavailableError

_log = logging.getLogger(__name__)

LOOKS_EVERY_SECONDS = 0.8
_CATCHES_UP_WITHIN_SECONDS = 1.0
_PERCENTAGE = re.compile(r"[0-9]{1,2}|100").fullmatch


class UnreadableFlagError(ValueError):
    """Something else than a percentage stands under the key."""


def is_percentage(text: str) -> bool:
    """Whether ``text`` is a whole number from 0 to 100."""
    return _PERCENTAGE(text) is not None


async def read(redis: Redis) -> int | None:
    """The override, None if there is none. Raises QUEUE_ERRORS or UnreadableFlagError."""
    try:
        found: Any = await call(redis, "GET", FLAG)
    except UnicodeDecodeError:
        found = ""
    if found is None:
        return None
    if not is_percentage(str(found)):
        raise UnreadableFlagError(f"{FLAG} does not hold a percentage from 0 to 100")
    return int(found)


async def write(redis: Redis, percent: int | None) -> None:
    """Set the override; None takes it away. Raises QUEUE_ERRORS."""
    await (call(redis, "DEL", FLAG) if percent is None else call(redis, "SET", FLAG, percent))


def default_percent(settings: Settings) -> int:
    """What holds without an override."""
    return 100 if settings.async_ingestion else 0


class Flag:
    """What one API process knows of the flag. Without Redis there is nothing to read, and only the synchronous path."""

    def __init__(self, redis: Redis | None, markers: Markers | None, *, default_percent: int, random: Random) -> None:
        self.percent = default_percent
        self._random = random
        self._redis = redis
        self._markers = markers
        self._default_percent = default_percent
        self._said = ""

    def is_for_queue(self, pair: Pair) -> bool:
        """Whether events of ``pair`` are accepted into the queue, rather than processed at once."""
        return self.percent == 100 or side_of(pair) < self.percent

    async def watch(self) -> None:
        """For ever: follow the flag."""
        while self._redis is not None:
            await asyncio.sleep(LOOKS_EVERY_SECONDS * self._random.uniform(0.5, 1.0))  # processes do not look in step
            await self.look()

    async def look(self) -> None:
        """Read the flag once and follow it."""
        if self._redis is None or self._markers is None:
            return
        try:
            override = await read(self._redis)
        except (*QUEUE_ERRORS, UnreadableFlagError) as error:
            self._say(f"the flag cannot be read, {self.percent} % stay: {error}")
            return
        self._markers.note_back()
        percent = self._default_percent if override is None else override
        if percent > self.percent:
            await self._catch_up(self._markers)
        self.percent = percent
        self._say(f"{percent} % of the identities go to the queue")

    async def _catch_up(self, markers: Markers) -> None:
        """What was processed while Redis was away should be known there before more goes to the queue, but that must go on."""
        with suppress(*QUEUE_ERRORS, StoreUnavailableError):
            async with asyncio.timeout(_CATCHES_UP_WITHIN_SECONDS):
                await markers.catch_up()

    def _say(self, what: str) -> None:
        if what != self._said:
            self._said = what
            _log.info("%s", what)


def side_of(pair: Pair) -> int:
    """Where ``pair`` stands between 0 and 99."""
    return zlib.crc32(pair.key.encode()) % 100
