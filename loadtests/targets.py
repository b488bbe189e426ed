"""The API processes that are loaded, in turn, as a load balancer would: a refused connection moves on to the next one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import gevent

from loadtests.clock import now
from loadtests.record import Exchange
from loadtests.wire import Answer, CutError, NotSentError, Wire


class Targets:
    """One or several addresses of one service."""

    def __init__(self, wires: Sequence[Wire], *, timeout_s: float) -> None:
        self._wires = wires
        self._timeout_s = timeout_s
        self._turn = 0

    def exchange(self, due_s: float, send: Callable[[Wire], Answer]) -> Exchange:
        """Send one request now, once. Never raises for what the network or the service does."""
        sent_s = now()
        error, connected, wire = "", False, self._wires[0]
        try:
            with gevent.Timeout(self._timeout_s):
                for wire in self._in_turn():
                    try:
                        return _answered(send(wire), wire, due_s=due_s, sent_s=sent_s)
                    except NotSentError as failure:  # certainly not taken: the next one may
                        error = f"no connection: {failure}"
        except CutError:
            error, connected = "connection cut", True
        except gevent.Timeout:
            error, connected = f"no answer within {self._timeout_s:g} s", True
        return Exchange(
            due=due_s,
            sent=sent_s,
            end=now(),
            target=wire.url,
            http_status=None,
            error=error,
            headers={},
            body=b"",
            connected=connected,
        )

    def close(self) -> None:
        """Close idle connections."""
        for wire in self._wires:
            wire.close()

    def _in_turn(self) -> Iterator[Wire]:
        first = self._turn
        self._turn = (first + 1) % len(self._wires)
        yield self._wires[first]
        yield from self._wires[first + 1 :]
        yield from self._wires[:first]


def _answered(answer: Answer, wire: Wire, *, due_s: float, sent_s: float) -> Exchange:
    return Exchange(
        due=due_s,
        sent=sent_s,
        end=now(),
        target=wire.url,
        http_status=answer.http_status,
        error="",
        headers=answer.headers,
        body=answer.body,
    )
