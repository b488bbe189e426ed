"""uvicorn with a politer end: who was already connected is answered before connections are closed.

uvicorn closes every connection without a request under way at once, also one whose request is still in the socket: its client
would see a reset and not know whether its event was taken. Where to go next: ``__main__``.
"""

from __future__ import annotations

import asyncio
import socket

import uvicorn

_LAST_REQUESTS_SECONDS = 0.25


class PoliteServer(uvicorn.Server):
    """Stops listening first, answers what still arrives with ``Connection: close``, then closes."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Called by uvicorn after SIGTERM or SIGINT."""
        for server in self.servers:
            server.close()
        self.server_state.default_headers = [*self.server_state.default_headers, (b"connection", b"close")]
        await asyncio.sleep(_LAST_REQUESTS_SECONDS)
        await super().shutdown(sockets)
