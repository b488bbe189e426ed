"""SendGrid as an HTTP server on the loopback interface, around the shared provider (`harness/worlds/provider.py`).

Every process has a URL of its own, `/<process>/v3/mail/send`, so that each call is attributed to its caller. A call can
be held before it is decided (`hold`): that is how a worker is killed or stopped in the middle of a mail. If its caller
is gone by then it was killed before its request was complete: the provider never saw that call, and no mail was taken.
"""

from __future__ import annotations

import asyncio
import re
import socket
import struct
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

import h11

from harness.history import Call, Pair
from harness.worlds.provider import MailRequest, Provider, Reply
from harness.worlds.real.journal import WallClock
from harness.worlds.real.processes import Guard

PATH = re.compile(r"/([\w-]+)/v3/mail/send")
CHUNK_BYTES = 65536
LARGEST_BODY_BYTES = 30 * 1024 * 1024
BETWEEN_TRICKLED_BYTES_S = 0.2
NOTICED_WITHIN_S = 0.05


@dataclass(frozen=True)
class Seen:
    """One call as the stand-in saw it; times are Unix seconds."""

    request: MailRequest
    reply: Reply
    end_s: float


class SeenCall(NamedTuple):
    """What the harness keeps of a call; times are Unix seconds, `source` and `id` None where the mail names no event."""

    source: str | None
    id: str | None
    process: str
    begin_s: float
    end_s: float
    http_status: int
    taken: bool
    reply_lost: bool
    resets_at_s: float | None
    recipients: Sequence[str]
    unnamed: str


def seen_call(seen: Seen) -> SeenCall:
    """A call without its bodies."""
    reply = seen.reply
    resets_at = reply.headers.get("X-RateLimit-Reset") if reply.status == 429 else None
    return SeenCall(
        source=reply.source,
        id=reply.id,
        process=seen.request.process,
        begin_s=seen.request.at_s,
        end_s=seen.end_s,
        http_status=reply.status,
        taken=reply.taken,
        reply_lost=reply.is_untold,
        resets_at_s=None if resets_at is None else float(resets_at),
        recipients=reply.recipients,
        unnamed=reply.unnamed,
    )


def call_of(seen: SeenCall, clock: WallClock) -> Call:
    """The history entry of a call."""
    return Call(
        pair=None if seen.source is None or seen.id is None else Pair(seen.source, seen.id),
        process=seen.process,
        begin_s=clock.at_unix(seen.begin_s),
        end_s=clock.at_unix(seen.end_s),
        http_status=seen.http_status,
        taken=seen.taken,
        reply_lost=seen.reply_lost,
        resets_at_s=None if seen.resets_at_s is None else clock.at_unix(seen.resets_at_s),
        recipients=tuple(seen.recipients),
        unnamed=seen.unnamed,
    )


def mail_url(port: int, process: str) -> str:
    """The full URL of mail/send for one process."""
    return f"http://127.0.0.1:{port}/{process}/v3/mail/send"


class StandIn:
    """Serves on `port`. `hold` returns when a call may be decided, True if it was held until then; `record` gets every
    call just before its reply goes out.
    """

    def __init__(
        self,
        provider: Provider,
        *,
        port: int,
        hold: Callable[[MailRequest], Awaitable[bool]],
        record: Callable[[Seen], None],
    ) -> None:
        self.port = port
        self._provider = provider
        self._hold = hold
        self._record = record
        self._listener: asyncio.Server | None = None
        self._connections: dict[asyncio.Task[None], None] = {}

    def url(self, process: str) -> str:
        """The full URL of mail/send for one process."""
        return mail_url(self.port, process)

    async def listen(self, _: Guard | None = None) -> None:
        """Take connections."""
        self._listener = await asyncio.start_server(self._connected, "127.0.0.1", self.port)

    async def close(self) -> None:
        """Stop; calls in flight are cut off."""
        if self._listener is not None:
            self._listener.close()
        for connection in list(self._connections):
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections[task] = None
        try:
            with suppress(OSError, asyncio.CancelledError):  # cancelled by close: asyncio would log it as a mistake
                await self._serve(_Wire(reader, writer))
        finally:
            self._connections.pop(task, None)
            writer.close()

    async def _serve(self, wire: _Wire) -> None:
        """Answer requests on one connection until either side closes it."""
        while True:
            try:
                asked = await wire.receive()
            except h11.RemoteProtocolError as error:
                await wire.send(_plain(error.error_status_hint, str(error)))
                return
            if asked is None:
                return
            reply = await self._answer(*asked, wire)
            if reply is None:
                return
            if reply.lost:
                wire.reset()
                return
            if reply.noise:
                wire.babble(reply.body)
                return
            await wire.send(reply)
            if not wire.can_go_on():
                return

    async def _answer(self, head: h11.Request, body: bytes, wire: _Wire) -> Reply | None:
        """The reply, once it may go out; None if there is nobody who completed the request."""
        process = PATH.fullmatch(head.target.decode("ascii", "replace"))
        if process is None:
            return _plain(404, "The path is not /<process>/v3/mail/send: use the {sendgrid_url} you were given.")
        if head.method != b"POST":
            return _plain(405, "mail/send takes POST only.")
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers}
        request = MailRequest(time.time(), process[1], headers, body)
        if await self._hold(request) and await wire.is_abandoned():
            return None
        reply = self._provider.answer(request)
        try:
            await asyncio.sleep(reply.after_s)
        finally:
            self._record(Seen(request, reply, time.time()))
        return reply


class _Wire:
    """HTTP/1.1 on one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.SERVER)

    async def receive(self) -> tuple[h11.Request, bytes] | None:
        """The next request with its body; None when the client has closed. Raises h11.RemoteProtocolError."""
        head: h11.Request | None = None
        body = bytearray()
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                await self._invite()
                self._http.receive_data(await self._reader.read(CHUNK_BYTES))
            elif isinstance(event, h11.Request):
                head = event
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > LARGEST_BODY_BYTES:
                    raise h11.RemoteProtocolError("the mail is larger than 30 MB", error_status_hint=413)
            elif isinstance(event, h11.EndOfMessage) and head is not None:
                return head, bytes(body)
            else:
                return None

    async def send(self, reply: Reply) -> None:
        """One whole answer."""
        headers = [*reply.headers.items(), ("Content-Length", str(len(reply.body)))]
        answer = self._http.send(h11.Response(status_code=reply.status, headers=headers)) or b""
        if reply.body:
            answer += self._http.send(h11.Data(data=reply.body)) or b""
        answer += self._http.send(h11.EndOfMessage()) or b""
        for piece in (bytes([byte]) for byte in answer) if reply.trickle else (answer,):
            self._writer.write(piece)
            await self._writer.drain()
            await asyncio.sleep(BETWEEN_TRICKLED_BYTES_S if reply.trickle else 0)

    def can_go_on(self) -> bool:
        """Whether the connection is kept alive; ready for the next request if so."""
        if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
            return False
        self._http.start_next_cycle()
        return True

    def babble(self, noise: bytes) -> None:
        """Write something that is no HTTP."""
        self._writer.write(noise)

    def reset(self) -> None:
        """Close with a RST instead of an answer."""
        connection = self._writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    async def is_abandoned(self) -> bool:
        """Whether the client is gone: it had sent its whole request, so anything it does now is closing."""
        try:
            async with asyncio.timeout(NOTICED_WITHIN_S):
                return await self._reader.read(CHUNK_BYTES) == b""
        except TimeoutError:  # an OSError too, so it comes first
            return False
        except OSError:
            return True

    async def _invite(self) -> None:
        if self._http.they_are_waiting_for_100_continue:
            go_on = h11.InformationalResponse(status_code=100, headers=[])
            self._writer.write(self._http.send(go_on) or b"")
            await self._writer.drain()


def _plain(status: int, message: str) -> Reply:
    return Reply(status, {"Content-Type": "text/plain"}, message.encode(), after_s=0.0)
