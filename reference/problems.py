"""Problem details (RFC 9457): the one shape of every answer that is not a success.

``handlers()`` give FastAPI's own errors the same shape, ``answer`` whatever one of our endpoints raised.
Where to go next: ``problem`` (what is raised), ``api`` (installs them).
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from reference.answers import Problem
from reference.defect import described
from reference.problem import TITLES, ProblemError

_log = logging.getLogger(__name__)


def response(problem: ProblemError, request: Request) -> Response:
    """``problem`` as application/problem+json; Retry-After is rounded up to whole seconds."""
    sent = dict(problem.headers)
    if problem.retry_after_seconds is not None:
        sent["Retry-After"] = str(max(1, math.ceil(problem.retry_after_seconds)))
    body: Problem = {
        "type": f"urn:ingest:problem:{problem.kind}" if problem.kind else "about:blank",
        "title": TITLES.get(problem.kind) or HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.detail,
        "instance": _path(request),
    }
    return JSONResponse(body, problem.status, sent, media_type="application/problem+json")


def answer(error: Exception, request: Request) -> Response:
    """The answer to ``error``. A defect is logged without what it says: that may quote the event."""
    if isinstance(error, ProblemError):
        return response(error, request)
    if isinstance(error, HTTPException):
        return response(ProblemError(error.status_code, str(error.detail), headers=error.headers), request)
    _log.error("unexpected while answering %s: %s", _path(request), described(error))
    return response(ProblemError(500, "An unexpected error; retry with the same pair."), request)


def handlers() -> dict[int | type[Exception], Callable[[Request, Any], Coroutine[Any, Any, Response]]]:
    """What FastAPI(exception_handlers=...) takes."""
    return dict.fromkeys((ProblemError, HTTPException, Exception), _handle)


async def _handle(request: Request, error: Exception) -> Response:
    return answer(error, request)


def _path(request: Request) -> str:
    # As it stood in the request: the path we are given is decoded, and may hold line breaks.
    path = quote(request.scope["path"], safe="/:@!$&'()*+,;=~", errors="replace")
    return f"/.{path}" if path.startswith("//") else path  # two slashes would name a host
