"""The A5 client against the live service and its faults, and beside it the draft's client, which the same test convicts.

The A5 client must be charged with nothing: whatever it called accepted is stored and mailed once and followed to its end, and
what it could not know it did not call failed.
"""

from __future__ import annotations

import asyncio
import signal
from collections import Counter

import httpx
import pytest

from tests.reference.a5.deliveries import Delivery, Truth, charges
from tests.reference.a5.front import front
from tests.reference.a5.rivals import Rivals, ids, said
from tests.reference.processes import all_are, configure
from tests.reference.servers import Postgres, Redis, SendGrid, Service, await_port, eventually

FOLLOWED = {("accepted", "completed"), ("duplicate", "completed")}


@pytest.fixture
def rivals(service: Service, redis: Redis, postgres: Postgres, sendgrid: SendGrid) -> Rivals:
    """On the asynchronous service."""
    configure(service, postgres=postgres, sendgrid=sendgrid, redis=redis)
    return Rivals(service, postgres, sendgrid)


@pytest.fixture
def rivals_on_mortal(service: Service, own_redis: Redis, postgres: Postgres, sendgrid: SendGrid) -> Rivals:
    """On an asynchronous service whose Redis the test may kill."""
    configure(service, postgres=postgres, sendgrid=sendgrid, redis=own_redis)
    return Rivals(service, postgres, sendgrid)


async def test_what_is_accepted_is_followed_and_a_second_delivery_is_no_error(rivals: Rivals) -> None:
    url = rivals.start()
    await rivals.deliver(url)
    assert said(rivals.a5) == {("accepted", "completed")}
    await rivals.deliver(url)
    assert said(rivals.a5) == FOLLOWED
    assert await rivals.charged() == (set(), {"calls duplicate an error", "does not follow what was promised"})


def test_a_client_that_forgets_an_event_is_charged() -> None:
    told = {"told": "a5-00", "said": "accepted", "ended": "completed", "processedAtMs": None}
    forgetful = Delivery("a5", lines=[told], ids={"a5-00", "a5-01"})
    seen = Truth({"a5-00": None, "a5-01": None}, Counter({"a5-00": 1, "a5-01": 1}))
    assert charges(forgetful, seen) == {"tells nothing of an event"}
    forgetful.ids.remove("a5-01")
    assert charges(forgetful, seen) == set()


async def test_the_synchronous_service_is_no_error(service: Service, postgres: Postgres, sendgrid: SendGrid) -> None:
    configure(service, postgres=postgres, sendgrid=sendgrid)
    rivals = Rivals(service, postgres, sendgrid)
    await rivals.deliver(service.api())
    assert said(rivals.a5) == {("processed", "completed")}
    assert await rivals.charged() == (set(), {"calls processed an error"})


async def test_a_full_queue_is_waited_for(rivals: Rivals) -> None:
    rivals.service.env |= {"HIGH_WATER": "3"}
    running = rivals.begin(rivals.service.api())
    await rivals.heard(429, running)
    rivals.service.worker()
    await asyncio.gather(*running)
    assert said(rivals.a5) == {("accepted", "completed")}
    of_a5, of_draft = await rivals.charged()
    assert of_a5 == set()
    assert of_draft >= {"calls 429 an error", "leaves an event behind"}


async def test_an_outage_of_the_queue_is_waited_for(rivals_on_mortal: Rivals, own_redis: Redis) -> None:
    rivals = rivals_on_mortal
    url = rivals.start()
    own_redis.kill()
    running = rivals.begin(url)
    await rivals.heard(503, running)
    own_redis.start()
    await asyncio.gather(*running)
    assert said(rivals.a5) <= FOLLOWED
    of_a5, of_draft = await rivals.charged()
    assert of_a5 == set()
    assert of_draft >= {"calls 503 an error", "leaves an event behind"}


async def test_a_queue_that_does_not_answer_leaves_it_unknown_and_nothing_is_taken_twice(
    rivals_on_mortal: Rivals, own_redis: Redis
) -> None:
    rivals = rivals_on_mortal
    url = rivals.start()
    own_redis.send_signal(signal.SIGSTOP)
    running = rivals.begin(url)
    try:
        await rivals.heard(504, running)
    finally:
        own_redis.send_signal(signal.SIGCONT)
    await asyncio.gather(*running)
    assert said(rivals.a5) <= FOLLOWED
    of_a5, of_draft = await rivals.charged()
    assert of_a5 == set()
    assert "calls 504 an error" in of_draft


async def test_an_outage_of_the_provider_is_followed_to_its_end(rivals: Rivals) -> None:
    rivals.sendgrid.answer = lambda mail: (503, {})
    running = rivals.begin(rivals.start())
    await rivals.heard(202, running)
    await eventually(lambda: len(rivals.sendgrid.calls) >= 5)
    assert rivals.a5.told == [], "nothing is called completed while no mail can be sent"
    rivals.sendgrid.answer = lambda mail: (202, {})
    await asyncio.gather(*running)
    assert said(rivals.a5) == {("accepted", "completed")}
    of_a5, of_draft = await rivals.charged()
    assert of_a5 == set()
    assert "does not follow what was promised" in of_draft


async def test_a_killed_api_loses_nothing_and_takes_nothing_twice(rivals: Rivals) -> None:
    service = rivals.service
    url = service.api()
    victim = service.processes[-1]
    service.worker()
    running = rivals.begin(url, count=40)
    await rivals.heard(202, running)
    victim.kill()
    victim.wait()
    await rivals.heard(None, running)
    port = url.rpartition(":")[2]
    await asyncio.to_thread(await_port, int(port), service.run("api", "--port", port))
    await asyncio.gather(*running)
    assert len(rivals.a5.told) == 40
    assert said(rivals.a5) <= FOLLOWED
    of_a5, of_draft = await rivals.charged()
    assert of_a5 == set()
    assert of_draft >= {"throws when nobody answers", "leaves an event behind"}


async def test_a_lost_answer_is_asked_for_again_and_nothing_is_taken_twice(rivals: Rivals) -> None:
    seen_before: set[bytes] = set()

    def lose_the_first(request: bytes, answer: bytes) -> bytes | None:
        body = request.partition(b"\r\n\r\n")[2]
        if not body or body in seen_before:
            return answer
        seen_before.add(body)
        return None

    async with front(rivals.start(), lose_the_first) as lossy:
        await rivals.deliver(lossy)
    assert said(rivals.a5) == {("duplicate", "completed")}
    assert await rivals.charged() == (set(), {"throws when nobody answers"})


async def test_a_time_is_utc_even_where_the_service_forgets_to_say_so(rivals: Rivals) -> None:
    url = rivals.start()
    both = (rivals.a5, rivals.draft)
    mine = [event_id for one in both for event_id in ids(one)]
    async with httpx.AsyncClient(trust_env=False) as client:
        for event_id in mine:
            event = {"id": event_id, "source": event_id.partition("-")[0]}
            assert (await client.post(f"{url}/ingest", json=event)).status_code == 202
        await eventually(lambda: all_are(client, url, ids=mine))
    # As the draft's service would answer it: the same time without its Z, and a blank to keep the length.
    async with front(url, lambda _, answer: answer.replace(b'Z","result"', b'" ,"result"')) as forgetful:
        await asyncio.gather(*(one.run(forgetful, ids(one), verb="read") for one in both))
    assert {line["ended"] for line in rivals.a5.told} == {"completed"}
    assert all(line["processedAtMs"] for line in rivals.a5.told)
    of_a5, of_draft = [{charge for charge in charged if "hours off" in charge} for charged in await rivals.charged()]
    assert of_a5 == set()
    assert of_draft in ({"reads a time 5 hours off"}, {"reads a time 4 hours off"}), "by the season"
