"""The record: one JSON object a line for every request that was sent, whatever became of it. Pure; times are Unix seconds.

First line:  {"kind": "header", "schema": 1, "run", "started_at", "options"}
    `started_at` is the origin of the schedule. Values of request headers are not written: keys may be among them.
A POST:      {"kind": "post", ..., "event": the JSON that was posted, "duplicate": whether the pair had been accepted before}
A read:      {"kind": "read", ..., "source", "id"}
    Both with "due" (when it was meant to be sent: latency is end - due), "sent" (sent - due is the generator's lateness), "end",
    "target" (base URL), "http_status" (null: no answer), "error" ("" if the answer was as the contract says), "refused"
    (certainly nothing was taken: 429, 503, or no connection at all), "headers" (location, retry-after, content-type) and "body"
    (the first 4096 bytes as text). `http_status` null and not `refused` means unknown: it may or may not have been taken.
Last line:   {"kind": "end", "posts", "reads", "reads_not_sent"}
    `reads_not_sent`: reads that were due while no id was known. A file without this line is cut; if we know why,
    {"kind": "cut", "why"} stands there instead.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadtests.contract import REFUSALS
from loadtests.workload import SOURCE, Posting

SCHEMA = 1
KEPT_BYTES = 4096  # of an answer's body


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request and its answer, or why there is none (`http_status` None and an `error`)."""

    due: float
    sent: float
    end: float
    target: str
    http_status: int | None
    error: str
    headers: Mapping[str, str]
    body: bytes
    connected: bool = True

    @property
    def refused(self) -> bool:
        """Whether certainly nothing was taken."""
        return not self.connected or self.http_status in REFUSALS

    @property
    def latency_ms(self) -> float:
        """From the intended start."""
        return (self.end - self.due) * 1e3

    @property
    def lateness_ms(self) -> float:
        """What the generator itself was late."""
        return (self.sent - self.due) * 1e3


@dataclass(frozen=True, slots=True)
class Counts:
    """What has been written so far."""

    posts: int = 0
    reads: int = 0
    reads_not_sent: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.posts + other.posts, self.reads + other.reads, self.reads_not_sent + other.reads_not_sent)


def line_of_post(exchange: Exchange, fault: str, posting: Posting) -> str:
    """The line of a POST. Its payload is JSON already."""
    duplicate = "true" if posting.duplicate else "false"
    return f'{{"kind":"post",{_facts(exchange, fault)},"event":{posting.payload},"duplicate":{duplicate}}}\n'


def line_of_read(exchange: Exchange, fault: str, event_id: str) -> str:
    """The line of a status GET."""
    return f'{{"kind":"read",{_facts(exchange, fault)},"source":"{SOURCE}","id":"{event_id}"}}\n'


def header(run: str, started_at: float, options: Mapping[str, Any]) -> str:
    """The first line."""
    return _line({"kind": "header", "schema": SCHEMA, "run": run, "started_at": started_at, "options": dict(options)})


def end(counts: Counts) -> str:
    """The last line of a complete record."""
    return _line({"kind": "end", "posts": counts.posts, "reads": counts.reads, "reads_not_sent": counts.reads_not_sent})


def cut(why: str) -> str:
    """The last line of a record that is known to lack something."""
    return _line({"kind": "cut", "why": why})


class RecordFile:
    """The file, flushed with every write."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("w", encoding="utf-8")

    def write(self, lines: str) -> None:
        """Append whole lines."""
        if lines:
            self._file.write(lines)
            self._file.flush()

    @property
    def is_closed(self) -> bool:
        """Whether it has its last line."""
        return self._file.closed

    def close(self) -> None:
        """Nothing follows."""
        self._file.close()


def _facts(exchange: Exchange, fault: str) -> str:
    # By hand, because it is written for every request: half the time of json.dumps of a dictionary.
    status = "null" if exchange.http_status is None else exchange.http_status
    refused = "true" if exchange.refused else "false"
    body = exchange.body[:KEPT_BYTES].decode("utf-8", "replace")
    return (
        f'"due":{exchange.due!r},"sent":{exchange.sent!r},"end":{exchange.end!r},"target":{json.dumps(exchange.target)},'
        f'"http_status":{status},"error":{json.dumps(fault)},"refused":{refused},'
        f'"headers":{json.dumps(exchange.headers)},"body":{json.dumps(body)}'
    )


def _line(document: Mapping[str, Any]) -> str:
    return json.dumps(document) + "\n"
