"""uvicorn with a politer end: who was already connected is answered before connections are closed.

uvicorn closes every connection without a request under way at once, also one whose request is still in the socket: its client
would see a reset and not know whether its event was taken. Where to go next: ``__main__``.
"""

from __future__ import annotations

import asyncio
import socket

import uvicorn

from reference.settings import Settings

_LAST_REQUESTS_SECONDS = 0.25


def grace_seconds(settings: Settings) -> int:
    """How long uvicorn waits for requests in flight: longer than the slowest path may take."""
    slowest_seconds = (settings.sync_deadline_seconds, settings.accept_deadline_seconds, settings.prefer_wait_longest_seconds)
    return int(max(slowest_seconds)) + 2


def longest_end_seconds(settings: Settings) -> float:
    """How long an API process may take from SIGTERM to its end; whoever runs it must wait longer before killing it."""
    return _LAST_REQUESTS_SECONDS + grace_seconds(settings) + settings.drain_seconds / 2


class PoliteServer(uvicorn.Server):
    """Stops listening first, answers what still arrives with ``Connection: close``, then closes."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Called by uvicorn after SIGTERM or SIGINT."""
        for server in self.servers:
            server.close()
        self.server_state.default_headers = [*self.server_state.default_headers, (b"connection", b"close")]
        await asyncio.sleep(_LAST_REQUESTS_SECONDS)
        await super().shutdown(sockets)
