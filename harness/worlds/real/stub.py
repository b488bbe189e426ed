"""A bare HTTP endpoint that does nothing, in a process of its own: when it is slow, the machine is.

Run as `python -I -S stub.py PORT` beside a service whose latency is judged; `watch` asks it a few times a second.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import cast

PROGRAM = Path(__file__)
ANSWER = b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}"
BETWEEN_PROBES_S = 0.15


class Endpoint(asyncio.Protocol):
    """Answers whatever arrives; clients send one request in one piece."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)

    def data_received(self, data: bytes) -> None:
        self._transport.write(ANSWER)


async def watch(ask: Callable[[], object], record: Callable[[float], None]) -> None:
    """Ask the stub for ever; `record` gets each latency in seconds."""
    loop = asyncio.get_running_loop()
    while True:
        begin = loop.time()
        answer = ask()
        if asyncio.iscoroutine(answer):
            await answer
        record(loop.time() - begin)
        await asyncio.sleep(BETWEEN_PROBES_S)


async def serve(port: int) -> None:
    """Listen until the process is ended."""
    server = await asyncio.get_running_loop().create_server(Endpoint, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
