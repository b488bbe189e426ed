"""A service whose latency is known: it sleeps as told, writes down how long it slept, and can freeze or misbehave.

Run as `python -I known_server.py OPTIONS`; prints its port, and writes one JSON line a request to --log:
{"method", "id", "connection", "key", "begin", "slept_ms", "mood"}. Moods are taken in turn, one for each request.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import time
from pathlib import Path
from typing import Any, TextIO, cast

REASON = "X"


class Service:
    """What all connections share."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.random = random.Random(options.seed)
        self.log: TextIO = Path(options.log).open("w", buffering=1)  # noqa: SIM115 - as long as the process
        self.accepted: set[str] = set()
        self.requests = self.connections = 0
        self.began: float | None = None

    def begin(self) -> None:
        """The first request is there: from here the freeze is counted."""
        if self.began is None:
            self.began = time.monotonic()
            if self.options.freeze_for:
                freeze_s = self.options.freeze_for
                asyncio.get_running_loop().call_later(self.options.freeze_at, lambda: time.sleep(freeze_s))

    def mood(self) -> str:
        moods = self.options.moods.split(",")
        self.requests += 1
        return cast(str, moods[(self.requests - 1) % len(moods)])

    def delay_s(self) -> float:
        return self.random.uniform(self.options.low_ms, self.options.high_ms) / 1e3

    def document(self, method: str, event_id: str, mood: str) -> tuple[int, dict[str, Any]]:
        """Status and body by the contract, unless the mood is another."""
        if mood.isdigit():
            return int(mood), {"title": "told to"}
        if method == "GET":
            return 200, {"id": event_id, "status": "completed", "processed_at": None, "result": None}
        if event_id in self.accepted:
            return 200, {"status": "duplicate", "original_id": event_id, "current_status": "pending"}
        self.accepted.add(event_id)
        answered_id = "another" if mood == "other-id" else event_id
        return 202, {"status": "accepted", "id": answered_id, "idempotency_key": event_id, "estimated_processing_ms": 5}


class Connection(asyncio.Protocol):
    """HTTP/1.1 as far as a load generator speaks it: one request at a time, with Content-Length."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._arrived = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._service.connections += 1
        self._number = self._service.connections

    def data_received(self, data: bytes) -> None:
        self._arrived += data
        head, found, body = self._arrived.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head, re.I)
        if not found or len(body) < int(length[1] if length else 0):
            return
        self._arrived = b""
        self._service.begin()
        method, path, *_ = head.decode().split(" ")
        event_id = json.loads(body)["id"] if method == "POST" else path.split("/")[2]
        key = re.search(rb"x-api-key: (.*)", head, re.I)
        facts = {"method": method, "id": event_id, "connection": self._number, "key": key and key[1].decode().strip()}
        asyncio.get_running_loop().create_task(self._answer(method, event_id, facts))

    async def _answer(self, method: str, event_id: str, facts: dict[str, Any]) -> None:
        begin, mood = time.time(), self._service.mood()
        clock = time.perf_counter()
        if mood != "hang":
            await asyncio.sleep(self._service.delay_s())
        slept_ms = (time.perf_counter() - clock) * 1e3
        self._service.log.write(json.dumps(facts | {"begin": begin, "slept_ms": slept_ms, "mood": mood}) + "\n")
        if mood == "hang":
            return None
        if mood == "cut":
            return self._transport.close()
        self._transport.write(self._told(method, event_id, mood))
        if mood == "half":
            self._transport.close()
        return None

    def _told(self, method: str, event_id: str, mood: str) -> bytes:
        http_status, document = self._service.document(method, event_id, mood)
        body = {"not-json": b"caf\xe9", "list": b"[1]"}.get(mood, json.dumps(document).encode())
        extra = {429: "Retry-After: 2\r\n", 302: "Location: /elsewhere\r\n"}.get(http_status, "")
        head = f"HTTP/1.1 {http_status} {REASON}\r\n{extra}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        told = head.encode() + body
        return told[: -len(body) // 2] if mood == "half" else told


async def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--log", required=True)
    parser.add_argument("--low-ms", type=float, default=0.0)
    parser.add_argument("--high-ms", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--freeze-at", type=float, default=0.0)
    parser.add_argument("--freeze-for", type=float, default=0.0)
    parser.add_argument("--moods", default="ok")
    service = Service(parser.parse_args())
    server = await asyncio.get_running_loop().create_server(lambda: Connection(service), "127.0.0.1", 0, backlog=1000)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
