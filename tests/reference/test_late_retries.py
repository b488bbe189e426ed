"""A synchronous retry that waited for another attempt's lease mails in time, or not at all: cut off, it would be sent again."""

from __future__ import annotations

from reference.events import parse
from reference.store import NewRow
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
