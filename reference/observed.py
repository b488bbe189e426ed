"""Endpoints watched: every answer is counted and timed, a request is traced if tracing is on, trouble leaves a line in the log.

Where to go next: ``api`` (which endpoints), ``metrics`` (what is counted), ``spans`` (what is opened while a request is traced).
"""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from reference.events import Pair
from reference.problem import ProblemError
from reference.telemetry import Tracing

_log = logging.getLogger(__name__)

Endpoint = Callable[[Request], Awaitable[Response]]
_BY_STATUS = {200: "processed", 202: "accepted", 429: "full", 503: "unavailable", 504: "unanswered"}
_TOLD_NOW_AND_THEN = ("full", "unavailable")
_TOLD = ("unanswered", *_TOLD_NOW_AND_THEN)
_A_LINE_EVERY_SECONDS = 1.0


class Note(Protocol):
    """Counts one answer."""

    def __call__(self, outcome: str, seconds: float) -> None: ...


def observed(endpoint: Endpoint, *, note: Note, tracing: Tracing | None = None) -> Endpoint:
    """``endpoint``, telling ``note`` what became of each request and how long that took."""
    journal = Journal(endpoint.__name__)

    @functools.wraps(endpoint)
    async def watched(request: Request) -> Response:
        clock = asyncio.get_running_loop().time
        began = clock()
        outcome = "error"
        try:
            answer = await endpoint(request)
            outcome = getattr(answer, "outcome", None) or _BY_STATUS.get(answer.status_code, "rejected")
            return answer
        except ProblemError as problem:
            outcome = outcome_of(problem)
            raise
        except ClientDisconnect:
            outcome = "rejected"  # the client's doing, before it was answered
            raise
        finally:
            note(outcome, clock() - began)
            if outcome in _TOLD:
                journal.write(outcome, request, at=began)

    if tracing is None:
        return watched

    @functools.wraps(endpoint)
    async def traced(request: Request) -> Response:
        with tracing.watching(request.headers):
            return await watched(request)

    return traced


def outcome_of(problem: ProblemError) -> str:
    """The word a problem is counted under."""
    if problem.kind == "conflict":
        return "conflict"
    return _BY_STATUS.get(problem.status, "rejected" if problem.status < 500 else "error")


class Journal:
    """Lines about requests that went wrong on our side: all that leave the client in doubt, of refusals one a second at most."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._next: dict[str, float] = {}
        self._left_out: dict[str, int] = {}

    def write(self, outcome: str, request: Request, *, at: float) -> None:
        """A line, if ``outcome`` is worth one now."""
        if outcome not in _TOLD_NOW_AND_THEN:
            _log.warning("a client does not know whether its event was taken", extra=self._about(outcome, request))
            return
        if at < self._next.get(outcome, at):
            self._left_out[outcome] = self._left_out.get(outcome, 0) + 1
            return
        self._next[outcome] = at + _A_LINE_EVERY_SECONDS
        extra = self._about(outcome, request) | {"others_since_last_line": self._left_out.pop(outcome, 0)}
        _log.warning("a request was refused", extra=extra)

    def _about(self, outcome: str, request: Request) -> dict[str, object]:
        pair: Pair | None = request.scope.get("event")
        about: dict[str, object] = {"endpoint": self._endpoint, "outcome": outcome}
        return about if pair is None else {**about, "event_id": pair.id, "event_source": pair.source}
