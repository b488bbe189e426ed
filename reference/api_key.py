"""The optional API key: shown as ``Authorization: Bearer KEY`` or ``X-API-Key: KEY``, compared in constant time.

Where to go next: ``api`` (asks for it before anything is read), ``settings`` (API_KEY).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

from reference.problem import ProblemError

_SCHEME = b"bearer"
_CHALLENGE = 'Bearer realm="ingest"'


class ApiKey:
    """What a client has to show; an empty key asks for nothing."""

    def __init__(self, key: str) -> None:
        self.is_asked_for = bool(key)
        self._digest = _digest(key.encode())

    def check(self, headers: Mapping[bytes, bytes]) -> None:
        """Return if ``headers`` (lower-case names) hold the key, or none is asked for. Raises ProblemError."""
        if not self.is_asked_for:
            return
        shown = _shown(headers)
        if shown is None:
            detail = "An API key is needed: send Authorization: Bearer KEY, or X-API-Key: KEY."
            raise ProblemError(401, detail, kind="unauthorised", headers={"WWW-Authenticate": _CHALLENGE})
        # Digests have one length: not even the key's length can be measured.
        if not hmac.compare_digest(_digest(shown), self._digest):
            challenge = f'{_CHALLENGE}, error="invalid_token"'
            raise ProblemError(401, "The API key is not valid.", kind="unauthorised", headers={"WWW-Authenticate": challenge})


def _shown(headers: Mapping[bytes, bytes]) -> bytes | None:
    scheme, _, credentials = headers.get(b"authorization", b"").partition(b" ")
    if scheme.lower() == _SCHEME:
        return credentials.strip()
    return headers.get(b"x-api-key")


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()
