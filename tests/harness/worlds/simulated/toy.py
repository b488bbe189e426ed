"""A small ingest service for the simulation's own tests: sound, short, and nothing of the reference in it.

`build` is what a system file's `[simulation]` table names. One atomic accept script, a stream with a consumer group, reclaim
of idle entries, a row before the mail, acknowledgement last.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

import httpx
import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

ACCEPT = """
if redis.call('EXISTS', KEYS[1]) == 1 then return {'duplicate', redis.call('HGET', KEYS[1], 'status')} end
redis.call('HSET', KEYS[1], 'status', 'pending', 'body', ARGV[1])
redis.call('XADD', KEYS[2], '*', 'key', KEYS[1])
return {'accepted', 'pending'}
"""
FINISH = """
redis.call('HSET', KEYS[1], 'status', 'completed')
redis.call('XACK', KEYS[2], 'workers', ARGV[1])
redis.call('XDEL', KEYS[2], ARGV[1])
"""
STREAM = "{toy}:stream"
RECLAIM_MS = 3000
FAILURES = (RedisError, OSError, TimeoutError, httpx.HTTPError)


def build(host: Any) -> Callable[[], Coroutine[Any, Any, None]]:
    """The main of one simulated process."""
    return {"api": Api(host).run, "worker": Worker(host).run}[host.role]


def turn(host: Any, percent: int | None) -> Callable[[], Coroutine[Any, Any, None]]:
    """The main of a process that turns the flag; everything goes to the queue, whatever it says."""

    async def main() -> None:
        client = connect(host)
        await (client.delete("{toy}:flag") if percent is None else client.set("{toy}:flag", percent))
        await client.aclose()

    return main


def connect(host: Any) -> Any:
    """A client without silent retries."""
    return redis.Redis.from_url(
        host.env["REDIS_URL"], retry=Retry(NoBackoff(), 0), socket_timeout=3, socket_connect_timeout=1, decode_responses=True
    )


def key_of(source: str, event_id: str) -> str:
    """Length-prefixed, so that no two pairs share a key."""
    return f"{{toy}}:{len(source)}:{source}:{event_id}"


class Api:
    """Accepts and tells the status."""

    def __init__(self, host: Any) -> None:
        self.host = host
        self.redis = connect(host)
        self.accept = self.redis.register_script(ACCEPT)

    async def run(self) -> None:
        await self.host.serve(self)
        await self.redis.aclose()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self.live(receive, send)
            return
        try:
            async with asyncio.timeout(1):
                status, body = await self.answer(scope, receive)
        except FAILURES as error:
            status, body = (503 if "refused" in str(error) else 504), {"title": str(error)}
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": json.dumps(body).encode()})

    async def live(self, receive: Any, send: Any) -> None:
        for step in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{step}.complete"})

    async def answer(self, scope: Any, receive: Any) -> tuple[int, dict[str, Any]]:
        if scope["path"] == "/readyz":
            await self.redis.ping()
            return 200, {}
        if scope["method"] == "POST":
            return await self.ingest((await receive())["body"])
        event_id = scope["path"].split("/")[2]
        source = scope["query_string"].decode().partition("=")[2]
        status = await self.redis.hget(key_of(source, event_id), "status")
        return (200, {"id": event_id, "status": status, "result": None}) if status else (404, {"title": "unknown"})

    async def ingest(self, body: bytes) -> tuple[int, dict[str, Any]]:
        event = json.loads(body)
        answer, status = await self.accept(keys=[key_of(event["source"], event["id"]), STREAM], args=[body])
        if answer == "accepted":
            return 202, {"status": "accepted", "id": event["id"]}
        return 200, {"status": "duplicate", "original_id": event["id"], "current_status": status}


class Worker:
    """Stores, mails, acknowledges last."""

    def __init__(self, host: Any) -> None:
        self.host = host
        self.redis = connect(host)
        self.finish = self.redis.register_script(FINISH)
        self.http = httpx.AsyncClient(transport=host.transport, timeout=2.0)

    async def run(self) -> None:
        while not self.host.terminated.is_set():
            try:
                await self.work_once()
            except ResponseError:
                await self.create_group()
            except FAILURES:
                await asyncio.sleep(0.2 + self.host.random.random() / 10)
        await self.redis.aclose()

    async def create_group(self) -> None:
        try:
            await self.redis.xgroup_create(STREAM, "workers", id="0", mkstream=True)
        except (ResponseError, *FAILURES):
            await asyncio.sleep(0.1)

    async def work_once(self) -> None:
        name = self.host.name
        _, entries, *_ = await self.redis.xautoclaim(STREAM, "workers", name, min_idle_time=RECLAIM_MS, count=10)
        answer = await self.redis.xreadgroup("workers", name, {STREAM: ">"}, count=10, block=500)
        streams = answer.values() if isinstance(answer, dict) else [found for _, found in answer or ()]
        new = [entry for stream in streams for entry in (stream[0] if stream and isinstance(stream[0], list) else stream)]
        for entry_id, fields in [*entries, *new]:
            await self.handle(entry_id, fields["key"])

    async def handle(self, entry_id: str, key: str) -> None:
        event = json.loads(await self.redis.hget(key, "body"))
        await self.host.database.transact(lambda tables: store(tables, event), timeout=1.0)
        if event.get("email"):
            mail = await self.http.post(
                self.host.env["SENDGRID_URL"], json=letter(event), headers={"authorization": "Bearer key"}
            )
            if mail.status_code != 202:
                return
        await self.finish(keys=[key, STREAM], args=[entry_id])


def store(tables: Any, event: dict[str, Any]) -> None:
    """INSERT ... ON CONFLICT DO NOTHING."""
    pair = (event["source"], event["id"])
    tables.setdefault("events", {}).setdefault(pair, {"source": event["source"], "id": event["id"]})


def letter(event: dict[str, Any]) -> dict[str, Any]:
    """The body of mail/send."""
    return {
        "personalizations": [{"to": [{"email": event["email"]["to"]}]}],
        "from": {"email": "news@example.com"},
        "subject": event["email"]["subject"],
        "content": [{"type": "text/plain", "value": event["email"]["text"]}],
        "custom_args": {"source": event["source"], "id": event["id"]},
    }
