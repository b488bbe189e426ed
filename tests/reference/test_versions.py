"""How an event stands in its record: what each version writes is read back, what is newer is told from what is broken."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference import versions
from reference.events import InvalidEventError, parse

EVENT = parse('{"id": "e1", "source": "a5", "data": {"k": "\u00e4"}}')


@pytest.mark.parametrize("version", range(1, versions.NEWEST + 1))
@given(data=st.recursive(st.text() | st.integers() | st.none(), lambda inner: st.dictionaries(st.text(), inner, max_size=3)))
def test_what_a_version_writes_is_read_back(version: int, data: Any) -> None:
    event = EVENT.model_copy(update={"data": data})
    text = versions.write(event, version=version)
    assert versions.read(text, newest=version) == event
    assert versions.read(text) == event


def test_version_1_is_what_the_first_release_wrote_and_reads() -> None:
    assert versions.write(EVENT, version=1) == EVENT.model_dump_json()
    assert parse(versions.write(EVENT, version=1)) == EVENT


def test_a_long_event_is_shorter_in_version_2() -> None:
    long = EVENT.model_copy(update={"data": ["the same words again"] * 100})
    assert len(versions.write(long, version=2)) < len(versions.write(long, version=1)) / 5


@pytest.mark.parametrize(("text", "newest"), [(versions.write(EVENT, version=2), 1), ("3:anything", 2), ("999999999:", 2)])
def test_what_is_newer_says_so(text: str, newest: int) -> None:
    with pytest.raises(versions.NewerVersionError, match=rf"newer than {newest}"):
        versions.read(text, newest=newest)


@pytest.mark.parametrize("text", ["", "2:", "2:no base64!", "2:YWJj", "nothing", "x:y", "{}", '{"id": ".."}'])
def test_what_no_release_can_have_written_is_no_newer_version(text: str) -> None:
    with pytest.raises(InvalidEventError):
        versions.read(text)
