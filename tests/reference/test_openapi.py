"""The OpenAPI document is true: every example it shows is provoked here, literally; and it says nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from random import Random
from typing import Any

import httpx
import jsonschema_rs
import pytest
import schemathesis
from fastapi.routing import APIRoute

from reference.connection import connect
from reference.events import parse
from reference.markers import Markers
from reference.openapi import document
from reference.problem import TITLES
from reference.store import NewRow
from tests.reference.servers import Redis
from tests.reference.workbench import Workbench

Json = dict[str, Any]
DOCUMENT = document(asks_for_key=False)
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
REQUESTS = DOCUMENT["paths"]["/ingest"]["post"]["requestBody"]["content"]
PLAIN: Json = REQUESTS["application/json"]["examples"]["plain"]["value"]
STATUS = "/ingest/{event_id}/status"
STATUS_URL = "/ingest/evt_abc123/status"
NOBODY = "redis://127.0.0.1:1/0"
BY_CHANCE = {"processed_at"}  # only its form can be the example's
NOT_WORD_BY_WORD = {"unstorable"}  # Postgres names the error's class too


@contextlib.asynccontextmanager
async def silent_server() -> AsyncIterator[str]:
    """A Redis that takes connections and never answers."""
    held: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: held.append(writer), "127.0.0.1", 0)
    yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
    server.close()
    for writer in held:
        writer.close()


async def post(bench: Workbench, *, times: int = 1, **changed: Any) -> httpx.Response:
    async with bench.serving() as client:
        for _ in range(times):
            answer = await client.post("/ingest", json=PLAIN | changed)
        return answer


async def conflict(redis: str) -> httpx.Response:
    await post(Workbench(redis))
    return await post(Workbench(redis), data="other")


async def without_id(redis: str) -> httpx.Response:
    async with Workbench(redis).serving() as client:
        return await client.post("/ingest", json={"source": "a5"})


async def too_large(redis: str) -> httpx.Response:
    return await post(Workbench(redis), data="x" * 300_000)


async def as_text(redis: str) -> httpx.Response:
    async with Workbench(redis).serving() as client:
        return await client.post("/ingest", content=b"{}", headers={"Content-Type": "text/plain"})


async def without_key(redis: str) -> httpx.Response:
    return await post(Workbench(redis, API_KEY="k"))


async def status_without_key(redis: str) -> httpx.Response:
    async with Workbench(redis, API_KEY="k").serving() as client:
        return await client.get(STATUS_URL)


async def too_many(redis: str) -> httpx.Response:
    bench = Workbench(redis, HIGH_WATER="1")
    await post(bench, id="another")
    return await post(bench)


async def without_answer(redis: str) -> httpx.Response:
    async with silent_server() as url:
        return await post(Workbench(url))


async def store_away(redis: str) -> httpx.Response:
    bench = Workbench()
    bench.database.is_away = True
    return await post(bench)


async def mail_refused(redis: str) -> httpx.Response:
    bench = Workbench()
    bench.provider.status = 400
    return await post(bench)


async def mail_closed(redis: str) -> httpx.Response:
    bench = Workbench(BREAKER_FAILURES="1")
    bench.provider.status = 503
    async with bench.serving() as client:
        await client.post("/ingest", json=PLAIN | {"id": "another"})
        return await client.post("/ingest", json=PLAIN)


async def busy(redis: str) -> httpx.Response:
    bench = Workbench(redis)
    row = NewRow.of(parse(json.dumps(PLAIN)))
    await bench.memory.reserve(row, owner="another", lease_seconds=60)
    client = connect(redis, timeout_seconds=2, connect_timeout_seconds=1)
    markers = Markers(client, bench.memory, random=Random(1), window_seconds=60)
    assert (await markers.mark(row.pair, fingerprint=row.fingerprint, token="another")).kind == "marked"
    await client.aclose()
    return await post(bench)


async def get(redis: str, path: str = STATUS_URL) -> httpx.Response:
    async with Workbench(redis).serving() as client:
        return await client.get(path)


async def pending(redis: str) -> httpx.Response:
    await post(Workbench(redis))
    return await get(redis)


async def final(redis: str, *, provider: int) -> httpx.Response:
    bench = Workbench(redis)
    bench.provider.status = provider
    async with bench.serving(Prefer="wait=5") as client, bench.working():
        answer = await client.post("/ingest", json=PLAIN)
        assert answer.headers["preference-applied"] == "wait=5"
        return await client.get(STATUS_URL)


async def several(redis: str) -> httpx.Response:
    await post(Workbench(redis))
    await post(Workbench(redis), source="b6")
    return await get(redis)


Provoke = Callable[[str], Awaitable[httpx.Response]]
SITUATIONS: dict[tuple[str, str, str], Provoke] = {
    ("/ingest", "202", "accepted"): lambda redis: post(Workbench(redis)),
    ("/ingest", "200", "duplicate"): lambda redis: post(Workbench(redis), times=2),
    ("/ingest", "200", "processed"): lambda _: post(Workbench()),
    ("/ingest", "401", "unauthorised"): without_key,
    ("/ingest", "413", "too-large"): too_large,
    ("/ingest", "415", "unsupported-media"): as_text,
    ("/ingest", "422", "invalid"): without_id,
    ("/ingest", "422", "conflict"): conflict,
    ("/ingest", "422", "unstorable"): lambda _: post(Workbench(), data="\x00"),
    ("/ingest", "422", "mail-refused"): mail_refused,
    ("/ingest", "429", "high-water"): too_many,
    ("/ingest", "503", "queue-down"): lambda _: post(Workbench(NOBODY)),
    ("/ingest", "503", "busy"): busy,
    ("/ingest", "503", "store-down"): store_away,
    ("/ingest", "503", "mail-closed"): mail_closed,
    ("/ingest", "504", "unknown"): without_answer,
    (STATUS, "200", "pending"): pending,
    (STATUS, "200", "completed"): lambda redis: final(redis, provider=202),
    (STATUS, "200", "failed"): lambda redis: final(redis, provider=400),
    (STATUS, "401", "unauthorised"): status_without_key,
    (STATUS, "404", "unknown-event"): get,
    (STATUS, "409", "several-sources"): several,
    (STATUS, "503", "status-unavailable"): lambda _: get(NOBODY),
    ("/healthz", "200", "ok"): lambda redis: get(redis, "/healthz"),
    ("/readyz", "200", "ready"): lambda redis: get(redis, "/readyz"),
    ("/readyz", "503", "not-ready"): lambda _: get(NOBODY, "/readyz"),
}


def operations() -> dict[str, tuple[str, Json]]:
    """Path -> its one method and the operation."""
    return {path: next(iter(methods.items())) for path, methods in DOCUMENT["paths"].items()}


def examples() -> dict[tuple[str, str, str], Any]:
    return {
        (path, code, name): example["value"]
        for path, (_, operation) in operations().items()
        for code, response in operation["responses"].items()
        for content in response["content"].values()
        for name, example in content["examples"].items()
    }


def assert_documented(answer: httpx.Response, path: str) -> None:
    """The status, media type, required headers and body are the document's."""
    method, operation = operations()[path]
    documented = operation["responses"][str(answer.status_code)]
    assert answer.headers["content-type"] in documented["content"]
    for name, header in documented["headers"].items():
        assert name in answer.headers or not header.get("required"), f"{answer.status_code} without {name}"
    SCHEMA[path][method.upper()].validate_response(answer)


def test_every_route_is_documented_and_nothing_else(redis: Redis) -> None:
    routes = [route for route in Workbench(redis.url).app().routes if isinstance(route, APIRoute) and route.include_in_schema]
    served = {(route.path, method.lower()) for route in routes for method in route.methods or ()}
    assert served == {(path, method) for path, (method, _) in operations().items()}, "document it in reference/openapi.py"


def test_every_kind_of_problem_is_documented() -> None:
    shown = {name for _, code, name in examples() if int(code) >= 400}
    assert shown == set(TITLES), "give it an example in reference/openapi.py and a situation here"


def test_every_example_has_its_situation_here() -> None:
    assert set(SITUATIONS) == set(examples())


@pytest.mark.parametrize("situation", list(SITUATIONS), ids=" ".join)
async def test_every_example_is_literally_true(redis: Redis, situation: tuple[str, str, str]) -> None:
    path, code, name = situation
    answer = await SITUATIONS[situation](redis.url)
    assert answer.status_code == int(code)
    assert_documented(answer, path)
    example, body = examples()[situation], answer.json()
    loose = BY_CHANCE | ({"detail"} if name in NOT_WORD_BY_WORD else set())
    assert {key: value for key, value in body.items() if key not in loose} == {
        key: value for key, value in example.items() if key not in loose
    }
    assert set(body) == set(example)


@pytest.mark.parametrize("media_type", list(REQUESTS))
async def test_every_example_of_a_request_is_accepted(redis: Redis, media_type: str) -> None:
    async with Workbench(redis.url).serving() as client:
        for example in REQUESTS[media_type]["examples"].values():
            event = example["value"] | {"id": f"{media_type[-4:]}-{example['value']['id']}"}
            jsonschema_rs.validate(REQUESTS[media_type]["schema"] | {"components": DOCUMENT["components"]}, event)
            answer = await client.post("/ingest", json=event, headers={"Content-Type": media_type})
            assert answer.status_code == 202
            assert_documented(answer, "/ingest")


@pytest.mark.parametrize("name", list(DOCUMENT["components"]["schemas"]))
def test_every_schema_is_one(name: str) -> None:
    jsonschema_rs.meta.validate(DOCUMENT["components"]["schemas"][name])
    jsonschema_rs.validator_for({"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]})


async def test_the_document_is_served_and_says_how_a_key_is_shown(redis: Redis) -> None:
    async with Workbench(redis.url).serving() as client:
        assert (await client.get("/openapi.json")).json() == DOCUMENT
    async with Workbench(redis.url, API_KEY="k").serving() as client:
        served = (await client.get("/openapi.json")).json()
    protected = {path for path, methods in served["paths"].items() for one in methods.values() if "security" in one}
    assert protected == {"/ingest", STATUS}
    assert set(served["components"]["securitySchemes"]) == {"bearer", "header"}
