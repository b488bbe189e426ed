"""What happens in a running world: traffic and faults at their times, until everything has come to rest; then the final reads.

`perform` is read from top to bottom. What clients do stands in `client.py`; what a world can do in `worlds/world.py`.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterable, Sequence
from typing import Protocol

from harness.client import FINAL_STATUSES, Course, serve_submission
from harness.faults import At, Planned
from harness.history import Call, History, Pair, Post, Read, Rest, Stored
from harness.scenario import Scenario
from harness.worlds.world import Clock, FinalState, World

TRIGGER_PATIENCE_SECONDS = 5.0  # how long after the last submission a trigger may still be met
READS_AT_ONCE = 8


async def perform(wanted: Scenario, world: World, *, plan: Sequence[Planned], thinned: bool) -> None:
    """Run traffic and faults in `world`, wait until it has come to rest, and record the final state."""
    submissions = wanted.submissions(seed=world.history.header.seed, thinned=thinned)
    traffic_ends_s = max((submission.at_s for submission in submissions), default=0.0)
    course = Course()
    world.begin()
    clients = [asyncio.create_task(serve_submission(world, submission, course)) for submission in submissions]
    hurting = [
        asyncio.create_task(_suffer(world, planned, course, index=index, give_up_s=traffic_ends_s + TRIGGER_PATIENCE_SECONDS))
        for index, planned in enumerate(plan)
    ]
    try:
        await asyncio.gather(*hurting, _until(world, traffic_ends_s))
        rest = await come_to_rest(world, course, settles_within_s=wanted.settles_within_seconds)
    finally:
        await _stop([*hurting, *clients])
    await read_final_state(world, list(dict.fromkeys(submission.event.pair for submission in submissions)), rest)


async def _suffer(world: World, planned: Planned, course: Course, *, index: int, give_up_s: float) -> None:
    """Wait for the trigger, hurt, heal. A trigger nobody meets leaves no `Suffered`, and so no evidence."""
    patience = None if isinstance(planned.trigger, At) else max(0.0, give_up_s - world.clock.now())
    try:
        async with asyncio.timeout(patience):
            occasion = await world.reached(planned.trigger)
    except TimeoutError:
        return
    course.faults_open += 1
    try:
        async with world.suffering(planned.fault, occasion, index=index):
            await asyncio.sleep(planned.lasts_seconds)
    finally:
        course.faults_open -= 1
        course.calm_since_s = world.clock.now()


class RunningSystem(Protocol):
    """What is needed of a running system to see it come to rest: a `World`, or a service under load."""

    clock: Clock
    history: History

    async def read_status(self, pair: Pair, *, final: bool = False) -> Read: ...

    async def record_final_state(self) -> FinalState: ...


async def come_to_rest(world: RunningSystem, course: Course, *, settles_within_s: float) -> Rest:
    """Wait until nothing has changed for the longest pause the service claims, or until its time to settle is over."""
    pause_s = float(world.history.header.claims["longest_pause_seconds"])
    stillness = _Stillness(world.history)
    deadline_s = world.clock.now() + settles_within_s + pause_s
    while True:
        still_since_s = max(stillness.since_s(), course.calm_since_s)
        now = world.clock.now()
        if now >= still_since_s + pause_s and course.posting == 0 and not await _has_moved_unseen(world, stillness):
            return Rest(at_s=world.clock.now(), quiet=True)
        if now >= deadline_s:
            return Rest(at_s=now, quiet=False, moving=stillness.moving(since_s=now - pause_s, posting=course.posting))
        await asyncio.sleep(min(0.25 if course.posting else pause_s, max(0.01, still_since_s + pause_s - now)))


async def _has_moved_unseen(world: RunningSystem, stillness: _Stillness) -> bool:
    """Look at what nobody has seen final yet, since clients ask ever more rarely: a status that has changed is not at rest.

    Nor is one that a client sees for the first time meanwhile.
    """
    before = stillness.unfinished()
    await _read_statuses(world, list(before))
    return not stillness.unfinished().items() <= before.items()


class _Stillness:
    """When something last changed: a row, a provider call, a client's answer, or a status somebody read."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._seen = 0
        self._statuses: dict[Pair, str | None] = {}
        self._last: dict[str, float] = {}

    def since_s(self) -> float:
        """The time of the last change so far."""
        for entry in self._history.entries[self._seen :]:
            self._note(entry)
        self._seen = len(self._history.entries)
        return max(self._last.values(), default=0.0)

    def unfinished(self) -> dict[Pair, str | None]:
        """Events somebody asked for, with the last status shown, except those shown final."""
        self.since_s()
        return {pair: status for pair, status in self._statuses.items() if status not in FINAL_STATUSES}

    def moving(self, *, since_s: float, posting: int) -> tuple[str, ...]:
        """What changed after `since_s`, in words."""
        self.since_s()
        clients = (f"{posting} clients without a final answer",) if posting else ()
        return clients + tuple(f"{what} (last at {at:.1f} s)" for what, at in sorted(self._last.items()) if at > since_s)

    def _note(self, entry: object) -> None:
        match entry:
            case Stored(at_s=at):
                self._last["rows"] = at
            case Call(end_s=end):
                self._last["provider calls"] = end
            case Post(end_s=end):
                self._last["posts"] = end
            case Read(pair=pair, status=status, end_s=end) if self._statuses.get(pair) != status:
                self._statuses[pair] = status
                self._last["statuses"] = end


async def read_final_state(world: RunningSystem, pairs: Sequence[Pair], rest: Rest) -> None:
    """The final status of every event and every row, and with them the end of the history."""
    await _read_statuses(world, pairs, final=True)
    found = await world.record_final_state()
    world.history.record(dataclasses.replace(rest, rows_read=found.rows_read, lasting_keys=found.lasting_keys))


async def _read_statuses(world: RunningSystem, pairs: Sequence[Pair], *, final: bool = False) -> None:
    """The status of every event, a few at a time."""
    for start in range(0, len(pairs), READS_AT_ONCE):
        await asyncio.gather(*(world.read_status(pair, final=final) for pair in pairs[start : start + READS_AT_ONCE]))


async def _until(world: World, at_s: float) -> None:
    await asyncio.sleep(max(0.0, at_s - world.clock.now()))


async def _stop(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel what still runs. What broke before is the harness' own mistake and is raised."""
    tasks = list(tasks)
    broken = [task for task in tasks if task.done() and not task.cancelled() and task.exception() is not None]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for task in broken:
        task.result()
