"""Redis Cluster: the keys of every script share one slot, and `redis+cluster://` finds the node that owns it, also a new one."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis as Client

from reference import census, connection, drain, scripts
from reference.dead_letters import DeadLetters, Filter
from reference.intake import Intake, UnavailableError
from reference.markers import Markers
from reference.memory import MemoryStore
from reference.queue import Delay, Entry, Finish, Queue, Reclaim
from reference.status import Status, Statuses
from reference.store import NewRow
from tests.reference.cluster import Cluster
from tests.reference.processes import all_are, configure, post_all, stored
from tests.reference.queueing import event, taken_up
from tests.reference.servers import Postgres, Redis, SendGrid, Service, eventually
from tests.reference.workbench import Database

pytestmark = pytest.mark.xdist_group("cluster")


@pytest.fixture(scope="module")
def shared_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One cluster for all tests here."""
    cluster = Cluster.start(tmp_path_factory.mktemp("cluster"))
    yield cluster
    cluster.kill()


@pytest.fixture
def cluster(shared_cluster: Cluster) -> Cluster:
    """An empty cluster."""
    shared_cluster.owner.say("FLUSHALL")
    return shared_cluster


@pytest.fixture
async def client(cluster: Cluster) -> AsyncIterator[Client]:
    """A client that was given a node without the queue's slot."""
    opened = connect(follow(cluster.others[0]))
    yield opened
    await opened.aclose()


def follow(node: Redis) -> str:
    return node.url.replace("redis://", "redis+cluster://")


def connect(url: str) -> Client:
    return connection.connect(url, timeout_seconds=2, connect_timeout_seconds=1)


async def take_all(queue: Queue) -> list[Entry]:
    return await taken_up(queue, await queue.read(count=10, block_seconds=0.05))


async def test_every_script_runs_with_its_keys_in_one_slot(
    cluster: Cluster, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: dict[str, set[str]] = {}
    names = {scripts.load(path.stem).sha: path.stem for path in Path(scripts.__file__).parent.glob("scripts/*.lua")}
    pack = connection._packed

    def packed(*command: Any) -> bytes:
        if str(command[0]).startswith("EVALSHA"):  # the read-only one too
            ran.setdefault(names[command[1]], set()).update(command[3 : 3 + command[2]])
        return pack(*command)

    monkeypatch.setattr(connection, "_packed", packed)
    await a_life_with_everything(client)
    assert ran.keys() == set(names.values()), "a script nobody ran here may cross slots: let `a_life_with_everything` run it"
    slots = {key: cluster.owner.say("CLUSTER", "KEYSLOT", key) for keys in ran.values() for key in keys}
    assert len(set(slots.values())) == 1, slots
    assert {connection.STREAM, connection.DELAYED, connection.PARKED, connection.DEAD} < slots.keys()


async def a_life_with_everything(client: Client) -> None:
    """Accepted, counted, taken, renewed, delayed, parked, brought back, reclaimed, finished well and badly, retired."""
    door = Intake(client, random=Random(1), high_water=100, deadline_seconds=5.0)
    queue, heir = (Queue(client, consumer=name, window_seconds=60) for name in ("one", "two"))
    await queue.create_group()
    for name in ("e1", "e2", "e3"):
        assert (await door.accept(event(name))).kind == "accepted"
    assert (await census.count(client)).depth == 3
    first, second, third = await take_all(queue)
    assert await queue.renew([first.entry_id]) == []
    later = [Delay(first.entry_id, first.key, 0.0), Delay(second.entry_id, second.key, 0.0, is_parked=True)]
    assert await queue.delay(later) == [True, True]
    reclaimed = await heir.tend(reclaim=Reclaim(0.0, 10))
    assert [reading.entry_id for reading in reclaimed] == [third.entry_id]
    left = [*await taken_up(heir, reclaimed), *await take_all(heir)]
    assert sorted(entry.pair.id for entry in left) == ["e1", "e2", "e3"]
    ends = [Finish(e.entry_id, e.pair, how, "2026-01-01T00:00:00Z", "", 1) for e, how in zip(left, OUTCOMES, strict=True)]
    assert await heir.finish(ends) == [True] * 3
    assert (await door.accept(event("e1"))).kind == "duplicate"
    await what_operators_and_the_other_path_do(client)
    await heir.retire()
    consumers = await connection.call(client, "XINFO", "CONSUMERS", connection.STREAM, connection.GROUP)
    assert [consumer[1] for consumer in consumers] == ["one"], "retired means forgotten"


async def what_operators_and_the_other_path_do(client: Client) -> None:
    """Count what is left, drive the dead letter again, mark a pair and take the mark back."""
    store = MemoryStore(Database())
    assert (await drain.count(client, store)).total == 0
    letters = DeadLetters(client, store)
    (letter,) = [letter async for letter in letters.find(Filter())]
    assert await letters.retry(letter) == "retried"
    assert (await census.count(client)).depth == 1
    markers = Markers(client, store, random=Random(1), window_seconds=60)
    assert (await markers.mark(event("e9").pair, fingerprint="f", token="t")).kind == "marked"
    await markers.unmark(event("e9").pair, token="t")
    row = NewRow.of(shown := event("e2"))
    await store.add([row])
    await store.complete([shown.pair])
    statuses = Statuses(client, store)
    known = await statuses.confirmed(shown.pair, Status("pending"), fingerprint=row.fingerprint)
    assert known.status == "completed"


OUTCOMES = ("completed", "failed", "completed")


@pytest.mark.parametrize("node", ["owner", "replica", "others"])
async def test_any_node_leads_to_the_owner(cluster: Cluster, node: str) -> None:
    named = cluster.others[1] if node == "others" else getattr(cluster, node)
    client = connect(follow(named))
    assert (await Intake(client, random=Random(1), high_water=9, deadline_seconds=5.0).accept(event())).kind == "accepted"
    await client.aclose()
    assert cluster.owner.say("XLEN", connection.STREAM) == 1


async def test_a_plain_url_needs_the_owner_and_says_so(cluster: Cluster, service: Service, postgres: Postgres) -> None:
    async def answers(node: Redis) -> tuple[int, str, int]:
        service.env = {"REDIS_URL": node.url, "DATABASE_URL": postgres.url}
        url = service.api()
        async with httpx.AsyncClient(trust_env=False) as http:
            ready = await http.get(f"{url}/readyz")
            taken = await http.post(f"{url}/ingest", json={"id": "plain", "source": "a5"})
        return ready.status_code, ready.json().get("detail", ""), taken.status_code

    code, said, taken = await answers(cluster.others[0])
    assert (code, taken) == (503, 503), "certainly nothing was taken"
    assert "redis+cluster://" in said
    assert await answers(cluster.owner) == (200, "", 202)


async def test_who_was_connected_to_a_former_owner_looks_for_the_new_one(cluster: Cluster, client: Client) -> None:
    door = Intake(client, random=Random(1), high_water=9, deadline_seconds=5.0)
    assert (await door.accept(event("e1"))).kind == "accepted"
    cluster.fail_over()
    with pytest.raises(UnavailableError, match=r"127\.0\.0\.1"):
        await door.accept(event("e2"))
    assert (await door.accept(event("e2"))).kind == "accepted"
    assert cluster.owner.say("XLEN", connection.STREAM) == 2


async def test_the_service_keeps_its_promises_while_the_owner_changes(
    cluster: Cluster, service: Service, postgres: Postgres, sendgrid: SendGrid
) -> None:
    configure(service, postgres=postgres, sendgrid=sendgrid)
    service.env |= {"ASYNC_INGESTION": "true", "REDIS_URL": follow(cluster.others[0])}
    sendgrid.delay_seconds = 0.1
    url = service.api()
    service.worker()
    ids = [f"e{n:02}" for n in range(60)]
    async with httpx.AsyncClient(timeout=15, trust_env=False) as http:
        assert {answer.status_code for answer in await post_all(http, url, ids[:40])} == {202}
        await eventually(lambda: len(sendgrid.mails) > 5)
        cluster.fail_over()
        for name in ids[40:]:
            await eventually(partial(accepted, http, url, name))
        await eventually(lambda: all_are(http, url, ids=ids), within_seconds=20)
    assert await stored(postgres) == ids
    assert set(sendgrid.taken()) == set(ids)


async def accepted(http: httpx.AsyncClient, url: str, name: str) -> bool:
    """Whether a client that retries has its promise."""
    (answer,) = await post_all(http, url, [name])
    assert answer.status_code in (202, 200, 503, 504), answer.text
    return answer.status_code in (202, 200)


def test_keys_are_written_in_one_place() -> None:
    """A key named anywhere else could miss the tag."""
    for path in Path(scripts.__file__).parent.rglob("*.py"):
        if path.name not in ("connection.py",) and path.parent.name not in ("draft", "flaws"):
            assert not re.search(r"\{ingest|TAG\b", path.read_text()), f"{path.name}: make the key in connection.py"
