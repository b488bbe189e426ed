"""The optional API key: who is let in, who is not, and that the harness shows the key its system file names."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from harness.runner import Order, execute
from harness.systems import BUILT_IN
from harness.verdict import Ruling
from reference.api_key import ApiKey
from reference.problem import ProblemError
from reference.settings import BadSettingsError
from tests.reference.servers import Redis
from tests.reference.workbench import Workbench, event, is_problem

KEY = "k3y-of-the-test"
WITH_KEY = [{"Authorization": f"Bearer {KEY}"}, {"authorization": f"bearer  {KEY} "}, {"X-API-Key": KEY}]
WITHOUT_KEY = [
    {},
    {"Authorization": KEY},
    {"Authorization": f"Basic {KEY}"},
    {"Authorization": "Bearer"},
    {"Authorization": f"Bearer {KEY}x"},
    {"Authorization": f"Bearer {KEY[:-1]}"},
    {"X-API-Key": ""},
    {"X-API-Key": "\xe9"},
]


@pytest.fixture
async def api(redis: Redis) -> AsyncIterator[httpx.AsyncClient]:
    async with Workbench(redis.url, API_KEY=KEY).serving() as client:
        yield client


@pytest.mark.parametrize("headers", WITH_KEY, ids=str)
async def test_who_shows_the_key_is_let_in(api: httpx.AsyncClient, headers: dict[str, str]) -> None:
    assert (await api.post("/ingest", json=event(), headers=headers)).status_code == 202
    assert (await api.get("/ingest/e1/status", headers=headers)).status_code == 200


@pytest.mark.parametrize("headers", WITHOUT_KEY, ids=str)
async def test_who_does_not_is_told_how(api: httpx.AsyncClient, headers: dict[str, str]) -> None:
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    for answer in (await api.post("/ingest", json=event(), headers=raw), await api.get("/ingest/e1/status", headers=raw)):
        assert is_problem(answer, 401)
        assert answer.json()["type"] == "urn:ingest:problem:unauthorised"
        assert answer.headers["www-authenticate"].startswith('Bearer realm="ingest"')
        assert KEY not in answer.text
    assert (await api.get("/ingest/e1/status", headers=WITH_KEY[0])).status_code == 404, "nothing was taken"


async def test_nothing_is_read_before_the_key_was_seen(api: httpx.AsyncClient) -> None:
    for body in (b"{", b" " * 300_000):
        assert is_problem(await api.post("/ingest", content=body), 401)


async def test_probes_and_the_document_need_no_key(api: httpx.AsyncClient) -> None:
    for path in ("/healthz", "/readyz", "/openapi.json"):
        assert (await api.get(path)).status_code == 200


async def test_without_a_setting_nobody_needs_a_key(redis: Redis) -> None:
    async with Workbench(redis.url).serving() as api:
        assert (await api.post("/ingest", json=event())).status_code == 202
        assert (await api.post("/ingest", json=event(), headers={"X-API-Key": "any"})).status_code == 200


def test_the_key_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return one == other

    monkeypatch.setattr("hmac.compare_digest", compare)
    for shown in (b"x", b"x" * 1000):
        with pytest.raises(ProblemError):
            ApiKey(KEY).check({b"x-api-key": shown})
    assert [(len(one), len(other)) for one, other in compared] == [(32, 32)] * 2, "whatever is shown, one length"


@pytest.mark.parametrize("key", ["two words", "line\nbreak", "schl\xfcssel"])
def test_a_key_no_header_can_carry_is_a_bad_setting_and_is_not_printed(key: str) -> None:
    with pytest.raises(BadSettingsError) as error:
        Workbench("redis://x", API_KEY=key).given()
    assert "API_KEY" in str(error.value)
    assert key not in str(error.value)


def keyed_system(folder: Path, *, headers: str) -> str:
    """`async` with an API key, and the headers its clients send."""
    text = (BUILT_IN / "async.toml").read_text()
    text = text.replace("[env]\n", f'[env]\nAPI_KEY = "{KEY}"\n', 1).replace("[api]\n", f"[api]\nheaders = {headers}\n", 1)
    path = folder / "keyed.toml"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize("name", ["Authorization", "X-API-Key"])
def test_the_harness_shows_the_key_of_the_system_file(tmp_path: Path, name: str) -> None:
    value = f"Bearer {KEY}" if name == "Authorization" else KEY
    system = keyed_system(tmp_path, headers=f'{{ {name} = "{value}" }}')
    assert execute(Order(scenario="baseline", system=system, world="simulated", seed=1), None).execution.ruling is Ruling.HELD


def test_without_it_every_event_is_refused_and_nothing_holds(tmp_path: Path) -> None:
    system = keyed_system(tmp_path, headers="{}")
    execution = execute(Order(scenario="baseline", system=system, world="simulated", seed=1), None).execution
    assert execution.ruling is not Ruling.HELD
    assert execution.counts["accepted"] == 0
