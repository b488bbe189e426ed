"""The draft's mistakes must stay in: without them it convicts nobody. Real servers meet it in the harness' own runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import fakeredis
import httpx
import pytest
import respx
from fastapi.testclient import TestClient

from reference.draft import mail
from reference.draft.api import build_app
from reference.draft.work import process_event
from reference.draft.worker import work_once

SENDGRID_URL = "http://sendgrid.test/v3/mail/send"
EVENT = {"id": "evt_1", "source": "a5", "email": {"to": "reader@example.com"}}


class Rows:
    """A stand-in for the events table: refuses what asyncpg and the primary key refuse."""

    def __init__(self) -> None:
        self.stored: dict[tuple[object, object], object] = {}

    async def execute(self, query: str, *values: object) -> None:
        event_id, source, payload = values
        if not isinstance(payload, str):
            raise TypeError("expected str, got bytes")
        if (source, event_id) in self.stored:
            raise ValueError("duplicate key value violates unique constraint")
        self.stored[source, event_id] = payload


@pytest.fixture
def redis_client() -> fakeredis.FakeRedis:
    return fakeredis.FakeRedis()


@pytest.fixture
def client(redis_client: fakeredis.FakeRedis) -> TestClient:
    return TestClient(build_app(redis_client), raise_server_exceptions=False)


@pytest.fixture(autouse=True)
def sendgrid(monkeypatch: pytest.MonkeyPatch) -> Iterator[respx.Route]:
    async def no_pause(_seconds: float) -> None: ...

    monkeypatch.setenv("SENDGRID_URL", SENDGRID_URL)
    monkeypatch.setenv("SENDGRID_API_KEY", "SG.test")
    monkeypatch.setattr("asyncio.sleep", no_pause)
    with respx.mock(assert_all_called=False) as router:
        yield router.post(SENDGRID_URL).respond(202)


async def status_after_work(redis_client: fakeredis.FakeRedis, rows: Rows, *, repaired: bool = True) -> object:
    await work_once(redis_client, rows, repaired=repaired)
    return redis_client.get("status:evt_1")


async def test_on_a_quiet_day_an_event_is_stored_mailed_and_completed(
    client: TestClient, redis_client: fakeredis.FakeRedis, sendgrid: respx.Route
) -> None:
    rows = Rows()
    assert client.post("/ingest", json=EVENT).status_code == 202
    assert await status_after_work(redis_client, rows) == b"completed"
    assert list(rows.stored) == [("a5", "evt_1")]
    request = sendgrid.calls.last.request
    assert request.headers["Authorization"] == "Bearer SG.test"
    assert json.loads(request.content)["custom_args"] == {"source": "a5", "id": "evt_1"}
    assert client.get("/ingest/evt_1/status").json()["status"] == "completed"


async def test_an_event_without_email_is_not_mailed(redis_client: fakeredis.FakeRedis, sendgrid: respx.Route) -> None:
    redis_client.lpush("ingest_queue", json.dumps({"id": "evt_1", "source": "a5", "email": None}))
    assert await status_after_work(redis_client, Rows()) == b"completed"
    assert not sendgrid.called


async def test_as_written_every_event_fails(client: TestClient, redis_client: fakeredis.FakeRedis) -> None:
    rows = Rows()
    client.post("/ingest", json=EVENT)
    assert await status_after_work(redis_client, rows, repaired=False) == b"failed"
    assert not rows.stored


async def test_as_written_a_mail_has_no_authorization_and_is_the_event_itself(sendgrid: respx.Route) -> None:
    await mail.send_with_backoff(EVENT, repaired=False)
    request = sendgrid.calls.last.request
    assert "Authorization" not in request.headers
    assert json.loads(request.content) == EVENT


async def test_an_error_answer_of_sendgrid_counts_as_a_mail(redis_client: fakeredis.FakeRedis, sendgrid: respx.Route) -> None:
    sendgrid.respond(503)
    redis_client.lpush("ingest_queue", json.dumps(EVENT))
    assert await status_after_work(redis_client, Rows()) == b"completed"
    assert sendgrid.call_count == 1


async def test_a_mail_that_never_gets_out_is_forgotten_after_three_tries(
    redis_client: fakeredis.FakeRedis, sendgrid: respx.Route
) -> None:
    sendgrid.mock(side_effect=httpx.ConnectError("refused"))
    redis_client.lpush("ingest_queue", json.dumps(EVENT))
    assert await status_after_work(redis_client, Rows()) == b"completed"
    assert sendgrid.call_count == 3


async def test_the_breaker_never_opens(sendgrid: respx.Route) -> None:
    sendgrid.mock(side_effect=httpx.ConnectError("refused"))
    for _ in range(4):
        await mail.send_with_backoff(EVENT, repaired=True)
    assert (mail.breaker.current_state, mail.breaker.fail_counter) == ("closed", 0)


async def test_a_redelivery_turns_completed_into_failed(redis_client: fakeredis.FakeRedis) -> None:
    rows = Rows()
    redis_client.lpush("ingest_queue", json.dumps(EVENT))
    assert await status_after_work(redis_client, rows) == b"completed"
    redis_client.lpush("ingest_queue", json.dumps(EVENT))
    assert await status_after_work(redis_client, rows) == b"failed"


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"id": "evt_1", "source": "a5", "data": "another payload"}, id="another payload"),
        pytest.param({"id": "1", "source": "a5:evt"}, id="a joined key that collides"),
    ],
)
def test_what_is_no_duplicate_is_called_one(client: TestClient, other: dict[str, Any]) -> None:
    first = {"id": "evt:1", "source": "a5"} if other["id"] == "1" else EVENT
    assert client.post("/ingest", json=first).json()["status"] == "accepted"
    assert client.post("/ingest", json=other).json()["status"] == "duplicate"


def test_a_push_that_fails_loses_the_event_for_an_hour(
    client: TestClient, redis_client: fakeredis.FakeRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(redis_client, "lpush", lambda *_: 1 / 0)
        assert client.post("/ingest", json=EVENT).status_code == 500
    assert client.post("/ingest", json=EVENT).json()["status"] == "duplicate"
    assert redis_client.llen("ingest_queue") == 0


def test_an_unknown_id_is_404(client: TestClient) -> None:
    assert client.get("/ingest/nobody/status").status_code == 404


async def test_a_failure_is_raised_and_its_reason_kept_where_no_client_sees_it(redis_client: fakeredis.FakeRedis) -> None:
    rows = Rows()
    rows.stored["a5", "evt_1"] = "there already"
    with pytest.raises(ValueError, match="unique"):
        await process_event(json.dumps(EVENT), redis_client=redis_client, db=rows, repaired=True)
    assert redis_client.get("error:evt_1") == b"duplicate key value violates unique constraint"
