"""A command's arguments as the engine wants them: numbers decoded, keys looked up.

It does what fakeredis' `Signature.apply` does; what depends on the number of arguments alone is worked out once, since a
simulation spends its time here.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from fakeredis import _msgs as messages
from fakeredis._commands import Key, Signature
from fakeredis._core import CommandItem
from fakeredis._helpers import SimpleError

VERSION = (8,)


class MissingKeyError(Exception):
    """A key the command needs is not there, and that settles the answer."""

    def __init__(self, answer: Any) -> None:
        super().__init__()
        self.answer = answer


def applied(signature: Signature, arguments: list[Any], database: Any) -> tuple[list[Any], list[CommandItem]]:
    """The function's arguments and the keys among them. Raises SimpleError as the server would, or MissingKeyError."""
    decoders, keys = _positions(signature, len(arguments))
    ready = list(arguments)
    for index, decode in decoders:
        ready[index] = decode(arguments[index])
    for index, key in keys:
        if key.missing_return is not Key.UNSPECIFIED and arguments[index] not in database:
            raise MissingKeyError(key.missing_return)
    items: list[CommandItem] = []
    for index, key in keys:
        ready[index] = _item(arguments[index], key, database, creates=messages.FLAG_DO_NOT_CREATE not in signature.flags)
        items.append(ready[index])
    return ready, items


def _item(name: bytes, key: Key, database: Any, *, creates: bool) -> CommandItem:
    item, kind, default = database.get(name), key.type_, None
    if kind is not None:
        if item is None:
            default = kind() if creates and kind is not bytes else None
        elif type(item.value) is not kind:
            raise SimpleError(messages.WRONGTYPE_MSG)
    return CommandItem(name, database, item, default=default)


@cache
def _positions(signature: Signature, count: int) -> tuple[list[tuple[int, Any]], list[tuple[int, Any]]]:
    """Where numbers and where keys stand. Raises SimpleError if so many arguments are wrong."""
    signature.check_arity([b""] * count, VERSION)
    repeats = signature.repeat
    kinds: list[Any] = list(signature.fixed)
    kinds += [repeats[index % len(repeats)] for index in range(count - len(kinds))]
    keys = [(index, kind) for index, kind in enumerate(kinds) if isinstance(kind, Key)]
    decoders = [(index, kind.decode) for index, kind in enumerate(kinds) if not isinstance(kind, Key) and kind is not bytes]
    return decoders, keys
