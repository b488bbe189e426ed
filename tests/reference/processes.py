"""The reference as real processes: pointed at its servers, posted to, asked. Where to go next: `servers.py`."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import httpx

from tests.reference.servers import Postgres, Redis, SendGrid, Service

Json = dict[str, Any]


def event(event_id: str, **more: Any) -> Json:
    """An event that asks for a mail."""
    mail = {"to": "reader@example.com", "subject": "Ready", "text": "Your page is ready."}
    return {"id": event_id, "source": "a5", "type": "page.published", "data": {"n": 1}, "email": mail, **more}


def configure(service: Service, *, postgres: Postgres, sendgrid: SendGrid, redis: Redis | None = None) -> None:
    """Point the service at its servers, with times short enough for a test."""
    service.env = {
        "ASYNC_INGESTION": "false" if redis is None else "true",
        "REDIS_URL": "" if redis is None else redis.url,
        "DATABASE_URL": postgres.url,
        "SENDGRID_URL": sendgrid.url,
        "SENDGRID_API_KEY": "SG.test",
        "RECLAIM_SECONDS": "2",
        "MAIL_TIMEOUT_SECONDS": "1",
        "BREAKER_RESET_SECONDS": "0.5",
        "RETRY_BASE_SECONDS": "0.1",
        "RETRY_CAP_SECONDS": "0.5",
    }


# For tests that count mails: the provider is in their process, which a busy machine keeps from answering for seconds, and a mail
# that was given up is sent twice.
PATIENCE_WITH_MAIL = {"MAIL_TIMEOUT_SECONDS": "30", "DRAIN_SECONDS": "40", "RECLAIM_SECONDS": "60"}


async def post_all(client: httpx.AsyncClient, url: str, ids: list[str]) -> list[httpx.Response]:
    return list(await asyncio.gather(*(client.post(f"{url}/ingest", json=event(name)) for name in ids)))


async def status_of(client: httpx.AsyncClient, url: str, event_id: str) -> str:
    answer = await client.get(f"{url}/ingest/{event_id}/status")
    return str(answer.json().get("status"))


async def all_are(client: httpx.AsyncClient, url: str, *, ids: list[str], status: str = "completed") -> bool:
    return all([await status_of(client, url, name) == status for name in ids])


async def stored(postgres: Postgres, *, where: str = "true") -> list[str]:
    connection = await asyncpg.connect(postgres.url)
    try:
        return [record["id"] for record in await connection.fetch(f"SELECT id FROM events WHERE {where} ORDER BY id")]
    finally:
        await connection.close()
