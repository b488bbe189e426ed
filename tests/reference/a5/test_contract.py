"""The A5 client against the live service and its faults, and beside it the draft's client, which the same test convicts.

Both deliver events of their own at the same moment to the same processes. The A5 client must be charged with nothing:
whatever it called accepted is stored and mailed once and followed to its end, and what it could not know it did not call failed.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence

import httpx
import pytest

from tests.reference.a5.deliveries import Delivery, charges, truth
from tests.reference.a5.front import front
from tests.reference.servers import Postgres, Redis, SendGrid, Service, await_port, eventually
from tests.reference.test_processes import all_are, configure


@pytest.fixture
def a5() -> Delivery:
    """The client in reference/a5/."""
    return Delivery("a5")


@pytest.fixture
def draft() -> Delivery:
    """The client of the pull-request draft."""
    return Delivery("draft")


def ids(delivery: Delivery, count: int = 5) -> list[str]:
    return [f"{delivery.client}-{number:02}" for number in range(count)]


def begin(url: str, *deliveries: Delivery, count: int = 5) -> list[asyncio.Task[None]]:
    return [asyncio.create_task(delivery.run(url, ids(delivery, count))) for delivery in deliveries]


async def deliver(url: str, *deliveries: Delivery, count: int = 5) -> None:
    await asyncio.gather(*begin(url, *deliveries, count=count))


def said(delivery: Delivery) -> set[tuple[str, str | None]]:
    return {(line["said"], line["ended"]) for line in delivery.told}


async def heard(status: int | None, by: Sequence[Delivery], *, while_running: Sequence[asyncio.Task[None]]) -> None:
    """Wait until each of the clients got such an answer; a client that ended without is a failure."""
    await eventually(lambda: all(one.wire(status) for one in by) or all(task.done() for task in while_running))
    assert all(one.wire(status) for one in by), f"the fault did not bite: nobody heard {status}"


async def test_what_is_accepted_is_followed_and_a_second_delivery_is_no_error(
    service: Service, redis: Redis, postgres: Postgres, sendgrid: SendGrid, a5: Delivery, draft: Delivery
) -> None:
    configure(service, postgres=postgres, sendgrid=sendgrid, redis=redis)
    url = service.api()
    service.worker()
    await deliver(url, a5, draft)
    assert said(a5) == {("accepted", "completed")}
    await deliver(url, a5, draft)
    assert said(a5) == {("accepted", "completed"), ("duplicate", "completed")}
    seen = await truth(postgres, sendgrid)
    assert charges(a5, seen) == set()
    assert charges(draft, seen) == {"calls duplicate an error", "does not follow what was promised"}


async def test_the_synchronous_service_is_no_error(
    service: Service, postgres: Postgres, sendgrid: SendGrid, a5: Delivery, draft: Delivery
) -> None:
    configure(service, postgres=postgres, sendgrid=sendgrid)
    await deliver(service.api(), a5, draft)
    assert said(a5) == {("processed", "completed")}
    seen = await truth(postgres, sendgrid)
    assert charges(a5, seen) == set()
    assert charges(draft, seen) == {"calls processed an error"}


async def test_a_full_queue_is_waited_for(
    service: Service, redis: Redis, postgres: Postgres, sendgrid: SendGrid, a5: Delivery, draft: Delivery
) -> None:
    configure(service, postgres=postgres, sendgrid=sendgrid, redis=redis)
    service.env |= {"HIGH_WATER": "3"}
    running = begin(service.api(), a5, draft)
    await heard(429, (a5, draft), while_running=running)
    service.worker()
    await asyncio.gather(*running)
    assert said(a5) == {("accepted", "completed")}
    seen = await truth(postgres, sendgrid)
    assert charges(a5, seen) == set()
    assert charges(draft, seen) >= {"calls 429 an error", "leaves an event behind"}


async def test_an_outage_of_the_queue_is_waited_for(
    service: Service, own_redis: Redis, postgres: Postgres, sendgrid: SendGrid, a5: Delivery, draft: Delivery
) -> None:
    configure(service, postgres=postgres, sendgrid=sendgrid, redis=own_redis)
    url = service.api()
    service.worker()
    own_redis.kill()
    running = begin(url, a5, draft)
    await heard(503, (a5, draft), while_running=running)
    own_redis.start()
    await asyncio.gather(*running)
    assert said(a5) <= {("accepted", "completed"), ("duplicate", "completed")}
    seen = await truth(postgres, sendgrid)
    assert charges(a5, seen) == set()
    assert charges(draft, seen) >= {"calls 503 an error", "leaves an event behind"}


async def test_a_queue_that_does_not_answer_leaves_it_unknown_and_nothing_is_taken_twice(
    service: Service, own_redis: Redis, postgres: Postgres, sendgrid: SendGrid, a5: Delivery, draft: Delivery
) -> None:
    configure(service, postgres=postgres, sendgrid=sendgrid, redis=own_redis)
    url = service.api()
    service.worker()
    own_redis.send_signal(signal.SIGSTOP)
    running = begin(url, a5, draft)
    try:
        await heard(504, (a5, draft), while_running=running)
    finally:
        own_redis.send_signal(signal.SIGCONT)
    await asyncio.gather(*running)
    assert said(a5) <= {("accepted", "completed"), ("duplicate", "completed")}
    seen = await truth(postgres, sendgrid)
    assert charges(a5, seen) == set()
    assert "calls 504 an error" in charges(draft, seen)


async def test_an_outage_of_the_provider_is_followed_to_its_end(
    service: Service, redis: Redis, postgres: Postgres, sendgrid: SendGrid, a5: Delivery, draft: Delivery
) -> None:
    configure(service, postgres=postgres, sendgrid=sendgrid, redis=redis)
    sendgrid.answer = lambda mail: (503, {})
    url = service.api()
    service.worker()
    running = begin(url, a5, draft)
    await heard(202, (a5, draft), while_running=running)
    await eventually(lambda: len(sendgrid.calls) >= 5)
    assert a5.told == [], "nothing is called completed while no mail can be sent"
    sendgrid.answer = lambda mail: (202, {})
    await asyncio.gather(*running)
    assert said(a5) == {("accepted", "completed")}
    seen = await truth(postgres, sendgrid)
    assert charges(a5, seen) == set()
    assert "does not follow what was promised" in charges(draft, seen)


async def test_a_killed_api_loses_nothing_and_takes_nothing_twice(
    service: Service, redis: Redis, postgres: Postgres, sendgrid: SendGrid, a5: Delivery, draft: Delivery
) -> None:
    configure(service, postgres=postgres, sendgrid=sendgrid, redis=redis)
    url = service.api()
    victim = service.processes[-1]
    service.worker()
    running = begin(url, a5, draft, count=40)
    await heard(202, (a5, draft), while_running=running)
    victim.kill()
    victim.wait()
    await heard(None, (a5, draft), while_running=running)
    port = url.rpartition(":")[2]
    await asyncio.to_thread(await_port, int(port), service.run("api", "--port", port))
    await asyncio.gather(*running)
    assert len(a5.told) == 40
    assert said(a5) <= {("accepted", "completed"), ("duplicate", "completed")}
    seen = await truth(postgres, sendgrid)
    assert charges(a5, seen) == set()
    assert charges(draft, seen) >= {"throws when nobody answers", "leaves an event behind"}


async def test_a_lost_answer_is_asked_for_again_and_nothing_is_taken_twice(
    service: Service, redis: Redis, postgres: Postgres, sendgrid: SendGrid, a5: Delivery, draft: Delivery
) -> None:
    configure(service, postgres=postgres, sendgrid=sendgrid, redis=redis)
    url = service.api()
    service.worker()
    seen_before: set[bytes] = set()

    def lose_the_first(request: bytes, answer: bytes) -> bytes | None:
        body = request.partition(b"\r\n\r\n")[2]
        if not body or body in seen_before:
            return answer
        seen_before.add(body)
        return None

    async with front(url, lose_the_first) as lossy:
        await deliver(lossy, a5, draft)
    assert said(a5) == {("duplicate", "completed")}
    seen = await truth(postgres, sendgrid)
    assert charges(a5, seen) == set()
    assert charges(draft, seen) == {"throws when nobody answers"}


async def test_a_time_is_utc_even_where_the_service_forgets_to_say_so(
    service: Service, redis: Redis, postgres: Postgres, sendgrid: SendGrid, a5: Delivery, draft: Delivery
) -> None:
    configure(service, postgres=postgres, sendgrid=sendgrid, redis=redis)
    url = service.api()
    service.worker()
    mine = [*ids(a5), *ids(draft)]
    async with httpx.AsyncClient(trust_env=False) as client:
        for event_id in mine:
            event = {"id": event_id, "source": event_id.partition("-")[0]}
            assert (await client.post(f"{url}/ingest", json=event)).status_code == 202
        await eventually(lambda: all_are(client, url, ids=mine))
    # As the draft's service would answer it: the same time without its Z, and a blank to keep the length.
    async with front(url, lambda _, answer: answer.replace(b'Z","result"', b'" ,"result"')) as forgetful:
        await asyncio.gather(*(one.run(forgetful, ids(one), verb="read") for one in (a5, draft)))
    seen = await truth(postgres, sendgrid)
    assert {line["ended"] for line in a5.told} == {"completed"}
    assert all(line["processedAtMs"] for line in a5.told)
    off = {charge for charge in charges(draft, seen) if "hours off" in charge}
    assert not {charge for charge in charges(a5, seen) if "hours off" in charge}
    assert off in ({"reads a time 5 hours off"}, {"reads a time 4 hours off"}), "by the season"
