"""The TCP proxy between one process and one server: what goes wrong on the wire goes wrong here.

One listener per (process, server), so that a fault can change one process' view alone. An `Ailment` is a value set on
`Proxy.ailment`; `heal` takes it away. Bytes taken out of a live stream corrupt it, so connections that lost some are
reset on heal. `Proxy.counts` is a fault's evidence.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass
from random import Random

CHUNK_BYTES = 65536


@dataclass(frozen=True)
class Delays:
    """Every chunk is late by `seconds`, in both directions."""

    seconds: float


@dataclass(frozen=True)
class Holds:
    """Nothing passes; on heal everything is delivered, late."""


@dataclass(frozen=True)
class Blackholes:
    """Nothing passes and nothing ever will: what was sent meanwhile is gone."""


@dataclass(frozen=True)
class Resets:
    """A `share` of the requests does not pass, and breaks its connection."""

    share: float = 1.0


@dataclass(frozen=True)
class DropsReplies:
    """Requests pass; a `share` of the replies does not, nor does anything after it on that connection.

    With `resets` the connection breaks at once, otherwise on heal.
    """

    share: float = 1.0
    resets: bool = False


@dataclass(frozen=True)
class HalfOpens:
    """The server's end is closed and the client is never told, not even on heal."""


Ailment = Delays | Holds | Blackholes | Resets | DropsReplies | HalfOpens


@dataclass
class Counts:
    """What happened on the wire since the proxy began; chunks are what one read returned."""

    connections: int = 0
    requests: int = 0
    replies: int = 0
    requests_lost: int = 0
    replies_lost: int = 0
    delayed: int = 0
    held: int = 0
    resets: int = 0


@dataclass(eq=False)
class _Link:
    """One client connection and its counterpart at the server."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    lost_bytes: bool = False
    is_half_open: bool = False


class Proxy:
    """Listens on `port` of the loopback interface and forwards to `upstream` (host, port)."""

    def __init__(self, *, port: int, upstream: tuple[str, int]) -> None:
        self.port = port
        self.counts = Counts()
        self.ailment: Ailment | None = None
        self._upstream = upstream
        self._random = Random(port)
        self._listener: asyncio.Server | None = None
        self._links: dict[_Link, None] = {}
        self._pumps: dict[asyncio.Task[None], None] = {}
        self._healed = asyncio.Event()

    async def listen(self) -> None:
        """Take connections."""
        if self._listener is None:
            self._listener = await asyncio.start_server(self._connected, "127.0.0.1", self.port)

    def refuse(self) -> None:
        """New connections are refused until `listen`; open ones stay."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def reset(self) -> None:
        """Break every open connection with a RST."""
        for link in list(self._links):
            self._break(link)

    def suffer(self, ailment: Ailment) -> None:
        """From now on the wire has this ailment, until `heal`."""
        self.ailment = ailment
        self._healed.clear()
        for link in self._links if isinstance(ailment, HalfOpens) else ():
            link.is_half_open = True
            link.server.close()

    def heal(self) -> None:
        """No ailment any more; connections that lost bytes are reset."""
        self.ailment = None
        self._healed.set()
        for link in [link for link in self._links if link.lost_bytes and not link.is_half_open]:
            self._break(link)

    async def close(self) -> None:
        """Refuse and break everything."""
        self.refuse()
        self.reset()
        for pump in list(self._pumps):
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    async def _connected(self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        self.counts.connections += 1
        try:
            from_server, to_server = await asyncio.open_connection(*self._upstream)
        except OSError:
            _reset(to_client)
            return
        link = _Link(to_client, to_server, is_half_open=isinstance(self.ailment, HalfOpens))
        self._links[link] = None
        pumps = [
            asyncio.create_task(self._pump(link, from_client, is_reply=False)),
            asyncio.create_task(self._pump(link, from_server, is_reply=True)),
        ]
        for pump in pumps:
            self._pumps[pump] = None
            pump.add_done_callback(lambda done: self._pumps.pop(done, None))

    async def _pump(self, link: _Link, reader: asyncio.StreamReader, *, is_reply: bool) -> None:
        """One direction of one connection, until either end closes it."""
        target = link.client if is_reply else link.server
        try:
            while data := await reader.read(CHUNK_BYTES):
                if await self._passes(link, is_reply=is_reply):
                    target.write(data)
                    await target.drain()
        except OSError:
            if not link.is_half_open:
                self._break(link)
        if is_reply and link.is_half_open:
            return
        await self._healed_from_silence()
        self._links.pop(link, None)
        link.client.close()
        link.server.close()

    async def _passes(self, link: _Link, *, is_reply: bool) -> bool:
        """Whether one chunk goes on, after whatever the ailment does to it."""
        self.counts.replies += is_reply
        self.counts.requests += not is_reply
        if isinstance(self.ailment, Delays):
            self.counts.delayed += 1
            await asyncio.sleep(self.ailment.seconds)
        elif isinstance(self.ailment, Holds):
            self.counts.held += 1
            await self._healed.wait()
        if not self._swallows(link, is_reply=is_reply):
            return True
        link.lost_bytes = True
        self.counts.replies_lost += is_reply
        self.counts.requests_lost += not is_reply
        if isinstance(self.ailment, Resets) or (isinstance(self.ailment, DropsReplies) and self.ailment.resets):
            self._break(link)
        return False

    def _swallows(self, link: _Link, *, is_reply: bool) -> bool:
        if link.is_half_open or isinstance(self.ailment, Blackholes):
            return True
        if isinstance(self.ailment, Resets):
            return not is_reply and self._random.random() < self.ailment.share
        if not is_reply or link.lost_bytes:
            return is_reply
        return isinstance(self.ailment, DropsReplies) and self._random.random() < self.ailment.share

    async def _healed_from_silence(self) -> None:
        """While nothing passes, the end of a connection does not pass either."""
        if isinstance(self.ailment, Holds | Blackholes):
            await self._healed.wait()

    def _break(self, link: _Link) -> None:
        if link in self._links:
            del self._links[link]
            self.counts.resets += 1
            _reset(link.client)
            _reset(link.server)


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with a RST: the other side learns that something went wrong."""
    with suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
