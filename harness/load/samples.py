"""Latencies of a history, endpoint by endpoint: in milliseconds from the intended start, what was not answered as infinity.

A duplicate is answered by another path than a fresh event, and usually faster, so it counts by itself: a load of nothing but
duplicates says nothing about ingest.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from harness.history import History, Post, Probe, Read
from harness.results import POST, STATUS

MAILED = f"{POST}, with mail"
DUPLICATE = f"{POST}, duplicate"
ENDPOINTS = (POST, MAILED, DUPLICATE, STATUS)


@dataclass(frozen=True, slots=True)
class Sample:
    """One request: its intended start in seconds since the load began, and its latency in milliseconds."""

    at_s: float
    ms: float
    late_ms: float = 0.0  # of `ms`: how much later than intended the generator sent it

    @property
    def own_ms(self) -> float:
        """What the service took."""
        return self.ms - self.late_ms


def of_endpoint(history: History, endpoint: str, *, since_s: float = 0.0) -> list[Sample]:
    """The samples of one of `ENDPOINTS` that were meant to begin at `since_s` or later."""
    return [_sample(operation) for operation in _operations(history, endpoint) if operation.begin_s >= since_s]


def of_stub(history: History, *, since_s: float = 0.0) -> list[Sample]:
    """What the bare stub beside the service took at the same time. (A probe is recorded when it is answered.)"""
    probes = [Sample(probe.at_s - probe.latency_s, probe.latency_s * 1e3) for probe in history.of(Probe)]
    return [probe for probe in probes if probe.at_s >= since_s]


def of_lateness(history: History, *, since_s: float = 0.0) -> list[Sample]:
    """How much later than intended each request was sent: the generator's own share."""
    operations: list[Post | Read] = [*history.of(Post), *_reads(history)]
    return [Sample(one.begin_s, one.late_s * 1e3) for one in operations if one.begin_s >= since_s]


def _operations(history: History, endpoint: str) -> Iterable[Post | Read]:
    if endpoint == STATUS:
        return _reads(history)
    posts = history.of(Post)
    if endpoint == DUPLICATE:
        return [post for post in posts if post.answer == "duplicate"]
    return [post for post in posts if post.answer != "duplicate" and (endpoint == POST or post.wants_mail)]


def _reads(history: History) -> list[Read]:
    """The status reads of the load: what is read after the last POST only waits for the end."""
    ends_s = max((post.begin_s for post in history.of(Post)), default=-math.inf)
    return [read for read in history.of(Read) if not read.final and read.begin_s <= ends_s]


def _sample(operation: Post | Read) -> Sample:
    answered = operation.outcome == "ok" and (isinstance(operation, Read) or operation.promises)
    took_ms = round((operation.end_s - operation.begin_s) * 1e3, 6)  # without the last bits that subtraction invents
    return Sample(operation.begin_s, took_ms if answered else math.inf, operation.late_s * 1e3)
