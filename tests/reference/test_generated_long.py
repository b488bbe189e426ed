"""Thousands of generated requests at real processes, while Redis and Postgres die and freeze: `make campaign`.

Every promise is judged at the end, when all is well again: done, or failed with a reason; and its row is there.
"""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import Awaitable, Callable

import asyncpg
import httpx
import pytest
import schemathesis

from tests.reference.generated import Findings, config, send_all
from tests.reference.processes import configure
from tests.reference.servers import Postgres, Redis, SendGrid, Service, eventually

pytestmark = pytest.mark.long
EXAMPLES = 1000
CALM_SECONDS, HURT_SECONDS = 2.0, 1.5
Fault = Callable[[], Awaitable[None]]


async def frozen(server: Redis | Postgres) -> None:
    """The server stands still for a while; Postgres' children go on, its listener does not."""
    assert server.process is not None
    server.process.send_signal(signal.SIGSTOP)
    await asyncio.sleep(HURT_SECONDS)
    server.process.send_signal(signal.SIGCONT)


async def killed(server: Redis | Postgres) -> None:
    """The server is killed and comes back."""
    server.kill()
    await asyncio.sleep(HURT_SECONDS)
    await asyncio.to_thread(server.start)


async def hurt_in_turns(done: asyncio.Event, servers: list[Redis | Postgres]) -> Counter[str]:
    """Hurt one server after the other until ``done``; answers how often what was done."""
    counted: Counter[str] = Counter()
    while not done.is_set():
        for hurt in (killed, frozen):
            for server in servers:
                await asyncio.sleep(CALM_SECONDS)
                await hurt(server)
                counted[f"{type(server).__name__} {hurt.__name__}"] += 1
    return counted


def send(url: str) -> Findings:
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json", config=config(examples=EXAMPLES, seed=2))
    return send_all(schema)


async def rows(postgres: Postgres) -> Counter[tuple[str, str]]:
    connection = await asyncpg.connect(postgres.url)
    try:
        return Counter((record["source"], record["id"]) for record in await connection.fetch("SELECT source, id FROM events"))
    finally:
        await connection.close()


@pytest.mark.parametrize("is_asynchronous", [True, False], ids=["async", "sync"])
@pytest.mark.parametrize("are_servers_hurt", [False, True], ids=["calm", "hurt"])
async def test_thousands_of_requests(
    service: Service, own_redis: Redis, own_postgres: Postgres, sendgrid: SendGrid, is_asynchronous: bool, are_servers_hurt: bool
) -> None:
    redis = own_redis if is_asynchronous else None
    configure(service, postgres=own_postgres, sendgrid=sendgrid, redis=redis)
    service.env |= {"PREFER_WAIT_LONGEST_SECONDS": "1", "SYNC_DEADLINE_SECONDS": "4", "HIGH_WATER": "100000"}
    assert service.run("migrate").wait() == 0
    url = service.api()
    if is_asynchronous:
        service.worker()
    done = asyncio.Event()
    servers: list[Redis | Postgres] = [own_redis, own_postgres] if is_asynchronous else [own_postgres]
    hurting = asyncio.create_task(hurt_in_turns(done, servers)) if are_servers_hurt else None
    findings = await asyncio.to_thread(send, url)
    done.set()
    print(Counter(findings.statuses), await hurting if hurting else "")
    assert not findings.wrong, f"{len(findings.wrong)} wrong\n" + "\n\n".join(findings.wrong[:5])
    assert len(findings.statuses) > EXAMPLES
    assert not are_servers_hurt or {503, 504} & set(findings.statuses), "the faults were felt"
    assert findings.promised | findings.processed
    await assert_promises_kept(url, findings, own_postgres)
    assert all(process.poll() is None for process in service.processes[1:]), "nobody died of it"


async def assert_promises_kept(url: str, findings: Findings, postgres: Postgres) -> None:
    async with httpx.AsyncClient(base_url=url, timeout=15, trust_env=False) as client:

        async def status(source: str, event_id: str) -> str:
            answer = await client.get(f"/ingest/{event_id}/status", params={"source": source})
            return str(answer.json()["status"])

        async def all_final() -> bool:
            return {await status(*pair) for pair in findings.promised} <= {"completed", "failed"}

        await eventually(all_final, within_seconds=90)
        stored = await rows(postgres)
        assert set(stored.values()) <= {1}
        completed = {pair for pair in findings.promised if await status(*pair) == "completed"}
        assert completed | findings.processed <= set(stored), "a completed event without its row"
        assert {await status(*pair) for pair in findings.processed} <= {"completed"}
        for pair in findings.promised - completed:
            answer = await client.get(f"/ingest/{pair[1]}/status", params={"source": pair[0]})
            assert answer.json()["result"]["error"], "failed without a reason"
