"""The stub beside the service: a probe that fails is a very slow one, and the watching goes on."""

from __future__ import annotations

import asyncio

from harness.worlds.real import stub
from harness.worlds.real.clients import Clients
from harness.worlds.real.journal import WallClock
from harness.worlds.real.ports import Ports
from tests.harness.worlds.real.waiting import until


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
    clients = Clients(None, {}, headers={}, clock=WallClock())  # type: ignore[arg-type]  # no service is asked
    assert await clients.ask_stub(ports.draw()) is False
