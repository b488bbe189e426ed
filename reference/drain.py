"""``python -m reference drain``: wait until nothing is queued, delayed, parked or in flight and no request is at work on a row.

It looks, it stops nobody: whoever wants it to end turns the flag or the traffic off first (docs/rollback.md). Empty means
empty for as long as an accept may still be under way.
Where to go next: ``commands`` (how it is run), ``scripts/left.lua`` (what is counted).
"""

from __future__ import annotations

import argparse
import asyncio
import math
from collections.abc import Callable
from dataclasses import astuple, dataclass
from functools import partial
from typing import Any

from redis.asyncio import Redis

from reference import commands, flag, scripts, wiring
from reference.commands import DONE, NOT_DONE, Tools
from reference.connection import DELAYED, GROUP, PARKED, QUEUE_ERRORS, STREAM
from reference.readiness import REDIS_IS_AWAY, STORE_IS_AWAY
from reference.settings import Settings
from reference.store import Store, StoreUnavailableError

_LOOKS_EVERY_SECONDS = 0.5


@dataclass(frozen=True)
class Left:
    """What is not finished: in the queue's four places, and rows a synchronous request is at work on."""

    queued: int = 0
    in_flight: int = 0
    delayed: int = 0
    parked: int = 0
    requests: int = 0

    @property
    def total(self) -> int:
        """All of it."""
        return sum(astuple(self))

    def __str__(self) -> str:
        return (
            f"{self.queued} queued, {self.in_flight} in flight, {self.delayed} delayed, {self.parked} parked, "
            f"{self.requests} synchronous requests at work"
        )


async def count(redis: Redis | None, store: Store) -> Left:
    """What is left right now. Raises QUEUE_ERRORS or StoreUnavailableError."""
    if redis is None:
        return Left(requests=await store.leased())
    counts = await scripts.run(redis, scripts.load("left"), keys=[STREAM, DELAYED, PARKED], args=[GROUP])
    queued, in_flight, delayed, parked = counts
    return Left(queued, in_flight, delayed, parked, await store.leased())


def add_to(processes: Any) -> None:
    """Add the command to the command line."""
    drain = processes.add_parser("drain", help="wait until everything taken is finished")
    drain.add_argument("--within", type=_seconds, default=math.inf, metavar="SECONDS", help="give up after (default: never)")
    commands.name(drain, _drain)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < math.inf:
        raise argparse.ArgumentTypeError(f"'{text}' is no number of seconds")
    return seconds


async def _drain(arguments: argparse.Namespace, tools: Tools) -> int:
    quiet = quiet_seconds(tools.settings)
    return await drain(tools, within_seconds=arguments.within, quiet_seconds=quiet, tell=partial(print, flush=True))


def quiet_seconds(settings: Settings) -> float:
    """How long nothing must be left: until every API process has read the flag, and every accept begun before has ended.

    One that meets a marker may ask Redis twice and wait for a request in between (``handover``).
    """
    return flag.LOOKS_EVERY_SECONDS + wiring.API_CALL_SECONDS + 3 * settings.accept_deadline_seconds


async def drain(tools: Tools, *, within_seconds: float, quiet_seconds: float, tell: Callable[[str], None]) -> int:
    """Wait, saying what is left as it changes; answers the exit code."""
    now = asyncio.get_running_loop().time
    give_up_at, empty_since, said = now() + within_seconds, math.inf, ""
    while True:
        is_empty, what = await _look(tools)
        empty_since = min(empty_since, now()) if is_empty else math.inf
        if now() - empty_since >= quiet_seconds:
            tell("drained")
            return DONE
        if what != said:
            tell(said := what)
        if now() >= give_up_at:
            tell(f"not drained within {within_seconds:g} s; left: {what}")
            return NOT_DONE
        await asyncio.sleep(min(_LOOKS_EVERY_SECONDS, quiet_seconds / 4))


async def _look(tools: Tools) -> tuple[bool, str]:
    """Whether nothing is left, and what is, in words; who cannot say may have anything left."""
    try:
        left = await count(tools.redis, tools.store)
    except QUEUE_ERRORS:
        return False, REDIS_IS_AWAY
    except StoreUnavailableError:
        return False, STORE_IS_AWAY
    return left.total == 0, str(left)
