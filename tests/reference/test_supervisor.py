"""The supervisor: as many workers as the backlog needs, counted, calmed, started and stopped; then with real processes."""

from __future__ import annotations

import asyncio
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
import redis as redis_client
from redis.exceptions import ConnectionError as RedisConnectionError

from reference import connection
from reference.supervisor import Calm, Crew, Need, Rule, keep
from tests.reference.processes import PATIENCE_WITH_MAIL, all_are, configure, post_all, stored
from tests.reference.servers import Postgres, Redis, SendGrid, Service, eventually

_OBEDIENT = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); print(flush=True); signal.pause()"
_DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True)\nwhile True: signal.pause()"


@pytest.mark.parametrize(("backlog", "workers"), [(0, 1), (1, 1), (100, 1), (101, 2), (399, 4), (100_000, 4)])
def test_one_worker_for_so_many_entries_within_bounds(backlog: int, workers: int) -> None:
    assert Rule(at_least=1, at_most=4, per_worker=100).wanted(backlog) == workers


def test_more_at_once_and_fewer_only_after_a_while_of_calm() -> None:
    calm = Calm(seconds=10)
    said = [(0, 1), (1, 4), (2, 1), (10.9, 2), (11.1, 1), (20.9, 1), (21.0, 1), (21.2, 1)]
    assert [calm.most(wanted, now=now) for now, wanted in said] == [1, 4, 4, 4, 2, 2, 1, 1]


async def test_while_redis_cannot_say_everybody_stays() -> None:
    backlog = [250]

    async def ask() -> int:
        if not backlog:
            raise RedisConnectionError("down")
        return backlog.pop()

    need = Need(Rule(at_least=2, at_most=4, per_worker=100), ask, calm_seconds=0)
    assert [await need.workers(at_work=at_work) for at_work in (2, 3, 0)] == [3, 3, 2]


@pytest.fixture
async def processes() -> AsyncIterator[list[Process]]:
    """What a test's crew started, none of it left over."""
    started: list[Process] = []
    yield started
    for process in started:
        if process.returncode is None:
            process.kill()
        await process.wait()


def starting(program: str, processes: list[Process], slots: list[int]) -> Callable[[int], Awaitable[Process]]:
    async def start(slot: int) -> Process:
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE)
        processes.append(process)
        slots.append(slot)
        assert process.stdout is not None
        await process.stdout.readline()  # its signal handler is there
        return process

    return start


async def test_a_crew_grows_shrinks_and_replaces_who_died(processes: list[Process]) -> None:
    slots: list[int] = []
    crew = Crew(starting(_OBEDIENT, processes, slots), leave_seconds=30)
    await crew.resize(3)
    assert (len(crew), slots) == (3, [0, 1, 2])
    processes[1].kill()
    await processes[1].wait()
    await crew.resize(3)
    assert (len(crew), slots[3:]) == (3, [1]), "in the slot of the one who died, so with its port"
    await crew.resize(1)
    assert len(crew) == 1
    assert await processes[2].wait() == 0, "told to stop, not killed"
    assert await processes[3].wait() == 0
    assert processes[0].returncode is None
    await crew.dismiss_all()
    assert [process.returncode for process in processes] == [0, -signal.SIGKILL, 0, 0]


async def test_who_does_not_stop_is_killed_and_keeps_its_slot_until_then(processes: list[Process]) -> None:
    slots: list[int] = []
    crew = Crew(starting(_DEAF, processes, slots), leave_seconds=0.2)
    await crew.resize(1)
    await crew.resize(0)
    await crew.resize(1)
    assert slots == [0, 1], "the port of slot 0 is still in use"
    await crew.dismiss_all()
    assert [process.returncode for process in processes] == [-signal.SIGKILL] * 2


async def test_whoever_cannot_start_another_leaves_nobody_behind(processes: list[Process]) -> None:
    start = starting(_OBEDIENT, processes, [])

    async def start_one(slot: int) -> Process:
        if slot == 1:
            raise BlockingIOError("no more processes")
        return await start(slot)

    async def ask() -> int:
        return 200

    need = Need(Rule(at_least=1, at_most=4, per_worker=100), ask, calm_seconds=0)
    with pytest.raises(BlockingIOError):
        await keep(Crew(start_one, leave_seconds=30), need, terminated=asyncio.Event())
    assert [process.returncode for process in processes] == [0]


def test_a_minimum_above_the_maximum_is_refused(service: Service, redis: Redis, postgres: Postgres) -> None:
    service.env = {"REDIS_URL": redis.url, "DATABASE_URL": postgres.url}
    assert service.run("supervise", "--min", "3", "--max", "2").wait() == 2
    assert service.run("supervise", "--min", "0").wait() == 2, "what is delayed is in no stream: somebody must bring it back"


async def test_workers_come_with_the_backlog_and_go_with_it(
    service: Service, redis: Redis, postgres: Postgres, sendgrid: SendGrid, client: httpx.AsyncClient
) -> None:
    configure(service, postgres=postgres, sendgrid=sendgrid, redis=redis)
    service.env |= {"BATCH_SIZE": "20", "MAIL_CONCURRENCY": "5"} | PATIENCE_WITH_MAIL
    sendgrid.delay_seconds = 1.0  # enough work for one worker's minute, so that the others find some however slowly they start
    url = service.api()
    supervisor = service.run("supervise", "--min", "1", "--max", "4", "--calm-seconds", "1.5")
    with redis_client.Redis.from_url(redis.url) as spy:
        await eventually(lambda: at_work(spy) == 1, within_seconds=30)
        ids = [f"e{n:03}" for n in range(300)]
        await post_all(client, url, ids)
        await eventually(lambda: at_work(spy) == 4, within_seconds=30)
        assert spy.xlen(connection.STREAM) > 0, "all four are there while there is work"
        sendgrid.delay_seconds = 0.05
        # Once it is calm the others leave with work in hand or without; one stays, and what it does is the same.
        await eventually(lambda: spy.xlen(connection.STREAM) == 0, within_seconds=40)
        await eventually(lambda: at_work(spy) == 1, within_seconds=30)
        second = [f"f{n:03}" for n in range(20)]
        await post_all(client, url, second)
        supervisor.terminate()
        assert await asyncio.to_thread(supervisor.wait, 45) == 0
        assert at_work(spy) == 0, "the workers left in order, and nothing was left on their names"
        service.worker()
        await eventually(lambda: all_are(client, url, ids=ids + second), within_seconds=20)
    assert await stored(postgres) == ids + second
    assert sorted(sendgrid.taken()) == ids + second, "each exactly once: nothing was dropped, nothing was cut off"


def at_work(spy: Any) -> int:
    """Workers that read the queue: one that left in order has taken its name off the group."""
    try:
        return len(spy.xinfo_consumers(connection.STREAM, connection.GROUP))
    except redis_client.ResponseError:
        return 0
