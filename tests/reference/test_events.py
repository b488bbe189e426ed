"""What is an acceptable event, and when two are the same."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference.events import InvalidEventError, Pair, fingerprint, parse


def body(**fields: Any) -> bytes:
    return json.dumps({"id": "e1", "source": "a5", **fields}).encode()


@pytest.mark.parametrize("event_id", ["e", "a:b@c", "~" * 255, "...", "a!$&'()*+,;=b"])
def test_ids_that_can_stand_in_a_path_are_accepted(event_id: str) -> None:
    assert parse(body(id=event_id)).id == event_id


@pytest.mark.parametrize("event_id", ["", ".", "..", "a/b", "a b", "a%20b", "a\x00", "a\r\nb", "e1\n", "é", "x" * 256, 7, None])
def test_other_ids_are_refused(event_id: Any) -> None:
    with pytest.raises(InvalidEventError, match=r"^id: "):
        parse(body(id=event_id))


@pytest.mark.parametrize("source", ["a5", "a:b", "https://x.org/a?b#c", "/feeds/1", "a%20b"])
def test_sources_are_uri_references(source: str) -> None:
    assert parse(body(source=source)).source == source


@pytest.mark.parametrize("source", ["", "a b", "a%2", "a\x00", "a\nb", "x" * 256])
def test_other_sources_are_refused(source: str) -> None:
    with pytest.raises(InvalidEventError, match=r"^source: "):
        parse(body(source=source))


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'"e1"', b"\xff", b'{"id": "e1", "source": "a5", "data": "\\ud800"}'])
def test_what_is_no_json_object_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidEventError):
        parse(raw)


@pytest.mark.parametrize("data", [2**60, 1e400], ids=str)
def test_numbers_without_a_canonical_form_are_refused(data: Any) -> None:
    raw = body(data=data).replace(b"Infinity", b"1e400")
    with pytest.raises(InvalidEventError):
        fingerprint(parse(raw))


def test_the_fingerprint_is_of_the_meaning_not_of_the_spelling() -> None:
    one = parse(b'{"id": "e1", "source": "a5", "data": {"a": 1, "b": [1.0, "\\u00e9"]}}')
    same = parse('{"source":"a5","data":{"b":[1,"é"],"a":1.0},"id":"e1","email":null}'.encode())
    other = parse(body(data={"a": 2}))
    assert fingerprint(one) == fingerprint(same)
    assert fingerprint(one) != fingerprint(other)


@given(st.text(":ab12", min_size=1), st.text(":ab12", min_size=1), st.text(":ab12", min_size=1), st.text(":ab12", min_size=1))
def test_two_pairs_never_share_a_key(source: str, event_id: str, other_source: str, other_id: str) -> None:
    one, other = Pair(source, event_id), Pair(other_source, other_id)
    assert (one.key == other.key) == (one == other)
    assert Pair.of_key(one.key) == one
