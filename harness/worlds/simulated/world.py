"""The simulated world: a system's own code in virtual time, with everything around it modelled and drawn from one seed.

`SimulatedWorld.open` needs to run inside `simulate` (`time.py`). What it does not show is in docs/simulation.md.
"""

from __future__ import annotations

import json
import re
import runpy
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from functools import lru_cache
from random import Random
from typing import Any
from urllib.parse import quote, urlencode

from harness.faults import Fault, Planned, RedisCrashes, Trigger, story
from harness.history import Call, Handed, Pair, Post, Read, Row, Stored, Suffered
from harness.systems import System
from harness.traffic import Event
from harness.usage import UsageError
from harness.worlds.answers import post_of, read_of
from harness.worlds.provider import Provider
from harness.worlds.simulated.afflictions import AFFLICTIONS, Case, Wound
from harness.worlds.simulated.asgi import HttpRequest
from harness.worlds.simulated.fleet import Fleet, Servers
from harness.worlds.simulated.journal import journal
from harness.worlds.simulated.network import SimulatedNetwork
from harness.worlds.simulated.postgres import PostgresServer, Tables
from harness.worlds.simulated.processes import Process
from harness.worlds.simulated.redis import RedisServer
from harness.worlds.simulated.sendgrid import SeenCall, SendGridServer, unix_s
from harness.worlds.simulated.time import SimulatedLoop, running_loop
from harness.worlds.simulated.triggers import Triggers
from harness.worlds.world import Clock, FinalState, Occasion, Stage


class SimulatedClock:
    """Virtual seconds since the traffic began; 0 until then."""

    def __init__(self, loop: SimulatedLoop) -> None:
        self._loop = loop
        self._origin_s: float | None = None

    def begin(self) -> None:
        """It reads 0 now."""
        self._origin_s = self._loop.time()

    def now(self) -> float:
        return 0.0 if self._origin_s is None else self.since_begin(self._loop.time())

    def since_begin(self, loop_s: float) -> float:
        """A moment of the loop's clock on this one, to the microsecond, so that histories read well."""
        return round(loop_s - (self._origin_s if self._origin_s is not None else loop_s), 6)


class SimulatedWorld:
    """One system in virtual time. See the World protocol (`worlds/world.py`) for what each method promises."""

    name = "simulated"
    supported_faults: frozenset[type[Fault]] = frozenset(AFFLICTIONS)

    def __init__(self, stage: Stage) -> None:
        loop = running_loop()
        self.history = stage.history
        self._clock = SimulatedClock(loop)
        self.clock: Clock = self._clock
        self._system = stage.system
        network = SimulatedNetwork(loop, Random(f"{stage.seed}:network"))
        self._servers = self._build_servers(network, stage)
        self.fleet = Fleet(stage.system, self._servers, stage.history, seed=stage.seed, now=self.clock.now)
        self._triggers = Triggers(
            network, self._servers.sendgrid, self.clock.now, working_role="worker" if stage.system.worker else "api"
        )
        self._random = Random(f"{stage.seed}:victims")
        self._table = _table_of(stage.system)
        self._rows_seen: dict[Any, None] = {}  # by primary key
        self._posted: set[Pair] = set()
        self._unhanded: dict[Pair, tuple[bytes, bytes]] = {}  # posted, and no worker was told of them yet
        self._servers.redis.station.on_reply = self._note_reply if stage.system.worker else None
        self._servers.postgres.observers.append(self._note_rows)

    def _build_servers(self, network: SimulatedNetwork, stage: Stage) -> Servers:
        observe = stage.system.observe
        provider = Provider(
            Random(f"{stage.seed}:provider"), mail_source=observe.mail_source or "/none", mail_id=observe.mail_id or "/none"
        )
        config = {name: str(value) for name, value in stage.system.redis.config.items()}
        return Servers(
            network=network,
            redis=RedisServer(network, config=config, snapshots=_may_lose_power(stage.plan)),
            postgres=PostgresServer(network),
            sendgrid=SendGridServer(network, provider, on_call=self._note_call),
        )

    @classmethod
    @asynccontextmanager
    async def open(cls, stage: Stage) -> AsyncIterator[SimulatedWorld]:
        """Start the stage's system and wait until it is ready. Raises UsageError if it cannot be started."""
        with _planted(stage.flaw):
            world = cls(stage)
            with journal(stage.folder, world.clock.now):
                await world.fleet.start_all()
                yield world

    def begin(self) -> None:
        self._clock.begin()

    # --- clients

    async def submit(self, event: Event, *, attempt: int) -> Post:
        if event.pair not in self._posted:
            self._posted.add(event.pair)
            self._unhanded[event.pair] = (event.source.encode(), event.id.encode())
        body = json.dumps(event.to_json()).encode()
        headers = {"content-type": "application/json", **self._system.api.headers}
        exchange = await self.fleet.gateway.exchange(HttpRequest("POST", "/ingest", headers=headers, body=body))
        post = post_of(event, exchange, attempt=attempt)
        self.history.record(post)
        return post

    async def read_status(self, pair: Pair, *, final: bool = False) -> Read:
        path, query = _status_address(pair)
        exchange = await self.fleet.gateway.exchange(HttpRequest("GET", path, query, headers=self._system.api.headers))
        read = read_of(pair, exchange, final=final)
        self.history.record(read)
        return read

    # --- faults

    async def reached(self, trigger: Trigger) -> Occasion:
        return await self._triggers.reached(trigger)

    @asynccontextmanager
    async def suffering(self, fault: Fault, occasion: Occasion, *, index: int) -> AsyncIterator[None]:
        case = Case(self.fleet, self._servers, self._random, self.clock.now, occasion)
        begin_s = self.clock.now()
        try:
            async with AFFLICTIONS[type(fault)](case, fault):
                self._triggers.release(but=case.wound.keeps)
                yield
        finally:
            self._triggers.release()
            self.history.record(_suffered(fault, case.wound, index=index, begin_s=begin_s, end_s=self.clock.now()))

    @staticmethod
    def cannot_suffer(planned: Planned) -> str:
        return ""  # everything there is to hurt is simulated

    # --- effects

    async def record_final_state(self) -> FinalState:
        for row in self._servers.postgres.tables.get(self._table, {}).values():
            self.history.record(Row(pair=_pair(row)))
        return FinalState(rows_read=True, lasting_keys=self._servers.redis.keyspace.lasting_keys())

    def _note_rows(self, tables: Tables) -> None:
        rows = tables.get(self._table, {})
        if rows.keys() <= self._rows_seen.keys():
            return  # as after most commits
        for key, row in rows.items():
            if key not in self._rows_seen:
                self._rows_seen[key] = None
                self.history.record(Stored(pair=_pair(row), at_s=self.clock.now()))

    def _note_reply(self, process: Process, data: bytes) -> None:
        if process.role != "worker":
            return
        for pair in [pair for pair, words in self._unhanded.items() if all(word in data for word in words)]:
            del self._unhanded[pair]
            self.history.record(Handed(pair=pair, process=process.name, at_s=self.clock.now()))

    def _note_call(self, seen: SeenCall) -> None:
        reply, since_begin = seen.reply, self._clock.since_begin
        resets_at = reply.headers.get("X-RateLimit-Reset") if reply.status == 429 else None
        named = reply.source is not None and reply.id is not None
        self.history.record(
            Call(
                pair=Pair(str(reply.source), str(reply.id)) if named else None,
                process=seen.process,
                begin_s=since_begin(seen.begin_s),
                end_s=since_begin(seen.end_s),
                http_status=reply.status,
                taken=reply.taken,
                reply_lost=reply.is_untold,
                resets_at_s=None if resets_at is None else round(self.clock.now() + float(resets_at) - unix_s(seen.end_s), 6),
                recipients=reply.recipients,
            )
        )


def _suffered(fault: Fault, wound: Wound, *, index: int, begin_s: float, end_s: float) -> Suffered:
    return Suffered(
        index=index,
        name=type(fault).__name__,
        story=story(fault),
        begin_s=begin_s,
        end_s=end_s,
        evidence=wound.evidence,
        processes=wound.processes,
    )


@lru_cache(1024)
def _status_address(pair: Pair) -> tuple[str, str]:
    """Path and query of an event's status, which is asked for again and again."""
    return f"/ingest/{quote(pair.id, safe='')}/status", urlencode({"source": pair.source})


def _pair(row: dict[str, Any]) -> Pair:
    return Pair(row["source"], row["id"])


def _may_lose_power(plan: Sequence[Planned]) -> bool:
    """Whether Redis must remember its last fsync."""
    return any(isinstance(planned.fault, RedisCrashes) and planned.fault.loss == "power-loss" for planned in plan)


def _table_of(system: System) -> str:
    """The table `observe.rows` reads; the simulated database knows no more SQL than that."""
    found = re.search(r"\bFROM\s+\"?(\w+)", system.observe.rows, re.IGNORECASE)
    if found is None:
        told = f"observe.rows of '{system.name}' names no table the simulation could read"
        raise UsageError(f"{told}; write SELECT source, id FROM a_table.")
    return found.group(1)


@contextmanager
def _planted(flaw: str) -> Iterator[None]:
    """The flaw of a file, planted for as long as the world is open: its `plant()` is a context manager."""
    with ExitStack() as planted:
        if flaw:
            try:
                planted.enter_context(runpy.run_path(flaw)["plant"]())
            except Exception as error:
                told = f"The flaw {flaw} cannot be planted ({type(error).__name__}: {error})"
                raise UsageError(f"{told}; name a .py file whose plant() fits this service.") from error
        yield
