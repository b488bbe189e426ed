"""The draft's worker: pops an event and hopes to live until it is done. Next: `work`."""

from __future__ import annotations

import asyncio

from redis import Redis

from reference.draft.table import Db, open_db
from reference.draft.work import process_event


async def run_worker(redis_client: Redis, *, repaired: bool) -> None:
    """Work for ever, one event at a time; SIGTERM kills it like any Python process."""
    db = await open_db()
    while True:
        await work_once(redis_client, db, repaired=repaired)


async def work_once(redis_client: Redis, db: Db, *, repaired: bool) -> None:
    """Wait up to 5 s for an event, blocking the whole event loop, and process it; what goes wrong is printed."""
    try:
        item = redis_client.brpop(["ingest_queue"], timeout=5)
        if item:
            await process_event(item[1], redis_client=redis_client, db=db, repaired=repaired)
    except Exception as error:
        print(f"Worker error: {error}", flush=True)
        await asyncio.sleep(1)
