"""A client at work as a process of its own, and what it is charged with: what it told beside what is true.

The truth is what was on the wire, in the database and at the mail provider. Next: test_contract.py.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import asyncpg

from tests.reference.a5.node import CLIENT, NODE
from tests.reference.servers import Postgres, SendGrid

ENDS_WITHIN_SECONDS = 60.0
Line = dict[str, Any]


@dataclass
class Delivery:
    """One client delivering its events; ids begin with its name."""

    client: str
    lines: list[Line] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)  # of the events it was given

    @property
    def told(self) -> list[Line]:
        """What the client told of each event."""
        return [line for line in self.lines if "told" in line]

    def wire(self, status: int | None) -> list[Line]:
        """The answers to its POSTs with this HTTP status; None: the requests without an answer."""
        return [line for line in self.lines if "wire" in line and line["status"] == status]

    async def run(self, url: str, ids: Sequence[str], *, verb: str = "deliver", together: asyncio.Barrier | None = None) -> None:
        """Start it and wait until it ends; it begins when everybody who is to begin `together` with it is there."""
        self.ids |= set(ids)
        program = [NODE, str(CLIENT / "tests" / "deliver.ts"), self.client, verb, *ids]
        # A zone far from UTC, so that a time read as local is seen.
        env = {"PATH": os.environ["PATH"], "A7_URL": url, "TZ": "America/New_York"}
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*program, stdin=pipe, stdout=pipe, env=env)
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            async with asyncio.timeout(ENDS_WITHIN_SECONDS):
                assert json.loads(await process.stdout.readline()) == {"ready": True}
                if together is not None:
                    await together.wait()
                process.stdin.write(b"\n")
                async for line in process.stdout:
                    self.lines.append(json.loads(line))
                assert await process.wait() == 0
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


@dataclass(frozen=True)
class Truth:
    """What became visible of the events, whoever told what."""

    rows: Mapping[str, datetime | None]  # when each was processed
    mails: Counter[str]


async def truth(postgres: Postgres, sendgrid: SendGrid) -> Truth:
    connection = await asyncpg.connect(postgres.url)
    try:
        records = await connection.fetch("SELECT id, processed_at FROM events")
    finally:
        await connection.close()
    return Truth({record["id"]: record["processed_at"] for record in records}, Counter(sendgrid.taken()))


def charges(delivery: Delivery, seen: Truth) -> set[str]:
    """What the client did wrong; nothing if it kept the contract."""
    assert delivery.told, "the client told nothing"
    wrong = {charge for line in delivery.told for charge in _charges_of(line, delivery, seen)}
    taken = Counter(line["wire"] for line in delivery.lines if line.get("answer") in ("accepted", "processed"))
    if any(times > 1 for times in taken.values()):
        wrong.add("has an event accepted twice")
    if delivery.ids - {line["told"] for line in delivery.told}:
        wrong.add("tells nothing of an event")
    return wrong


def _charges_of(line: Line, delivery: Delivery, seen: Truth) -> Iterator[str]:
    event_id, said = line["told"], line["said"]
    if said == "threw":
        yield "throws when nobody answers"
    if said == "error":
        last = [heard for heard in delivery.lines if heard.get("wire") == event_id][-1]
        yield f"calls {last['status'] if last['status'] >= 300 else last['answer']} an error"
    if said in ("pending", "accepted", "duplicate", "processed") and line["ended"] is None:
        yield "does not follow what was promised"
    if event_id not in seen.rows:
        yield "leaves an event behind"
    elif seen.mails[event_id] != 1:
        yield f"has an event mailed {seen.mails[event_id]} times"
    processed_at = seen.rows.get(event_id)
    if line["processedAtMs"] is not None and processed_at is not None:
        off_hours = (line["processedAtMs"] / 1000 - processed_at.timestamp()) / 3600
        if abs(off_hours) > 0.01:
            yield f"reads a time {off_hours:.0f} hours off"
