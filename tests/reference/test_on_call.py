"""On call: three stuck backlogs, told apart by what docs/runbook.md says to look at, and cleared by what it says to do."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis as redis_client

from reference import connection
from reference.queue import Queue
from tests.reference.processes import all_are, configure, post_all
from tests.reference.servers import Postgres, Redis, SendGrid, Service, eventually

RUNBOOK = (Path(__file__).resolve().parents[2] / "docs" / "runbook.md").read_text()
LOOK, *_ = RUNBOOK.split("| queue | means | go to |")
IDS = [f"e{n:02}" for n in range(30)]


def commands(text: str) -> list[list[str]]:
    """What the text gives to redis-cli."""
    return [shlex.split(line) for line in re.findall(r"redis-cli ([a-z][^|`#\n]*)", text)]


@pytest.fixture
def spy(redis: Redis) -> Iterator[Any]:
    """Somebody with redis-cli."""
    with redis_client.Redis.from_url(redis.url, decode_responses=True) as client:
        yield client


def looked(spy: Any) -> tuple[int, int, int, int]:
    """What the runbook's first commands say: length of the stream, delayed, parked, entries in somebody's hands."""
    length, delayed, parked, consumers = (said(spy, words) for words in commands(LOOK))
    return length, delayed, parked, sum(consumer["pending"] for consumer in consumers)


def said(spy: Any, words: list[str]) -> Any:
    if words[0] != "xinfo":
        return spy.execute_command(*words)
    try:
        return spy.xinfo_consumers(*words[2:])
    except redis_client.ResponseError:
        return []  # NOGROUP


def section(length: int, delayed: int, parked: int, in_hand: int) -> str:
    """Where the runbook's table leads."""
    if parked:
        return "SendGrid is down"
    if delayed:
        return "Postgres is down"
    return "Stuck backlog" if in_hand else "A7WorkerDown"


@pytest.mark.parametrize("heading", ["SendGrid is down", "Postgres is down", "Stuck backlog", "A7WorkerDown"])
def test_the_table_leads_there(heading: str) -> None:
    assert f"](#{heading.lower().replace(' ', '-')})" in RUNBOOK.split("## What to do")[0]


async def test_every_command_is_one_the_server_knows(own_redis: Redis) -> None:
    client = connection.connect(own_redis.url, timeout_seconds=2, connect_timeout_seconds=1)
    await Queue(client, consumer="one", window_seconds=60).create_group()
    asked = commands(RUNBOOK)
    assert len(asked) > 5
    for words in asked:
        await connection.call(client, *words)
    await client.aclose()


async def test_no_worker_works(
    service: Service, redis: Redis, postgres: Postgres, sendgrid: SendGrid, client: httpx.AsyncClient, spy: Any
) -> None:
    configure(service, postgres=postgres, sendgrid=sendgrid, redis=redis)
    url = service.api()
    worker = service.worker()
    await post_all(client, url, ["before"])
    await eventually(lambda: all_are(client, url, ids=["before"]))
    worker.kill()
    worker.wait()  # else it might take one more
    await post_all(client, url, IDS)
    seen = looked(spy)
    assert (seen[0], section(*seen)) == (len(IDS), "A7WorkerDown")
    service.worker()
    await eventually(lambda: all_are(client, url, ids=IDS))
    assert looked(spy) == (0, 0, 0, 0)


async def test_mail_does_not_go_out(
    service: Service, redis: Redis, postgres: Postgres, sendgrid: SendGrid, client: httpx.AsyncClient, spy: Any
) -> None:
    configure(service, postgres=postgres, sendgrid=sendgrid, redis=redis)
    service.env["BREAKER_FAILURES"] = "3"
    sendgrid.answer = lambda mail: (503, {})
    url = service.api()
    service.worker()
    await post_all(client, url, IDS)
    await eventually(lambda: section(*looked(spy)) == "SendGrid is down")
    sendgrid.answer = lambda mail: (202, {})  # and nobody does anything
    await eventually(lambda: all_are(client, url, ids=IDS), within_seconds=20)
    assert looked(spy) == (0, 0, 0, 0)


async def test_rows_cannot_be_written(
    service: Service, redis: Redis, own_postgres: Postgres, sendgrid: SendGrid, client: httpx.AsyncClient, spy: Any
) -> None:
    configure(service, postgres=own_postgres, sendgrid=sendgrid, redis=redis)
    assert service.run("migrate").wait() == 0
    url = service.api()
    service.worker()
    own_postgres.kill()
    answers = await post_all(client, url, IDS)
    assert {answer.status_code for answer in answers} == {202}
    await eventually(lambda: section(*looked(spy)) == "Postgres is down")
    own_postgres.start()
    await eventually(lambda: all_are(client, url, ids=IDS), within_seconds=20)
    assert looked(spy) == (0, 0, 0, 0)
