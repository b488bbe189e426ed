"""What an operator runs beside the service: ``python -m reference flag | drain | dead-letters``, each a file of its own.

They talk to Redis and Postgres with the service's own settings. Exit codes: 0 done, 1 not done, 2 wrong usage or settings.
Where to go next: ``drain`` (the smallest), ``flag_commands``, ``letter_commands``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

from reference import wiring
from reference.connection import QUEUE_ERRORS
from reference.postgres import PostgresStore
from reference.readiness import REDIS_IS_AWAY, STORE_IS_AWAY
from reference.settings import Settings
from reference.store import Store, StoreUnavailableError

_CALL_SECONDS = 5.0
DONE, NOT_DONE, WRONG_USAGE = 0, 1, 2
NO_REDIS = "Bad settings: REDIS_URL is not set; {what}."


@dataclass(frozen=True)
class Tools:
    """What a command works with; no ``redis`` where the service is set up without one."""

    settings: Settings
    redis: Redis | None
    store: Store


Command = Callable[[argparse.Namespace, Tools], Awaitable[int]]


def name(parser: argparse.ArgumentParser, command: Command) -> None:
    """Let ``parser`` run ``command``."""
    parser.set_defaults(command=command)


def is_one(arguments: argparse.Namespace) -> bool:
    """Whether an operator's command was asked for, rather than a process of the service."""
    return hasattr(arguments, "command")


async def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Run the command; answers its exit code."""
    store = PostgresStore(settings.database_url.get_secret_value(), timeout_seconds=_CALL_SECONDS)
    tools = Tools(settings, wiring.operators_redis(settings) if settings.redis_url else None, store)
    try:
        return await perform(arguments, tools)
    finally:
        if tools.redis is not None:
            await tools.redis.aclose()
        await store.close()


async def perform(arguments: argparse.Namespace, tools: Tools) -> int:
    """The same with these tools."""
    command: Any = arguments.command
    try:
        return int(await command(arguments, tools))
    except QUEUE_ERRORS as error:
        return complain(f"{REDIS_IS_AWAY} ({error})")
    except StoreUnavailableError as error:
        return complain(f"{STORE_IS_AWAY} ({error})")


def complain(sentence: str, *, code: int = NOT_DONE) -> int:
    """Say what went wrong; answers the exit code."""
    print(sentence, file=sys.stderr)
    return code
