"""The fast canonical form is the one of RFC 8785, for whatever JSON there is."""

from __future__ import annotations

from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from reference.canonical import canonical

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


def by_the_book(value: Any) -> bytes | None:
    try:
        return rfc8785.dumps(value)
    except rfc8785.CanonicalizationError:
        return None


def ours(value: Any) -> bytes | None:
    try:
        return canonical(value)
    except rfc8785.CanonicalizationError:
        return None


@given(JSON)
def test_it_is_what_the_book_says(value: Any) -> None:
    assert ours(value) == by_the_book(value)


@pytest.mark.parametrize(
    "value",
    [
        2**53,
        -(2**53),
        1e16,
        1.0,
        -0.0,
        {"\U0001f600": 1, "\ufb33": 2},
        {"b": 1, "a": {"d": [1.5], "c": None}},
        "\x7f\x1f\n\u20ac",
    ],
    ids=repr,
)
def test_where_two_encoders_may_differ(value: Any) -> None:
    assert ours(value) == by_the_book(value)
