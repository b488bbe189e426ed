"""What Locust's record says of each request becomes the history's entry of it, counted from when it was meant to be sent."""

from __future__ import annotations

import time
from typing import Any

import pytest

from harness.history import Pair, Post, Read
from harness.load.operations import entry_of
from harness.worlds.real.journal import WallClock

TARGET = "http://127.0.0.1:1"
EVENT = {"id": "e1", "source": "load", "type": "t", "data": {}, "email": {"to": "a@example.com", "subject": "s", "text": "t"}}


def line(**more: Any) -> dict[str, Any]:
    now = time.time()
    told = {"kind": "post", "due": now, "sent": now + 0.25, "end": now + 1.25, "target": TARGET, "http_status": 202, "error": ""}
    body = '{"status":"accepted","id":"e1","idempotency_key":"k","estimated_processing_ms":5}'
    return told | {"refused": False, "headers": {"location": "/x"}, "body": body, "event": EVENT, "duplicate": False} | more


def entry(**more: Any) -> Post | Read:
    clock = WallClock()
    clock.begin()
    made = entry_of(line(**more), clock=clock, process_of={TARGET: "api-0"})
    assert made is not None
    return made


def test_latency_counts_from_the_intended_start() -> None:
    post = entry()
    assert isinstance(post, Post)
    assert (post.promises, post.answer, post.process, post.wants_mail) == (True, "accepted", "api-0", True)
    assert post.end_s - post.begin_s == pytest.approx(1.25, abs=1e-3)
    assert post.late_s == pytest.approx(0.25, abs=1e-3)
    assert post.begin_s == pytest.approx(0.0, abs=0.5)


def test_no_answer_is_unknown_and_a_refused_connection_is_not() -> None:
    assert entry(http_status=None, error="timed out", body="").outcome == "unknown"
    assert entry(http_status=None, error="refused", body="", refused=True).outcome == "failed"
    assert entry(http_status=503, refused=True, headers={"retry-after": "2"}, body="{}").outcome == "failed"
    assert entry(http_status=500, body="{}").outcome == "unknown"


def test_a_read_names_its_event() -> None:
    body = '{"id":"e1","status":"completed","processed_at":null,"result":null}'
    read = entry(kind="read", source="load", id="e1", http_status=200, body=body)
    assert isinstance(read, Read)
    assert (read.pair, read.status, read.final, read.missing) == (Pair("load", "e1"), "completed", False, ())


def test_other_lines_are_no_requests() -> None:
    for kind in ("header", "end", "cut"):
        assert entry_of({"kind": kind}, clock=WallClock(), process_of={}) is None
