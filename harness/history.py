"""What happened, in order: every operation a client performed, every effect that became visible, every fault.

Plain data on the standard library alone. A `History` is a header (what was run) and a list of entries (what was seen), and
it is one JSON-lines file on disk, so that an old run can be judged again. Checkers (`checkers/`) read nothing else.
The kinds of entries are `entries.py`.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.entries import (
    Call,
    Crowd,
    E,
    Entry,
    Handed,
    Lifecycle,
    Outcome,
    Pair,
    Post,
    Probe,
    Read,
    Rest,
    Row,
    Scrape,
    Span,
    Stored,
    Suffered,
    entry_from,
)
from harness.usage import UsageError

__all__ = [
    "SCHEMA",
    "Call",
    "Crowd",
    "E",
    "Entry",
    "Handed",
    "Header",
    "History",
    "Lifecycle",
    "Outcome",
    "Pair",
    "Post",
    "Probe",
    "Read",
    "Rest",
    "Row",
    "Scrape",
    "Span",
    "Stored",
    "Suffered",
    "entry_from",
]

SCHEMA = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What was run: everything that is needed to judge the history again, or to run it again."""

    scenario: str
    system: str
    world: str
    seed: int
    story: str = ""
    scenario_path: str = ""
    system_path: str = ""
    flaw: str = ""
    full_traffic: bool = False
    traffic: str = ""
    plan: tuple[dict[str, Any], ...] = ()  # the faults of this run, as `faults.to_data` writes them
    must_hold: tuple[dict[str, Any], ...] = ()  # {"checker", "arguments"}
    convictions: tuple[dict[str, Any], ...] = ()  # verdicts of an earlier rest of this run: `checkers/convictions.py`
    acknowledgements: str = "either"  # inside the fault windows: required | impossible | either
    offers: tuple[str, ...] = ()  # what can be judged: "rows", "mails", "worker", "claims.reclaim_seconds", ...
    claims: dict[str, Any] = field(default_factory=dict)
    limits: dict[str, float] = field(default_factory=dict)
    processes: dict[str, int] = field(default_factory=dict)  # {"api": 2, "worker": 2}
    started_at: str = ""
    commit: str = ""
    python: str = ""
    harness_version: str = ""
    repeat: str = ""  # the one command that repeats this run
    schema: int = SCHEMA


class History:
    """A header and entries in the order in which they were recorded."""

    def __init__(self, header: Header, entries: Iterable[Entry] = ()) -> None:
        self.header = header
        self._entries: list[Entry] = []
        self._by_kind: defaultdict[type[Entry], list[Any]] = defaultdict(list)  # `of` is asked a hundred times a run
        self.cut_off = False  # read from a file that ends in the middle
        for entry in entries:
            self.record(entry)

    @property
    def entries(self) -> Sequence[Entry]:
        """Everything that was recorded, in order."""
        return self._entries

    def record(self, entry: Entry) -> None:
        """Append one entry."""
        self._entries.append(entry)
        self._by_kind[type(entry)].append(entry)

    def forget(self, is_void: Callable[[Entry], bool]) -> None:
        """Drop entries that turned out not to count."""
        kept = [entry for entry in self._entries if not is_void(entry)]
        self._entries.clear()
        self._by_kind.clear()
        for entry in kept:
            self.record(entry)

    def of(self, kind: type[E]) -> list[E]:
        """Every entry of one kind, in order."""
        return list(self._by_kind.get(kind, ()))

    def by_pair(self, kind: type[E]) -> dict[Pair, list[E]]:
        """Entries of one kind grouped by event, in order; those without an event are left out."""
        groups: defaultdict[Pair, list[E]] = defaultdict(list)
        for entry in self.of(kind):
            pair: Pair | None = getattr(entry, "pair", None)
            if pair is not None:
                groups[pair].append(entry)
        return dict(groups)

    @property
    def promised(self) -> dict[Pair, Post]:
        """Every event a client holds a promise for, with the first answer that gave it."""
        first: dict[Pair, Post] = {}
        for post in self.of(Post):
            if post.promises:
                first.setdefault(post.pair, post)
        return first

    @property
    def rest(self) -> Rest | None:
        """How the run ended; None if it was cut off before."""
        ends = self.of(Rest)
        return ends[-1] if ends else None

    @property
    def last_s(self) -> float:
        """The last moment any entry tells of; minus infinity if there is none."""
        return max((getattr(entry, "end_s", getattr(entry, "at_s", -math.inf)) for entry in self.entries), default=-math.inf)

    @property
    def is_quiet(self) -> bool:
        """Whether the world had come to rest, so that what is absent now stays absent."""
        return self.rest is not None and self.rest.quiet

    def lines(self) -> Iterable[str]:
        """The history as JSON lines, header first; equal histories give equal bytes."""
        yield _dumps(dataclasses.asdict(self.header))
        for entry in self.entries:
            yield _dumps({"kind": entry.kind, **dataclasses.asdict(entry)})

    @classmethod
    def load(cls, path: Path) -> History:
        """Read `history.jsonl`. A file that ends in the middle gives what came before the cut, and says so in `cut_off`.

        Raises UsageError if the file cannot be read or its first line is not the header of this schema.
        """
        try:
            first, *rest = path.read_text(encoding="utf-8").splitlines() or [""]
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(
                f"{path} cannot be read as a history ({error}); name a run directory or its history.jsonl."
            ) from None
        history = cls(_header(first, path))
        for number, line in enumerate(rest, start=2):
            try:
                history.record(entry_from(json.loads(line)))
            except (ValueError, KeyError, TypeError) as error:
                if number <= len(rest):
                    raise UsageError(f"{path}:{number} is not a history entry ({error}); the file was changed by hand.") from None
                history.cut_off = True
        history.cut_off = history.cut_off or history.rest is None
        return history


def _header(line: str, path: Path) -> Header:
    try:
        data = json.loads(line)
        if data["schema"] != SCHEMA:
            raise UsageError(
                f"{path} has schema {data['schema']}, this harness reads schema {SCHEMA}; use the version that wrote it."
            )
        fields: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in data.items()}
        return Header(**fields)
    except (ValueError, KeyError, TypeError):
        raise UsageError(f"{path} does not begin with a history's header; name a history.jsonl the harness wrote.") from None


def _dumps(data: dict[str, Any]) -> str:
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
