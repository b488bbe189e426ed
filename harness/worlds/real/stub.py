"""A bare HTTP endpoint that does nothing, in a process of its own: when it is slow, the machine is.

Run as `python -I -S stub.py PORT` beside every service; `watch` asks it a few times a second.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import cast

PROGRAM = Path(__file__)
ANSWER = b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}"
BETWEEN_PROBES_S = 0.15
TIMES_OUT_AFTER_S = 2.0  # of one probe: far above what counts as slow


class Endpoint(asyncio.Protocol):
    """Answers whatever arrives; clients send one request in one piece."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)

    def data_received(self, data: bytes) -> None:
        self._transport.write(ANSWER)


async def watch(ask: Callable[[], Awaitable[bool]], record: Callable[[float], None]) -> None:
    """Ask the stub for ever; `record` gets each latency in seconds, of a probe that failed its time-out or longer."""
    loop = asyncio.get_running_loop()
    while True:
        begin = loop.time()
        answered = await ask()
        took_s = loop.time() - begin
        record(took_s if answered else max(took_s, TIMES_OUT_AFTER_S))
        await asyncio.sleep(BETWEEN_PROBES_S)


async def serve(port: int) -> None:
    """Listen until the process is ended."""
    server = await asyncio.get_running_loop().create_server(Endpoint, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
