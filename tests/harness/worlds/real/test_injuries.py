"""What each fault does to a real stack: it bites, its evidence says so, and it is healed after it.

A client of our own holds a connection through the proxies of api-0, as a service with a pool would.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import get_args
from urllib.parse import urlsplit

import asyncpg
import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from harness import faults
from harness.faults import Fault, LinkFailure, between
from harness.history import Call, Lifecycle, Suffered
from harness.traffic import Event
from harness.worlds.real import disk
from harness.worlds.real.rows import UNREADABLE
from harness.worlds.real.world import RealWorld
from harness.worlds.world import Occasion, cannot_suffer
from tests.harness.worlds.real.toys import opened, toy
from tests.harness.worlds.real.waiting import until

SOON_S = 0.7
STRIKES_WITHIN_S = 20.0
OF_REDIS: list[Fault] = [
    faults.RedisLoads(),
    faults.RedisFreezes(),
    faults.RedisRefusesWrites("out-of-memory"),
    faults.RedisRefusesWrites("read-only"),
    faults.RedisDiskFills(),
    faults.RedisLosesReplies(),
    *(faults.RedisLinkFails(how) for how in get_args(LinkFailure)),
]
OF_POSTGRES: list[Fault] = [
    faults.PostgresFreezes(),
    faults.PostgresIsReadOnly(),
    faults.PostgresEndsBackends(),
    faults.PostgresAborts("deadlock", share=1.0),
    faults.PostgresAborts("serialisation", share=1.0),
    faults.PostgresRunsOutOfConnections(),
    faults.PostgresRefusesLogins(),
    faults.PostgresLosesReplies(),
    *(faults.PostgresLinkFails(how) for how in get_args(LinkFailure)),
]
OF_SENDGRID: list[Fault] = [
    faults.SendGridStalls(seconds=0.3),
    faults.SendGridTrickles(),
    faults.SendGridTalksGarbage("page"),
    faults.SendGridTalksGarbage("noise"),
    faults.SendGridRejects(share=1.0),
    faults.SendGridRateLimits(mails=0, window_seconds=1, tells="nothing"),
]


class Client:
    """Writes through the proxies of api-0 as long as its connections live, and makes new ones where they are broken."""

    def __init__(self, world: RealWorld) -> None:
        self._world = world
        port = self._port("redis")
        self.redis = Redis(port=port, socket_timeout=SOON_S, retry=Retry(NoBackoff(), 0))
        self._postgres: asyncpg.Connection[asyncpg.Record] | None = None

    def _port(self, server: str) -> int:
        return self._world._stack.proxies_of(server, "api-0")[0].port

    async def write(self) -> int:
        """One write to each server; how many of the two took it."""
        return await self._to_redis() + await self._to_postgres()

    async def _to_redis(self) -> bool:
        try:
            await self.redis.incr("ours")
        except (RedisError, OSError, TimeoutError):
            return False
        return True

    async def _to_postgres(self) -> bool:
        try:
            if self._postgres is None:
                user = urlsplit(self._world._stack.servers.url("postgres")).username
                address = f"postgresql://{user}@127.0.0.1:{self._port('postgres')}/postgres"
                self._postgres = await asyncpg.connect(address, timeout=SOON_S, command_timeout=SOON_S)
            await self._postgres.execute("INSERT INTO events VALUES ('ours', 'again')")
        except UNREADABLE:
            await self.hang_up()
            return False
        return True

    async def hang_up(self) -> None:
        if self._postgres is not None:
            self._postgres.terminate()
            self._postgres = None


@asynccontextmanager
async def writing(world: RealWorld) -> AsyncIterator[Client]:
    client = Client(world)
    try:
        assert await client.write() == 2
        yield client
    finally:
        await client.hang_up()
        await client.redis.aclose()


async def suffer(world: RealWorld, client: Client, fault: Fault) -> tuple[bool, Suffered]:
    """Write under a fault, again where it strikes only now and then: was a write refused, and what was recorded of the fault."""
    async with world.suffering(fault, Occasion(), index=0):
        deadline, refused = time.monotonic() + STRIKES_WITHIN_S, False
        while not refused and time.monotonic() < deadline:
            refused = any([await client.write() < 2 for _ in range(3)])
            if spares(fault):
                break
    return refused, world.history.of(Suffered)[-1]


def spares(fault: Fault) -> bool:
    """Is nothing refused under it?"""
    return getattr(fault, "how", "") == "slows-down"


@pytest.mark.parametrize("of", [OF_REDIS, OF_POSTGRES], ids=["redis", "postgres"])
async def test_a_server_or_the_way_to_it_fails_and_is_healed(tmp_path: Path, of: list[Fault]) -> None:
    async with opened(toy(tmp_path), tmp_path) as world:
        for fault in of:
            async with writing(world) as client:
                refused, suffered = await suffer(world, client, fault)
                assert refused != spares(fault), fault
                assert suffered.evidence, fault
                assert suffered.processes == (fault.needs,)
            async with writing(world):
                pass  # all is healed
        assert (await world.submit(Event(id="after"), attempt=0)).answer == "accepted"


@pytest.mark.parametrize("fault", [faults.PostgresRefusesLogins(), faults.PostgresRunsOutOfConnections()], ids=repr)
async def test_whoever_of_the_service_is_connected_loses_it(tmp_path: Path, fault: Fault) -> None:
    async with opened(toy(tmp_path), tmp_path) as world, AsyncExitStack() as exits:
        clients = [await exits.enter_async_context(writing(world)) for _ in range(3)]
        async with world.suffering(fault, Occasion(), index=0):
            assert [await client._to_postgres() for client in clients] == [False] * 3


@pytest.mark.parametrize("fault", [faults.PostgresDiskFills("rows"), faults.PostgresDiskFills("log")], ids=repr)
async def test_a_postgres_whose_disk_is_full_refuses_and_has_room_again(tmp_path: Path, fault: Fault) -> None:
    async with opened(toy(tmp_path), tmp_path, plan=[between(0, 1, fault)]) as world:
        for _ in range(2):
            async with writing(world) as client:
                refused, suffered = await suffer(world, client, fault)
                assert refused
                assert suffered.evidence
                assert ("it stopped itself" in suffered.evidence) == (fault == faults.PostgresDiskFills("log"))
        async with writing(world):
            pass  # all is healed


def test_where_no_disk_can_be_mounted_it_is_said_and_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not cannot_suffer("real", between(0, 1, faults.PostgresDiskFills()))
    disk.why_not.cache_clear()
    monkeypatch.setattr(disk, "LEAST_BYTES", "nonsense")  # a mount that is refused, as where user namespaces are forbidden
    try:
        told = cannot_suffer("real", between(0, 1, faults.PostgresDiskFills()))
        assert told == "no small disk can be mounted here (OSError: [Errno 22] mount: Invalid argument); allow user namespaces"
        assert not cannot_suffer("real", between(0, 1, faults.RedisDiskFills()))
    finally:
        disk.why_not.cache_clear()


async def test_a_redis_that_syncs_every_write_dies_of_a_full_disk_again_and_again(tmp_path: Path) -> None:
    system = toy(tmp_path, lambda text: text.replace("everysec", "always"))
    async with opened(system, tmp_path) as world, writing(world) as client:
        kept = int(await client.redis.incr("ours"))
        async with world.suffering(faults.RedisDiskFills(), Occasion(), index=0):
            pids = set[int]()
            deadline = time.monotonic() + STRIKES_WITHIN_S
            while len(pids) < 3 and time.monotonic() < deadline:
                kept += await client._to_redis()
                pids.add(world._stack.servers.process("redis").pid)
        assert len(pids) == 3
        evidence = world.history.of(Suffered)[-1].evidence
        assert await client.redis.incr("ours") == kept + 1  # what was answered was kept, and nothing else
    assert evidence
    assert "it ended 2 times" in evidence or "it ended 3 times" in evidence


async def test_a_redis_that_evicts_forgets_without_a_word(tmp_path: Path) -> None:
    async with opened(toy(tmp_path), tmp_path) as world, writing(world) as client:
        await client.redis.mset({f"key-{number}": "x" * 300 for number in range(500)})
        held, settings = await client.redis.dbsize(), await client.redis.config_get("maxmemory*")
        async with world.suffering(faults.RedisEvicts(), Occasion(), index=0):
            deadline = time.monotonic() + STRIKES_WITHIN_S
            while await client.redis.dbsize() > held - 20 and time.monotonic() < deadline:
                await client.write()
        left = await client.redis.dbsize()
        assert 0 < left <= held - 20
        assert world.history.of(Suffered)[-1].evidence
        await client.redis.mset({f"more-{number}": "x" * 300 for number in range(500)})
        assert await client.redis.dbsize() >= left + 500
        assert (await client.redis.config_get("maxmemory*")) == settings


async def test_sendgrid_misbehaves_and_is_well_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.worlds.real.sendgrid.BETWEEN_TRICKLED_BYTES_S", 0.01)
    async with opened(toy(tmp_path), tmp_path) as world:
        for fault in OF_SENDGRID:
            seen = len(world.history.of(Call))
            async with world.suffering(fault, Occasion(), index=0):
                await called(world, seen + 2)
            assert world.history.of(Suffered)[-1].evidence, fault
            calls = world.history.of(Call)[seen + 1 : seen + 2]
            assert [call.taken and not call.reply_lost for call in calls] == [False], fault
        seen = len(world.history.of(Call))
        await called(world, seen + 3)
    assert world.history.of(Call)[-1].taken


async def called(world: RealWorld, number: int) -> None:
    await until(lambda: len(world.history.of(Call)) >= number)


async def test_an_event_kills_whoever_mails_it_again_and_again(tmp_path: Path) -> None:
    async with opened(toy(tmp_path), tmp_path) as world:

        def times(what: str) -> int:
            return [life.what for life in world.history.of(Lifecycle) if life.process == "worker-0"].count(what)

        async with world.suffering(faults.EventKillsWorkers(), Occasion(), index=0):
            await until(lambda: times("killed") == 2)  # the toy begins anew, and comes to the same event again
        assert times("started") == 2
        seen = len(world.history.of(Call))
        await called(world, seen + 3)
    suffered = world.history.of(Suffered)[-1]
    assert suffered.processes == ("worker-0",)
    assert suffered.evidence
    assert "killed worker-0, worker-0" in suffered.evidence
    assert not [call for call in world.history.of(Call) if call.reply_lost and call.taken]


@pytest.mark.parametrize("fault", [faults.ApiCrashes(), faults.ApiFreezes()], ids=repr)
async def test_one_api_process_fails_and_the_other_goes_on(tmp_path: Path, fault: Fault) -> None:
    async with opened(toy(tmp_path), tmp_path) as world:
        async with world.suffering(fault, Occasion(), index=0):
            posts = [asyncio.create_task(world.submit(Event(id=f"e{number}"), attempt=0)) for number in range(4)]
            done, _ = await asyncio.wait(posts, timeout=5, return_when=asyncio.FIRST_COMPLETED)
            assert {(await post).answer for post in done} == {"accepted"}
        for post in posts:
            with suppress(TimeoutError):
                await asyncio.wait_for(post, 15)
        suffered = world.history.of(Suffered)[-1]
        assert (await world.submit(Event(id="after"), attempt=0)).answer == "accepted"
    assert suffered.evidence
    assert suffered.processes[0].startswith("api-")
