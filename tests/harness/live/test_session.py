"""A session's way to rest: silence counts from the healing of the last fault, and what is read then does not outlive it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from harness import checkers, systems
from harness.checkers import every_accepted_event_is_stored_once
from harness.faults import PostgresCrashes
from harness.history import History, Pair, Post, Read, Rest, Row
from harness.live.injector import Injection, RefusedError
from harness.live.page import Page
from harness.live.session import Session
from harness.worlds.real.world import RealWorld
from harness.worlds.world import FinalState, Stage
from tests.harness.story import Story, of

PAUSE_S = 0.3


class StillWorld:
    """A service in which nothing moves any more: its one event is stored, unless the row has gone."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        claims, must_hold = {"longest_pause_seconds": PAUSE_S}, (every_accepted_event_is_stored_once.to_data(),)
        told = Story(world="real", claims=claims, must_hold=must_hold).posted("a", -5.0, wants_mail=False).stored("a", -4.0)
        self.history = told.history
        self.rows = [Row(pair=of("a"))]
        self.clock = self

    def now(self) -> float:
        return time.monotonic() - self._began

    async def read_status(self, pair: Pair, *, final: bool = False) -> Read:
        read = Read(
            pair=pair, begin_s=self.now(), end_s=self.now(), outcome="ok", http_status=200, status="completed", final=final
        )
        self.history.record(read)
        return read

    async def record_final_state(self) -> FinalState:
        for row in self.rows:
            self.history.record(row)
        return FinalState(rows_read=True)


def session(world: StillWorld) -> Session:
    stage = Stage(system=systems.load("async"), history=world.history, seed=1, plan=(), folder=None)
    return Session(cast(RealWorld, world), stage)


def phase(watched: Session) -> str:
    return watched._phase


async def test_silence_during_a_fault_is_no_rest() -> None:
    world = StillWorld()
    watched = session(world)
    end_s = world.now()
    healed = Injection(index=0, fault=PostgresCrashes(), begin_s=-3.0, lasts_seconds=1.0, phase="over", end_s=end_s)
    watched.injector.injections.append(healed)
    await watched._come_to_rest()
    rest = world.history.rest
    assert rest is not None
    assert rest.quiet
    assert rest.at_s >= end_s + PAUSE_S


async def test_the_next_test_goes_on_without_the_end_of_the_last_but_with_what_clients_saw() -> None:
    world = StillWorld()
    watched = session(world)
    await watched._come_to_rest()
    assert watched.standing.phase == "at rest"
    watched._go_on_from_rest()
    assert not world.history.of(Rest)
    assert not world.history.of(Row)
    assert [read.final for read in world.history.of(Read)] == [True]
    assert len(world.history.of(Post)) == 1


async def test_what_was_lost_at_one_rest_stays_lost_at_the_next_and_in_the_stored_history(tmp_path: Path) -> None:
    world = StillWorld()
    watched = session(world)
    row, world.rows = world.rows, []
    await watched._come_to_rest()
    assert watched.standing.ruling == "violated"
    await watched._rest_or_go_on(is_loading=True)
    world.rows = row
    await watched._come_to_rest()
    assert watched.standing.ruling == "violated"
    (tmp_path / "history.jsonl").write_text("\n".join(world.history.lines()))
    assert checkers.judge(History.load(tmp_path / "history.jsonl")) == list(watched.standing.verdicts)


async def test_a_new_test_ends_the_coming_to_rest() -> None:
    world = StillWorld()
    watched = session(world)
    await watched._rest_or_go_on(is_loading=False)
    resting = watched._resting
    assert resting is not None
    await asyncio.sleep(0)  # it has begun
    assert phase(watched) == "coming to rest"
    await watched._rest_or_go_on(is_loading=True)
    assert resting.cancelled()
    assert phase(watched) == "under load"
    assert world.history.rest is None
    await watched._rest_or_go_on(is_loading=False)
    await asyncio.wait_for(asyncio.shield(cast(asyncio.Task[None], watched._resting)), 60)
    assert phase(watched) == "at rest"


async def test_no_fault_begins_once_the_session_is_ending() -> None:
    world = StillWorld()
    watched = session(world)
    refused: list[str] = []

    class ClosingPage:
        """A page whose reader presses one more button while it closes."""

        async def close(self) -> Iterator[dict[str, Any]]:
            try:
                watched.injector.start("PostgresCrashes", {})
            except RefusedError as error:
                refused.append(str(error))
            return iter(())

    await watched.end(cast(Page, ClosingPage()), at_once=asyncio.Event())
    assert refused == ["The session is ending, so no fault begins any more."]
    assert watched.standing.phase == "at rest"
