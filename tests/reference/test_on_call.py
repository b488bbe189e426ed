"""On call: stuck backlogs, told apart and cleared with metrics, logs and the runbook's commands, and with nothing else.

The exercise of docs/on-call.md is typed as it stands there. Three other causes are found by the runbook's table.
"""

from __future__ import annotations

import asyncio
import json
import re
import shlex
import subprocess
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from reference import connection
from reference.queue import Queue
from tests.reference.exercise import EVENTS, stuck_backlog
from tests.reference.processes import all_are, configure, post_all
from tests.reference.series import Series, series, value
from tests.reference.servers import Postgres, Redis, SendGrid, Service, eventually, free_port

DOCS = Path(__file__).resolve().parents[2] / "docs"
RUNBOOK = (DOCS / "runbook.md").read_text()
EXERCISE = (DOCS / "on-call.md").read_text().split("\n## Which place?")[1]
IDS = [f"e{n:02}" for n in range(30)]
LOOKS = ("curl -s $API/metrics | grep", "curl -s $WORKER/metrics | grep", "grep credentials worker.log |", "python -m reference ")
MENDS = ("sed -i 's/^SENDGRID_API_KEY=", "kill $(cat worker.pid)")
NUMBER = re.compile(r"\d[\d.:TZ+e-]*")
PATIENCE_SECONDS = 90.0


# --- the exercise


@dataclass(frozen=True)
class Step:
    """A command and what the page says it prints; nothing is printed by what mends."""

    command: str
    shown: list[str]


def steps() -> list[Step]:
    blocks = re.findall(r"```console\n(.*?)```", EXERCISE, re.DOTALL)
    said = [part.strip().split("\n") for block in blocks for part in re.split(r"^\$ ", block, flags=re.MULTILINE) if part]
    return [Step(command, shown) for command, *shown in said]


def shape(lines: list[str]) -> list[str]:
    """The lines with 1 for every figure that is not 0."""
    return [NUMBER.sub(lambda found: "0" if set(found[0]) <= set("0.") else "1", line) for line in lines]


async def typed(command: str, folder: Path) -> tuple[int, list[str]]:
    """What a shell with the exercise's environment answers: exit code and output."""
    whole = f"set -a; . ./environment; set +a; {command}"
    process = await asyncio.create_subprocess_exec("bash", "-c", whole, cwd=folder, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode().strip().split("\n")


async def do(step: Step, folder: Path) -> None:
    """What mends is done once; a look is repeated until it shows what the page shows."""
    if not step.shown:
        code, _ = await typed(step.command, folder)
        assert code == 0, step.command
        return
    seen: list[str] = []

    async def is_shown() -> bool:
        seen[:] = (await typed(step.command, folder))[1]
        return shape(seen) == shape(step.shown)

    try:
        await eventually(is_shown, within_seconds=PATIENCE_SECONDS)
    except AssertionError:
        pytest.fail(f"{step.command}\nprinted\n{chr(10).join(seen)}\nand never anything like\n{chr(10).join(step.shown)}")


@pytest.fixture
async def exercise(tmp_path: Path) -> AsyncIterator[Path]:
    """The folder of the exercise, under way."""
    folder = tmp_path / "on-call"
    folder.mkdir()
    async with stuck_backlog(folder):
        yield folder


async def test_the_exercise_goes_as_it_is_told(exercise: Path) -> None:
    for step in steps():
        await do(step, exercise)


def test_it_uses_metrics_logs_and_the_runbooks_commands_alone() -> None:
    told = steps()
    assert [step.command for step in told if not step.command.startswith(LOOKS + MENDS)] == []
    assert {bool(step.shown) for step in told if step.command.startswith(LOOKS)} == {True}
    ours = {step.command.partition(" |")[0] for step in told if step.command.startswith(("python", "curl"))}
    assert len(ours) > 3
    assert [command for command in ours if command not in RUNBOOK] == []
    assert "SENDGRID_API_KEY`, restart the workers" in RUNBOOK


def test_a_figure_may_differ_and_a_nought_may_not() -> None:
    assert shape(["parked 1099.0, at 2026-11-26T04:21:33.916Z"]) == shape(["parked 3, at 2026-11-26T05:00:00.001Z"])
    assert shape(["parked 0.0"]) != shape(["parked 1.0"])
    assert {step.command for step in steps() if str(EVENTS) in " ".join(step.shown)}  # the page knows how many there are


# --- other causes


@dataclass(frozen=True)
class Seat:
    """Where somebody on call sits: two pages of metrics, the worker's log, and the service's commands."""

    service: Service
    client: httpx.AsyncClient
    api: str
    worker_port: int
    logs: Path

    def start_worker(self) -> subprocess.Popen[bytes]:
        """What a supervisor would do."""
        return self.service.worker(port=self.worker_port)

    async def queue(self) -> Series:
        """The API's page of metrics."""
        return series((await self.client.get(f"{self.api}/metrics")).text)

    async def worker(self) -> Series:
        """The worker's; empty where nobody answers."""
        try:
            return series((await self.client.get(f"http://127.0.0.1:{self.worker_port}/metrics")).text)
        except httpx.TransportError:
            return {}

    async def leads_to(self) -> str:
        """Where the runbook's table leads."""
        queue = await self.queue()
        assert value(queue, "ingest_queue_up") == 1
        waiting = {place: value(queue, "ingest_queue_entries", place=place) or 0 for place in ("stream", "delayed", "parked")}
        place = max(waiting, key=lambda place: waiting[place])
        if place == "stream":
            return "Stuck backlog" if value(await self.worker(), "ingest_in_flight") else "A7WorkerDown"
        return {"parked": "SendGrid is down", "delayed": "Postgres is down"}[place]

    def said(self, message: str) -> list[dict[str, str]]:
        """The worker's log lines that begin so."""
        lines = map(json.loads, (self.logs / "worker.log").read_text().splitlines())
        return [line for line in lines if line["message"].startswith(message)]

    async def is_cleared(self) -> bool:
        """Whether the backlog is gone by the runbook's signs."""
        exit_codes = [
            await asyncio.to_thread(self.service.run(*words).wait)
            for words in (("drain", "--within", "60"), ("dead-letters", "list"))
        ]
        queue = await self.queue()
        figures = ("ingest_queue_depth", "ingest_oldest_age_seconds", "ingest_dead_letters")
        return exit_codes == [0, 0] and [value(queue, name) for name in figures] == [0, 0, 0]


@pytest.fixture
def take_seat(
    service: Service, redis: Redis, sendgrid: SendGrid, client: httpx.AsyncClient, tmp_path: Path
) -> Callable[[Postgres], Seat]:
    """Starts an API on this Postgres, no worker yet; a breaker opens soon."""

    def take(postgres: Postgres) -> Seat:
        configure(service, postgres=postgres, sendgrid=sendgrid, redis=redis)
        service.env["BREAKER_FAILURES"] = "3"
        service.logs = tmp_path
        assert service.run("migrate").wait() == 0
        return Seat(service, client, service.api(), free_port(), tmp_path)

    return take


async def test_no_worker_works(take_seat: Callable[[Postgres], Seat], postgres: Postgres) -> None:
    seat = take_seat(postgres)
    worker = seat.start_worker()
    await eventually(seat.worker)
    worker.kill()
    worker.wait()  # else it might take one more
    told_before = seat.said("")
    await post_all(seat.client, seat.api, IDS)
    assert (await seat.leads_to(), await seat.worker(), seat.said("")) == ("A7WorkerDown", {}, told_before)
    seat.start_worker()
    assert await seat.is_cleared()
    assert await all_are(seat.client, seat.api, ids=IDS)


async def test_mail_does_not_go_out(take_seat: Callable[[Postgres], Seat], postgres: Postgres, sendgrid: SendGrid) -> None:
    seat = take_seat(postgres)
    sendgrid.answer = lambda mail: (503, {})
    seat.start_worker()
    await post_all(seat.client, seat.api, IDS)

    async def is_found() -> bool:
        worker = await seat.worker()
        tried = value(worker, "ingest_mails_total", outcome="transient")
        return bool(tried and await seat.leads_to() == "SendGrid is down" and value(worker, "ingest_breaker_state", state="open"))

    await eventually(is_found)
    assert "503" in seat.said("a mail was not sent")[0]["reason"]
    sendgrid.answer = lambda mail: (202, {})  # and nobody does anything
    assert await seat.is_cleared()
    assert await all_are(seat.client, seat.api, ids=IDS)


async def test_rows_cannot_be_written(take_seat: Callable[[Postgres], Seat], own_postgres: Postgres) -> None:
    seat = take_seat(own_postgres)
    seat.start_worker()
    await eventually(seat.worker)
    own_postgres.kill()
    answers = await post_all(seat.client, seat.api, IDS)
    assert {answer.status_code for answer in answers} == {202}

    async def is_found() -> bool:
        return await seat.leads_to() == "Postgres is down" and bool(seat.said("the event store is unavailable"))

    await eventually(is_found)
    assert value(await seat.worker(), "ingest_breaker_state", state="closed") == 1
    own_postgres.start()
    assert await seat.is_cleared()
    assert await all_are(seat.client, seat.api, ids=IDS)


# --- the runbook


def test_the_table_leads_there() -> None:
    table = RUNBOOK.split("## What to do")[0]
    for heading in ("SendGrid is down", "Postgres is down", "Stuck backlog", "A7WorkerDown"):
        assert f"](#{heading.lower().replace(' ', '-')})" in table


async def test_every_redis_command_is_one_the_server_knows(own_redis: Redis) -> None:
    client = connection.connect(own_redis.url, timeout_seconds=2, connect_timeout_seconds=1)
    await Queue(client, consumer="one", window_seconds=60).create_group()
    asked = [shlex.split(line) for line in re.findall(r"redis-cli ([a-z][^|`#\n]*)", RUNBOOK)]
    assert len(asked) > 5
    for words in asked:
        await connection.call(client, *words)
    await client.aclose()
