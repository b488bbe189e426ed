"""``Prefer: wait=N`` (RFC 7240): a client that would rather wait up to N seconds for the end than come back for it.

It is asked for what is known already, ever more rarely; what the client was promised does not depend on it.
Where to go next: ``api`` (the answers), ``status`` (what is asked).
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from reference.events import Pair
from reference.status import Status, Statuses, StatusUnavailableError

_WAIT = re.compile(rb'(?:^|,)[ \t]*wait[ \t]*=[ \t]*("?)(\d+)\1[ \t]*(?:[,;]|$)', re.IGNORECASE)
_MOST_DIGITS = 9
_FIRST_PAUSE_SECONDS = 0.02
_LONGEST_PAUSE_SECONDS = 0.25
_GROWTH = 1.5


@dataclass(frozen=True)
class Wait:
    """How long the client is kept waiting, in seconds and as the event loop's time when that ends."""

    seconds: int
    until: float


def wanted(headers: Iterable[tuple[bytes, bytes]], *, longest_seconds: int) -> Wait | None:
    """The wait asked for, clamped; None where none is asked for, none granted, or the words are not understood."""
    given = b",".join(value for name, value in headers if name == b"prefer")
    found = _WAIT.search(given)
    seconds = min(int(found[2][:_MOST_DIGITS]), longest_seconds) if found else 0
    return Wait(seconds, until=asyncio.get_running_loop().time() + seconds) if seconds > 0 else None


async def outcome(statuses: Statuses, pair: Pair, *, until: float) -> Status | None:
    """The final status of the event, None if it has none ``until`` then."""
    pause_seconds = _FIRST_PAUSE_SECONDS
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout_at(until):
            while True:
                found = await _look(statuses, pair)
                if found is not None and found.is_final:
                    return found
                await asyncio.sleep(pause_seconds)
                pause_seconds = min(_LONGEST_PAUSE_SECONDS, pause_seconds * _GROWTH)
    return None


async def _look(statuses: Statuses, pair: Pair) -> Status | None:
    with contextlib.suppress(StatusUnavailableError):
        return await statuses.find(pair.id, source=pair.source)
    return None
