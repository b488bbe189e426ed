"""One session of `harness ui`: a system runs, Locust's page sends traffic, somebody makes things go wrong, and we keep count.

A session goes round: under load, coming to rest once the test on the page has ended and everything is healed, at rest with
rulings, and on with the next test. It ends when somebody says so: everything is healed, the rest is awaited, and the last
standing is the result. `hold` is read from top to bottom.
"""

from __future__ import annotations

import asyncio
import secrets
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from harness import archive, checkers
from harness.archive import Execution, RunFolder
from harness.client import Course
from harness.history import Header, History, Pair, Post, Rest, Row
from harness.live.control import control
from harness.live.injector import Injector
from harness.live.page import Page, Site, require_free
from harness.live.standing import Phase, standing_of
from harness.load.generator import Plan, Target
from harness.load.measurement import JUDGED
from harness.load.operations import entry_of
from harness.performance import come_to_rest, read_final_state
from harness.runner import about
from harness.systems import BUILT_IN, Load, System
from harness.worlds.real.processes import Guard
from harness.worlds.real.serving import served
from harness.worlds.real.world import RealWorld
from harness.worlds.world import Stage

NAME = "ui"
LOAD = Load(posts_per_second=20, reads_per_second=20)  # what the page's form begins with, if the system file says nothing
BETWEEN_LOOKS_S = 0.05  # the first look at a test sets the clock to 0
BETWEEN_STANDINGS_S = 1.0
JUDGING_SHARE = 0.1  # of the time at most: the stand-in and the proxies live in this process too
SETTLES_WITHIN_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a session is held: the page's address and port, and who is told what goes on."""

    address: str
    port: int
    show: Callable[[str], None]


def hold(system: System, place: Place, run: RunFolder, *, seed: int) -> Execution:
    """Run a session until SIGINT or SIGTERM, and judge it; history and logs are kept in the run's folder.

    Raises UsageError if something cannot be started, StackBrokenError if the harness' own part broke, and KeyboardInterrupt if
    a second signal cuts the end short. What was seen until then is kept all the same.
    """
    require_free(place.address, place.port)
    wall, cpu = time.perf_counter(), time.process_time()
    history, folder = History(_header(system, seed=seed)), run.execution_folder(NAME, "real", seed)
    try:
        asyncio.run(_hold(Stage(system=system, history=history, seed=seed, plan=(), folder=folder), place))
    finally:
        if history.entries:
            run.keep(history, folder)
    return archive.execution_of(
        history,
        checkers.judge(history),
        folder=run.relative(folder),
        wall_s=time.perf_counter() - wall,
        cpu_s=time.process_time() - cpu,
    )


def _header(system: System, *, seed: int) -> Header:
    return Header(
        scenario=NAME,
        story="Somebody loaded the system from Locust's page, and made things go wrong.",
        system_path=str(system.path),
        seed=seed,
        traffic="what was started on Locust's page",
        must_hold=tuple(checker.to_data() for checker in JUDGED),
        repeat=f"harness ui --system {_asked_for(system)} --seed {seed}",
        **about(system, world="real"),
    )


def _asked_for(system: System) -> str:
    """How a person names the system."""
    return system.path.stem if system.path.parent == BUILT_IN else str(system.path)


async def _hold(stage: Stage, place: Place) -> None:
    async with AsyncExitStack() as exits:
        place.show(f"starting {stage.system.name}")
        world = await exits.enter_async_context(RealWorld.open(stage))
        session = Session(world, stage)
        exits.push_async_callback(session.injector.heal)
        guard = await exits.enter_async_context(Guard.open())
        token = secrets.token_urlsafe(24)
        asks = await exits.enter_async_context(served(control(session, token=token)))
        site = Site(address=place.address, port=place.port, control=asks, token=token)
        target = Target(name="live", addresses=tuple(world.addresses), headers=stage.system.api.headers)
        load = stage.system.load if "load" in stage.system.model_fields_set else LOAD
        assert stage.folder is not None
        plan = Plan(folder=stage.folder.resolve(), seed=stage.seed)
        page = await Page.open(guard, target, load, site=site, plan=plan)
        with _told_to_end() as ending:
            place.show(f"Locust's page, with the tabs Faults and Promises: {site.url}  (Ctrl-C ends the session)")
            await session.go_on(page, until=ending)
            ending.clear()
            place.show("ending: faults are healed, then what is under way comes to rest (Ctrl-C again: at once)")
            await session.end(page, at_once=ending)


class Session:
    """What is known of a running system, and how its promises stand."""

    def __init__(self, world: RealWorld, stage: Stage) -> None:
        self.injector = Injector(world, stage.system, begin=self._begin)
        self._world = world
        self._has_begun = False
        self._history = stage.history
        self._resting: asyncio.Task[None] | None = None
        self._is_at_rest = False
        self._is_loading = False
        self.standing = standing_of(self._history, at_s=0.0, phase="nothing sent yet")

    async def go_on(self, page: Page, *, until: asyncio.Event) -> None:
        """Take in what Locust writes, come to rest after each test, and keep judging."""
        judging = asyncio.create_task(self._keep_judging())
        try:
            while not until.is_set():
                page.require()
                self.injector.require()
                self._take(page.more())
                await self._rest_or_go_on(is_loading=page.is_loading)
                for task in (judging, self._resting):
                    if task is not None and task.done():
                        task.result()
                with suppress(TimeoutError):
                    await asyncio.wait_for(until.wait(), BETWEEN_LOOKS_S)
        finally:
            await _cancelled(judging)

    async def end(self, page: Page, *, at_once: asyncio.Event) -> None:
        """No more traffic, heal everything, come to rest, and judge for the last time. Raises KeyboardInterrupt if cut short."""
        finishing = asyncio.create_task(self._finish(page))
        hurry = asyncio.create_task(at_once.wait())
        await asyncio.wait((finishing, hurry), return_when=asyncio.FIRST_COMPLETED)
        await _cancelled(hurry)
        if not finishing.done():
            await _cancelled(finishing)
            raise KeyboardInterrupt
        finishing.result()

    def so_far(self) -> History:
        """A copy of the history, with the faults that are under way."""
        return History(self._history.header, [*self._history.entries, *self.injector.under_way()])

    @property
    def _phase(self) -> Phase:
        if self._is_at_rest:
            return "at rest"
        if self._resting is not None:
            return "coming to rest"
        if not self._history.of(Post):
            return "nothing sent yet"
        return "under load" if self._is_loading else "waiting for the faults to end"

    def _begin(self) -> None:
        """The clock reads 0 when the first test or the first fault begins: nobody wants to see how long the page stood open."""
        if not self._has_begun:
            self._has_begun = True
            self._world.begin()

    def _take(self, lines: Iterator[dict[str, Any]]) -> None:
        for line in lines:
            self._begin()
            entry = entry_of(line, clock=self._world.wall, process_of=self._world.addresses)
            if entry is not None:
                self._go_on_from_rest()
                self._history.record(entry)

    def _go_on_from_rest(self) -> None:
        """What was read at the end of one test is not the end any more once another begins; what was violated then stays so."""
        if self._is_at_rest:
            self._is_at_rest = False
            self._history.header = checkers.convicted(self._history.header, self.standing.verdicts)
            self._history.forget(lambda entry: isinstance(entry, Row | Rest))

    async def _rest_or_go_on(self, *, is_loading: bool) -> None:
        """Begin to come to rest when a test has ended and nothing hurts; stop that when something goes on."""
        self._is_loading = is_loading
        moving = is_loading or not self.injector.is_calm
        if moving and self._resting is not None:
            await _cancelled(self._resting)
            self._resting = None
        elif moving and self._is_at_rest:
            self._go_on_from_rest()
        elif not moving and self._resting is None and not self._is_at_rest and self._history.of(Post):
            self._resting = asyncio.create_task(self._come_to_rest())

    async def _come_to_rest(self) -> None:
        course = Course(calm_since_s=self.injector.calm_since_s)
        rest = await come_to_rest(self._world, course, settles_within_s=SETTLES_WITHIN_S)
        await read_final_state(self._world, self._pairs(), rest)
        self._is_at_rest, self._resting = True, None
        self._judge()

    def _pairs(self) -> list[Pair]:
        return list(dict.fromkeys(post.pair for post in self._history.of(Post)))

    async def _keep_judging(self) -> None:
        while True:
            began, phase = time.monotonic(), self._phase
            look = partial(standing_of, at_s=self._world.clock.now(), phase=phase)
            standing = await asyncio.to_thread(look, self.so_far())
            if phase == self._phase:  # else what was judged is not how it stands any more
                self.standing = standing
            await asyncio.sleep(max(BETWEEN_STANDINGS_S, (time.monotonic() - began) / JUDGING_SHARE))

    def _judge(self) -> None:
        now = self._world.clock.now()
        self.standing = standing_of(self.so_far(), at_s=now, phase=self._phase)

    async def _finish(self, page: Page) -> None:
        self.injector.close()
        self._take(await page.close())
        await self.injector.heal()
        self.injector.require()
        if self._resting is None and not self._is_at_rest and self._history.of(Post):
            self._resting = asyncio.create_task(self._come_to_rest())
        if self._resting is not None:
            await self._resting


@contextmanager
def _told_to_end() -> Iterator[asyncio.Event]:
    """Set by SIGINT and SIGTERM, which would otherwise end the harness in the middle of whatever it does."""
    told, loop = asyncio.Event(), asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        loop.add_signal_handler(number, told.set)
    try:
        yield told
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)


async def _cancelled(task: asyncio.Task[Any]) -> None:
    """Cancel a task and wait until it has ended, however."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
