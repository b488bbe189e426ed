"""RESP: replies of the command engine as bytes on the wire. Requests are parsed by hiredis, as everywhere else.

See `redis.py` for the server that speaks it.
"""

from __future__ import annotations

from typing import Any

from fakeredis._helpers import SimpleError, SimpleString


def encode(value: Any, *, protocol: int) -> bytes:
    """A reply in RESP2 or RESP3. Raises TypeError for what no server could answer."""
    pieces: list[bytes] = []
    _encode(value, protocol, pieces)
    return b"".join(pieces)


def _encode(value: Any, protocol: int, pieces: list[bytes]) -> None:
    kind = type(value)
    if kind is bytes:
        pieces.append(b"$%d\r\n%b\r\n" % (len(value), value))
    elif kind is int:
        pieces.append(b":%d\r\n" % value)
    elif value is None:
        pieces.append(b"_\r\n" if protocol == 3 else b"$-1\r\n")
    elif kind is list or kind is tuple:
        pieces.append(b"*%d\r\n" % len(value))
        for item in value:
            _encode(item, protocol, pieces)
    else:
        _encode_rarer(value, protocol, pieces)


def _encode_rarer(value: Any, protocol: int, pieces: list[bytes]) -> None:
    if isinstance(value, SimpleString):
        pieces.append(b"+%b\r\n" % value.value)
    elif isinstance(value, SimpleError):
        pieces.append(b"-%b\r\n" % " ".join(value.value.splitlines()).encode())  # a line is all an error can be
    elif isinstance(value, str):
        _encode(value.encode(), protocol, pieces)
    elif isinstance(value, dict):
        pieces.append(b"%%%d\r\n" % len(value) if protocol == 3 else b"*%d\r\n" % (2 * len(value)))
        for item in (part for pair in value.items() for part in pair):
            _encode(item, protocol, pieces)
    elif isinstance(value, float):
        text = repr(value).removesuffix(".0").encode()
        pieces.append(b",%b\r\n" % text if protocol == 3 else b"$%d\r\n%b\r\n" % (len(text), text))
    else:
        raise TypeError(f"The command engine answered {value!r}, which RESP cannot say; teach resp.py.")
