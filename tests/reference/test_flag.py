"""The flag: who goes where, who follows it, what happens when it cannot be read, and the commands that turn it."""

from __future__ import annotations

import asyncio
from functools import partial
from random import Random
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis as Client
from redis.exceptions import ConnectionError as RedisConnectionError

from reference import commands, connection, flag
from reference.__main__ import _parser
from reference.connection import FLAG
from reference.events import Pair
from reference.flag import Flag, side_of
from reference.memory import MemoryStore
from reference.settings import Settings
from tests.reference.processes import configure, status_of, stored
from tests.reference.processes import event as posted
from tests.reference.servers import Postgres, Redis, SendGrid, Service, eventually
from tests.reference.workbench import NOWHERE, Database, Workbench, event, is_problem


class Markers:
    """Takes ``takes_seconds`` to catch up, or raises ``error``."""

    def __init__(self) -> None:
        self.takes_seconds = 0.0
        self.error: Exception | None = None

    async def catch_up(self) -> None:
        await asyncio.sleep(self.takes_seconds)
        if self.error:
            raise self.error

    def note_back(self) -> None:
        pass


@pytest.fixture
def markers() -> Any:
    """Markers nobody has to write."""
    return Markers()


def made(client: Client | None, markers: Any, *, default_percent: int = 100) -> Flag:
    return Flag(client, markers, default_percent=default_percent, random=Random(1))


async def seen(known: Flag) -> int:
    await known.look()
    return known.percent


async def test_an_override_holds_until_it_is_cleared(redis_client: Client, markers: Any) -> None:
    known = made(redis_client, markers)
    assert await seen(known) == 100
    for percent in (0, 37, 100):
        await flag.write(redis_client, percent)
        assert await seen(known) == percent
    await flag.write(redis_client, 5)
    await flag.write(redis_client, None)
    assert await seen(known) == 100
    assert await seen(made(redis_client, markers, default_percent=0)) == 0


@pytest.mark.parametrize("rubbish", ["", "on", "101", "-1", "5.5", "0000", "٣", b"\xff"])
async def test_what_is_no_percentage_leaves_the_last_value(redis_client: Client, markers: Any, rubbish: str | bytes) -> None:
    known = made(redis_client, markers)
    await flag.write(redis_client, 40)
    await known.look()
    await redis_client.set(FLAG, rubbish)
    assert await seen(known) == 40
    await redis_client.hset(FLAG + "2", "a", "b")
    await redis_client.rename(FLAG + "2", FLAG)
    assert await seen(known) == 40, "not even text"
    await flag.write(redis_client, 30)
    assert await seen(known) == 30, "and it is followed again"


async def test_an_unreadable_flag_leaves_the_last_value_and_at_the_start_the_environments(
    redis_client: Client, markers: Any
) -> None:
    known = made(redis_client, markers)
    await flag.write(redis_client, 40)
    await known.look()
    known._redis = connection.connect(NOWHERE, timeout_seconds=0.2, connect_timeout_seconds=0.2)
    assert await seen(known) == 40
    for default in (0, 100):
        nobody = connection.connect(NOWHERE, timeout_seconds=0.2, connect_timeout_seconds=0.2)
        assert await seen(made(nobody, markers, default_percent=default)) == default


async def test_what_redis_missed_is_written_before_more_goes_to_the_queue(redis_client: Client, markers: Any) -> None:
    known = made(redis_client, markers, default_percent=50)
    shares_meanwhile = list[int]()

    async def catch_up() -> None:
        shares_meanwhile.append(known.percent)

    markers.catch_up = catch_up
    for percent in (50, 20, 30, 30, 100, 0):
        await flag.write(redis_client, percent)
        assert await seen(known) == percent
    assert shares_meanwhile == [20, 30], "before 30 and before 100, and at no other time"


async def test_a_flag_rises_although_redis_cannot_be_told_what_it_missed(
    redis_client: Client, markers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flag, "_CATCHES_UP_WITHIN_SECONDS", 0.05)
    known = made(redis_client, markers, default_percent=0)
    await flag.write(redis_client, 10)
    markers.error = RedisConnectionError("away")
    assert await seen(known) == 10
    await flag.write(redis_client, 20)
    markers.error, markers.takes_seconds = None, 60.0
    assert await asyncio.wait_for(seen(known), 10) == 20


def test_a_pair_has_one_side_for_ever_and_a_larger_share_moves_nobody_back() -> None:
    pairs = [Pair("a5", f"evt_{number}") for number in range(2000)]
    assert [side_of(pair) for pair in pairs[:4]] == [side_of(Pair("a5", f"evt_{number}")) for number in range(4)]
    assert (side_of(Pair("a5", "evt_1")), side_of(Pair("a:b", "c")), side_of(Pair("a", "b:c"))) == SIDES
    known = made(None, None)
    queued: set[Pair] = set()
    for percent in (0, 1, 25, 50, 99, 100):
        known.percent = percent
        now = {pair for pair in pairs if known.is_for_queue(pair)}
        assert queued <= now
        assert abs(len(now) / len(pairs) - percent / 100) < 0.03
        queued = now


SIDES = (56, 87, 82)  # never to change: who was on one path would be on the other


async def test_every_process_follows_a_flag_that_is_turned(redis: Redis, redis_client: Client) -> None:
    apps = [Workbench(redis.url).app() for _ in range(2)]

    def all_follow(percent: int) -> bool:
        return {app.state.parts.flag.percent for app in apps} == {percent}

    async with apps[0].router.lifespan_context(apps[0]), apps[1].router.lifespan_context(apps[1]):
        for percent in (0, 60, 100):
            await flag.write(redis_client, percent)
            await eventually(partial(all_follow, percent))
    assert all(chore.done() for app in apps for chore in app.state.parts.chores), "nobody looks any more"


async def test_a_process_knows_the_flag_before_its_first_request(redis: Redis, redis_client: Client) -> None:
    await flag.write(redis_client, 0)
    app = Workbench(redis.url).app()
    async with app.router.lifespan_context(app):
        assert app.state.parts.flag.percent == 0


async def test_the_share_goes_to_the_queue_and_a_retry_stays_where_it_was(redis: Redis, redis_client: Client) -> None:
    app = Workbench(redis.url).app()
    await flag.write(redis_client, 50)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as api,
    ):
        bodies = [event(f"e{number}") for number in range(40)]
        answers = [(await api.post("/ingest", json=body)).json()["status"] for body in bodies]
        again = [(await api.post("/ingest", json=body)).json() for body in bodies]
    assert answers == ["accepted" if side_of(Pair("a5", f"e{number}")) < 50 else "processed" for number in range(40)]
    assert set(answers) == {"accepted", "processed"}
    assert {answer["status"] for answer in again} == {"duplicate"}


@pytest.mark.parametrize(("default", "ready"), [("true", 503), ("false", 200)])
async def test_a_process_needs_redis_only_for_what_goes_to_the_queue(default: str, ready: int) -> None:
    async with Workbench(NOWHERE, ASYNC_INGESTION=default).serving() as api:
        answer = await api.get("/readyz")
        assert is_problem(answer, 503) if ready == 503 else answer.status_code == 200


# --- the commands


@pytest.fixture
def tools(redis_client: Client) -> commands.Tools:
    """What a command works with."""
    return commands.Tools(Settings.of({"DATABASE_URL": "x", "REDIS_URL": "redis://x"}), redis_client, MemoryStore(Database()))


async def run(tools: commands.Tools, *words: str) -> int:
    return await commands.perform(_parser().parse_args(["flag", *words]), tools)


async def test_the_commands_turn_the_flag_and_say_what_holds(
    tools: commands.Tools, redis_client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    said = []
    for words in (["show"], ["set", "25"], ["show"], ["clear"], ["clear"]):
        assert await run(tools, *words) == 0
        said.append(capsys.readouterr().out.strip())
    default = "100 % of the identities go to the queue (no override; ASYNC_INGESTION here is True)"
    override = "25 % of the identities go to the queue (override)"
    follows = "; every API process follows within a second"
    assert said == [default, override + follows, override, default + follows, default + follows]
    assert await redis_client.get(FLAG) is None


async def test_a_flag_nobody_can_read_is_told(
    tools: commands.Tools, redis_client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    await redis_client.set(FLAG, "on")
    assert await run(tools, "show") == 1
    assert "`flag set` or `flag clear` mends it" in capsys.readouterr().err
    assert await run(tools, "set", "100") == 0


@pytest.mark.parametrize("percent", ["101", "-1", "on", "5.5", ""])
def test_what_is_no_percentage_is_wrong_usage(percent: str) -> None:
    with pytest.raises(SystemExit) as end:
        _parser().parse_args(["flag", "set", percent])
    assert end.value.code == 2


@pytest.mark.parametrize(("url", "code"), [("", 2), (NOWHERE, 1)])
@pytest.mark.parametrize("words", [["show"], ["set", "0"], ["clear"]], ids=str)
async def test_without_redis_no_flag_can_be_turned(
    url: str, code: int, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    env = {"DATABASE_URL": "x", "ASYNC_INGESTION": "false", "REDIS_URL": url}
    assert await commands.run(_parser().parse_args(["flag", *words]), Settings.of(env)) == code
    assert "REDIS_URL" in capsys.readouterr().err


# --- as processes


@pytest.mark.parametrize("words", [("flag", "set", "0"), ("drain", "--within", "0"), ("migrate",)], ids=" ".join)
def test_a_command_works_whatever_is_set_for_tracing(
    service: Service, redis: Redis, postgres: Postgres, words: tuple[str, ...]
) -> None:
    traced = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
    service.env = {"REDIS_URL": redis.url, "DATABASE_URL": postgres.url, **traced}
    assert service.run(*words).wait() != 2
    assert service.run("worker").wait() == 2, "who traces says what it cannot speak"


async def test_a_rollback_with_a_backlog_and_back(
    service: Service, redis: Redis, postgres: Postgres, sendgrid: SendGrid, redis_client: Client
) -> None:
    configure(service, postgres=postgres, sendgrid=sendgrid, redis=redis)
    urls = [service.api(), service.api()]
    async with httpx.AsyncClient(timeout=15, trust_env=False) as http:

        async def post(event_id: str) -> set[str]:
            answers = [await http.post(f"{url}/ingest", json=posted(event_id)) for url in urls]
            return {str(answer.json()["status"]) for answer in answers}

        names = iter(range(1000))

        async def is_followed(word: str) -> bool:
            return all([await post(f"{word}-{next(names)}") == {word, "duplicate"} for _ in range(2)])

        assert await post("backlog") == {"accepted", "duplicate"}
        assert service.run("flag", "set", "0").wait() == 0
        await eventually(lambda: is_followed("processed"))
        assert await post("backlog") == {"duplicate"}
        assert service.run("drain", "--within", "0").wait() == 1, "no worker has begun yet"
        service.worker()
        assert await asyncio.to_thread(service.run("drain", "--within", "20").wait) == 0
        assert await status_of(http, urls[0], "backlog") == "completed"
        assert service.run("flag", "clear").wait() == 0
        await eventually(lambda: is_followed("accepted"))
    assert len(sendgrid.taken()) == len(set(sendgrid.taken()))


async def test_a_redeploy_goes_on_without_redis(
    service: Service, own_redis: Redis, postgres: Postgres, sendgrid: SendGrid
) -> None:
    """Where Redis is what failed no flag can be turned; ASYNC_INGESTION=false can. What was accepted is finished later."""
    configure(service, postgres=postgres, sendgrid=sendgrid, redis=own_redis)
    first = service.api()
    async with httpx.AsyncClient(timeout=15, trust_env=False) as http:
        assert (await http.post(f"{first}/ingest", json=posted("before"))).status_code == 202
        own_redis.kill()
        assert service.run("flag", "set", "0").wait() == 1
        service.env["ASYNC_INGESTION"] = "false"
        second = service.api()
        assert (await http.get(f"{second}/readyz")).status_code == 200
        assert (await http.post(f"{second}/ingest", json=posted("during"))).json()["status"] == "processed"
        assert await status_of(http, second, "during") == "completed"
        own_redis.start()
        service.worker()

        async def is_done(name: str) -> bool:
            return await status_of(http, second, name) == "completed"

        await eventually(lambda: is_done("before"), within_seconds=20)

        async def is_known_to_redis() -> bool:
            return await stored(postgres, where="NOT marked") == []

        await eventually(is_known_to_redis)
        service.env["ASYNC_INGESTION"] = "true"
        third = service.api()
        assert (await http.post(f"{third}/ingest", json=posted("during"))).json()["current_status"] == "completed"
    assert sorted(sendgrid.taken()) == ["before", "during"]
