"""The ingest contract's reading of an HTTP answer."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from harness.history import Outcome, Pair
from harness.traffic import Email, Event
from harness.worlds.answers import Exchange, post_of, read_of, retry_after_s

EVENT = Event(id="evt_1", email=Email("reader@example.com"))


def exchange(status: int | None, document: Any = None, **more: Any) -> Exchange:
    body = b"" if document is None else json.dumps(document).encode()
    return Exchange(process="api-0", begin_s=1.0, end_s=1.5, http_status=status, body=body, **more)


@pytest.mark.parametrize(
    ("status", "document", "outcome", "answer"),
    [
        (202, {"status": "accepted", "id": "evt_1"}, "ok", "accepted"),
        (202, None, "ok", "accepted"),
        (200, {"status": "duplicate", "original_id": "evt_1", "current_status": "pending"}, "ok", "duplicate"),
        (200, {"status": "processed"}, "ok", "processed"),
        (200, ["no object"], "ok", None),
        (422, {"status": 422}, "failed", None),
        (429, {"status": 429}, "failed", None),
        (503, {"status": 503}, "failed", None),
        (504, {"status": 504}, "unknown", None),
        (500, None, "unknown", None),
        (None, None, "unknown", None),
    ],
)
def test_posts(status: int | None, document: Any, outcome: Outcome, answer: str | None) -> None:
    post = post_of(EVENT, exchange(status, document), attempt=2)
    assert (post.outcome, post.answer, post.attempt) == (outcome, answer, 2)
    assert post.promises == (answer is not None)


def test_whether_and_where_an_event_wants_its_mail() -> None:
    posts = [post_of(event, exchange(202), attempt=0) for event in (EVENT, Event(id="evt_2"))]
    assert [(post.wants_mail, post.recipient) for post in posts] == [(True, "reader@example.com"), (False, "")]


def test_what_a_duplicate_tells() -> None:
    post = post_of(EVENT, exchange(200, {"status": "duplicate", "original_id": "a", "current_status": "failed"}), attempt=0)
    assert (post.original_id, post.current_status) == ("a", "failed")


def test_refused_everywhere_is_certain() -> None:
    assert post_of(EVENT, exchange(None, refused=True, error="refused"), attempt=0).outcome == "failed"


def test_in_which_form_a_status_was_refused() -> None:
    reads = [read_of(EVENT.pair, exchange(404, headers=each), final=False) for each in ({"content-type": "text/html"}, {})]
    assert [read.content_type for read in reads] == ["text/html", ""]


def test_reads() -> None:
    told = {"id": "evt_1", "status": "failed", "processed_at": "2026-01-01T00:00:00Z", "result": {"error": "refused"}}
    read = read_of(EVENT.pair, exchange(200, told), final=True)
    assert (read.status, read.reason, read.processed_at, read.final) == ("failed", "refused", "2026-01-01T00:00:00Z", True)
    assert read_of(Pair("a5", "x"), exchange(404, {"status": 404}), final=False).status is None
    assert read_of(Pair("a5", "x"), exchange(200, {"status": "pending", "result": None}), final=False).reason is None


WHOLE = {"status": "accepted", "id": "evt_1", "idempotency_key": "a5:evt_1", "estimated_processing_ms": 500}


@pytest.mark.parametrize(
    ("status", "document", "missing"),
    [
        (202, WHOLE, ()),
        (202, WHOLE | {"estimated_processing_ms": 0}, ()),
        (202, WHOLE | {"idempotency_key": None}, ("idempotency_key",)),
        (202, {"status": "accepted"}, ("id", "idempotency_key", "estimated_processing_ms")),
        (202, None, ("status", "id", "idempotency_key", "estimated_processing_ms")),
        (200, {"status": "duplicate", "original_id": "evt_1", "current_status": "pending"}, ()),
        (200, {"status": "duplicate"}, ("original_id", "current_status")),
        (200, {"status": "processed", "id": "evt_1"}, ()),
        (200, {"status": "processed"}, ("id",)),
        (200, {"status": "queued"}, ()),
        (200, {}, ("status",)),
        (422, {}, ()),
        (503, None, ()),
        (None, None, ()),
    ],
)
def test_what_an_answer_to_a_post_lacks(status: int | None, document: Any, missing: tuple[str, ...]) -> None:
    assert post_of(EVENT, exchange(status, document, headers={"location": "/ingest/evt_1/status"}), attempt=0).missing == missing


def test_only_an_acceptance_needs_a_location() -> None:
    assert post_of(EVENT, exchange(202, WHOLE), attempt=0).missing == ("Location",)
    assert post_of(EVENT, exchange(202, WHOLE, headers={"location": ""}), attempt=0).missing == ("Location",)
    assert post_of(EVENT, exchange(200, {"status": "processed", "id": "evt_1"}), attempt=0).missing == ()


@pytest.mark.parametrize("location", ["/ingest/b%3Ac/status", "/ingest/b:c/status?source=a", "https://x/status?id=b%3Ac"])
def test_a_location_that_names_the_event_leads_to_it(location: str) -> None:
    whole = WHOLE | {"id": "b:c"}
    assert post_of(Event(id="b:c"), exchange(202, whole, headers={"location": location}), attempt=0).missing == ()


@pytest.mark.parametrize("location", ["/ingest/a5:evt_1/status", "/ingest/evt_10/status", "/ingest/status"])
def test_a_location_that_names_another_event_does_not(location: str) -> None:
    missing = post_of(EVENT, exchange(202, WHOLE, headers={"location": location}), attempt=0).missing
    assert missing == ("its own id in Location",)


def test_an_answer_that_names_another_event_lacks_its_own_id() -> None:
    assert post_of(EVENT, exchange(200, {"status": "processed", "id": "evt_2"}), attempt=0).missing == ("its own id",)
    told = {"id": "evt_2", "status": "pending", "processed_at": None, "result": None}
    assert read_of(EVENT.pair, exchange(200, told), final=False).missing == ("its own id",)


@pytest.mark.parametrize(
    ("status", "document", "missing"),
    [
        (200, {"id": "evt_1", "status": "pending", "processed_at": None, "result": None}, ()),
        (200, {"id": "evt_1", "status": "pending"}, ("processed_at", "result")),
        (200, {"id": 7, "status": None, "processed_at": None, "result": {}}, ("id", "status")),
        (200, None, ("id", "status", "processed_at", "result")),
        (404, {}, ()),
        (None, None, ()),
    ],
)
def test_what_a_status_lacks(status: int | None, document: Any, missing: tuple[str, ...]) -> None:
    assert read_of(EVENT.pair, exchange(status, document), final=False).missing == missing


def test_retry_after() -> None:
    assert [retry_after_s(text) for text in ("3", "0.5", "-1", "", "soon", "nan", "inf")] == [
        3.0,
        0.5,
        0.0,
        None,
        None,
        None,
        None,
    ]
    in_a_minute = retry_after_s(format_datetime(datetime.now(UTC) + timedelta(minutes=1), usegmt=True))
    assert in_a_minute is not None
    assert 50 < in_a_minute <= 60
