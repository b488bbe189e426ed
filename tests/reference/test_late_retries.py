"""Synchronous retries that come when another attempt's lease ends: they mail in time, or not at all."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from reference.events import parse
from reference.store import NewRow
from tests.reference.servers import eventually
from tests.reference.workbench import Workbench, event, is_problem


async def test_a_retry_that_got_the_row_too_late_sends_nothing_and_the_next_one_need_not_wait() -> None:
    bench = Workbench(SYNC_DEADLINE_SECONDS="2", MAIL_TIMEOUT_SECONDS="1")
    new = NewRow.of(parse('{"id": "e1", "source": "a5", "email": {"to": "reader@example.com", "subject": "Ready", "text": "T"}}'))
    abandoned = {**event(), "email": {"to": "reader@example.com", "subject": "Ready", "text": "T"}}
    async with bench.serving() as client:
        await bench.memory.reserve(new, owner="died", lease_seconds=1.8)
        late = await client.post("/ingest", json=abandoned)
        assert is_problem(late, 504)
        assert "held up" in late.json()["detail"]
        assert not bench.provider.requests
        again = await client.post("/ingest", json=abandoned)
    assert (again.status_code, again.json()["status"]) == (200, "processed")
    assert bench.provider.taken == {"e1": 1}


async def test_two_attempts_that_both_mailed_are_forgotten_each_in_its_own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The database's clock may jump, and end a lease while its owner is mailing."""
    monkeypatch.setattr("reference.synchronous._LEASE_MARGIN_SECONDS", -19.9)
    bench, errors = Workbench(SYNC_DEADLINE_SECONDS="20"), list[dict[str, Any]]()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: errors.append(context))
    bench.provider.gate.clear()
    async with bench.serving() as client:
        posts = [asyncio.create_task(client.post("/ingest", json=event())) for _ in range(2)]
        assert await eventually(lambda: len(bench.provider.requests) == 2)
        bench.provider.gate.set()
        assert [(await post).json()["status"] for post in posts] == ["processed"] * 2
        has_passed = asyncio.Event()
        loop.call_later(0.1, has_passed.set)  # a lease, begun after theirs
        await has_passed.wait()
    assert errors == []
