"""Problem details (RFC 9457): the one shape of every answer that is not a success.

``handlers()`` give FastAPI's own errors the same shape. Where to go next: ``problem`` (what is raised), ``api`` (installs them).
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from reference.problem import ProblemError

_log = logging.getLogger(__name__)


def response(problem: ProblemError, *, instance: str, headers: dict[str, str] | None = None) -> Response:
    """``problem`` as application/problem+json; Retry-After is rounded up to whole seconds."""
    sent = dict(headers or {})
    if problem.retry_after_seconds is not None:
        sent["Retry-After"] = str(max(1, math.ceil(problem.retry_after_seconds)))
    body = {
        "type": f"urn:ingest:problem:{problem.kind}" if problem.kind else "about:blank",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.detail,
        "instance": instance,
    }
    return JSONResponse(body, problem.status, sent, media_type="application/problem+json")


def handlers() -> dict[int | type[Exception], Callable[[Request, Any], Coroutine[Any, Any, Response]]]:
    """What FastAPI(exception_handlers=...) takes."""
    return {
        ProblemError: _on_problem,
        HTTPException: _on_http_exception,
        RequestValidationError: _on_validation_error,
        Exception: _on_anything_else,
    }


async def _on_problem(request: Request, error: ProblemError) -> Response:
    return response(error, instance=request.url.path)


async def _on_http_exception(request: Request, error: HTTPException) -> Response:
    headers = dict(error.headers) if error.headers else None
    return response(ProblemError(error.status_code, str(error.detail)), instance=request.url.path, headers=headers)


async def _on_validation_error(request: Request, error: RequestValidationError) -> Response:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return response(ProblemError(422, f"{where}: {first['msg']}", kind="invalid"), instance=request.url.path)


async def _on_anything_else(request: Request, error: Exception) -> Response:
    # The outcome of whatever was under way is unknown to the client; 5xx says so without a traceback.
    _log.error("unexpected %s while answering %s", type(error).__name__, request.url.path, exc_info=error)
    return response(ProblemError(500, "An unexpected error; retry with the same pair."), instance=request.url.path)
