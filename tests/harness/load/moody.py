"""A small service that works first and then answers, and misbehaves as told: `python moody.py migrate | api PORT`.

MOOD is one of: sound; slow:MS (waits so long before it takes an event); refusing (500); echoing (stores, and calls every event a
duplicate).
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from typing import Any, cast

import asyncpg

MOOD, _, DETAIL = os.environ.get("MOOD", "sound").partition(":")


class Service:
    """What all connections of one process share."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool

    async def take(self, event: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """The answer to a POST."""
        event_id = event["id"]
        if MOOD == "refusing":
            return 500, {"title": "told to"}
        if MOOD == "slow":
            await asyncio.sleep(float(DETAIL) / 1e3)
        tag = await self._pool.execute("INSERT INTO events VALUES ($1, $2) ON CONFLICT DO NOTHING", event["source"], event_id)
        if MOOD == "echoing" or tag.endswith(" 0"):
            return 200, {"status": "duplicate", "original_id": event_id, "current_status": "completed"}
        return 200, {"status": "processed", "id": event_id}

    async def tell(self, event_id: str) -> tuple[int, dict[str, Any]]:
        """The answer to a GET of a status."""
        if await self._pool.fetchval("SELECT 1 FROM events WHERE id = $1", event_id) is None:
            return 404, {"title": "unknown event"}
        return 200, {"id": event_id, "status": "completed", "processed_at": "2026-11-23T18:00:00Z", "result": None}


class Connection(asyncio.Protocol):
    """HTTP/1.1 as far as it is needed: one request at a time, with Content-Length."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._arrived = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._arrived += data
        head, found, body = self._arrived.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head, re.I)
        if found and len(body) >= int(length[1] if length else 0):
            self._arrived = b""
            asyncio.get_running_loop().create_task(self._answer(head.decode(), body))

    async def _answer(self, head: str, body: bytes) -> None:
        method, path, *_ = head.split(" ")
        if method == "POST":
            status, document = await self._service.take(json.loads(body))
        elif path == "/readyz":
            status, document = 200, {}
        else:
            status, document = await self._service.tell(path.split("/")[2])
        content = json.dumps(document).encode()
        kind = "application/json" if status < 400 else "application/problem+json"
        told = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\n\r\n"
        self._transport.write(told.encode() + content)


async def api(port: int) -> None:
    async with asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=4, max_size=20, ssl=False) as pool:
        service = Service(pool)
        server = await asyncio.get_running_loop().create_server(lambda: Connection(service), "127.0.0.1", port, backlog=1000)
        await server.serve_forever()


async def migrate() -> None:
    connection = await asyncpg.connect(os.environ["DATABASE_URL"])
    await connection.execute("CREATE TABLE events (source text, id text PRIMARY KEY)")
    await connection.close()


if __name__ == "__main__":
    asyncio.run(api(int(sys.argv[2])) if sys.argv[1] == "api" else migrate())
