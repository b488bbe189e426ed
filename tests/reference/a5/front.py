"""Something between the client and the API that does to each answer what a test wants: hand on, change or lose it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

Change = Callable[[bytes, bytes], bytes | None]  # request, answer -> what the client gets; None cuts the connection


@asynccontextmanager
async def front(url: str, change: Change) -> AsyncIterator[str]:
    """Stand in front of the API at `url`; the URL to use instead."""
    port = int(url.rpartition(":")[2])
    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await _request(reader)
        changed = change(request, await _answer(port, request))
        if changed is not None:
            writer.write(changed)
        writer.close()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.create_task(serve(reader, writer)))

    server = await asyncio.start_server(begin, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await asyncio.gather(*serving)


async def _request(reader: asyncio.StreamReader) -> bytes:
    """One request, asking for an answer that ends with the connection."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    body = await reader.readexactly(int(length[1])) if length else b""
    return re.sub(rb"(?i)connection: *keep-alive", b"connection: close", head) + body


async def _answer(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = await reader.read()
    writer.close()
    return answer
