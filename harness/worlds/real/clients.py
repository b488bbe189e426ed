"""How the harness' clients reach the service over HTTP: spread over the API processes as a load balancer would.

Every request opens a connection of its own, so that a refused one is certain not to have been taken, and moves on to
the next process. Next: `harness/worlds/answers.py` reads what comes back.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from harness.worlds.answers import Exchange
from harness.worlds.real import http, stub
from harness.worlds.real.fleet import Fleet
from harness.worlds.real.journal import WallClock

ANSWERS_WITHIN_S = 15.0
JSON = {"Content-Type": "application/json"}


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
        self._headers = dict(headers)
        self._turn = 0

    async def exchange(self, request: Request) -> Exchange:
        """One request. Never raises for what the service or the network does."""
        begin_s = self._clock.now()
        target = request.path + (f"?{urlencode(request.params)}" if request.params else "")
        body = b"" if request.json is None else json.dumps(request.json).encode()
        head = http.request(request.method, target, headers=self._headers | (JSON if body else {}), body=body)
        refusal = ""
        for process in self._in_turn():
            try:
                answer = await http.ask(self._ports[process], head, body, within_s=ANSWERS_WITHIN_S)
            except ConnectionRefusedError as error:
                refusal = f"{process} refused the connection ({error})"
                continue
            except http.NoAnswerError as error:
                return Exchange(process=process, begin_s=begin_s, end_s=self._clock.now(), error=str(error))
            return Exchange(
                process=process,
                begin_s=begin_s,
                end_s=self._clock.now(),
                http_status=answer.status,
                headers=answer.headers,
                body=answer.body,
            )
        told = f"no API process took the connection: {refusal}"
        return Exchange(process="", begin_s=begin_s, end_s=self._clock.now(), error=told, refused=True)

    async def ask_stub(self, port: int) -> bool:
        """One request to the bare endpoint beside the service, made as all others are; whether it was answered in time.

        It is answered once a little was written to the disk and synced.
        """
        head = http.request("POST", stub.DISK, headers=JSON, body=b"{}")
        try:
            await http.ask(port, head, b"{}", within_s=stub.TIMES_OUT_AFTER_S)
        except (ConnectionRefusedError, http.NoAnswerError):
            return False
        return True

    def _in_turn(self) -> list[str]:
        """Ready processes first, each in turn; the others after them, should none of those take it."""
        names = self._fleet.names("api")
        self._turn += 1
        turned = names[self._turn % len(names) :] + names[: self._turn % len(names)]
        return sorted(turned, key=lambda name: not self._fleet.is_ready(name))
