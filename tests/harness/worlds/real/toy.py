"""A toy service on three servers: `python toy.py migrate|api PORT|worker`. It keeps few promises; worlds are tested on it.

The API stores at once and counts in Redis; the worker mails the newest event again and again.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

import asyncpg
import httpx
from redis.asyncio import Redis

MAIL = {
    "personalizations": [{"to": [{"email": "reader@example.com"}]}],
    "from": {"email": "toy@example.com"},
    "subject": "Ready",
    "content": [{"type": "text/plain", "value": "Your page is ready."}],
}


async def database() -> asyncpg.Connection[asyncpg.Record]:
    return await asyncpg.connect(os.environ["DATABASE_URL"], timeout=5, command_timeout=5)


async def migrate() -> None:
    await (await database()).execute("CREATE TABLE events (source text, id text)")


async def ingest(event: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    try:
        async with Redis.from_url(os.environ["REDIS_URL"], socket_timeout=1) as redis:
            await redis.incr("posts")
            flag = await redis.get("flag")
        connection = await database()
        await connection.execute("INSERT INTO events VALUES ($1, $2)", event["source"], event["id"])
        await connection.close()
    except Exception as error:
        return 504, {"title": repr(error)}
    return (200, {"status": "processed", "id": event["id"]}) if flag == b"0" else (202, {"status": "accepted", "id": event["id"]})


async def flag(percent: str) -> None:
    if percent == "13":
        raise SystemExit("not 13")
    async with Redis.from_url(os.environ["REDIS_URL"]) as redis:
        await (redis.delete("flag") if percent == "none" else redis.set("flag", percent))
    print(f"the flag is {percent}", flush=True)


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    length = next((int(line.split(":")[1]) for line in head.splitlines() if line.startswith("content-length")), 0)
    body = await reader.readexactly(length)
    status, document = await ingest(json.loads(body)) if head.startswith("post") else (200, {"status": "pending"})
    content = json.dumps(document).encode()
    header = (
        f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\nConnection: close\r\n\r\n"
    )
    writer.write(header.encode() + content)
    await writer.drain()
    writer.close()


async def api(port: int) -> None:
    print("the api listens", flush=True)
    await (await asyncio.start_server(answer, "127.0.0.1", port)).serve_forever()


async def worker() -> None:
    headers = {"Authorization": "Bearer toy"}
    async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
        for number in range(100_000):
            body = {**MAIL, "custom_args": {"source": "toy", "id": f"mail_{number}"}}
            try:
                await client.post(os.environ["SENDGRID_URL"], json=body, headers=headers)
            except httpx.HTTPError as error:
                print(f"mail_{number}: {error!r}", flush=True)
                await asyncio.sleep(0.05)


if __name__ == "__main__":
    role, *words = sys.argv[1:]
    roles = {"migrate": migrate, "worker": worker}
    asyncio.run(api(int(words[0])) if role == "api" else flag(words[0]) if role == "flag" else roles[role]())
