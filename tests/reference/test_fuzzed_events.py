"""Ids, sources, bodies and headers of every kind: taken or refused as the contract says, and what is taken can be worked on."""

from __future__ import annotations

import asyncio
import json
import math
import re
import zlib
from collections.abc import Callable, Container, Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import redis as redis_client
from hypothesis import HealthCheck, example, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from reference.connection import record_key
from reference.events import Pair, fingerprint, parse
from reference.store import NewRow
from tests.reference.servers import Redis
from tests.reference.workbench import Workbench

Ask = Callable[..., httpx.Response]
ID = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9\-._~!$&'()*+,;=:@]{1,255}")
SOURCE = re.compile(r"(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2}){1,255}")
FUZZED = examples(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])

NAMES = (
    st.text(max_size=40)
    | st.text("abcXYZ019-._~!$&'()*+,;=:@", max_size=300)
    | st.text("a:/?#[]@%4fF.\\ \r\n\x00", max_size=20)
    | st.sampled_from([".", "..", "...", "x" * 255, "x" * 256, "%", "%0", "%00", "a%2Fb"])
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.sampled_from(["id", "source", "type", "data", "email", "to", "subject", "text", "specversion", "more"])
BODIES = [
    (202, b'{"id": "e", "source": "a5"}'),
    (202, '{"id": "e", "source": "a5", "type": "é", "data": {"ü": [1, 2.5, null]}, "more": 1}'.encode()),
    (202, b'{"id": "e", "source": "a5", "email": {"to": "reader@example.com", "subject": "Ready", "text": "It is."}}'),
    (202, b'{"id": "e", "id": "f", "source": "a5"}'),
    (202, b'{"id": "e", "source": "a5", "data": "\\u0000", "type": "\\u0000"}'),
    *((202, b'{"id": "e%d", "source": "a5", "data": ' % n + b"[" * n + b"]" * n + b"}") for n in (100, 150, 190, 195, 199, 200)),
    *((202, b'{"id": "o%d", "source": "a5", "data": ' % n + b'{"a":' * n + b"1" + b"}" * n + b"}") for n in (190, 199)),
    (422, b""),
    (422, b"\xef\xbb\xbf{}"),
    (422, '{"id": "e", "source": "a5"}'.encode("utf-16")),
    (422, b'{"id": "e", "source": "a5", "data": NaN}'),
    (422, b'{"id": "e", "source": "a5", "data": 1e999}'),
    (422, b'{"id": "e", "source": "a5", "data": 1' + b"0" * 5000 + b"}"),
    (422, b'{"id": "e", "source": "a5", "data": "\\ud800"}'),
    (422, b'{"id": "e", "source": "a5", "data": "\xff"}'),
    *((422, b'{"id": "e%d", "source": "a5", "data": ' % n + b"[" * n + b"]" * n + b"}") for n in (201, 100_000)),
    *((422, b'{"id": "o%d", "source": "a5", "data": ' % n + b'{"a":' * n + b"1" + b"}" * n + b"}") for n in (200, 30_000)),
    (413, b'{"id": "e", "source": "a5", "data": "' + b"x" * 256 * 1024 + b'"}'),
]


@pytest.fixture
def ask(redis: Redis) -> Iterator[Ask]:
    """Sends one request to an API in this process; whatever the application raises comes out here."""
    app = Workbench(redis.url, PREFER_WAIT_LONGEST_SECONDS="0").app()
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api")
    with asyncio.Runner() as runner:
        yield lambda *words, **more: runner.run(client.request(*words, **more))
        runner.run(app.state.parts.close())


@pytest.fixture
def records(redis: Redis) -> Iterator[Any]:
    """Redis as a worker would read it."""
    with redis_client.Redis.from_url(redis.url, decode_responses=True) as client:
        yield client


def assert_workable(records: Any, pair: Pair) -> None:
    """What stands in the queue is an event a worker can read, with the fingerprint it was accepted under."""
    record = records.hgetall(record_key(pair.key))
    event = parse(record["event"])
    assert event.pair == pair
    assert fingerprint(event) == record["fingerprint"]
    assert NewRow.of(event).pair == pair


@FUZZED
@given(event_id=NAMES, source=NAMES)
def test_a_pair_is_taken_if_the_contract_allows_it_and_then_it_can_be_asked_for(
    ask: Ask, records: Any, event_id: str, source: str
) -> None:
    answer = ask("POST", "/ingest", json={"id": event_id, "source": source})
    if ID.fullmatch(event_id) and SOURCE.fullmatch(source) and len(source) <= 255:
        assert answer.status_code in (202, 200)
        assert ask("GET", answer.headers["location"]).json() == {
            "id": event_id,
            "status": "pending",
            "processed_at": None,
            "result": None,
        }
        assert_workable(records, Pair(source, event_id))
    else:
        assert answer.status_code == 422
        assert ask("GET", f"/ingest/{quote(event_id, safe='')}/status", params={"source": source}).status_code == 404


@FUZZED
@given(event_id=NAMES | st.text(), query=NAMES | st.none())
def test_asking_for_what_was_never_taken_is_404(ask: Ask, event_id: str, query: str | None) -> None:
    path = f"/ingest/never-{quote(event_id, safe='')}/status"
    assert ask("GET", path, params={} if query is None else {"source": query}).status_code == 404


def judge_body(ask: Ask, records: Any, *, content: bytes, media_type: str, allowed: Container[int] = (200, 202, 422)) -> None:
    answer = ask("POST", "/ingest", content=content, headers={"Content-Type": media_type})
    assert answer.status_code in allowed
    if answer.status_code == 202:
        event = json.loads(content)
        assert_workable(records, Pair(event["source"], event["id"]))


TYPES = st.sampled_from(["application/json", "application/cloudevents+json"])


@FUZZED
@given(content=st.binary(max_size=60) | st.text(max_size=60).map(str.encode), media_type=TYPES)
def test_noise_is_refused(ask: Ask, records: Any, content: bytes, media_type: str) -> None:
    judge_body(ask, records, content=content, media_type=media_type)


@FUZZED
@given(body=st.dictionaries(FIELDS, JSON | NAMES) | JSON, media_type=TYPES)
@example(body={"id": "e", "source": "a5", "data": 2**53}, media_type="application/json")
def test_json_of_any_form_is_taken_or_refused(ask: Ask, records: Any, body: Any, media_type: str) -> None:
    judge_body(ask, records, content=json.dumps(body).encode(), media_type=media_type)


def has_canonical_form(data: Any) -> bool:
    """Whether RFC 8785 can write it: every number is finite, and every whole one exact in a double."""
    if isinstance(data, list | dict):
        return all(map(has_canonical_form, data.values() if isinstance(data, dict) else data))
    return abs(data) < 2**53 if isinstance(data, int) else not isinstance(data, float) or math.isfinite(data)


def can_be_mailed(email: dict[str, str] | None) -> bool:
    """Whether the contract allows it: nothing empty, nothing too long."""
    return email is None or (all(email.values()) and len(email["to"]) <= 320 and len(email["subject"]) <= 998)


@FUZZED
@given(data=JSON, email=st.none() | st.fixed_dictionaries({name: st.text() for name in ("to", "subject", "text")}))
def test_events_with_any_data_are_taken_if_the_contract_allows_it(ask: Ask, records: Any, data: Any, email: Any) -> None:
    body = {"id": "e1", "source": f"s:{zlib.crc32(json.dumps([data, email]).encode())}", "data": data, "email": email}
    allowed = (202, 200) if has_canonical_form(data) and can_be_mailed(email) else (422,)
    judge_body(ask, records, content=json.dumps(body).encode(), media_type="application/json", allowed=allowed)


def name_of(value: int | bytes) -> str:
    return str(value) if isinstance(value, int) else f"{value[:40]!r}-{len(value)}"


@pytest.mark.parametrize(("status", "content"), BODIES, ids=name_of)
def test_good_and_odd_bodies(ask: Ask, records: Any, status: int, content: bytes) -> None:
    judge_body(ask, records, content=content, media_type="application/json", allowed=(status,))


VALUES = st.binary(max_size=30).filter(lambda value: not set(value) & set(b"\r\n\x00"))
HEADERS = st.dictionaries(
    st.sampled_from(
        ["ce-id", "ce-source", "ce-type", "ce-specversion", "ce-x", "prefer", "content-type", "content-encoding", "authorization"]
    ),
    VALUES | st.sampled_from([b"1.0", b"a5", b"wait=1", b"application/json", b"%ff", b'"', b'"\\"']),
)


@FUZZED
@given(headers=HEADERS)
def test_headers_of_any_form_break_nothing(ask: Ask, headers: dict[str, bytes]) -> None:
    raw = [(name.encode(), value) for name, value in headers.items()]
    answer = ask("POST", "/ingest", content=b'{"data": 1}', headers=raw)
    assert answer.status_code in (200, 202, 415, 422)
