"""The simulated database: atomic, durable, and in doubt where a real one leaves doubt."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import pytest

from harness.worlds.simulated.network import Condition, SimulatedNetwork
from harness.worlds.simulated.postgres import PostgresServer, Session, Tables
from harness.worlds.simulated.time import running_loop, simulate

Story = Callable[[PostgresServer, Session], Awaitable[Any]]


def played(story: Story, *, seed: int = 1) -> Any:
    async def main() -> Any:
        network = SimulatedNetwork(running_loop(), Random(f"{seed}:network"))
        server = PostgresServer(network)
        return await story(server, server.session(network.outsider))

    return simulate(main, seed=seed)


def insert(key: int) -> Callable[[Tables], list[int]]:
    def work(tables: Tables) -> list[int]:
        tables.setdefault("t", {})[key] = {"id": key}
        return sorted(tables["t"])

    return work


def test_a_transaction_that_raises_leaves_nothing() -> None:
    async def story(server: PostgresServer, session: Session) -> Any:
        await session.transact(insert(1), timeout=1)

        def break_off(tables: Tables) -> None:
            tables["t"][1]["id"] = 99
            tables["t"][2] = {}
            raise ValueError("unique violation")

        with pytest.raises(ValueError, match="unique"):
            await session.transact(break_off, timeout=1)
        return server.tables

    assert played(story) == {"t": {1: {"id": 1}}}


def test_what_a_client_got_is_its_own_copy() -> None:
    async def story(server: PostgresServer, session: Session) -> Any:
        await session.transact(insert(1), timeout=1)
        row = await session.transact(lambda tables: tables["t"][1], timeout=1)
        row["id"] = 99
        return server.tables["t"][1]["id"]

    assert played(story) == 1


def test_concurrent_transactions_each_see_the_one_before() -> None:
    async def story(server: PostgresServer, session: Session) -> Any:
        answers = await asyncio.gather(*(session.transact(insert(key), timeout=1) for key in range(10)))
        return sorted(len(answer) for answer in answers)

    assert played(story) == list(range(1, 11))


def test_a_crash_keeps_what_was_answered_and_leaves_the_rest_in_doubt() -> None:
    async def story(server: PostgresServer, session: Session) -> Any:
        await session.transact(insert(1), timeout=1)
        pending = [asyncio.create_task(session.transact(insert(key), timeout=1)) for key in (2, 3, 4, 5)]
        await asyncio.sleep(0.0006)
        server.crash()
        outcomes = await asyncio.gather(*pending, return_exceptions=True)
        with pytest.raises(ConnectionRefusedError):
            await session.transact(insert(6), timeout=1)
        server.start()
        stored = await session.transact(lambda tables: sorted(tables["t"]), timeout=1)
        unheard = [key for key, outcome in zip((2, 3, 4, 5), outcomes, strict=True) if isinstance(outcome, ConnectionError)]
        return stored, unheard

    seen = [played(story, seed=seed) for seed in range(20)]
    assert all(1 in stored and 6 not in stored for stored, _ in seen)
    doubtful = [(key in stored) for stored, unheard in seen for key in unheard]
    assert set(doubtful) == {True, False}
    assert all(key in stored for stored, unheard in seen for key in {2, 3, 4, 5} - set(unheard))


def test_the_client_s_deadline_is_kept() -> None:
    async def story(server: PostgresServer, session: Session) -> Any:
        server.station.freeze()
        began = running_loop().time()
        with pytest.raises(TimeoutError):
            await session.transact(insert(1), timeout=0.5)
        waited = running_loop().time() - began
        server.station.thaw()
        await asyncio.sleep(0.1)
        return waited, 1 in server.tables["t"]

    assert played(story) == (0.5, True)


def test_lost_replies_leave_the_transaction_committed() -> None:
    async def story(server: PostgresServer, session: Session) -> Any:
        mute = Condition("lose-reply")
        server.station.conditions.append(mute)
        outcome = await asyncio.gather(session.transact(insert(1), timeout=0.5), return_exceptions=True)
        server.station.heal(mute)
        return isinstance(outcome[0], (ConnectionError, TimeoutError)), server.tables

    assert [played(story, seed=seed) for seed in range(4)] == [(True, {"t": {1: {"id": 1}}})] * 4
