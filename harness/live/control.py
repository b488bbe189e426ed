"""What Locust's page asks of the harness: how things stand, the picture, and faults to start and stop. Loopback HTTP, JSON.

    GET    /state           faults that exist, those that were started, and how the promises stand
    GET    /timeline.svg    the picture of the run so far
    POST   /faults          {"fault", "settings": {...}, "seconds": number or null}  -> 201, or 409 with the reason
    DELETE /faults/{index}  heal it

Every request carries the page's own token; without it nothing is told and nothing is done (403). Errors are problem+json.
"""

from __future__ import annotations

import asyncio
import dataclasses
import math
import secrets
from typing import Annotated, Any, Protocol

from fastapi import Depends, FastAPI, Header, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException as AnyHTTPException

from harness.history import History
from harness.live.injector import Injection, Injector, RefusedError
from harness.live.standing import Standing
from harness.report import charts

PROBLEM = "application/problem+json"


class Wanted(BaseModel):
    """A fault to start. Without `seconds` it lasts until somebody stops it."""

    fault: str
    settings: dict[str, Any] = {}
    seconds: float | None = None


class LiveSession(Protocol):
    """The session, as far as the page may see it."""

    injector: Injector
    standing: Standing

    def so_far(self) -> History: ...


def control(session: LiveSession, *, token: str) -> FastAPI:
    """The application."""

    async def require_token(x_harness_token: Annotated[str, Header()] = "") -> None:
        if not secrets.compare_digest(x_harness_token.encode(), token.encode()):
            raise HTTPException(403, "This needs the token of the page that `harness ui` opened: use its buttons.")

    app = FastAPI(dependencies=[Depends(require_token)], openapi_url=None)
    app.add_exception_handler(AnyHTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _misread)
    app.add_exception_handler(RefusedError, _impossible)

    @app.get("/state")
    async def state() -> dict[str, Any]:
        injector = session.injector
        return {
            "offers": [dataclasses.asdict(offer) for offer in injector.offers],
            "injections": [_told(one) for one in injector.injections],
            "standing": session.standing.to_json(),
        }

    @app.get("/timeline.svg")
    async def timeline() -> Response:
        picture = await asyncio.to_thread(charts.timeline, session.so_far())
        return Response(picture, media_type="image/svg+xml")

    @app.post("/faults", status_code=201)
    async def start(wanted: Wanted) -> dict[str, Any]:
        lasts_s = math.inf if wanted.seconds is None else wanted.seconds
        return _told(session.injector.start(wanted.fault, wanted.settings, lasts_seconds=lasts_s))

    @app.delete("/faults/{index}")
    async def stop(index: int) -> dict[str, Any]:
        return _told(session.injector.stop(index))

    return app


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, AnyHTTPException)
    return _problem(error.status_code, str(error.detail))


async def _misread(_: Request, error: Exception) -> Response:
    return _problem(422, 'Expected {"fault": name, "settings": {...}, "seconds": number or null}, or a whole number in the path.')


async def _impossible(_: Request, error: Exception) -> Response:
    return _problem(409, str(error))


def _problem(status: int, detail: str) -> Response:
    return JSONResponse({"type": "about:blank", "status": status, "detail": detail}, status_code=status, media_type=PROBLEM)


def _told(injection: Injection) -> dict[str, Any]:
    """One started fault as the page gets it; times in seconds since the session began."""
    return {
        "index": injection.index,
        "name": injection.name,
        "settings": dataclasses.asdict(injection.fault),
        "phase": injection.phase,
        "begin_s": round(injection.begin_s, 1),
        "end_s": None if injection.end_s is None else round(injection.end_s, 1),
        "evidence": injection.evidence,
    }
