"""An ASGI application on the loopback interface, served by uvicorn inside a loop that has other things to do."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.types import ASGIApp


class _Server(uvicorn.Server):
    """Hears no signals: Ctrl-C is for whoever runs the loop."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[str]:
    """The base URL under which `app` answers, on a port that the system chose, until the block is left."""
    with socket.create_server(("127.0.0.1", 0)) as listener:  # bound at once, so that nobody else can take the port
        server = _Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off"))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
