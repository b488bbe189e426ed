"""The simulated Redis: fakeredis' engine behind RESP, at the end of links of the simulated network.

It keeps what its configuration promises through a crash: `crash(loss)` follows the measured behaviour of the real one
(docs/simulation.md): a process crash keeps everything once written to the append-only file, a power loss only what was
synced. The engine is in `engine.py`, links are in `link.py`.
"""

from __future__ import annotations

import asyncio
import pickle
from collections import deque
from collections.abc import Mapping
from typing import Any

import hiredis
from fakeredis._helpers import SimpleError

from harness.faults import Loss
from harness.worlds.simulated.engine import Engine
from harness.worlds.simulated.keyspace import Keyspace, Waiting
from harness.worlds.simulated.link import Link, open_link
from harness.worlds.simulated.network import SimulatedNetwork, Station
from harness.worlds.simulated.processes import Process
from harness.worlds.simulated.refusal import Refusal
from harness.worlds.simulated.resp import encode

ONE_WAY_S = 0.00015
FSYNC_EVERY_S = 1.0
HANDSHAKE = frozenset((b"HELLO", b"CLIENT", b"AUTH", b"SELECT", b"PING"))


class RedisServer:
    """One Redis process after another on the same data.

    `config` are its settings as redis.conf names them; `snapshots` keeps what a power loss would leave (asked for by plans
    that hold one, since it costs time).
    """

    def __init__(self, network: SimulatedNetwork, *, config: Mapping[str, str] | None = None, snapshots: bool = False) -> None:
        self.station = Station(network, "redis", latency_s=ONE_WAY_S)
        self.url = "redis://redis.sim:6379/0"
        self._network = network
        self._config = dict(config or {})
        self._seats: dict[RedisSeat, None] = {}  # those whose command is blocked, first come first served
        self._snapshots = snapshots
        self._fsync_phase_s = network.random.random()
        self._synced = b""
        self._synced_at = 0
        self._unsynced_writes = 0
        self.keyspace = Keyspace(self._config)
        network.listen("redis.sim", 6379, station=self.station, opener=self._open)

    async def _open(self, station: Station, process: Process, protocol: asyncio.Protocol) -> asyncio.Transport:
        return await open_link(station, process, protocol, acceptor=lambda link: RedisSeat(self, link))

    def execute(self, seat: RedisSeat, fields: list[bytes]) -> None:
        """Run one command, then serve whoever waited for what it changed."""
        touched = self.keyspace.touched
        if self._snapshots:
            self._sync_if_due()
        seat.engine.execute(fields)
        if touched:
            self._unsynced_writes += 1
            if self._seats:
                self._serve_waiting(touched)
            touched.clear()

    def block(self, seat: RedisSeat) -> None:
        """Let a connection's command wait its turn."""
        self._seats[seat] = None

    def unblock(self, seat: RedisSeat) -> None:
        """A command no longer waits."""
        self._seats.pop(seat, None)

    def refuse(self, why: str) -> Refusal:
        """From now on commands are refused (see `Refusal`), until `take` or the next start."""
        refusal = self.keyspace.refusal = Refusal(why)
        if refusal.unblocks:
            for seat in list(self._seats):
                seat.unblocked(refusal)
        return refusal

    def take(self, refusal: Refusal) -> None:
        """A refusal is over."""
        if self.keyspace.refusal is refusal:
            self.keyspace.refusal = None

    def evict(self, policy: str, *, most: int) -> int:
        """Make room: drop keys drawn at random, of all or of those that expire, and tell nobody; how many."""
        database = self.keyspace.dbs[0]
        keys = [key for key, item in database._dict.items() if policy == "allkeys-random" or item.expireat is not None]
        evicted = self._network.random.sample(keys, min(most, len(keys)))
        for key in evicted:
            del database[key]
        return len(evicted)

    def _serve_waiting(self, touched: dict[bytes, None]) -> None:
        for seat in list(self._seats):
            if seat in self._seats and seat.waits_for(touched):
                seat.try_again()

    # --- crashes

    def crash(self, loss: Loss) -> None:
        """kill -9, a power cut, or a loss of everything; it is down until `start`."""
        if self._snapshots:
            self._sync_if_due()
        self.station.crash()
        self._seats.clear()
        left = self._left_by(loss)
        self.keyspace = Keyspace(self._config)
        for number, items in left.items():
            self.keyspace.dbs[number].update(items)

    def start(self) -> None:
        """Start again on what the crash left. Cached scripts are gone, as after every restart."""
        self.station.start()

    def _left_by(self, loss: Loss) -> dict[int, dict[bytes, Any]]:
        if loss == "empty" or self.keyspace.setting("appendonly") != "yes":
            return {}
        if loss == "power-loss" and self.keyspace.setting("appendfsync") != "always":
            everysec = self.keyspace.setting("appendfsync") == "everysec"
            return pickle.loads(self._synced) if everysec and self._synced else {}
        return self._contents()

    def _contents(self) -> dict[int, dict[bytes, Any]]:
        return {number: dict(database._dict) for number, database in self.keyspace.dbs.items()}

    def _sync_if_due(self) -> None:
        """Remember the state of the last fsync: nothing changes between it and the first command after it."""
        due = int((self._network.loop.time() + self._fsync_phase_s) / FSYNC_EVERY_S)
        if due > self._synced_at:
            self._synced_at = due
            if self._unsynced_writes:
                self._synced, self._unsynced_writes = pickle.dumps(self._contents()), 0


class RedisSeat:
    """The server's end of one connection: parses, executes in order, holds back what follows a blocked command."""

    def __init__(self, server: RedisServer, link: Link) -> None:
        self.engine = Engine(server.keyspace, self)
        self._server, self._link = server, link
        self._reader = hiredis.Reader()
        self._commands: deque[list[bytes]] = deque()
        self._current: list[bytes] = []
        self._waiting: Waiting | None = None
        self._turn = 0  # which blocked command a timer belongs to

    def receive(self, data: bytes) -> None:
        """Bytes from the client."""
        self._reader.feed(data)
        while isinstance(fields := self._reader.gets(), list):
            self._commands.append(fields)
        self._work()

    def gone(self) -> None:
        """The client closed, or the link broke: nothing more is executed for it."""
        self._commands.clear()
        self._server.unblock(self)
        self._waiting = None
        if self.engine in self._server.keyspace.sockets:
            self._server.keyspace.sockets.remove(self.engine)

    def _work(self) -> None:
        while self._commands and self._waiting is None:
            self._current = self._commands.popleft()
            if not self._link.lost_on_arrival():
                self._server.execute(self, self._current)

    def answer(self, value: Any) -> None:
        """Send a reply. Lost replies spare the handshake, else nothing ambiguous would ever be sent."""
        may_be_lost = not self._current or self._current[0].upper() not in HANDSHAKE
        self._link.reply(encode(value, protocol=self.engine.protocol), may_be_lost=may_be_lost)

    def block(self, waiting: Waiting) -> None:
        """The current command waits until `waiting.attempt` succeeds or its time is up."""
        self._waiting = waiting
        self._turn += 1
        self._server.block(self)
        if waiting.timeout_s:
            self._server._network.later(waiting.timeout_s, self._time_is_up, self._turn)

    def waits_for(self, touched: dict[bytes, None]) -> bool:
        """Whether the blocked command names one of these keys."""
        return not touched.keys().isdisjoint(self._current)

    def try_again(self) -> None:
        """Attempt the blocked command once more."""
        if self._waiting and (found := self._waiting.attempt(False)) is not None:
            self._resume(self._waiting.formed(found))

    def unblocked(self, refusal: Refusal) -> None:
        """A command that waits is told that the server has become something else."""
        if self._waiting:
            self._resume(SimpleError(refusal.unblocks))

    def _time_is_up(self, turn: int) -> None:
        if self._waiting and turn == self._turn:
            self._server.station.admit(self._give_up, turn)

    def _give_up(self, turn: int) -> None:
        if self._waiting and turn == self._turn:
            self._resume(self._waiting.formed(None))

    def _resume(self, reply: Any) -> None:
        self._waiting = None
        self._server.unblock(self)
        self.answer(reply)
        self._work()
