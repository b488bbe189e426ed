"""One event in three encodings is one event; what is no CloudEvent is refused with a sentence that names the attribute."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference import cloudevents
from reference.encodings import event_in
from reference.events import InvalidEventError, fingerprint, parse
from tests.reference.servers import Redis
from tests.reference.workbench import Workbench, is_problem

Headers = dict[str, str]
MAIL = {"to": "r@example.com", "subject": "S", "text": "T"}
PLAIN = {"id": "e1", "source": "/mycontext?a=1%20b", "type": "page.published", "data": {"any": ["jsön", 1.0]}, "email": MAIL}

# As the CloudEvents SDK for Python (2.2.0) writes this event.
BINARY_HEADERS = {
    "ce-type": "page.published",
    "ce-source": "/mycontext?a=1%2520b",
    "ce-id": "e1",
    "ce-specversion": "1.0",
    "content-type": "application/json",
    "ce-subject": "Gr%C3%B6%C3%9Fe%20%22x%22%205%25",
    "ce-time": "2026-11-25T22:53:21.753898Z",
}
BINARY_BODY = b'{"data": {"any": ["js\\u00f6n", 1.0]}, "email": {"to": "r@example.com", "subject": "S", "text": "T"}}'
STRUCTURED_HEADERS = {"content-type": "application/cloudevents+json"}
STRUCTURED_BODY = (
    b'{"type": "page.published", "source": "/mycontext?a=1%20b", "id": "e1", "specversion": "1.0", "datacontenttype":'
    b' "application/json", "subject": "Gr\\u00f6\\u00dfe \\"x\\" 5%", "time": "2026-11-25T22:53:21.753898Z", "data":'
    b' {"data": {"any": ["js\\u00f6n", 1.0]}, "email": {"to": "r@example.com", "subject": "S", "text": "T"}}}'
)
PLAIN_BODY = json.dumps(PLAIN).encode()
ENCODINGS: dict[str, tuple[Headers, bytes]] = {
    "plain": ({"content-type": "application/json"}, PLAIN_BODY),
    "structured": (STRUCTURED_HEADERS, STRUCTURED_BODY),
    "binary": (BINARY_HEADERS, BINARY_BODY),
}


@pytest.fixture
async def api(redis: Redis) -> AsyncIterator[httpx.AsyncClient]:
    async with Workbench(redis.url).serving() as client:
        yield client


def raw(headers: Headers) -> dict[bytes, bytes]:
    return {name.lower().encode(): value.encode("latin-1") for name, value in headers.items()}


def cloud_event(**changed: Any) -> bytes:
    event = {"specversion": "1.0", "id": "e1", "source": "a5", "type": "t", "data": {"data": 1, "email": MAIL}} | changed
    return json.dumps({name: value for name, value in event.items() if value != "(none)"}).encode()


@pytest.mark.parametrize("first", list(ENCODINGS))
async def test_one_acceptance_and_two_duplicates(api: httpx.AsyncClient, first: str) -> None:
    headers, body = ENCODINGS[first]
    accepted = await api.post("/ingest", content=body, headers=headers)
    assert (accepted.status_code, accepted.json()["status"]) == (202, "accepted")
    for headers, body in (sent for name, sent in ENCODINGS.items() if name != first):
        again = await api.post("/ingest", content=body, headers=headers)
        assert (again.status_code, again.json()["status"]) == (200, "duplicate"), "the same payload too: another would be 422"
    assert (await api.get(accepted.headers["location"])).json()["status"] == "pending"


async def test_another_payload_in_another_encoding_is_refused(api: httpx.AsyncClient) -> None:
    headers, body = ENCODINGS["plain"]
    await api.post("/ingest", content=body, headers=headers)
    for changed in ({"ce-type": "another"}, {"ce-type": "page.published "}):
        answer = await api.post("/ingest", content=BINARY_BODY, headers=BINARY_HEADERS | changed)
        assert answer.status_code == (422 if changed["ce-type"] == "another" else 200), "blanks around a value are not its part"


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "Application/JSON", "application/json;q=1"])
async def test_parameters_and_case_of_a_media_type_do_not_matter(api: httpx.AsyncClient, content_type: str) -> None:
    assert (await api.post("/ingest", content=PLAIN_BODY, headers={"content-type": content_type})).status_code == 202


async def test_a_body_without_a_media_type_is_taken_for_json(api: httpx.AsyncClient) -> None:
    assert (await api.post("/ingest", content=PLAIN_BODY)).status_code == 202


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "text/plain"},
        {"content-type": "application/vnd.other+json"},
        {"content-type": ""},
        {"content-type": "\xe9"},
        {"content-type": "application/cloudevents-batch+json"},
        {"content-type": "application/cloudevents+xml"},
        {"content-type": "application/json", "content-encoding": "gzip"},
        BINARY_HEADERS | {"content-type": "text/xml"},
        BINARY_HEADERS | {"content-type": "application/cloudevents-batch+json"},
    ],
    ids=str,
)
async def test_what_is_written_otherwise_is_415(api: httpx.AsyncClient, headers: Headers) -> None:
    answer = await api.post("/ingest", content=PLAIN_BODY, headers=raw(headers))
    assert is_problem(answer, 415)
    if "content-encoding" not in headers:
        assert answer.headers["accept"] == "application/json, application/cloudevents+json"


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"specversion": "0.3"}, "specversion: "),
        ({"specversion": "(none)"}, "specversion: Field required"),
        ({"specversion": 1.0}, "specversion: "),
        ({"id": "(none)"}, "id: Field required"),
        ({"id": "a/b"}, "id: "),
        ({"id": ".."}, "id: "),
        ({"source": "(none)"}, "source: Field required"),
        ({"source": ""}, "source: "),
        ({"type": "(none)"}, "type: Field required"),
        ({"type": ""}, "type: "),
        ({"type": "x" * 256}, "type: "),
        ({"datacontenttype": "text/xml"}, "datacontenttype: "),
        ({"datacontenttype": "application/jsonl"}, "datacontenttype: "),
        ({"data": "text"}, "data: "),
        ({"data": [1]}, "data: "),
        ({"data": {"order": 7}}, "data: it holds a key that is not known here"),
        ({"data": {"email": {"to": "x"}}}, "data.email.subject: Field required"),
        ({"data_base64": "e30="}, "data_base64: "),
        ({"data": "(none)", "data_base64": "e30="}, "data_base64: "),
    ],
    ids=str,
)
async def test_what_is_no_cloudevent_is_refused_by_name(api: httpx.AsyncClient, changed: dict[str, Any], named: str) -> None:
    answer = await api.post("/ingest", content=cloud_event(**changed), headers=STRUCTURED_HEADERS)
    assert is_problem(answer, 422)
    assert answer.json()["detail"].startswith(f"Not an acceptable event: {named}")
    assert "order" not in answer.text, "what was sent is not repeated"


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"ce-specversion": "0.3"}, "ce-specversion: "),
        ({"ce-specversion": ""}, "ce-specversion: Field required"),
        ({"ce-id": ""}, "ce-id: Field required"),
        ({"ce-id": "a%2Fb"}, "ce-id: "),
        ({"ce-source": ""}, "ce-source: Field required"),
        ({"ce-type": ""}, "ce-type: Field required"),
        ({"ce-type": "\xe9"}, "ce-type: it is not ASCII"),
        ({"ce-type": "%ff"}, "ce-type: it is not ASCII, or its percent-encoding is not UTF-8"),
    ],
    ids=str,
)
async def test_headers_that_are_no_cloudevent_are_refused_by_name(api: httpx.AsyncClient, changed: Headers, named: str) -> None:
    headers = {name: value for name, value in (BINARY_HEADERS | changed).items() if value}
    answer = await api.post("/ingest", content=BINARY_BODY, headers=raw(headers))
    assert is_problem(answer, 422)
    assert answer.json()["detail"].startswith(f"Not an acceptable event: {named}")


@pytest.mark.parametrize("body", [b"[]", b"{", b'{"order": 7}', b'{"email": {}}'])
async def test_a_binary_body_that_is_no_data_is_refused(api: httpx.AsyncClient, body: bytes) -> None:
    assert is_problem(await api.post("/ingest", content=body, headers=BINARY_HEADERS), 422)


@pytest.mark.parametrize("name", ["application/json", "Application/JSON ; charset=utf-8", "application/vnd.mine+json", None])
def test_data_is_json_whatever_json_is_called(name: str | None) -> None:
    assert cloudevents.structured(cloud_event(datacontenttype=name)).data == 1


def test_data_may_be_missing() -> None:
    bare = parse(b'{"id": "e1", "source": "a5", "type": "t"}')
    assert cloudevents.structured(cloud_event(data="(none)")) == bare
    assert cloudevents.structured(cloud_event(data=None)) == bare
    headers = {"ce-id": "e1", "ce-source": "a5", "ce-type": "t", "ce-specversion": "1.0"}
    assert event_in(b"", raw(headers)) == bare


@pytest.mark.parametrize("written", ['"two words"', "two%20words", '"two%20words"', '"t\\wo words"'])
def test_quoted_and_escaped_values_are_read_as_the_binding_says(written: str) -> None:
    headers = BINARY_HEADERS | {"ce-type": written}
    assert cloudevents.binary(raw(headers), BINARY_BODY).type == "two words"


TYPES = st.text(min_size=1, max_size=20).filter(lambda text: text == text.strip() and not text.startswith('"'))


@given(
    event_type=TYPES, data=st.recursive(st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(), st.lists)
)
def test_whatever_the_payload_the_three_have_one_fingerprint(event_type: str, data: Any) -> None:
    body = json.dumps({"id": "e1", "source": "a5", "type": event_type, "data": data}).encode()
    plain = parse(body)
    structured = cloudevents.structured(cloud_event(type=event_type, data={"data": data}))
    headers = {"ce-id": "e1", "ce-source": "a5", "ce-specversion": "1.0", "ce-type": quote(event_type)}
    binary = cloudevents.binary(raw(headers), json.dumps({"data": data}).encode())
    assert plain == structured == binary
    assert fingerprint(plain) == fingerprint(structured) == fingerprint(binary)


def test_a_refusal_names_what_is_wrong_and_not_what_was_sent() -> None:
    for body in (b'{"id": "secret/", "source": "a5"}', b'{"id": "e", "source": "secret "}', b'{"id": "secret'):
        with pytest.raises(InvalidEventError) as error:
            parse(body)
        assert "secret" not in f"{error.value!r}"
