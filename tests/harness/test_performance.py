"""Coming to rest: a status that somebody sees for the first time while the harness looks is news, and no rest."""

from __future__ import annotations

import time
from typing import cast

from harness.client import Course
from harness.history import Pair, Read
from harness.performance import RunningSystem, come_to_rest
from harness.worlds.world import FinalState
from tests.harness.story import Story, of

PAUSE_S = 0.2


class LateReader:
    """A service with one unfinished event; while its status is looked at, a client reads another's for the first time."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self.history = Story(world="real", claims={"longest_pause_seconds": PAUSE_S}).posted("a", -5.0).history
        self.clock = self
        self.read_at_s: float | None = None
        self._note("a", at_s=-4.0)

    def now(self) -> float:
        return time.monotonic() - self._began

    def _note(self, name: str, *, at_s: float) -> Read:
        pair = of(name)
        read = Read(pair=pair, begin_s=at_s, end_s=at_s, outcome="ok", http_status=200, status="pending", final=False)
        self.history.record(read)
        return read

    async def read_status(self, pair: Pair, *, final: bool = False) -> Read:
        if self.read_at_s is None:
            self.read_at_s = self.now()
            self._note("b", at_s=self.read_at_s)
        return self._note(pair.id, at_s=self.now())

    async def record_final_state(self) -> FinalState:
        return FinalState(rows_read=True)


async def test_a_first_look_by_a_client_is_news() -> None:
    world = LateReader()
    rest = await come_to_rest(cast(RunningSystem, world), Course(), settles_within_s=5)
    assert rest.quiet
    assert world.read_at_s is not None
    assert rest.at_s >= world.read_at_s + PAUSE_S
