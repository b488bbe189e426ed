"""HTTP without sockets: an API process that serves an ASGI app, and a client's call of it.

The app runs in the context of its own process, not in the caller's: when the process dies its calls are reset, when it
freezes they hang, when it drains they are finished. Who calls which process is `gateway.py`'s business.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from harness.worlds.simulated.network import Station
from harness.worlds.simulated.processes import Process

GRACE_S = 10.0  # how long requests in flight may take once the process was told to stop
Message = dict[str, Any]


@dataclass(frozen=True)
class HttpRequest:
    """What a client sends."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class HttpAnswer:
    """What it gets; header names are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class AsgiServer:
    """Serves one ASGI app in one process, as uvicorn would: lifespan, requests, a graceful end."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.accepting = asyncio.Event()
        self._app: Any = None
        self._state: dict[str, Any] = {}
        self._in_flight = 0
        self._idle = asyncio.Event()

    async def serve(self, app: Any) -> None:
        """Serve until the process is terminated and what is in flight is done. Raises RuntimeError if start-up fails."""
        lifespan = _Lifespan(app, self._state)
        await lifespan.start()
        self._app = app
        self.accepting.set()
        await self.process.terminated.wait()
        self.accepting.clear()
        if self._in_flight:
            self._idle.clear()
            async with asyncio.timeout(GRACE_S):
                await self._idle.wait()
        await lifespan.stop()

    async def handle(self, request: HttpRequest, disconnected: asyncio.Event) -> HttpAnswer | None:
        """Run the app on one request; None if it ended the connection without a complete answer."""
        self._in_flight += 1
        exchange = _Exchange(request, disconnected)
        try:
            await self._app(_scope(request, self._state), exchange.receive, exchange.send)
        except Exception as error:
            self.process.error = f"{type(error).__name__}: {error}"
            return exchange.cut_short()
        finally:
            self._in_flight -= 1
            if not self._in_flight:
                self._idle.set()
        return exchange.answer()


class _Exchange:
    """The two callables an ASGI app talks through, for one request."""

    def __init__(self, request: HttpRequest, disconnected: asyncio.Event) -> None:
        self._request, self._disconnected = request, disconnected
        self._was_read = self._is_complete = False
        self._status = 0
        self._headers: dict[str, str] = {}
        self._pieces: list[bytes] = []

    async def receive(self) -> Message:
        if not self._was_read:
            self._was_read = True
            return {"type": "http.request", "body": self._request.body, "more_body": False}
        await self._disconnected.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self._headers = {name.decode().lower(): value.decode("latin-1") for name, value in message.get("headers", ())}
        else:
            self._pieces.append(message.get("body", b""))
            self._is_complete = not message.get("more_body", False)

    def answer(self) -> HttpAnswer | None:
        return HttpAnswer(self._status, self._headers, b"".join(self._pieces)) if self._is_complete else None

    def cut_short(self) -> HttpAnswer | None:
        """What the server sends for an app that raised: 500 if nothing was sent yet."""
        return None if self._status else HttpAnswer(500, {"content-type": "text/plain"}, b"Internal Server Error")


class _Lifespan:
    """An ASGI app's start-up and shutdown."""

    def __init__(self, app: Any, state: dict[str, Any]) -> None:
        self._app, self._state = app, state
        self._inbox: asyncio.Queue[Message] = asyncio.Queue()
        self._outbox: asyncio.Queue[Message] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self._state}
        self._task = asyncio.create_task(self._run(scope))
        await self._ask("startup")

    async def stop(self) -> None:
        await self._ask("shutdown")

    async def _run(self, scope: dict[str, Any]) -> None:
        try:
            await self._app(scope, self._inbox.get, self._outbox.put)
        except Exception as error:
            await self._outbox.put({"type": "lifespan.failed", "message": f"{type(error).__name__}: {error}"})

    async def _ask(self, what: str) -> None:
        await self._inbox.put({"type": f"lifespan.{what}"})
        answer = await self._outbox.get()
        if answer["type"].endswith("failed"):
            raise RuntimeError(f"The app's {what} failed: {answer.get('message', '')}")


class HttpCall:
    """One request of a client to one API process, over a connection of its own.

    `answered` raises ConnectionRefusedError (certainly not seen), ConnectionResetError (seen or not) or TimeoutError. If the
    client gives up, the app is told; what it did stays done.
    """

    def __init__(self, station: Station, server: AsgiServer, request: HttpRequest, *, timeout_s: float) -> None:
        self.answered: asyncio.Future[HttpAnswer] = station.network.loop.create_future()
        self._network, self._station, self._server, self._request = station.network, station, server, request
        self._disconnected = asyncio.Event()
        self._patience = self._network.loop.call_later(timeout_s, self._give_up)

    def send(self) -> None:
        """Let the request leave the client."""
        self._network.later(self._station.travel_s(), self._arrive)

    def _give_up(self) -> None:
        self._fail(TimeoutError())
        process = self._server.process
        self._network.loop.arrive_at(
            self._network.loop.now_s + self._station.travel_s(), self._disconnected.set, context=process.context
        )

    def orphaned(self) -> None:
        """The API process died."""
        self._back(self._fail, ConnectionResetError(f"{self._server.process.name} went away"))

    def _arrive(self) -> None:
        process = self._server.process
        if not process.alive or not self._server.accepting.is_set():
            self._back(self._fail, ConnectionRefusedError(f"{process.name} refused the connection"))
            return
        process.hold(self)
        self._network.loop.create_task(self._run(), context=process.context.copy())

    async def _run(self) -> None:
        """In the API process."""
        answer = await self._server.handle(self._request, self._disconnected)
        self._server.process.perform("http", b"", lambda: self._reply(answer))

    def _reply(self, answer: HttpAnswer | None) -> None:
        self._server.process.release(self)
        if answer is None:
            self._back(self._fail, ConnectionResetError(f"{self._server.process.name} cut the connection"))
        else:
            self._back(self._succeed, answer)

    def _back(self, action: Callable[[Any], None], value: Any) -> None:
        self._network.later(self._station.travel_s(), action, value)

    def _fail(self, error: OSError) -> None:
        self._patience.cancel()
        if not self.answered.done():
            self.answered.set_exception(error)

    def _succeed(self, answer: HttpAnswer) -> None:
        self._patience.cancel()
        if not self.answered.done():
            self.answered.set_result(answer)


def _scope(request: HttpRequest, state: dict[str, Any]) -> dict[str, Any]:
    headers = {"host": "api.sim", "content-length": str(len(request.body)), **request.headers}
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": unquote(request.path),
        "raw_path": request.path.encode(),
        "query_string": request.query.encode(),
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()],
        "client": ("10.0.0.2", 40000),
        "server": ("api.sim", 80),
        "state": dict(state),
    }
