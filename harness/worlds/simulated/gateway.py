"""How clients reach the API processes: spread as a load balancer would, a refused connection moves on to the next one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from harness.worlds.answers import Exchange
from harness.worlds.simulated.asgi import AsgiServer, HttpAnswer, HttpCall, HttpRequest
from harness.worlds.simulated.network import SimulatedNetwork, Station

ONE_WAY_S = 0.0005
CLIENT_TIMEOUT_S = 15.0


class Gateway:
    """Sends requests to whichever API process takes them. `servers` gives those that there are at this moment."""

    def __init__(self, network: SimulatedNetwork, servers: Callable[[], Sequence[AsgiServer]], now: Callable[[], float]) -> None:
        self._servers, self._now = servers, now
        self._station = Station(network, "api", latency_s=ONE_WAY_S)
        self._turn = 0

    async def exchange(self, request: HttpRequest) -> Exchange:
        """One request; every API process is tried once before it counts as refused. Never raises for what the service does."""
        begin_s = self._now()
        for server in self._in_turn():
            process = server.process.name
            try:
                answer = await self.call(server, request, timeout_s=CLIENT_TIMEOUT_S)
            except ConnectionRefusedError:
                continue
            except (ConnectionError, TimeoutError) as error:
                told = str(error) or f"no answer within {CLIENT_TIMEOUT_S:g} s"
                return Exchange(process=process, begin_s=begin_s, end_s=self._now(), error=told)
            return Exchange(
                process=process,
                begin_s=begin_s,
                end_s=self._now(),
                http_status=answer.status,
                headers=answer.headers,
                body=answer.body,
            )
        told = "every API process refused the connection"
        return Exchange(process="", begin_s=begin_s, end_s=self._now(), error=told, refused=True)

    async def call(self, server: AsgiServer, request: HttpRequest, *, timeout_s: float) -> HttpAnswer:
        """Ask one process. Raises ConnectionRefusedError, ConnectionResetError, TimeoutError."""
        call = HttpCall(self._station, server, request, timeout_s=timeout_s)
        call.send()
        return await call.answered

    def _in_turn(self) -> list[AsgiServer]:
        servers = list(self._servers())
        self._turn += 1
        start = self._turn % len(servers) if servers else 0
        return servers[start:] + servers[:start]
