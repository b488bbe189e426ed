"""Markdown as GitHub reads it: text that cannot break out of a table, a link's target, a block of code."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_SPECIAL = str.maketrans({character: f"\\{character}" for character in "\\`*[]|~"} | {"<": "&lt;", ">": "&gt;", "&": "&amp;"})
_EDGE_UNDERSCORE = re.compile(r"(?<![0-9A-Za-z])_|_(?![0-9A-Za-z])")  # within a word it means nothing but itself


def plain(words: object) -> str:
    """Words that mean nothing but themselves, on one line."""
    return _EDGE_UNDERSCORE.sub(r"\\_", on_one_line(str(words)).translate(_SPECIAL))


def code(words: str) -> str:
    """Words in the type of code. Inside a table use `plain`: a pipe would end the cell."""
    ticks = "``" if "`" in words else "`"
    pad = " " if "`" in words else ""
    return f"{ticks}{pad}{on_one_line(words)}{pad}{ticks}"


def block(lines: Iterable[str]) -> list[str]:
    """A block of code; nothing inside can end it."""
    listed = [on_one_line(line) for line in lines]
    fence = "```"
    while any(fence in line for line in listed):
        fence += "`"
    return [f"{fence}text", *listed, fence]


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, right: Iterable[str] = ()) -> list[str]:
    """A table of cells that are Markdown already; the columns named in `right` hold numbers."""
    numbers = set(right)
    lines = [_row(head), _row(["--:" if name in numbers else "---" for name in head])]
    return lines + [_row(cells) for cells in rows]


def slug(heading: str) -> str:
    """The target that GitHub gives a heading."""
    kept = [character for character in heading.lower() if character.isalnum() or character in " -_"]
    return "".join(kept).replace(" ", "-")


def on_one_line(words: str) -> str:
    """Words with everything that does not print shown as an escape."""
    return "".join(character if character.isprintable() else character.encode("unicode_escape").decode() for character in words)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
