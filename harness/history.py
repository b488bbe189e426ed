"""What happened, in order: every operation a client performed, every effect that became visible, every fault.

Plain data on the standard library alone. A `History` is a header (what was run) and a list of entries (what was seen), and
it is one JSON-lines file on disk, so that an old run can be judged again. Checkers (`checkers/`) read nothing else.

All times are seconds since the traffic of the run began, on the clock of its world (virtual or wall).
Outcomes follow Jepsen: `ok`, `failed` (certainly nothing happened) or `unknown` (a time-out is unknown, never failed).
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple, TypeVar

from harness.usage import UsageError

SCHEMA = 1

Outcome = Literal["ok", "failed", "unknown"]


class Pair(NamedTuple):
    """The identity of an event. Never joined into one string: ("a:b", "c") and ("a", "b:c") are two events."""

    source: str
    id: str

    def __str__(self) -> str:
        return f"{self.id} of {self.source}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One POST /ingest with its answer. `answer` is the body's `status`: accepted, duplicate or processed."""

    kind: ClassVar[str] = "post"
    pair: Pair
    payload: str  # digest of {type, data, email}: equal digests are equal payloads
    wants_mail: bool
    poison: bool  # acceptable, but the service cannot finish it (contract: `failed` is then justified)
    attempt: int  # 0 for the first try of this submission, then one more for every retry
    begin_s: float
    end_s: float
    outcome: Outcome
    http_status: int | None = None
    answer: str | None = None
    original_id: str | None = None
    current_status: str | None = None
    retry_after_s: float | None = None
    content_type: str = ""
    error: str = ""  # the transport's error where there was no answer
    process: str = ""  # the API process that was asked
    missing: tuple[str, ...] = ()  # what the contract asks of a 2xx and this one lacks: "Location", "idempotency_key", ...

    @property
    def promises(self) -> bool:
        """Whether this answer is a promise that the event is, or will be, stored once and mailed."""
        return self.outcome == "ok" and self.answer in ("accepted", "duplicate", "processed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """One GET of an event's status. `status` is None unless the answer was 200."""

    kind: ClassVar[str] = "read"
    pair: Pair
    begin_s: float
    end_s: float
    outcome: Outcome
    http_status: int | None = None
    status: str | None = None  # pending | processing | completed | failed
    reason: str | None = None  # result.error of a failed event
    processed_at: str | None = None
    error: str = ""
    process: str = ""
    final: bool = False  # read after the world had come to rest
    missing: tuple[str, ...] = ()  # what the contract asks of a 200 and this one lacks: "id", "result", ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of mail/send as the provider saw it. `pair` is None if the body named no event."""

    kind: ClassVar[str] = "call"
    pair: Pair | None
    process: str  # the process that called
    begin_s: float
    end_s: float
    http_status: int  # what the provider answered, or would have answered if the reply had not been lost
    taken: bool  # the provider will deliver this mail
    reply_lost: bool = False
    resets_at_s: float | None = None  # of a 429: when the rate limit resets


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A row was seen for the first time while the scenario ran."""

    kind: ClassVar[str] = "stored"
    pair: Pair
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One stored row in the final state; an event stored twice has two."""

    kind: ClassVar[str] = "row"
    pair: Pair


@dataclass(frozen=True, slots=True, kw_only=True)
class Suffered:
    """One fault, from its beginning to its end. Without `evidence` it did not bite and proved nothing."""

    kind: ClassVar[str] = "fault"
    index: int  # position in the plan
    name: str
    story: str
    begin_s: float
    end_s: float
    evidence: str | None
    processes: tuple[str, ...] = ()  # processes or servers it hurt: "worker-1", "redis"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifecycle:
    """Something happened to a process or server: started, killed, terminated, exited, frozen, resumed."""

    kind: ClassVar[str] = "lifecycle"
    process: str
    what: str
    at_s: float
    detail: str = ""
    exit_code: int | None = None
    took_s: float | None = None  # of "exited": seconds since it was told to


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """How long a bare stub took to answer, measured beside the service: the noise of the machine."""

    kind: ClassVar[str] = "probe"
    at_s: float
    latency_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """The end of the run: `quiet`, or what was still moving when `settles_within_seconds` ended."""

    kind: ClassVar[str] = "rest"
    at_s: float
    quiet: bool
    moving: tuple[str, ...] = ()
    rows_read: bool = False  # whether the final rows could be read


Entry = Post | Read | Call | Stored | Row | Suffered | Lifecycle | Probe | Rest
KINDS: Mapping[str, type[Entry]] = {kind.kind: kind for kind in (Post, Read, Call, Stored, Row, Suffered, Lifecycle, Probe, Rest)}
E = TypeVar("E", Post, Read, Call, Stored, Row, Suffered, Lifecycle, Probe, Rest)


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
        self.entries: list[Entry] = list(entries)
        self.cut_off = False  # read from a file that ends in the middle

    def record(self, entry: Entry) -> None:
        """Append one entry."""
        self.entries.append(entry)

    def of(self, kind: type[E]) -> list[E]:
        """Every entry of one kind, in order."""
        return [entry for entry in self.entries if isinstance(entry, kind)]

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


def entry_from(data: dict[str, Any]) -> Entry:
    """One entry from its JSON form. Raises KeyError or TypeError if it is none."""
    fields = dict(data)
    kind: Any = KINDS[fields.pop("kind")]
    if fields.get("pair") is not None:
        fields["pair"] = Pair(*fields["pair"])
    entry: Entry = kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()})
    return entry


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
