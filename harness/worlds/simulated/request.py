"""One request on its way to a server and its one answer on the way back: how the database and the mail provider are reached.

It is the message-sized sibling of `link.py` and suffers the same conditions (`network.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from harness.worlds.simulated.network import Condition, Station
from harness.worlds.simulated.processes import Process


class Request:
    """`serve(request)` runs at the server, and later calls `answer` or `fail`; the client awaits `answered`.

    `answered` raises ConnectionRefusedError (certainly not served), ConnectionResetError (served or not), TimeoutError (no
    answer after `patience_s`), or what `fail` was given. If the client dies or gives up, the request is served all the same.
    """

    def __init__(self, station: Station, process: Process, serve: Callable[[Request], None]) -> None:
        self.process = process
        self.answered: asyncio.Future[Any] = station.network.loop.create_future()
        self._station, self._serve = station, serve
        self._broken = False
        self._patience: asyncio.TimerHandle | None = None

    def send(self, payload: bytes, *, patience_s: float | None = None) -> None:
        """Let it leave the process; `payload` is what a person reading a trace sees of it."""
        if patience_s is not None:
            self._patience = self._station.network.loop.call_later(patience_s, self._resolve, TimeoutError())
        self.process.perform(self._station.name, payload, self._depart)

    def _depart(self) -> None:
        self._station.network.later(self._station.travel_s(), self._arrive)

    def _arrive(self) -> None:
        station = self._station
        if station.conditions and (slow := station.struck(self.process, "delay")):
            station.network.later(slow.delay_s, self._enter)
        else:
            self._enter()

    def _enter(self) -> None:
        station = self._station
        if station.refuses(self.process):
            self._deliver(ConnectionRefusedError(f"{station.name} refused the connection"))
        elif station.struck(self.process, "reset"):
            self._deliver(self._reset())
        elif hole := station.struck(self.process, "blackhole"):
            self._fall_into(hole)
        elif station.conditions and (nowhere := station.leads_nowhere(self.process)):
            self.fall_silent(nowhere)
        else:
            station.attach(self)
            station.admit(self._served)

    def _served(self) -> None:
        if not self._broken:
            self._serve(self)

    def answer(self, value: Any) -> None:
        """Send the answer, unless a condition loses it."""
        if self._broken:
            return
        station = self._station
        if station.conditions and (loss := station.struck(self.process, "lose-reply")):
            if station.network.random.random() < 0.5:
                self.break_off(self._reset())
            else:
                self._fall_into(loss)
            return
        self._finish(value)

    def fail(self, error: BaseException) -> None:
        """Send the server's own refusal, which arrives like an answer."""
        self._finish(error)

    def break_off(self, error: ConnectionError) -> None:
        """Reset the connection instead of answering."""
        self._finish(error)

    def fall_silent(self, hole: Condition) -> None:
        """The server's end is gone, and the client is never told: only its own patience ends this."""
        if not self._broken:
            hole.touched += 1
            self._broken = True
            self._station.detach(self)

    def _finish(self, outcome: Any) -> None:
        if not self._broken:
            self._broken = True
            self._station.detach(self)
            self._deliver(outcome)

    def _fall_into(self, hole: Condition) -> None:
        self._broken = True
        self._station.detach(self)
        hole.holes.append(lambda: self._deliver(self._reset()))

    def _reset(self) -> ConnectionResetError:
        return ConnectionResetError(f"{self._station.name} reset the connection")

    def _deliver(self, outcome: Any) -> None:
        loop = self._station.network.loop
        loop.arrive_at(loop.now_s + self._station.travel_s(), self._resolve, outcome, context=self.process.context)

    def _resolve(self, outcome: Any) -> None:
        if self._patience is not None:
            self._patience.cancel()
        if self.answered.done():
            return
        if isinstance(outcome, BaseException):
            self.answered.set_exception(outcome)
        else:
            self.answered.set_result(outcome)
