"""``python -m reference flag show|set PERCENT|clear``: the share of identities that goes to the queue, for all processes at once.

Where to go next: ``flag`` (who follows it), docs/rollback.md (when to turn it).
"""

from __future__ import annotations

import argparse
from typing import Any

from redis.asyncio import Redis

from reference import commands, flag
from reference.commands import DONE, NO_REDIS, NOT_DONE, WRONG_USAGE, Tools, complain
from reference.settings import Settings

_FOLLOWED = "every API process follows within a second"


def add_to(processes: Any) -> None:
    """Add the commands to the command line."""
    parser = processes.add_parser("flag", help="which share of the identities goes to the queue")
    verbs = parser.add_subparsers(dest="verb", required=True)
    setting = verbs.add_parser("set", help="override ASYNC_INGESTION until `flag clear`")
    setting.add_argument("percent", type=_percent, metavar="PERCENT", help="0 (all at once) to 100 (all to the queue)")
    commands.name(verbs.add_parser("show", help="what holds now, and why"), _show)
    commands.name(setting, _set)
    commands.name(verbs.add_parser("clear", help="back to ASYNC_INGESTION"), _clear)


def _percent(text: str) -> int:
    if not flag.is_percentage(text):
        raise argparse.ArgumentTypeError(f"'{text}' is no percentage; write a whole number from 0 to 100")
    return int(text)


async def _show(arguments: argparse.Namespace, tools: Tools) -> int:
    if tools.redis is None:
        return _without_redis()
    try:
        print(await _told(tools.redis, tools.settings))
    except flag.UnreadableFlagError as error:
        return complain(f"{error}: every process keeps what it knew; `flag set` or `flag clear` mends it.", code=NOT_DONE)
    return DONE


async def _set(arguments: argparse.Namespace, tools: Tools) -> int:
    return await _write(arguments.percent, tools)


async def _clear(arguments: argparse.Namespace, tools: Tools) -> int:
    return await _write(None, tools)


async def _write(percent: int | None, tools: Tools) -> int:
    if tools.redis is None:
        return _without_redis()
    await flag.write(tools.redis, percent)
    print(f"{await _told(tools.redis, tools.settings)}; {_FOLLOWED}")
    return DONE


async def _told(redis: Redis, settings: Settings) -> str:
    override = await flag.read(redis)
    if override is not None:
        return f"{override} % of the identities go to the queue (override)"
    percent = flag.default_percent(settings)
    return f"{percent} % of the identities go to the queue (no override; ASYNC_INGESTION here is {settings.async_ingestion})"


def _without_redis() -> int:
    return complain(NO_REDIS.format(what="without it there is only the synchronous path"), code=WRONG_USAGE)
