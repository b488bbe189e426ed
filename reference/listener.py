"""The worker's own HTTP port: /metrics, /healthz (the event loop turns) and /readyz (queue and event store answer).

Served by uvicorn without a web framework, which would double the worker's start. Where to go next: ``exposition``, ``readiness``.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from redis.asyncio import Redis

from reference.exposition import CONTENT_TYPE, Exposition
from reference.readiness import why_not_ready
from reference.store import Store

Message = dict[str, Any]
Answer = tuple[int, str, bytes]
_LAST_ANSWERS_SECONDS = 1


class _Server(uvicorn.Server):
    """uvicorn, leaving the signals to the worker."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


class Pages:
    """What the port answers; an ASGI application."""

    def __init__(self, exposition: Exposition, *, redis: Redis, store: Store) -> None:
        self._exposition = exposition
        self._redis = redis
        self._store = store
        self._pages: dict[str, Callable[[], Awaitable[Answer]]] = {
            "/metrics": self._metrics,
            "/healthz": self._healthz,
            "/readyz": self._readyz,
        }

    async def __call__(self, scope: Message, _: Any, send: Callable[[Message], Awaitable[None]]) -> None:
        """See ASGI."""
        page = self._pages.get(scope["path"])
        status, kind, body = await page() if page is not None else _told(404, "There are /metrics, /healthz and /readyz.")
        headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _metrics(self) -> Answer:
        return 200, CONTENT_TYPE, await self._exposition.text()

    async def _healthz(self) -> Answer:
        return _told(200, "ok")

    async def _readyz(self) -> Answer:
        missing = await why_not_ready(redis=self._redis, store=self._store)
        return _told(200, "ready") if missing is None else _told(503, missing)


def bound(host: str, port: int) -> socket.socket:
    """A socket on ``port``, taken. Raises OSError."""
    made = socket.create_server((host, port))
    made.setblocking(False)
    return made


@asynccontextmanager
async def listening(pages: Pages, *, on: socket.socket) -> AsyncIterator[None]:
    """Answer on a socket while the block runs; the worker ends even if somebody is still asking."""
    config = uvicorn.Config(
        pages,
        lifespan="off",
        ws="none",
        access_log=False,
        log_config=None,
        log_level="warning",
        timeout_graceful_shutdown=_LAST_ANSWERS_SECONDS,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[on]))
    try:
        yield
    finally:
        server.should_exit = True
        await serving


def _told(status: int, sentence: str) -> Answer:
    return status, "application/json", json.dumps({"status": sentence}).encode()
