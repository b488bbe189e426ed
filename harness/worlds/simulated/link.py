"""One connection of the simulated network: a stream between a process and a server, in order both ways.

`Link` is the transport asyncio gives the client, so redis-py runs on it unmodified; the server's end is a `Handler`
(`redis.py` has the only one). What can go wrong is decided command by command, see `Condition` in `network.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

from harness.worlds.simulated.network import Condition, Station
from harness.worlds.simulated.processes import Process


class Handler(Protocol):
    """The server's end of a link."""

    def receive(self, data: bytes) -> None: ...
    def gone(self) -> None: ...


Acceptor: TypeAlias = "Callable[[Link], Handler]"


async def open_link(station: Station, process: Process, protocol: asyncio.Protocol, *, acceptor: Acceptor) -> asyncio.Transport:
    """Connect a process to a server. Raises ConnectionRefusedError."""
    opening = Opening(station, process, protocol, acceptor=acceptor)
    process.perform("connect", station.name.encode(), opening.depart)
    return await opening.opened


class Opening:
    """A connection attempt on its way."""

    def __init__(self, station: Station, process: Process, protocol: asyncio.Protocol, *, acceptor: Acceptor) -> None:
        self.opened: asyncio.Future[asyncio.Transport] = station.network.loop.create_future()
        self._station, self._process, self._protocol, self._acceptor = station, process, protocol, acceptor

    def depart(self) -> None:
        """The first packet leaves the process' machine."""
        self._station.network.later(self._station.travel_s(), self._arrive)

    def _arrive(self) -> None:
        """The server's machine sees it: refuse, ignore until healed, or accept."""
        station = self._station
        if station.refuses(self._process):
            self._back(self._fail, ConnectionRefusedError(f"{station.name} refused the connection"))
        elif hole := station.struck(self._process, "blackhole"):
            hole.holes.append(self._arrive)
        else:
            link = Link(station, self._process, self._protocol)
            link.handler = self._acceptor(link)
            self._back(self._succeed, link)

    def _back(self, action: Callable[[Any], None], value: Any) -> None:
        loop = self._station.network.loop
        loop.arrive_at(loop.now_s + self._station.travel_s(), action, value, context=self._process.context)

    def _fail(self, error: ConnectionError) -> None:
        if not self.opened.done():
            self.opened.set_exception(error)

    def _succeed(self, link: Link) -> None:
        if self.opened.done():  # whoever asked gave up meanwhile
            link.abort()
            return
        self._protocol.connection_made(link)
        self.opened.set_result(link)


class Link(asyncio.Transport):
    """One connection: the transport of its client, and how the server's `handler` answers. In order both ways."""

    handler: Handler

    def __init__(self, station: Station, process: Process, protocol: asyncio.BaseProtocol) -> None:
        super().__init__({"peername": ("10.0.0.1", 0)})
        self.process, self.station = process, station
        self._network, self._loop = station.network, station.network.loop
        self._protocol: Any = protocol
        self._closing = False  # the client closed it
        self._broken = False  # the server closed it, or it holed
        self._nowhere: Condition | None = None  # half-open: what is sent is lost, and counted there
        self._there_s = self._back_s = 0.0  # arrival of the last packet in each direction
        process.hold(self)
        station.attach(self)

    # --- the client's side: asyncio's transport

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self._closing and data:
            packet = bytes(data)
            self.process.perform(self.station.name, packet, lambda: self._send(self._arrive, packet))

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            self.process.release(self)
            self._loop.call_soon(self._protocol.connection_lost, None, context=self.process.context)
            self._send(self._leave)

    def abort(self) -> None:
        self.close()

    def is_closing(self) -> bool:
        return self._closing

    def can_write_eof(self) -> bool:
        return False

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._protocol  # type: ignore[no-any-return]

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = protocol

    def pause_reading(self) -> None:
        """Readers of the simulation are never slower than the network."""

    def resume_reading(self) -> None:
        """See `pause_reading`."""

    def orphaned(self) -> None:
        """The client's process died: its kernel closes the connection."""
        self._closing = True
        self._send(self._leave)

    def _send(self, action: Callable[..., None], *args: Any) -> None:
        self._there_s = max(self._there_s, self._loop.now_s + self.station.travel_s())
        self._loop.arrive_at(self._there_s, self._at_server, action, *args, context=self._network.context)

    # --- the server's side

    def _at_server(self, action: Callable[..., None], *args: Any) -> None:
        if self.station.conditions and (slow := self.station.struck(self.process, "delay")):
            self._there_s = max(self._there_s, self._loop.now_s + slow.delay_s)
            self._loop.arrive_at(self._there_s, self.station.admit, action, *args, context=self._network.context)
        else:
            self.station.admit(action, *args)

    def _arrive(self, data: bytes) -> None:
        if self._nowhere:
            self._nowhere.touched += 1
        if not self._broken:
            self.handler.receive(data)

    def _leave(self) -> None:
        self.station.detach(self)
        if not self._broken:
            self._broken = True
            self.handler.gone()

    def lost_on_arrival(self) -> bool:
        """Whether a condition swallows the command that just arrived, before it is executed."""
        if self._broken:
            return True
        if not self.station.conditions:
            return False
        if self.station.struck(self.process, "reset"):
            self.break_off(ConnectionResetError(f"{self.station.name} reset the connection"))
            return True
        return self._fell_into(self.station.struck(self.process, "blackhole"))

    def reply(self, data: bytes, *, may_be_lost: bool = True) -> None:
        """Send the server's answer, unless a condition loses it."""
        if self._broken:
            return
        if may_be_lost and self.station.conditions and (loss := self.station.struck(self.process, "lose-reply")):
            self._fell_into(loss)
            if self._network.random.random() < 0.5:
                self._reset(ConnectionResetError(f"{self.station.name} reset the connection"))
            return
        if self.station.on_reply is not None:
            self.station.on_reply(self.process, data)
        self._deliver(self._protocol_receives, data)

    def break_off(self, error: ConnectionError) -> None:
        """Reset the connection from the server's side."""
        if not self._broken:
            self._broken = True
            self.handler.gone()
            self._reset(error)

    def fall_silent(self, hole: Condition) -> None:
        """The server's end is gone, and the client is never told."""
        if not self._broken:
            self._broken, self._nowhere = True, hole
            self.station.detach(self)
            self.handler.gone()

    def _fell_into(self, hole: Condition | None) -> bool:
        if hole is None:
            return False
        self._broken = True
        self.handler.gone()
        hole.holes.append(lambda: self._reset(ConnectionResetError(f"{self.station.name} reset the connection")))
        return True

    def _reset(self, error: ConnectionError) -> None:
        self.station.detach(self)
        self._deliver(self._protocol_loses, error)

    def _deliver(self, action: Callable[[Any], None], value: Any) -> None:
        self._back_s = max(self._back_s, self._loop.now_s + self.station.travel_s())
        self._loop.arrive_at(self._back_s, action, value, context=self.process.context)

    def _protocol_receives(self, data: bytes) -> None:
        if not self._closing:
            self._protocol.data_received(data)

    def _protocol_loses(self, error: ConnectionError) -> None:
        if not self._closing:
            self._closing = True
            self.process.release(self)
            self._protocol.connection_lost(error)
