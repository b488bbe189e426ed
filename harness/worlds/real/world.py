"""The real world: a scenario happens to real processes, on the wall clock.

It posts and reads as clients behind a load balancer do (`clients.py`), watches rows past the proxies (`rows.py`), and
makes faults happen (`triggers.py`, `injuries.py`) in its stack (`stack.py`).
"""

from __future__ import annotations

import asyncio
import resource
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, closing
from functools import partial
from random import Random
from typing import Any
from urllib.parse import quote

from harness.faults import AtOperation, Fault, Planned, PostgresDiskFills, Trigger, story
from harness.history import Pair, Post, Probe, Read, Row, Suffered
from harness.systems import require_real_processes
from harness.traffic import Event
from harness.worlds.answers import post_of, read_of
from harness.worlds.provider import Provider
from harness.worlds.real import crowd, disk, stub
from harness.worlds.real.clients import Clients, Request
from harness.worlds.real.external import brought_along
from harness.worlds.real.injuries import INFLICTED, Injury, Ward, server_of_ours
from harness.worlds.real.journal import Journal, WallClock
from harness.worlds.real.keys import lasting_keys
from harness.worlds.real.monitoring import Monitoring
from harness.worlds.real.ports import Ports
from harness.worlds.real.rows import RowReader
from harness.worlds.real.sendgrid import Seen, StandIn, call_of, seen_call
from harness.worlds.real.stack import Plot, Stack, open_stack, start_stub
from harness.worlds.real.traces import sink
from harness.worlds.real.triggers import Triggers
from harness.worlds.world import Clock, FinalState, Occasion, Stage

MOST_FILES = 65_536


class RealWorld:
    """One system as real processes. See the World protocol (`worlds/world.py`) for what each method promises."""

    name = "real"
    supported_faults: frozenset[type[Fault]] = frozenset(INFLICTED)

    def __init__(self, stage: Stage, clock: WallClock) -> None:
        observe = stage.system.observe
        self.history = stage.history
        self.clock: Clock = clock
        self.wall = clock  # the same one, which knows Unix time too
        self._stage = stage
        self._journal = Journal(stage.history, clock)
        self._provider = Provider(
            Random(f"{stage.seed}:provider"), mail_source=observe.mail_source or "", mail_id=observe.mail_id or ""
        )
        self._triggers = Triggers(clock.now, id_of=self._provider.id_of)
        self._victims = Random(f"{stage.seed}:victims")
        self._stack: Stack
        self._clients: Clients
        self._rows: RowReader
        self._watching: list[Coroutine[Any, Any, None]] = []
        self._watchers: list[asyncio.Task[None]] = []

    @classmethod
    @asynccontextmanager
    async def open(cls, stage: Stage) -> AsyncIterator[RealWorld]:
        """Start the stage's system and wait until it is ready. Raises UsageError if it cannot be started."""
        require_real_processes(stage.system)
        _allow_many_files()
        if stage.folder is not None:
            stage.folder.mkdir(parents=True, exist_ok=True)
        world = cls(stage, WallClock())
        async with AsyncExitStack() as exits:
            ports = exits.enter_context(closing(Ports()))
            await world._build(exits, ports)
            exits.push_async_callback(world._close)
            yield world

    @property
    def addresses(self) -> dict[str, str]:
        """The name of every API process, by its base URL: for somebody else who sends the traffic."""
        return self._stack.addresses

    def begin(self) -> None:
        self._journal.begin()
        self._watchers = [asyncio.create_task(watch) for watch in self._watching]

    # --- clients

    async def submit(self, event: Event, *, attempt: int) -> Post:
        exchange = await self._clients.exchange(Request(method="POST", path="/ingest", json=event.to_json()))
        post = post_of(event, exchange, attempt=attempt)
        self._journal.record(post)
        return post

    async def read_status(self, pair: Pair, *, final: bool = False) -> Read:
        path = f"/ingest/{quote(pair.id, safe='')}/status"
        exchange = await self._clients.exchange(Request(method="GET", path=path, params={"source": pair.source}))
        read = read_of(pair, exchange, final=final)
        self._journal.record(read)
        return read

    # --- faults

    async def reached(self, trigger: Trigger) -> Occasion:
        return await self._triggers.reached(trigger)

    @asynccontextmanager
    async def suffering(self, fault: Fault, occasion: Occasion, *, index: int) -> AsyncIterator[None]:
        begin_s, injury = self.clock.now(), Injury()
        victims = {role: self._victim(role, occasion) for role in ("api", "worker")}
        ward = Ward(stack=self._stack, provider=self._provider, victims=victims, moment=occasion.what or "wherever it was")
        try:
            async with INFLICTED[type(fault)](ward, fault) as injury:
                self._triggers.release(occasion)
                yield
        finally:
            self._triggers.release(occasion)
            self._journal.record(_suffered(fault, injury, index=index, begin_s=begin_s, end_s=self.clock.now()))

    @staticmethod
    def cannot_suffer(planned: Planned) -> str:
        if isinstance(planned.trigger, AtOperation):
            return "AtOperation can only be seen in the simulated world; use `mail(n)` or `amid_work`"
        server = server_of_ours(planned.fault)
        if variable := brought_along(server):
            return f"{type(planned.fault).__name__} would hurt the {server} that {variable} names, which is not ours; unset it"
        return disk.why_not() if isinstance(planned.fault, PostgresDiskFills) else ""

    # --- effects

    async def record_final_state(self) -> FinalState:
        self._stack.guard.require()
        for watcher in self._watchers:
            if watcher.done():
                watcher.result()  # it watches for ever: an end is a defect of ours, and what it has not seen convicts nobody
        pairs = await self._rows.read_all()
        for pair in pairs or ():
            self._journal.record(Row(pair=pair))
        redis = self._stack.servers.url("redis") if "redis" in self._stage.system.offers else ""
        return FinalState(rows_read=pairs is not None, lasting_keys=await lasting_keys(redis) if redis else None)

    # --- inside

    async def _build(self, exits: AsyncExitStack, ports: Ports) -> None:
        stage = self._stage
        standin = StandIn(self._provider, port=ports.draw(), hold=self._triggers.hold, record=self._note_call)
        otlp_url = (
            await exits.enter_async_context(sink(self._journal.record, self.wall)) if "traces" in stage.system.offers else ""
        )
        plot = Plot(
            ports=ports,
            logs=stage.folder,
            journal=self._journal,
            otlp_url=otlp_url,
            flaw=stage.flaw,
            small_disk=any(isinstance(planned.fault, PostgresDiskFills) for planned in stage.plan),
        )
        self._stack = await exits.enter_async_context(open_stack(stage.system, standin, plot))
        self._clients = Clients(self._stack.fleet, self._stack.ports, headers=stage.system.api.headers, clock=self.wall)
        self._rows = RowReader(self._stack.servers.url("postgres"), stage.system.observe.rows)
        exits.push_async_callback(self._rows.close)
        await self._rows.check()
        self._watching.append(self._rows.watch(self._journal.record, self.clock.now))
        if stage.system.observe.metrics is not None:
            self._watching.append(self._monitoring().watch())
        port = ports.draw()
        await start_stub(self._stack.guard, port)
        self._watching.append(stub.watch(partial(self._clients.ask_stub, port), self._note_probe))
        self._watching.append(crowd.watch(self._stack.guard.pid, self._journal.record, self.clock.now))

    async def _close(self) -> None:
        self._journal.end()
        for watcher in self._watchers:
            watcher.cancel()
        await asyncio.gather(*self._watchers, return_exceptions=True)
        if not self._watchers:  # the traffic never began
            for watch in self._watching:
                watch.close()

    def _victim(self, role: str, occasion: Occasion) -> str:
        """The process a fault of "one" hurts: the one that met the trigger, else one drawn from the seed."""
        names = self._stack.fleet.names(role)
        if occasion.process in names or not names:
            return occasion.process or ""
        return self._victims.choice(names)

    def _monitoring(self) -> Monitoring:
        return Monitoring(
            observe=self._stage.system.observe,
            ports=self._stack.ports,
            now=self.clock.now,
            record=self._journal.record,
            folder=self._stage.folder,
        )

    def _note_probe(self, latency_s: float) -> None:
        self._journal.record(Probe(at_s=self.clock.now(), latency_s=latency_s))

    def _note_call(self, seen: Seen) -> None:
        self._journal.record(call_of(seen_call(seen), self.wall))


def _allow_many_files() -> None:
    """As many open files as the system lets us have: two thousand clients with a connection each are more than 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _suffered(fault: Fault, injury: Injury, *, index: int, begin_s: float, end_s: float) -> Suffered:
    return Suffered(
        index=index,
        name=type(fault).__name__,
        story=story(fault),
        begin_s=begin_s,
        end_s=end_s,
        evidence=injury.evidence,
        processes=injury.processes,
    )
