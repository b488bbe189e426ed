"""What either path does with an event, and what is known of it afterwards, each in one word or one look."""

from __future__ import annotations

import json
from typing import Any

from reference.connection import STREAM, call, record_key
from reference.events import Event, parse
from reference.problem import ProblemError
from reference.store import Row
from reference.wiring import ApiParts
from tests.reference.workbench import MAIL, Workbench


def event(event_id: str = "e1", *, mailed: bool = True, data: Any = 1) -> Event:
    return parse(json.dumps({"id": event_id, "source": "a5", "data": data, **({"email": MAIL} if mailed else {})}))


async def accept(api: ApiParts, event: Event) -> str:
    """The asynchronous path's answer in one word, with the status of a duplicate."""
    assert api.handover is not None
    try:
        answer = await api.handover.accept(event)
    except ProblemError as problem:
        return problem.kind
    return f"duplicate {answer.status}" if answer.kind == "duplicate" else answer.kind


async def process(api: ApiParts, event: Event) -> str:
    """The synchronous path's."""
    try:
        settled = await api.synchronous.process(event)
    except ProblemError as problem:
        return problem.kind
    return "processed" if settled is None else f"duplicate {settled}"


async def row_of(api: ApiParts, event: Event) -> Row | None:
    rows = await api.store.find(event.id)
    return rows[0] if rows else None


async def status_of(api: ApiParts, event: Event) -> str | None:
    found = await api.statuses.find(event.id, source=event.source)
    return found.status if found else None


async def queued(api: ApiParts) -> int:
    assert api.redis is not None
    return int(await call(api.redis, "XLEN", STREAM))


async def is_completed(api: ApiParts, event: Event) -> bool:
    return await status_of(api, event) == "completed"


async def marker_of(api: ApiParts) -> str:
    assert api.redis is not None
    return str(await call(api.redis, "HGET", record_key(event().pair.key), "marker") or "")


async def abandon(api: ApiParts, bench: Workbench) -> None:
    """Leave a row and a marker of a request whose mail failed."""
    bench.provider.status = 503
    assert await process(api, event()) == "unknown"
    bench.provider.status = 202
    row = await row_of(api, event())
    assert row is not None
    assert row.is_abandoned
    assert await marker_of(api)


async def is_finished_in_redis(api: ApiParts) -> bool:
    assert api.redis is not None
    return bool(await call(api.redis, "HGET", record_key(event().pair.key), "status") == "completed")


async def nothing_is_unmarked(api: ApiParts) -> bool:
    return await api.store.unmarked(within_seconds=60, most=10) == []


async def all_completed(api: ApiParts, *, count: int) -> bool:
    return all([await is_completed(api, event(f"e{number}")) for number in range(count)])
