"""Whatever a client sends, and whatever is broken meanwhile: a documented answer, in time, and no promise that is not kept."""

from __future__ import annotations

import json
import socket
from collections import Counter

import pytest
import redis as redis_client
import schemathesis

from reference.connection import STREAM, record_key
from reference.events import Pair
from tests.reference.generated import Findings, config, impatient, send_all
from tests.reference.servers import Redis
from tests.reference.workbench import Workbench

NOBODY = "redis://127.0.0.1:1/0"


def send(bench: Workbench, *, examples: int, key: str = "", path: str = "") -> Findings:
    given = config(examples=examples, seed=1, key=key)
    schema = schemathesis.openapi.from_asgi("/openapi.json", impatient(bench.app()), config=given)
    return send_all(schema.include(path=path) if path else schema)


def assert_sound(findings: Findings, *, expected: set[int]) -> None:
    assert not findings.wrong, "\n\n".join(findings.wrong[:5])
    assert expected <= set(findings.statuses), f"too little was tried: {Counter(findings.statuses)}"
    print(Counter(findings.statuses))


def test_in_good_times_every_promise_is_in_the_queue(redis: Redis) -> None:
    findings = send(Workbench(redis.url, PREFER_WAIT_LONGEST_SECONDS="0"), examples=60)
    assert_sound(findings, expected={200, 202, 404, 405, 409, 422})
    with redis_client.Redis.from_url(redis.url, decode_responses=True) as client:
        queued = {fields["pair"] for _, fields in client.xrange(STREAM)}
        assert queued == {Pair(source, event_id).key for source, event_id in findings.promised}
        assert all(client.exists(record_key(key)) for key in queued)


def test_without_its_key_nothing_is_answered(redis: Redis) -> None:
    bench = Workbench(redis.url, PREFER_WAIT_LONGEST_SECONDS="0", API_KEY="k")
    findings = send(bench, examples=20, key="k")
    assert_sound(findings, expected={200, 202, 401, 404, 422})  # schemathesis tries each without the key too


def test_a_full_queue_promises_no_more_than_it_holds(redis: Redis) -> None:
    findings = send(Workbench(redis.url, PREFER_WAIT_LONGEST_SECONDS="0", HIGH_WATER="3"), examples=20)
    assert_sound(findings, expected={202, 429})
    assert len(findings.promised) == 3


def test_the_synchronous_path_answers_what_is_documented() -> None:
    bench = Workbench()
    findings = send(bench, examples=60)
    assert_sound(findings, expected={200, 404, 405, 409, 422})
    assert not findings.promised
    mailed = [json.loads(mail.content)["custom_args"] for mail in bench.provider.requests]
    assert len({(one["source"], one["id"]) for one in mailed}) == len(mailed) > 0, "each once"


@pytest.mark.parametrize("provider", [400, 500])
def test_a_provider_that_refuses_breaks_no_answer(provider: int) -> None:
    bench = Workbench(BREAKER_FAILURES="1", BREAKER_RESET_SECONDS="600")
    bench.provider.status = provider
    assert_sound(send(bench, examples=20), expected={200, 422} if provider == 400 else {503, 504})


def test_without_a_database_the_synchronous_path_takes_nothing() -> None:
    bench = Workbench()
    bench.database.is_away = True
    assert_sound(send(bench, examples=20), expected={422, 503})
    assert not bench.provider.requests


def test_without_redis_nothing_is_promised() -> None:
    findings = send(Workbench(NOBODY), examples=20)
    assert_sound(findings, expected={422, 503})
    assert not findings.promised


def test_of_a_silent_redis_only_doubt_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=512) as silent:
        bench = Workbench(f"redis://127.0.0.1:{silent.getsockname()[1]}/0", ACCEPT_DEADLINE_SECONDS="0.05")
        findings = send(bench, examples=10, path="/ingest")
    assert_sound(findings, expected={422, 504})
    assert not findings.promised
