"""Posts events over keep-alive connections, as a process of its own: closed (the next one after each answer) or open.

``python -m tests.benchmarks.posting PORT NAME --requests 6000 [--per-second 300]``; what it saw is one line of JSON on stdout.
The open load is a Poisson process drawn from one seed, the same for whoever is measured; latency counts from the intended moment.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import selectors
import sys
from collections import Counter, deque
from dataclasses import dataclass, field
from random import Random
from typing import Any

import uvloop

MAIL = {"to": "reader@example.com", "subject": "Ready", "text": "Your page is ready."}
WITHIN_SECONDS = 120.0


def request(name: str) -> bytes:
    """POST /ingest with an event of this id."""
    event = {"id": name, "source": "bench", "type": "page.published", "data": {"number": 1}, "email": MAIL}
    body = json.dumps(event).encode()
    head = f"POST /ingest HTTP/1.1\r\nhost: api\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


@dataclass
class Seen:
    """What became of the requests: answers by status, and how long each took."""

    wanted: int
    answers: Counter[int] = field(default_factory=Counter)
    latencies_ms: list[float] = field(default_factory=list)
    done: asyncio.Event = field(default_factory=asyncio.Event)

    def note(self, status: int, seconds: float) -> None:
        self.answers[status] += 1
        self.latencies_ms.append(round(seconds * 1e3, 4))
        if len(self.latencies_ms) == self.wanted:
            self.done.set()


class Connection(asyncio.Protocol):
    """One connection with one request under way at most; ``free`` is called with it whenever it could take the next."""

    def __init__(self, seen: Seen, free: Any) -> None:
        self._seen = seen
        self._free = free
        self._transport: Any = None
        self._received = b""
        self._began = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def post(self, wire: bytes, *, due: float) -> None:
        """Send a request; its latency counts from ``due``."""
        self._began = due
        self._transport.write(wire)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, separator, body = self._received.partition(b"\r\n\r\n")
        if not separator:
            return
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        if len(body) < length:
            return
        self._received = b""
        self._seen.note(int(head[9:12]), asyncio.get_running_loop().time() - self._began)
        self._free(self)

    def close(self) -> None:
        """Hang up."""
        self._transport.close()


async def closed(port: int, wires: list[bytes], *, connections: int) -> Seen:
    """Each connection posts as soon as it is answered."""
    seen, loop, left = Seen(len(wires)), asyncio.get_running_loop(), iter(wires)

    def again(connection: Connection) -> None:
        wire = next(left, None)
        if wire is not None:
            connection.post(wire, due=loop.time())

    made = [(await loop.create_connection(lambda: Connection(seen, again), "127.0.0.1", port))[1] for _ in range(connections)]
    for connection in made:
        again(connection)
    await asyncio.wait_for(seen.done.wait(), WITHIN_SECONDS)
    for connection in made:
        connection.close()
    return seen


async def opened(port: int, wires: list[bytes], *, connections: int, per_second: float) -> Seen:
    """Posts come when they are due, whether earlier ones are answered or not; those without a free connection wait for one."""
    seen, loop, gaps = Seen(len(wires)), asyncio.get_running_loop(), Random("arrivals")
    free: deque[Connection] = deque()
    waiting: deque[tuple[bytes, float]] = deque()

    def take(connection: Connection) -> None:
        free.append(connection)
        while waiting and free:
            wire, due = waiting.popleft()
            free.popleft().post(wire, due=due)

    for _ in range(connections):
        take((await loop.create_connection(lambda: Connection(seen, take), "127.0.0.1", port))[1])
    due = loop.time() + 0.05
    for wire in wires:
        due += gaps.expovariate(per_second)
        await asyncio.sleep(max(0.0, due - loop.time()))
        waiting.append((wire, due))
        if free:
            take(free.popleft())
    await asyncio.wait_for(seen.done.wait(), WITHIN_SECONDS)
    return seen


def main() -> int:
    """Post and say what was seen."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("name", help="of these requests; ids begin with it")
    parser.add_argument("--requests", type=int, default=6000)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--per-second", type=float)
    given = parser.parse_args()
    wires = [request(f"{given.name}-{number}") for number in range(given.requests)]
    if given.per_second is None:
        seen = uvloop.run(closed(given.port, wires, connections=given.connections))
    else:
        load = opened(given.port, wires, connections=given.connections, per_second=given.per_second)
        with asyncio.Runner(loop_factory=_loop_with_fine_timers) as runner:
            seen = runner.run(load)
    print(json.dumps({"answers": seen.answers, "latencies_ms": seen.latencies_ms}))
    return 0


def _loop_with_fine_timers() -> asyncio.AbstractEventLoop:
    return asyncio.SelectorEventLoop(selectors.SelectSelector())  # epoll and libuv count in whole milliseconds


if __name__ == "__main__":
    sys.exit(main())
