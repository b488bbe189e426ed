"""The stub beside the service: a probe that fails is a very slow one, the watching goes on, and it waits for the disk."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from harness.worlds.real import http, stub
from harness.worlds.real.clients import Clients
from harness.worlds.real.journal import WallClock
from harness.worlds.real.ports import Ports
from harness.worlds.real.processes import Guard
from harness.worlds.real.stack import start_stub
from tests.harness.worlds.real.waiting import until


def clients() -> Clients:
    return Clients(None, {}, headers={}, clock=WallClock())  # type: ignore[arg-type]  # no service is asked


@asynccontextmanager
async def listening(file: int) -> AsyncIterator[int]:
    """The stub in this process; its port."""
    server = await asyncio.get_running_loop().create_server(lambda: stub.Endpoint(file), "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def post(port: int, path: str) -> int:
    return (await http.ask(port, http.request("POST", path, headers={}, body=b"{}"), b"{}", within_s=5.0)).status


async def test_a_failed_probe_counts_as_slow_and_is_not_the_last() -> None:
    answers = [True, False, True]
    latencies: list[float] = []

    async def ask() -> bool:
        return answers.pop(0) if answers else True

    watching = asyncio.create_task(stub.watch(ask, latencies.append))
    await until(lambda: len(latencies) >= 4 or watching.done())
    watching.cancel()
    assert latencies[1] == stub.TIMES_OUT_AFTER_S
    assert max(latencies[0], latencies[2], latencies[3]) < stub.TIMES_OUT_AFTER_S


async def test_asking_a_stub_that_is_gone_does_not_raise(ports: Ports) -> None:
    assert await clients().ask_stub(ports.draw()) is False


async def test_a_probe_is_answered_once_a_little_lies_on_the_disk(guard: Guard, ports: Ports) -> None:
    port = ports.draw()
    await start_stub(guard, port)
    assert await clients().ask_stub(port)
    assert await clients().ask_stub(port)
    assert (guard.folder / "stub.disk").read_bytes() == stub.RECORD * 2, "it grows: the file system's journal is waited for too"
    assert await post(port, "/ingest") == 202
    assert (guard.folder / "stub.disk").stat().st_size == 2 * len(stub.RECORD), "a load run's own requests do not"


async def test_a_disk_that_hangs_holds_up_the_probe_and_nobody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    goes_on = asyncio.Event()
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(stub, "append_and_sync", lambda _: asyncio.run_coroutine_threadsafe(goes_on.wait(), loop).result())
    async with listening(-1) as port:
        probe = asyncio.create_task(post(port, stub.DISK))
        assert [await post(port, "/ingest") for _ in range(3)] == [202] * 3
        assert not probe.done()
        goes_on.set()
        assert await probe == 202


async def test_a_disk_that_cannot_be_written_to_gives_no_answer(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    file = os.open(tmp_path / "file", os.O_RDONLY)
    async with listening(file) as port:
        assert await clients().ask_stub(port) is False
    os.close(file)
