"""The draft's work on one event: status, row, mail, status again. Next: `mail`, and `worker`, which calls it."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from redis import Redis

from reference.draft.mail import send_with_backoff
from reference.draft.table import Db

INSERT = "INSERT INTO events (id, source, payload, created_at) VALUES ($1, $2, $3, NOW())"


async def process_event(event_json: str | bytes, *, redis_client: Redis, db: Db, repaired: bool) -> None:
    """Store and mail one event, then call it completed. Raises what the database raises, after calling it failed."""
    event = json.loads(event_json)
    event_id = event["id"]
    try:
        redis_client.set(f"status:{event_id}", "processing")
        await db.execute(INSERT, event_id, event["source"], text(event_json) if repaired else event_json)
        await send_with_backoff(event, repaired=repaired)
        redis_client.set(f"status:{event_id}", "completed")
        redis_client.set(f"processed_at:{event_id}", datetime.now(UTC).replace(tzinfo=None).isoformat())
    except Exception as error:
        redis_client.set(f"status:{event_id}", "failed")
        redis_client.set(f"error:{event_id}", str(error)[:500])
        raise


def text(value: str | bytes) -> str:
    """What Redis returned, decoded."""
    return value.decode() if isinstance(value, bytes) else value
