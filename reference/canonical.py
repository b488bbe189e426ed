"""The canonical form of JSON (RFC 8785), in C where Python's own encoder writes the very same, else by the book (``rfc8785``).

Where to go next: ``events`` (what it is for: payloads are compared by it).
"""

from __future__ import annotations

import json
from typing import Any

import rfc8785

_LARGEST_INTEGER = 2**53 - 1
_encode = json.JSONEncoder(ensure_ascii=False, check_circular=False, sort_keys=True, separators=(",", ":")).encode


def canonical(value: Any) -> bytes:
    """``value`` in its canonical form. Raises rfc8785.CanonicalizationError where there is none."""
    return _encode(value).encode() if _is_plain(value) else rfc8785.dumps(value)


def _is_plain(value: Any) -> bool:
    """Whether Python writes it canonically: no fraction, no large number, no key whose order depends on the encoding."""
    kind = type(value)
    if kind is str:
        return True
    if kind is dict:
        return all(map(str.isascii, value)) and all(map(_is_plain, value.values()))
    if kind is list:
        return all(map(_is_plain, value))
    if kind is int:
        return bool(-_LARGEST_INTEGER <= value <= _LARGEST_INTEGER)
    return kind is not float
