"""What SendGrid's answers mean, and that no call hangs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from reference.events import parse
from reference.mailer import Mailer, Outcome, classify, wait_seconds
from reference.settings import Settings
from tests.reference.servers import SendGrid

SETTINGS = Settings.of(
    {"DATABASE_URL": "postgresql://x", "REDIS_URL": "redis://x", "SENDGRID_API_KEY": "SG.k", "MAIL_TIMEOUT_SECONDS": "0.2"}
)
EVENT = parse('{"id": "e1", "source": "a5", "email": {"to": "r@example.com", "subject": "S", "text": "T"}}')


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (202, Outcome.SENT),
        (200, Outcome.UNKNOWN),
        (204, Outcome.UNKNOWN),
        (400, Outcome.REFUSED),
        (404, Outcome.REFUSED),
        (413, Outcome.REFUSED),
        (401, Outcome.MISCONFIGURED),
        (403, Outcome.MISCONFIGURED),
        (408, Outcome.TRANSIENT),
        (429, Outcome.RATE_LIMITED),
        (500, Outcome.TRANSIENT),
        (503, Outcome.TRANSIENT),
    ],
)
def test_every_answer_has_a_meaning(status: int, outcome: Outcome) -> None:
    assert classify(status, {}, longest_seconds=60).outcome is outcome


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"x-ratelimit-reset": "+7"}, 7),
        ({"x-ratelimit-reset": "+7", "retry-after": "3"}, 7),
        ({"x-ratelimit-reset": "+999"}, 60),
        ({"x-ratelimit-reset": "-5"}, 0.5),
        ({"x-ratelimit-reset": "soon", "retry-after": "3"}, 3),
        ({"retry-after": "3"}, 3),
        ({}, 2),
    ],
)
def test_a_rate_limit_says_how_long_to_wait(headers: dict[str, str], expected: float) -> None:
    reset = headers.get("x-ratelimit-reset", "")
    if reset[:1] in ("+", "-"):
        headers = {**headers, "x-ratelimit-reset": str(time.time() + float(reset))}
    assert wait_seconds(headers, longest_seconds=60) == pytest.approx(expected, abs=0.1)


async def nothing() -> None:
    """Leave is given."""


async def outcome_of(handler: Any) -> Outcome:
    return (await Mailer(httpx.MockTransport(handler), SETTINGS).send(EVENT, just_before=nothing)).outcome


async def test_the_mail_carries_the_event_and_the_key() -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(202)

    assert await outcome_of(handler) is Outcome.SENT
    assert seen[0].headers["authorization"] == "Bearer SG.k"
    assert b'"custom_args":{"source":"a5","id":"e1"}' in seen[0].content


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (httpx.ConnectError("refused"), Outcome.TRANSIENT),
        (httpx.ConnectTimeout("late"), Outcome.TRANSIENT),
        (httpx.ReadTimeout("late"), Outcome.UNKNOWN),
        (httpx.ReadError("reset"), Outcome.UNKNOWN),
        (httpx.RemoteProtocolError("cut"), Outcome.UNKNOWN),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_only_a_call_that_did_not_begin_is_certainly_not_taken(error: Exception, outcome: Outcome) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        raise error

    assert await outcome_of(handler) is outcome


async def test_no_call_lasts_longer_than_its_time() -> None:
    async def handler(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(30)
        return httpx.Response(202)

    began = time.monotonic()
    assert await outcome_of(handler) is Outcome.UNKNOWN
    assert time.monotonic() - began < 1


@pytest.mark.parametrize(("status", "outcome"), [(202, Outcome.SENT), (400, Outcome.REFUSED)])
async def test_the_status_is_the_answer_whatever_becomes_of_the_body(sendgrid: SendGrid, status: int, outcome: Outcome) -> None:
    """A mail that was taken for certain must not go out again because the rest of the answer is late."""
    sendgrid.answer = lambda mail: (status, {})
    sendgrid.missing_bytes = 10
    async with httpx.AsyncHTTPTransport(trust_env=False) as transport:
        mailer = Mailer(transport, SETTINGS.model_copy(update={"sendgrid_url": sendgrid.url}))
        assert (await mailer.send(EVENT, just_before=nothing)).outcome is outcome
        assert transport._pool.connections == [], "what is still to come on it is no other mail's answer"
        sendgrid.missing_bytes = 0
        assert (await mailer.send(EVENT, just_before=nothing)).outcome is outcome


async def test_the_status_is_the_answer_when_the_body_is_cut() -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"half"
        raise httpx.RemoteProtocolError("cut")

    assert await outcome_of(lambda request: httpx.Response(202, content=body())) is Outcome.SENT


async def test_a_process_that_stood_still_looks_at_the_answer_before_it_gives_up() -> None:
    async def handler(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)
        time.sleep(SETTINGS.mail_timeout_seconds + 0.3)  # noqa: ASYNC251  # as a freeze does: nothing of this process runs
        await asyncio.sleep(0.01)
        return httpx.Response(202)

    assert await outcome_of(handler) is Outcome.SENT


async def test_the_last_check_comes_after_connecting_and_before_anything_is_sent(sendgrid: SendGrid) -> None:
    async def refuse() -> None:
        raise LookupError

    async with httpx.AsyncHTTPTransport(trust_env=False) as transport:
        mailer = Mailer(transport, SETTINGS.model_copy(update={"sendgrid_url": sendgrid.url}))
        with pytest.raises(LookupError):
            await mailer.send(EVENT, just_before=refuse)
        assert (await mailer.send(EVENT, just_before=nothing)).outcome is Outcome.SENT
    assert len(sendgrid.calls) == 1


async def test_a_mail_is_not_completed_by_whoever_lost_it_between_headers_and_body(sendgrid: SendGrid) -> None:
    asked = 0

    async def refuse_the_second_time() -> None:
        nonlocal asked
        asked += 1
        if asked == 2:
            raise LookupError

    async with httpx.AsyncHTTPTransport(trust_env=False) as transport:
        mailer = Mailer(transport, SETTINGS.model_copy(update={"sendgrid_url": sendgrid.url}))
        with pytest.raises(LookupError):
            await mailer.send(EVENT, just_before=refuse_the_second_time)
        assert sendgrid.mails == []
        assert (await mailer.send(EVENT, just_before=nothing)).outcome is Outcome.SENT
    assert len(sendgrid.mails) == 1
