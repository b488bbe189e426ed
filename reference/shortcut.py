"""The short way to POST /ingest: from the server straight to the route's answer, past what FastAPI wraps around every request.

That wrapping (middleware, look-up of the route) is a third of what an accepted event would cost; docs/speed.md has both figures.
The route itself stays an ordinary one, in the OpenAPI and for every other request; FAST_PATH=false takes this way out, for those
who add middleware of their own. Where to go next: ``api`` (makes the application).
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send


class Application(FastAPI):
    """FastAPI with one request it does not see: POST on ``path``, which goes to ``answer`` once that is set."""

    def __init__(self, *, path: str, **options: Any) -> None:
        super().__init__(**options)
        self._path = path
        self.answer: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        answer = self.answer
        if answer is None or scope["type"] != "http" or scope["path"] != self._path or scope["method"] != "POST":
            await super().__call__(scope, receive, send)
        else:
            scope["app"] = self
            await answer(scope, receive, send)
