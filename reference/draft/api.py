"""The draft's API: check, then set, then push, over a client that blocks the event loop. Next: `worker`."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from redis import Redis

from reference.draft.table import open_db
from reference.draft.work import process_event, text

router = APIRouter()


class EventPayload(BaseModel):
    """The event, as far as the draft uses it: any text is an id."""

    id: str
    source: str
    type: str | None = None
    data: Any = None
    email: dict[str, Any] | None = None


def build_app(redis_client: Redis, *, repaired: bool = True) -> FastAPI:
    """The API on this Redis. The flag ASYNC_INGESTION is read once, here."""
    app = FastAPI(lifespan=_lifespan)
    app.include_router(router)
    app.state.redis = redis_client
    app.state.repaired = repaired
    app.state.asynchronous = os.getenv("ASYNC_INGESTION", "true") == "true"
    return app


@router.post("/ingest", status_code=202)
async def ingest(event: EventPayload, request: Request) -> JSONResponse:
    """Accept an event, or do its work at once where the flag is off."""
    start = time.time()
    redis_client: Redis = request.app.state.redis
    idempotency_key = f"{event.source}:{event.id}"
    if redis_client.exists(idempotency_key):
        existing = redis_client.get(idempotency_key)
        return JSONResponse({"status": "duplicate", "original_id": text(existing or b"")}, status_code=200)
    if not request.app.state.asynchronous:
        await process_event_sync(event, request)
        return JSONResponse({"status": "processed", "id": event.id, "latency_ms": _elapsed_ms(start)}, status_code=200)
    redis_client.setex(idempotency_key, 3600, event.id)
    redis_client.lpush("ingest_queue", event.model_dump_json())
    redis_client.set(f"status:{event.id}", "pending")
    accepted = {"status": "accepted", "id": event.id, "idempotency_key": idempotency_key, "latency_ms": _elapsed_ms(start)}
    return JSONResponse(accepted, status_code=202)


@router.get("/ingest/{event_id}/status")
async def get_status(event_id: str, request: Request) -> dict[str, Any]:
    """The status by id alone, whichever source wrote it last."""
    redis_client: Redis = request.app.state.redis
    status = redis_client.get(f"status:{event_id}")
    if not status:
        raise HTTPException(status_code=404, detail="Event not found")
    return {"id": event_id, "status": text(status), "processed_at": redis_client.get(f"processed_at:{event_id}")}


async def process_event_sync(event: EventPayload, request: Request) -> None:
    """The worker's work, done before the answer; the draft has only this function's name."""
    state = request.app.state
    await process_event(event.model_dump_json(), redis_client=state.redis, db=state.db, repaired=state.repaired)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    if not app.state.asynchronous:
        app.state.db = await open_db()
    yield


def _elapsed_ms(start: float) -> float:
    return round((time.time() - start) * 1000, 2)
