"""Dead letters: events that failed for good, each with its reason, to be looked at, retried or discarded.

A retry opens the database row first and then, in one script, puts the event back into the queue and removes the letter. A crash
between the two leaves a letter whose event is failed in Redis and pending in the database; retrying it again repairs that.
Where to go next: ``scripts/retry.lua`` (the step), ``letter_commands`` (the command line), ``scripts/finish.lua`` (who buries).
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from redis.asyncio import Redis

from reference import scripts, versions
from reference.connection import DEAD, OPEN, STREAM, call, index_key, record_key
from reference.events import InvalidEventError, Pair, fingerprint
from reference.store import Store

_AT_ONCE = 100
_LETTER_ID = re.compile(r"\d{1,15}-\d{1,15}").fullmatch


@dataclass(frozen=True)
class Letter:
    """One dead letter. ``event`` is the event as it was posted, address and all: not for logs or lists."""

    letter_id: str
    pair: Pair
    reason: str
    attempts: int
    event: str = field(repr=False)

    @property
    def failed_at(self) -> str:
        """When it was buried, ISO 8601 in UTC."""
        moment = datetime.fromtimestamp(int(self.letter_id.partition("-")[0]) / 1000, UTC)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True)
class Filter:
    """Which letters are meant: those whose reason contains a text, those of one source; all if neither is said."""

    reason: str = ""
    source: str | None = None

    def fits(self, letter: Letter) -> bool:
        """Whether ``letter`` is meant."""
        return self.reason in letter.reason and self.source in (None, letter.pair.source)


class DeadLetters:
    """The letters in Redis. Every method may raise ``connection.QUEUE_ERRORS``, ``retry`` StoreUnavailableError too."""

    def __init__(self, redis: Redis, store: Store) -> None:
        self._redis = redis
        self._store = store

    async def find(self, wanted: Filter) -> AsyncIterator[Letter]:
        """The letters that fit, oldest first; what is buried from now on is left out, else retrying all might never end."""
        newest = await call(self._redis, "XREVRANGE", DEAD, "+", "-", "COUNT", 1)
        since, until = "-", newest[0][0] if newest else "-"
        while entries := await call(self._redis, "XRANGE", DEAD, since, until, "COUNT", _AT_ONCE):
            for letter in map(_letter, entries):
                if wanted.fits(letter):
                    yield letter
            since = f"({entries[-1][0]}"

    async def get(self, letter_id: str) -> Letter | None:
        """The letter of that id."""
        entries = await call(self._redis, "XRANGE", DEAD, letter_id, letter_id)
        return _letter(entries[0]) if entries else None

    async def retry(self, letter: Letter) -> str:
        """Drive the event again: ``retried``, its status if it is failed no more, ``gone`` if it was discarded, or why not."""
        try:
            known = fingerprint(versions.read(letter.event))
        except (InvalidEventError, versions.NewerVersionError):
            return "unreadable"
        row = await self._store.reopen(letter.pair, fingerprint=known)
        if row is not None and row.fingerprint != known:
            return "another payload"
        keys = [DEAD, STREAM, record_key(letter.pair.key), index_key(letter.pair.id), OPEN]
        args = [letter.letter_id, letter.pair.key, letter.pair.source, known, letter.event]
        answer = str(await scripts.run(self._redis, scripts.load("retry"), keys=keys, args=args))
        if answer == "gone":  # somebody discarded it meanwhile: the row is failed again, as Redis says
            await self._store.fail(letter.pair, reason=letter.reason)
        return answer

    async def discard(self, letter: Letter) -> str:
        """Forget the letter: ``discarded``, or ``gone``. Its event stays failed."""
        return "discarded" if await call(self._redis, "XDEL", DEAD, letter.letter_id) else "gone"


def is_letter_id(text: str) -> bool:
    """Whether ``text`` can be a letter's id at all."""
    return _LETTER_ID(text) is not None


def _letter(entry: Any) -> Letter:
    letter_id, flat = entry
    fields = dict(zip(flat[::2], flat[1::2], strict=True))
    pair = Pair(source=fields["source"], id=fields["id"])
    return Letter(letter_id, pair, fields["reason"], int(fields["attempts"]), fields["event"])
