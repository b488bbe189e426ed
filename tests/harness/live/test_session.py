"""A session's way to rest: silence counts from the healing of the last fault, and what is read then does not outlive it."""

from __future__ import annotations

import time
from typing import cast

from harness import systems
from harness.faults import PostgresCrashes
from harness.history import Pair, Post, Read, Rest, Row
from harness.live.injector import Injection
from harness.live.session import Session
from harness.worlds.real.world import RealWorld
from harness.worlds.world import Stage
from tests.harness.story import Story, of

PAUSE_S = 0.3


class StillWorld:
    """A service in which nothing moves any more: its one event is stored."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        claims = {"longest_pause_seconds": PAUSE_S}
        self.history = Story(world="real", claims=claims).posted("a", -5.0, wants_mail=False).stored("a", -4.0).history
        self.clock = self

    def now(self) -> float:
        return time.monotonic() - self._began

    async def read_status(self, pair: Pair, *, final: bool = False) -> Read:
        read = Read(
            pair=pair, begin_s=self.now(), end_s=self.now(), outcome="ok", http_status=200, status="completed", final=final
        )
        self.history.record(read)
        return read

    async def record_final_state(self) -> bool:
        self.history.record(Row(pair=of("a")))
        return True


def session(world: StillWorld) -> Session:
    stage = Stage(system=systems.load("async"), history=world.history, seed=1, plan=(), folder=None)
    return Session(cast(RealWorld, world), stage)


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
