"""The simulated SendGrid: the provider both worlds share (`worlds/provider.py`) at the end of an httpx transport.

The transport enforces httpx's timeouts, and what has left the caller is delivered even if the caller dies: calls are seen by
the provider in the order of their arrival.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from harness.worlds.provider import MailRequest, Provider, Reply
from harness.worlds.simulated.confinement import EPOCH
from harness.worlds.simulated.network import SimulatedNetwork, Station
from harness.worlds.simulated.processes import Process
from harness.worlds.simulated.request import Request
from harness.worlds.simulated.time import BOOT_S

ONE_WAY_S = 0.005
TRICKLE_S = 30.0  # how long a dripping answer takes in all


@dataclass(frozen=True)
class SeenCall:
    """One call as the provider saw it, in seconds of the simulated machine's clock."""

    process: str
    begin_s: float
    end_s: float
    reply: Reply


class SendGridServer:
    """Answers mail/send; `on_call` hears of every call once it is over.

    `holds(process, number)` is asked as each call arrives (numbered from 1); if it says so, the call is decided only on
    `release`: that is how a fault finds its caller in mid-call. If its caller is dead by then, it was killed before its
    request was complete: the provider never saw that call, and no mail was taken. So it is in the real world.
    """

    def __init__(self, network: SimulatedNetwork, provider: Provider, *, on_call: Callable[[SeenCall], None]) -> None:
        self.station = Station(network, "sendgrid", latency_s=ONE_WAY_S)
        self.provider = provider
        self.calls = 0
        self.holds: Callable[[str, int], bool] = lambda process, number: False
        self._network = network
        self._on_call = on_call
        self._held: list[tuple[Request, httpx.Request, float]] = []

    def url(self, process: str) -> str:
        """What `{sendgrid_url}` is for one process."""
        return f"http://sendgrid.sim/{process}/v3/mail/send"

    def transport(self, process: Process) -> SendGridTransport:
        """The provider as one process reaches it."""
        return SendGridTransport(self, process)

    def receive(self, arrived: Request, http: httpx.Request) -> None:
        """A call has arrived: decide it, unless it is held, and answer when it has been worked on."""
        begin_s = self._network.loop.time()
        self.calls += 1
        if self.holds(arrived.process.name, self.calls):
            self._held.append((arrived, http, begin_s))
        else:
            self._decide(arrived, http, begin_s=begin_s)

    def _decide(self, arrived: Request, http: httpx.Request, *, begin_s: float) -> None:
        headers = {name.lower(): value for name, value in http.headers.items()}
        reply = self.provider.answer(MailRequest(unix_s(begin_s), arrived.process.name, headers, http.content))
        self._network.later(reply.after_s, self._end, arrived, reply, begin_s)

    def release(self) -> None:
        """Let the held calls go on."""
        held, self._held = self._held, []
        for arrived, http, begin_s in held:
            if arrived.process.alive:
                self._decide(arrived, http, begin_s=begin_s)

    def _end(self, arrived: Request, reply: Reply, begin_s: float) -> None:
        self._on_call(SeenCall(arrived.process.name, begin_s, self._network.loop.time(), reply))
        if reply.lost:
            arrived.break_off(ConnectionResetError("sendgrid reset the connection"))
        else:
            arrived.answer(reply)


class SendGridTransport(httpx.AsyncBaseTransport):
    """What a simulated process gets as `host.transport`.

    Raises httpx.ConnectError (refused), ReadError or RemoteProtocolError (reset), ReadTimeout.
    """

    def __init__(self, server: SendGridServer, process: Process) -> None:
        self._server, self._process = server, process

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request and await its answer within httpx's read timeout."""
        await request.aread()
        call = Request(self._server.station, self._process, lambda arrived: self._server.receive(arrived, request))
        patience_s = request.extensions.get("timeout", {}).get("read")
        call.send(f"{request.method} {request.url.path}".encode(), patience_s=patience_s)
        reply = await self._answer(call, request)
        if reply.trickle:
            await asyncio.sleep(TRICKLE_S)
        if reply.noise:
            raise httpx.RemoteProtocolError("illegal status line", request=request)
        return httpx.Response(reply.status, headers=dict(reply.headers), content=reply.body, request=request)

    async def _answer(self, call: Request, request: httpx.Request) -> Reply:
        try:
            return await call.answered  # type: ignore[no-any-return]
        except TimeoutError:
            raise httpx.ReadTimeout("no answer in time", request=request) from None
        except ConnectionRefusedError as error:
            raise httpx.ConnectError(str(error), request=request) from None
        except ConnectionError as error:
            raise httpx.ReadError(str(error), request=request) from None


def unix_s(loop_s: float) -> float:
    """The wall clock's time at a moment of the loop's clock."""
    return EPOCH.timestamp() + loop_s - BOOT_S
