"""``python -m reference dead-letters list|show|retry|discard``: nothing private is printed unless ``--payload`` asks for it.

Where to go next: ``dead_letters`` (what is done), ``commands`` (how it is run).
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

from reference import commands, versions
from reference.commands import DONE, NO_REDIS, NOT_DONE, WRONG_USAGE, Tools, complain
from reference.dead_letters import DeadLetters, Filter, Letter, is_letter_id
from reference.events import InvalidEventError

_HEADS = ("ID", "FAILED AT", "SOURCE", "EVENT", "ATTEMPTS", "REASON")
_TOLD = {
    "retried": "back in the queue",
    "discarded": "discarded; the event stays failed",
    "gone": "not there: retried or discarded before",
    "pending": "left alone: the event is back in the queue already",
    "processing": "left alone: the event is being processed already",
    "completed": "removed: the event is completed",
    "another payload": "cannot be retried: the pair is stored with another payload; discard it",
    "unreadable": "cannot be retried: its event cannot be read any more; discard it",
}
_NOT_DONE = ("another payload", "unreadable")


def add_to(processes: Any) -> None:
    """Add the commands to the command line."""
    letters = processes.add_parser("dead-letters", help="look at events that failed for good, retry or discard them")
    verbs = letters.add_subparsers(dest="verb", required=True)
    listing = verbs.add_parser("list", help="the letters, oldest first, without payloads")
    _add_filter(listing)
    listing.add_argument("--limit", type=_count, default=100, help="at most so many (default: 100)")
    showing = verbs.add_parser("show", help="one letter")
    showing.add_argument("id", type=_letter_id)
    showing.add_argument("--payload", action="store_true", help="print the event as well, mail address included")
    for parser in (listing, showing):
        parser.add_argument("--json", action="store_true", help="as JSON")
    commands.name(listing, _list)
    commands.name(showing, _show)
    for verb, act, told in (("retry", _retry, "drive events again"), ("discard", _discard, "forget letters for good")):
        acting = verbs.add_parser(verb, help=told)
        acting.add_argument("ids", nargs="*", type=_letter_id, metavar="ID")
        acting.add_argument("--all", action="store_true", help="every letter that fits")
        _add_filter(acting)
        commands.name(acting, act)


def _add_filter(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--reason", default="", metavar="TEXT", help="only letters whose reason contains this")
    parser.add_argument("--source", help="only letters of this source")


def _letter_id(text: str) -> str:
    if not is_letter_id(text):
        raise argparse.ArgumentTypeError(f"'{text}' is no letter's id; `dead-letters list` shows them, such as 1700000000000-0")
    return text


def _count(text: str) -> int:
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of letters; write 1 or more")
    return int(text)


async def _list(arguments: argparse.Namespace, tools: Tools) -> int:
    if (letters := _letters(tools)) is None:
        return _without_redis()
    found: list[Letter] = []
    left_out = 0
    async for letter in letters.find(_filter(arguments)):
        if len(found) < arguments.limit:
            found.append(letter)
        else:
            left_out += 1
    if arguments.json:
        print(json.dumps([_plain(letter) for letter in found], indent=2))
        return DONE
    _print_table([_HEADS, *(tuple(map(str, _plain(letter).values())) for letter in found)] if found else [])
    print(f"{len(found) + left_out} dead letters" + (f", {left_out} of them not shown: --limit" if left_out else ""))
    return DONE


async def _show(arguments: argparse.Namespace, tools: Tools) -> int:
    if (letters := _letters(tools)) is None:
        return _without_redis()
    letter = await letters.get(arguments.id)
    if letter is None:
        return complain(f"There is no dead letter {arguments.id}; it was retried or discarded, or never was.")
    shown = _plain(letter) | ({"event": _payload(letter)} if arguments.payload else {})
    if arguments.json:
        print(json.dumps(shown, indent=2))
    else:
        _print_table([(f"{name}:", str(value)) for name, value in shown.items()])
    return DONE


def _payload(letter: Letter) -> str:
    try:
        return versions.as_json(letter.event)
    except (InvalidEventError, versions.NewerVersionError):
        return letter.event  # as it stands there


async def _retry(arguments: argparse.Namespace, tools: Tools) -> int:
    letters = _letters(tools)
    return await _each(arguments, letters, act=letters.retry) if letters else _without_redis()


async def _discard(arguments: argparse.Namespace, tools: Tools) -> int:
    letters = _letters(tools)
    return await _each(arguments, letters, act=letters.discard) if letters else _without_redis()


async def _each(arguments: argparse.Namespace, letters: DeadLetters, *, act: Callable[[Letter], Awaitable[str]]) -> int:
    wrong = _why_unclear(arguments)
    if wrong:
        return complain(wrong, code=WRONG_USAGE)
    outcomes: Counter[str] = Counter()
    async for letter_id, letter in _meant(arguments, letters):
        outcome = "gone" if letter is None else await act(letter)
        outcomes[outcome] += 1
        print(f"{letter_id}  {_TOLD[outcome]}")
    print(f"{outcomes.total()} dead letters" + "".join(f", {count} {outcome}" for outcome, count in sorted(outcomes.items())))
    return NOT_DONE if any(outcomes[outcome] for outcome in _NOT_DONE) else DONE


def _why_unclear(arguments: argparse.Namespace) -> str:
    if not arguments.ids and not arguments.all:
        return "Which dead letters? Name ids, or --all (with --reason or --source: all that fit)."
    if arguments.ids and (arguments.all or arguments.reason or arguments.source):
        return "Name either ids or --all with its filters, not both."
    return ""


async def _meant(arguments: argparse.Namespace, letters: DeadLetters) -> AsyncIterator[tuple[str, Letter | None]]:
    if arguments.all:
        async for letter in letters.find(_filter(arguments)):
            yield letter.letter_id, letter
    for letter_id in arguments.ids:
        yield letter_id, await letters.get(letter_id)


def _letters(tools: Tools) -> DeadLetters | None:
    return None if tools.redis is None else DeadLetters(tools.redis, tools.store)


def _without_redis() -> int:
    return complain(NO_REDIS.format(what="dead letters are kept there"), code=WRONG_USAGE)


def _filter(arguments: argparse.Namespace) -> Filter:
    return Filter(arguments.reason, arguments.source)


def _plain(letter: Letter) -> dict[str, str | int]:
    """What may be shown to anybody."""
    return {
        "id": letter.letter_id,
        "failed_at": letter.failed_at,
        "source": letter.pair.source,
        "event_id": letter.pair.id,
        "attempts": letter.attempts,
        "reason": letter.reason,
    }


def _print_table(rows: Sequence[Sequence[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
