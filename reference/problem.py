"""An answer other than success, as the code below the routes raises it: nothing here knows of HTTP frameworks.

Where to go next: ``problems`` (how it is put on the wire).
"""

from __future__ import annotations


class ProblemError(Exception):
    """An answer other than success; raise it anywhere below a route."""

    def __init__(self, status: int, detail: str, *, kind: str = "", retry_after_seconds: float | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.kind = kind
        self.retry_after_seconds = retry_after_seconds
