"""The service as real processes: events in, rows and mails out, while things die."""

from __future__ import annotations

import asyncio
import signal
import time
from collections import Counter
from typing import Any

import httpx
import pytest
import redis as redis_client

from reference.connection import DELAYED
from tests.reference.processes import PATIENCE_WITH_MAIL, all_are, configure, event, post_all, status_of, stored
from tests.reference.servers import Postgres, Redis, SendGrid, Service, eventually


async def completed(postgres: Postgres) -> list[str]:
    return await stored(postgres, where="status = 'completed'")


async def test_every_accepted_event_is_stored_and_mailed_once(
    service: Service, redis: Redis, postgres: Postgres, sendgrid: SendGrid, client: httpx.AsyncClient
) -> None:
    configure(service, postgres=postgres, sendgrid=sendgrid, redis=redis)
    service.env |= PATIENCE_WITH_MAIL
    url = service.api()
    service.worker()
    ids = [f"e{n:02}" for n in range(30)]
    answers = await post_all(client, url, ids)
    assert {answer.status_code for answer in answers} == {202}
    assert answers[0].headers["location"] == "/ingest/e00/status?source=a5"
    await eventually(lambda: all_are(client, url, ids=ids))
    assert await stored(postgres) == ids
    assert sorted(sendgrid.taken()) == ids
    again = (await post_all(client, url, ids[:1]))[0]
    assert (again.status_code, again.json()["current_status"]) == (200, "completed")
    other = await client.post(f"{url}/ingest", json=event("e00", data="other"))
    assert (other.status_code, other.headers["content-type"]) == (422, "application/problem+json")


async def test_a_killed_workers_events_are_taken_up_by_another(
    service: Service, redis: Redis, postgres: Postgres, sendgrid: SendGrid, client: httpx.AsyncClient
) -> None:
    configure(service, postgres=postgres, sendgrid=sendgrid, redis=redis)
    # Long enough for a slow machine: an answer that comes too late is unknown, and such a mail goes out again.
    service.env |= {"MAIL_TIMEOUT_SECONDS": "2", "RECLAIM_SECONDS": "4"}
    sendgrid.delay_seconds = 0.3
    url, victim = service.api(), service.worker()
    ids = [f"e{n:02}" for n in range(40)]
    await post_all(client, url, ids)
    await eventually(lambda: completed(postgres))
    victim.kill()
    recorded = await completed(postgres)
    service.worker()
    await eventually(lambda: all_are(client, url, ids=ids), within_seconds=20)
    assert await stored(postgres) == ids
    times = Counter(sendgrid.taken())
    assert sorted(times) == ids
    # What the victim had recorded is never mailed again. A second mail goes out only for what was in flight at the kill, or
    # answered and not recorded yet: how many those are depends on how fast this machine is, so no number would be right.
    assert {name: times[name] for name in recorded} == dict.fromkeys(recorded, 1)
    assert max(times.values()) <= 2


async def test_a_frozen_worker_that_wakes_mails_nothing_twice(
    service: Service, redis: Redis, postgres: Postgres, sendgrid: SendGrid, client: httpx.AsyncClient
) -> None:
    configure(service, postgres=postgres, sendgrid=sendgrid, redis=redis)
    sendgrid.delay_seconds = 0.2
    url, zombie = service.api(), service.worker()
    ids = [f"e{n:03}" for n in range(100)]
    await post_all(client, url, ids)
    await eventually(lambda: len(sendgrid.mails) > 20)
    zombie.send_signal(signal.SIGSTOP)
    service.worker()
    await eventually(lambda: all_are(client, url, ids=ids), within_seconds=20)
    zombie.send_signal(signal.SIGCONT)
    calls = len(sendgrid.calls)
    await asyncio.sleep(1.5)
    assert len(sendgrid.calls) == calls, "the zombie mailed what it no longer owned"
    assert set(sendgrid.taken()) == set(ids)
    assert zombie.poll() is None


async def test_a_restarted_redis_loses_nothing(
    service: Service, own_redis: Redis, postgres: Postgres, sendgrid: SendGrid, client: httpx.AsyncClient
) -> None:
    configure(service, postgres=postgres, sendgrid=sendgrid, redis=own_redis)
    url = service.api()
    service.worker()
    ids = [f"e{n:02}" for n in range(20)]
    await post_all(client, url, ids)
    own_redis.kill()
    began = time.monotonic()
    refused = await client.post(f"{url}/ingest", json=event("down"))
    assert refused.status_code in (503, 504)
    assert time.monotonic() - began < 1.3
    own_redis.start()
    await eventually(lambda: all_are(client, url, ids=ids), within_seconds=15)
    assert sorted(sendgrid.taken()) == ids


async def test_a_restarted_postgres_fails_nothing(
    service: Service, redis: Redis, own_postgres: Postgres, sendgrid: SendGrid, client: httpx.AsyncClient
) -> None:
    configure(service, postgres=own_postgres, sendgrid=sendgrid, redis=redis)
    assert service.run("migrate").wait() == 0
    url = service.api()
    service.worker()
    first, second = [f"a{n}" for n in range(5)], [f"b{n}" for n in range(5)]
    await post_all(client, url, first)
    await eventually(lambda: all_are(client, url, ids=first))
    own_postgres.kill()
    answers = await post_all(client, url, second)
    assert {answer.status_code for answer in answers} == {202}, "accepting does not need Postgres"
    own_postgres.start()
    await eventually(lambda: all_are(client, url, ids=second), within_seconds=15)
    assert sorted(sendgrid.taken()) == first + second


async def test_a_worker_that_starts_before_the_tables_waits_for_them(
    service: Service, redis: Redis, own_postgres: Postgres, sendgrid: SendGrid, client: httpx.AsyncClient
) -> None:
    configure(service, postgres=own_postgres, sendgrid=sendgrid, redis=redis)
    url = service.api()
    service.worker()
    ids = ["e1", "e2"]
    await post_all(client, url, ids)
    with redis_client.Redis.from_url(redis.url) as spy:
        await eventually(lambda: spy.zcard(DELAYED) == len(ids))
    assert service.run("migrate").wait() == 0
    await eventually(lambda: all_are(client, url, ids=ids), within_seconds=15)


@pytest.mark.parametrize("answer", [(503, {}), (429, {"retry-after": "1"}), (401, {}), None], ids=str)
async def test_mails_are_sent_when_the_provider_recovers(
    service: Service, redis: Redis, postgres: Postgres, sendgrid: SendGrid, client: httpx.AsyncClient, answer: Any
) -> None:
    configure(service, postgres=postgres, sendgrid=sendgrid, redis=redis)
    sendgrid.answer = lambda mail: answer
    url = service.api()
    service.worker()
    ids = [f"e{n:02}" for n in range(25)]
    await post_all(client, url, ids)
    await eventually(lambda: len(sendgrid.calls) >= 3)
    assert not await all_are(client, url, ids=ids[:1])
    sendgrid.answer = lambda mail: (202, {})
    await eventually(lambda: all_are(client, url, ids=ids), within_seconds=15)
    assert set(sendgrid.taken()) == set(ids)


async def test_what_can_never_be_done_fails_with_its_reason(
    service: Service, redis: Redis, postgres: Postgres, sendgrid: SendGrid, client: httpx.AsyncClient
) -> None:
    configure(service, postgres=postgres, sendgrid=sendgrid, redis=redis)
    sendgrid.answer = lambda mail: (400, {}) if mail["custom_args"]["id"] == "refused" else (202, {})
    url = service.api()
    service.worker()
    await post_all(client, url, ["refused", "fine"])
    assert (await client.post(f"{url}/ingest", json=event("poison", data="\x00"))).status_code == 202
    await eventually(lambda: all_are(client, url, ids=["refused", "poison"], status="failed"))
    await eventually(lambda: all_are(client, url, ids=["fine"]))
    reason = (await client.get(f"{url}/ingest/refused/status")).json()["result"]["error"]
    assert reason == "the mail provider answered 400"


async def test_sigterm_hands_back_what_is_in_flight(
    service: Service, redis: Redis, postgres: Postgres, sendgrid: SendGrid, client: httpx.AsyncClient
) -> None:
    configure(service, postgres=postgres, sendgrid=sendgrid, redis=redis)
    service.env |= PATIENCE_WITH_MAIL
    sendgrid.delay_seconds = 0.2
    url, leaving = service.api(), service.worker()
    ids = [f"e{n:02}" for n in range(60)]
    await post_all(client, url, ids)
    await eventually(lambda: len(sendgrid.mails) > 5)
    leaving.terminate()
    began = time.monotonic()
    assert await asyncio.to_thread(leaving.wait, 9) == 0
    assert time.monotonic() - began < 8
    service.worker()
    await eventually(lambda: all_are(client, url, ids=ids), within_seconds=15)
    assert sorted(sendgrid.taken()) == ids, "each exactly once: nothing was dropped, nothing was cut off"


async def test_the_synchronous_path_needs_no_redis(
    service: Service, postgres: Postgres, sendgrid: SendGrid, client: httpx.AsyncClient
) -> None:
    configure(service, postgres=postgres, sendgrid=sendgrid)
    url, other_url = service.api(), service.api()
    assert (await client.get(f"{url}/readyz")).status_code == 200
    answers = await asyncio.gather(*(client.post(f"{url}/ingest", json=event("e1")) for url in (url, other_url) * 8))
    said = sorted(answer.json()["status"] for answer in answers)
    assert said == ["duplicate"] * 15 + ["processed"]
    assert sendgrid.taken() == ["e1"]
    assert (await client.post(f"{url}/ingest", json=event("nul", data="\x00"))).status_code == 422
    assert await status_of(client, other_url, "e1") == "completed"
    assert await stored(postgres) == ["e1"]


async def test_an_api_ends_in_order(service: Service, postgres: Postgres, sendgrid: SendGrid) -> None:
    configure(service, postgres=postgres, sendgrid=sendgrid)
    service.api()
    service.processes[0].terminate()
    assert await asyncio.to_thread(service.processes[0].wait, 5) == 0


async def test_a_leaving_api_answers_who_is_already_connected(
    service: Service, redis: Redis, postgres: Postgres, sendgrid: SendGrid
) -> None:
    configure(service, postgres=postgres, sendgrid=sendgrid, redis=redis)
    port = int(service.api().rsplit(":", 1)[1])
    streams = [await asyncio.open_connection("127.0.0.1", port) for _ in range(5)]
    await asyncio.sleep(0.1)
    service.processes[0].terminate()
    for _, writer in streams:
        writer.write(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
    answers = [await reader.read() for reader, _ in streams]
    assert all(answer.startswith(b"HTTP/1.1 200") for answer in answers)


def test_a_missing_setting_is_one_sentence(service: Service) -> None:
    assert service.run("api").wait() == 2
