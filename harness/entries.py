"""The kinds of things that can be seen: one frozen value each, plain data. `history.py` puts them in order.

All times are seconds since the traffic of the run began, on the clock of its world (virtual or wall).
Outcomes follow Jepsen: `ok`, `failed` (certainly nothing happened) or `unknown` (a time-out is unknown, never failed).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple, TypeVar

Outcome = Literal["ok", "failed", "unknown"]


class Pair(NamedTuple):
    """The identity of an event. Never joined into one string: ("a:b", "c") and ("a", "b:c") are two events."""

    source: str
    id: str

    def __str__(self) -> str:
        return f"{_told(self.id)} of {_told(self.source)}"


def _told(word: str) -> str:
    """A word as it stands in a sentence; quoted where it would vanish in one, or break its line."""
    return word if word.isprintable() and word.strip() == word != "" else repr(word)


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One POST /ingest with its answer. `answer` is the body's `status`: accepted, duplicate or processed.

    In a load run `begin_s` is the intended start, and it was really sent `late_s` later (the generator's own lateness).
    """

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
    late_s: float = 0.0
    recipient: str = ""  # the address its mail should go to

    @property
    def promises(self) -> bool:
        """Whether this answer is a promise that the event is, or will be, stored once and mailed."""
        return self.outcome == "ok" and self.answer in ("accepted", "duplicate", "processed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """One GET of an event's status. `status` is None unless the answer was 200. `begin_s` and `late_s` as in `Post`."""

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
    late_s: float = 0.0
    content_type: str | None = None  # None where nobody noted it


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
    recipients: tuple[str, ...] = ()  # the addresses in `to`; empty where the body is no mail that could be sent
    unnamed: str = ""  # of a body that names no event: which pointer leads nowhere, and what the body looks like


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """A worker was first told of an event: its source and id were in what the queue's server sent it (simulated world only)."""

    kind: ClassVar[str] = "handed"
    pair: Pair
    process: str
    at_s: float


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
    """How long a bare stub, which only syncs a little to the disk, took to answer beside the service: the machine's noise."""

    kind: ClassVar[str] = "probe"
    at_s: float
    latency_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """Which share of this machine's processors, 0 to 1, went to others than the service and its servers for a moment."""

    kind: ClassVar[str] = "crowd"
    begin_s: float
    end_s: float
    others: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Scrape:
    """What the metrics of one process said of the backlog at one moment."""

    kind: ClassVar[str] = "scrape"
    process: str
    at_s: float
    queue_depth: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One span of a trace, as it reached the harness' sink. `links` are spans of other traces, each as its `place`."""

    kind: ClassVar[str] = "span"
    trace: str
    span: str
    parent: str  # "" for the first of its trace
    name: str
    role: str  # server | client | producer | consumer | internal
    begin_s: float
    end_s: float
    pair: Pair | None = None  # from the attributes event.source and event.id
    links: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """Where it stands: its trace and itself."""
        return f"{self.trace}/{self.span}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """The end of the run: `quiet`, or what was still moving when `settles_within_seconds` ended."""

    kind: ClassVar[str] = "rest"
    at_s: float
    quiet: bool
    moving: tuple[str, ...] = ()
    rows_read: bool = False  # whether the final rows could be read
    lasting_keys: int | None = None  # of Redis, without an expiry; None where there is none, or it did not answer


Entry = Post | Read | Call | Handed | Stored | Row | Suffered | Lifecycle | Probe | Crowd | Scrape | Span | Rest
KINDS: Mapping[str, type[Entry]] = {
    kind.kind: kind for kind in (Post, Read, Call, Handed, Stored, Row, Suffered, Lifecycle, Probe, Crowd, Scrape, Span, Rest)
}
E = TypeVar("E", Post, Read, Call, Handed, Stored, Row, Suffered, Lifecycle, Probe, Crowd, Scrape, Span, Rest)


def entry_from(data: dict[str, Any]) -> Entry:
    """One entry from its JSON form. Raises KeyError or TypeError if it is none."""
    fields = dict(data)
    kind: Any = KINDS[fields.pop("kind")]
    if fields.get("pair") is not None:
        fields["pair"] = Pair(*fields["pair"])
    entry: Entry = kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()})
    return entry
