"""How the harness' clients reach the service over HTTP: spread over the API processes as a load balancer would.

Every request opens a connection of its own, so that a refused one is certain not to have been taken, and moves on to
the next process. Next: `harness/worlds/answers.py` reads what comes back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from harness.worlds.answers import Exchange
from harness.worlds.real import stub
from harness.worlds.real.fleet import Fleet
from harness.worlds.real.journal import WallClock

ANSWERS_WITHIN_S = 15.0


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request to whichever API process takes it."""

    method: str
    path: str
    params: Mapping[str, str] | None = None
    json: Any = None


class Clients:
    """Every client of the service."""

    def __init__(self, fleet: Fleet, ports: Mapping[str, int], *, headers: Mapping[str, str], clock: WallClock) -> None:
        self._fleet = fleet
        self._ports = ports
        self._clock = clock
        self._turn = 0
        self._http = httpx.AsyncClient(
            headers=dict(headers),
            timeout=ANSWERS_WITHIN_S,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
            trust_env=False,
        )

    async def exchange(self, request: Request) -> Exchange:
        """One request. Never raises for what the service or the network does."""
        begin_s = self._clock.now()
        refusal = ""
        for process in self._in_turn():
            url = f"http://127.0.0.1:{self._ports[process]}{request.path}"
            try:
                answer = await self._http.request(request.method, url, params=request.params, json=request.json)
            except httpx.ConnectError as error:
                refusal = f"{process} refused the connection ({error})"
                continue
            except httpx.HTTPError as error:
                told = f"{type(error).__name__}: {error}"
                return Exchange(process=process, begin_s=begin_s, end_s=self._clock.now(), error=told)
            return Exchange(
                process=process,
                begin_s=begin_s,
                end_s=self._clock.now(),
                http_status=answer.status_code,
                headers={name.lower(): value for name, value in answer.headers.items()},
                body=answer.content,
            )
        told = f"no API process took the connection: {refusal}"
        return Exchange(process="", begin_s=begin_s, end_s=self._clock.now(), error=told, refused=True)

    async def ask_stub(self, port: int) -> bool:
        """One request to the bare endpoint beside the service, made as all others are; whether it was answered in time."""
        try:
            await self._http.post(f"http://127.0.0.1:{port}/", json={}, timeout=stub.TIMES_OUT_AFTER_S)
        except httpx.HTTPError:
            return False
        return True

    async def close(self) -> None:
        """Drop what is under way."""
        await self._http.aclose()

    def _in_turn(self) -> list[str]:
        """Ready processes first, each in turn; the others after them, should none of those take it."""
        names = self._fleet.names("api")
        self._turn += 1
        turned = names[self._turn % len(names) :] + names[: self._turn % len(names)]
        return sorted(turned, key=lambda name: not self._fleet.is_ready(name))
