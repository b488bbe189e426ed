"""SendGrid's stand-in in a process of its own, for load runs: there the harness has other things to do than to answer mails.

`python -m harness.worlds.real.sendgrid_process ...` serves and writes every call to a file as one JSON line;
`StandInProcess` is the harness' side, with the face of `sendgrid.StandIn`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TextIO

from harness.systems import Observe
from harness.worlds.latency import Quantiles
from harness.worlds.provider import MailRequest, Provider
from harness.worlds.real.fleet import missing_listener
from harness.worlds.real.processes import Command, Guard, await_ready
from harness.worlds.real.sendgrid import SeenCall, StandIn, mail_url, seen_call
from harness.worlds.real.tail import Tail

READY_WITHIN_S = 10.0
LOG = "sendgrid.log"


@dataclass(kw_only=True)
class StandInProcess:
    """The stand-in as a process of a stack. `latency` is how long it takes over a call."""

    port: int
    seed: int
    latency: Quantiles
    observe: Observe
    _calls: Tail | None = field(default=None, init=False)

    def url(self, process: str) -> str:
        """The full URL of mail/send for one process."""
        return mail_url(self.port, process)

    async def listen(self, guard: Guard) -> None:
        """Start it. Raises UsageError if it cannot be started."""
        path = guard.folder / "calls.jsonl"
        self._calls = Tail(path)
        words = [sys.executable, "-m", __name__, "--port", str(self.port), "--seed", str(self.seed), "--calls", str(path)]
        words += ["--latency", self.latency.to_json()]
        words += ["--mail-source", self.observe.mail_source or "", "--mail-id", self.observe.mail_id or ""]
        log = guard.folder / LOG
        process = await guard.spawn(Command(name="sendgrid", argv=words, env=dict(os.environ), cwd=guard.folder, log=log))
        await await_ready(process, lambda: missing_listener(self.port), within_s=READY_WITHIN_S)

    async def close(self) -> None:
        """The guardian ends it with the rest of the stack."""

    def more_calls(self) -> Iterator[SeenCall]:
        """Every call answered since this was last asked."""
        if self._calls is not None:
            yield from (SeenCall(**line) for line in self._calls.more())


async def serve(words: argparse.Namespace, calls: TextIO) -> None:
    """Answer mails until the process is ended; every call goes to `calls` before its answer goes out."""
    provider = Provider(
        Random(f"{words.seed}:provider"),
        mail_source=words.mail_source,
        mail_id=words.mail_id,
        latency=Quantiles.from_json(words.latency),
    )
    standin = StandIn(
        provider,
        port=words.port,
        hold=_never,
        record=lambda seen: print(json.dumps(seen_call(seen)._asdict()), file=calls),
    )
    await standin.listen()
    await asyncio.Event().wait()


async def _never(_: MailRequest) -> bool:
    return False


def _words() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    for name in ("--port", "--seed"):
        parser.add_argument(name, type=int, required=True)
    for name in ("--calls", "--latency", "--mail-source", "--mail-id"):
        parser.add_argument(name, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    given = _words()
    with Path(given.calls).open("w", encoding="utf-8", buffering=1) as file:
        asyncio.run(serve(given, file))
