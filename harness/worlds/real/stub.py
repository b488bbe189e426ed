"""A bare HTTP endpoint beside the service: when it is slow, the machine is, be it the processor or the disk.

Run as `python -I -S stub.py PORT FILE`, in a process of its own. It answers at once, except for `POST /disk`: there it first
appends a little to FILE, on the disk of the stack's servers, and waits until that is synced, as those do for every event.
`watch` asks it so a few times a second.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import cast

PROGRAM = Path(__file__)
DISK = "/disk"
ASKS_THE_DISK = f"POST {DISK} ".encode()
RECORD = b"." * 64  # appended: what makes a file longer waits for the file system's journal too, as a log's records do
ANSWER = b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}"
BETWEEN_PROBES_S = 0.15
TIMES_OUT_AFTER_S = 2.0  # of one probe: far above what counts as slow


class Endpoint(asyncio.Protocol):
    """Answers whatever arrives; clients send one request in one piece."""

    def __init__(self, file: int) -> None:
        self._file = file
        self._under_way: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)

    def data_received(self, data: bytes) -> None:
        if data.startswith(ASKS_THE_DISK):
            syncing = asyncio.get_running_loop().create_task(self._sync_and_answer())
            self._under_way.add(syncing)
            syncing.add_done_callback(self._under_way.discard)
        else:
            self._transport.write(ANSWER)

    async def _sync_and_answer(self) -> None:
        try:
            await asyncio.to_thread(append_and_sync, self._file)
        except OSError:  # a disk that cannot be written to is worse than a slow one: no answer at all
            self._transport.abort()
        else:
            self._transport.write(ANSWER)


def append_and_sync(file: int) -> None:
    """Write a little, and wait until the disk has it."""
    os.write(file, RECORD)
    os.fdatasync(file)


async def watch(ask: Callable[[], Awaitable[bool]], record: Callable[[float], None]) -> None:
    """Ask the stub for ever; `record` gets each latency in seconds, of a probe that failed its time-out or longer."""
    loop = asyncio.get_running_loop()
    while True:
        begin = loop.time()
        answered = await ask()
        took_s = loop.time() - begin
        record(took_s if answered else max(took_s, TIMES_OUT_AFTER_S))
        await asyncio.sleep(BETWEEN_PROBES_S)


async def serve(port: int, path: str) -> None:
    """Listen until the process is ended."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    server = await asyncio.get_running_loop().create_server(lambda: Endpoint(file), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), sys.argv[2]))
