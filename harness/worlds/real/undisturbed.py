"""A system as real processes, undisturbed: no proxies, SendGrid's stand-in in a process of its own, nothing to make faults with.

This is what a load run measures. Whoever sends the load says what clients saw (`record`); the service's effects are watched
here, as in `world.py`: rows, calls of the provider, and how slow a bare stub was at the same time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing, nullcontext
from functools import partial
from urllib.parse import quote

from harness.history import History, Pair, Probe, Read, Row
from harness.systems import System, require_real_processes
from harness.worlds.answers import read_of
from harness.worlds.latency import Quantiles
from harness.worlds.real import stub
from harness.worlds.real.clients import Clients, Request
from harness.worlds.real.journal import Journal, WallClock
from harness.worlds.real.ports import Ports
from harness.worlds.real.rows import RowReader
from harness.worlds.real.sendgrid import call_of
from harness.worlds.real.sendgrid_process import StandInProcess
from harness.worlds.real.stack import Plot, Stack, open_stack, start_stub
from harness.worlds.real.traces import drain
from harness.worlds.world import Clock, FinalState, Stage

BETWEEN_LOOKS_AT_CALLS_S = 0.25


class UndisturbedService:
    """One running system. `history` is what was seen of it so far; `clock` counts from `begin`, `wall` knows Unix time too."""

    def __init__(self, stage: Stage) -> None:
        self.system: System = stage.system
        self.history: History = stage.history
        self.wall = WallClock()
        self.clock: Clock = self.wall
        self._journal = Journal(stage.history, self.wall)
        self._stack: Stack
        self._standin: StandInProcess
        self._clients: Clients
        self._rows: RowReader
        self._stub_port = 0
        self._watchers: list[asyncio.Task[None]] = []

    @classmethod
    @asynccontextmanager
    async def open(cls, stage: Stage, *, latency: Quantiles) -> AsyncIterator[UndisturbedService]:
        """Start the stage's system and wait until it is ready; `latency` is the provider's. Raises UsageError if it cannot be."""
        require_real_processes(stage.system)
        if stage.folder is not None:
            stage.folder.mkdir(parents=True, exist_ok=True)
        service = cls(stage)
        async with AsyncExitStack() as exits:
            ports = exits.enter_context(closing(Ports()))
            await service._build(exits, ports, stage=stage, latency=latency)
            exits.push_async_callback(service._close)
            yield service

    @property
    def addresses(self) -> dict[str, str]:
        """The name of every API process, by its base URL."""
        return self._stack.addresses

    @property
    def stub(self) -> str:
        """The base URL of the bare stub beside the service."""
        return f"http://127.0.0.1:{self._stub_port}"

    def begin(self) -> None:
        """The load begins now: the clock reads 0, and what happens is recorded."""
        self._journal.begin()
        watches = (
            self._rows.watch(self._journal.record, self.clock.now),
            stub.watch(self._ask_stub(), lambda s: self._journal.record(Probe(at_s=self.clock.now(), latency_s=s))),
            self._watch_calls(),
        )
        self._watchers = [asyncio.create_task(watch) for watch in watches]

    async def read_status(self, pair: Pair, *, final: bool = False) -> Read:
        """One GET of the event's status, recorded with its answer."""
        path = f"/ingest/{quote(pair.id, safe='')}/status"
        exchange = await self._clients.exchange(Request(method="GET", path=path, params={"source": pair.source}))
        read = read_of(pair, exchange, final=final)
        self._journal.record(read)
        return read

    async def record_final_state(self) -> FinalState:
        """Record every stored row as `Row`."""
        self._stack.guard.require()
        self._record_calls()
        pairs = await self._rows.read_all()
        for pair in pairs or ():
            self._journal.record(Row(pair=pair))
        return FinalState(rows_read=pairs is not None)

    async def _build(self, exits: AsyncExitStack, ports: Ports, *, stage: Stage, latency: Quantiles) -> None:
        observe = stage.system.observe
        self._standin = StandInProcess(port=ports.draw(), seed=stage.seed, latency=latency, observe=observe)
        otlp_url = await exits.enter_async_context(drain() if "traces" in stage.system.offers else nullcontext(""))
        plot = Plot(ports=ports, logs=stage.folder, journal=self._journal, proxied=False, otlp_url=otlp_url)
        self._stack = await exits.enter_async_context(open_stack(stage.system, self._standin, plot))
        self._clients = Clients(self._stack.fleet, self._stack.ports, headers=stage.system.api.headers, clock=self.wall)
        self._rows = RowReader(self._stack.servers.url("postgres"), observe.rows)
        exits.push_async_callback(self._rows.close)
        await self._rows.check()
        self._stub_port = ports.draw()
        await start_stub(self._stack.guard, self._stub_port)

    async def _close(self) -> None:
        self._journal.end()
        for watcher in self._watchers:
            watcher.cancel()
        await asyncio.gather(*self._watchers, return_exceptions=True)

    def _ask_stub(self) -> Callable[[], Awaitable[bool]]:
        return partial(self._clients.ask_stub, self._stub_port)

    async def _watch_calls(self) -> None:
        while True:
            self._record_calls()
            await asyncio.sleep(BETWEEN_LOOKS_AT_CALLS_S)

    def _record_calls(self) -> None:
        for seen in self._standin.more_calls():
            self._journal.record(call_of(seen, self.wall))
