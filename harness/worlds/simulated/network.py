"""The simulated network: latency, links, and what can go wrong between a process and a server.

A `Station` is a server's place on the network (up, down or frozen). Streams (`link.py`, for redis-py) and single requests
(`request.py`, for the database and the mail provider) suffer the same `Condition`s, which count what they did: that is the
evidence of a fault. Timers of the network belong to nobody, so what a process sent arrives though it was killed since.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random
from statistics import NormalDist
from typing import Any, Literal, Protocol

from harness.worlds.simulated.processes import Operations, Process
from harness.worlds.simulated.time import SimulatedLoop, current_process, fresh_context

SPREAD = 0.4  # sigma of the lognormal latencies
STEPS = 512
QUANTILES = tuple(math.exp(SPREAD * NormalDist().inv_cdf((number + 0.5) / (STEPS + 1))) for number in range(STEPS + 1))
Fate = Literal["refuse", "reset", "blackhole", "half-open", "lose-reply", "delay"]


@dataclass(eq=False)
class Condition:
    """Something wrong between a server and some processes, decided for each command as it arrives.

    refuse: new connections are refused, open ones broken at the beginning. reset: the command is not executed, its connection
    breaks. blackhole: nothing arrives, nothing is answered, connections break when it heals. half-open: the connections that
    are open at the beginning lead nowhere, and nobody is ever told; a process that has none open loses its next request.
    lose-reply: executed, but the reply is lost and the connection breaks, at once or when it heals. delay: everything arrives
    `delay_s` later. `touched` counts what it struck.
    """

    fate: Fate
    roles: frozenset[str] | None = None  # None: every role
    processes: frozenset[str] | None = None  # names; None: every process
    share: float = 1.0  # of the commands that are struck
    delay_s: float = 0.0
    touched: int = 0
    holes: list[Callable[[], None]] = field(default_factory=list)  # connections to break when it heals
    spared: set[str] = field(default_factory=set)  # processes whose one half-open connection is known to be dead

    def concerns(self, process: Process) -> bool:
        """Whether it lies between this process and the server."""
        return (self.roles is None or process.role in self.roles) and (self.processes is None or process.name in self.processes)


def spread(random: Random) -> float:
    """A draw of the lognormal distribution with median 1, read off its quantiles: a run takes thousands."""
    place = random.random() * STEPS
    number = int(place)
    return QUANTILES[number] + (QUANTILES[number + 1] - QUANTILES[number]) * (place - number)


class Peer(Protocol):
    """A connection as its server sees it: told when the server is gone, or, half-open, never."""

    process: Process

    def break_off(self, error: ConnectionError) -> None: ...
    def fall_silent(self, hole: Condition) -> None: ...


class Station:
    """A server's place on the network. `latency_s` is the median of one way."""

    def __init__(self, network: SimulatedNetwork, name: str, *, latency_s: float) -> None:
        self.name = name
        self.network = network
        self.up = True
        self.frozen = False
        self.conditions: list[Condition] = []
        self.turned_away = 0  # connections and requests refused because the server was down
        self.broken = 0  # connections and requests that were open when it crashed
        self.on_reply: Callable[[Process, bytes], None] | None = None  # sees what the server sends to whom
        self._latency_s = latency_s
        self._peers: dict[Peer, None] = {}
        self._backlog: list[Callable[[], None]] = []

    def travel_s(self) -> float:
        """How long the next packet is on its way."""
        return self._latency_s * spread(self.network.random)

    def admit(self, action: Callable[..., None], *args: Any) -> None:
        """Let the server see something that arrived: at once, or when it thaws."""
        if self.frozen:
            self._backlog.append(lambda: action(*args))
        else:
            action(*args)

    def attach(self, peer: Peer) -> None:
        """Remember a connection, to break it when the server crashes."""
        self._peers[peer] = None

    def detach(self, peer: Peer) -> None:
        """Forget a connection."""
        self._peers.pop(peer, None)

    def crash(self) -> None:
        """The server is gone: connections break, new ones are refused."""
        self.up, self.frozen = False, False
        self._backlog.clear()
        peers, self._peers = self._peers, {}
        self.broken += len(peers)
        for peer in peers:
            peer.break_off(ConnectionResetError(f"{self.name} went away"))

    def start(self) -> None:
        """The server takes connections again."""
        self.up = True

    def freeze(self) -> None:
        """SIGSTOP of the server: the kernel still accepts, nothing is answered."""
        self.frozen = True

    def thaw(self) -> int:
        """SIGCONT: what piled up is served in order; how much it was."""
        self.frozen = False
        backlog, self._backlog = self._backlog, []
        for action in backlog:
            action()
        return len(backlog)

    def suffer(self, condition: Condition) -> None:
        """From now on this lies between the server and some processes, until `heal`."""
        self.conditions.append(condition)
        peers = [peer for peer in self._peers if condition.concerns(peer.process)]
        if condition.fate == "refuse":
            condition.touched += len(peers)
            for peer in peers:
                peer.break_off(ConnectionResetError(f"{self.name} went away"))
        elif condition.fate == "half-open":
            for peer in peers:
                condition.spared.add(peer.process.name)
                peer.fall_silent(condition)

    def refuses(self, process: Process) -> bool:
        """Whether a connection or request that arrives now is refused."""
        self.turned_away += not self.up
        return not self.up or self.struck(process, "refuse") is not None

    def struck(self, process: Process, *fates: Fate) -> Condition | None:
        """The first condition of these kinds that strikes here and now, counted."""
        for condition in self.conditions:
            if condition.fate in fates and condition.concerns(process) and self._draws(condition.share):
                condition.touched += 1
                return condition
        return None

    def leads_nowhere(self, process: Process) -> Condition | None:
        """The condition under which a request of this process goes into a connection whose other end is gone."""
        for condition in self.conditions:
            if condition.fate == "half-open" and condition.concerns(process) and process.name not in condition.spared:
                condition.spared.add(process.name)
                condition.touched += 1
                return condition
        return None

    def _draws(self, share: float) -> bool:
        return share >= 1 or self.network.random.random() < share

    def heal(self, condition: Condition) -> None:
        """Remove a condition; bytes were lost in the streams it holed, so those break."""
        if condition in self.conditions:
            self.conditions.remove(condition)
            holes, condition.holes = condition.holes, []
            for break_off in holes:
                break_off()


Opener = Callable[[Station, Process, asyncio.Protocol], Awaitable[asyncio.Transport]]


class SimulatedNetwork:
    """Who listens where. `outsider` is the process of whoever connects without being one (tests)."""

    def __init__(self, loop: SimulatedLoop, random: Random) -> None:
        self.loop = loop
        self.random = random
        self.context = fresh_context(None)
        self.operations = Operations()
        self.outsider = Process(loop, Operations(), name="outsider", role="outsider")
        self._listeners: dict[tuple[str, int], tuple[Station, Opener]] = {}
        loop.network = self

    def listen(self, host: str, port: int, *, station: Station, opener: Opener) -> None:
        """Let `opener` (see `link.py`) make every connection to host:port."""
        self._listeners[host, port] = station, opener

    def later(self, delay_s: float, action: Callable[..., None], *args: Any) -> None:
        """Something the network does, whoever lives or dies meanwhile."""
        self.loop.arrive_at(self.loop.now_s + delay_s, action, *args, context=self.context)

    async def connect(self, protocol: asyncio.Protocol, host: str, port: int) -> asyncio.Transport:
        """Open a stream. Raises ConnectionRefusedError."""
        if (host, port) not in self._listeners:
            raise ConnectionRefusedError(f"Nobody listens at {host}:{port} in the simulation.")
        station, opener = self._listeners[host, port]
        process = current_process.get() or self.outsider
        assert isinstance(process, Process)
        return await opener(station, process, protocol)
