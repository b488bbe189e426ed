"""How the records of workers reach the master, which alone writes the file.

Messages of our own instead of Locust's `report_to_master`: that one goes out every three seconds, is not confirmed, and is
left out when a worker is interrupted, so that the last seconds would be missing.

    worker -> master   records   {"run", "lines", "posts", "reads", "reads_not_sent", "last"}
    master -> worker   finish    {"run"}   stop your users, wait for what is in flight, send your last records
    master -> worker   kept      {"run"}   your last records are in the file
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import gevent

from loadtests.clock import now
from loadtests.record import Counts, RecordFile, cut, end

RECORDS, FINISH, KEPT = "loadtests-records", "loadtests-finish", "loadtests-kept"
POLL_S = 0.01

logger = logging.getLogger(__name__)


class Shipment:
    """The worker's end: a `Deliver` that sends to the master."""

    def __init__(self, runner: Any, run: str) -> None:
        self._runner = runner
        self._run = run
        self.is_kept = False

    def __call__(self, lines: str, counts: Counts, *, last: bool) -> None:
        """Send lines. The counts come with them, so that the master sees it if some are lost."""
        self._runner.send_message(RECORDS, {"run": self._run, "lines": lines, "last": last, **asdict(counts)})

    def wait_until_kept(self, *, seconds: float) -> None:
        """The process may end after this: what ZeroMQ has not sent by then would be gone."""
        wait_for(lambda: self.is_kept, seconds=seconds)


class Collector:
    """The master's end: writes what comes, and knows who still owes its last records."""

    def __init__(self, runner: Any, run: str, file: RecordFile) -> None:
        self._runner = runner
        self._run = run
        self._file = file
        self._counts = Counts()
        self._owing: set[str] = set(runner.clients)
        self._done: set[str] = set()
        self.is_complete = False

    def take(self, worker: str, message: dict[str, Any]) -> None:
        """Write one batch."""
        if message["run"] != self._run or self._file.is_closed:
            return
        self._file.write(message["lines"])
        counts = Counts(message["posts"], message["reads"], message["reads_not_sent"])
        self._counts += counts
        self._owing.add(worker)
        if message["last"]:
            self._done.add(worker)
            self._runner.send_message(KEPT, {"run": self._run}, client_id=worker)

    def finish(self, *, seconds: float) -> None:
        """Ask every worker for its last records and close the file: with its end, or with what it lacks."""
        if self._file.is_closed:
            return
        self._owing |= set(self._runner.clients)
        self._runner.send_message(FINISH, {"run": self._run})
        wait_for(lambda: self._owing <= self._done, seconds=seconds)
        missing = sorted(self._owing - self._done)
        self.is_complete = not missing
        if missing:
            logger.error("The record is cut: no last records from %s", ", ".join(missing))
        self._file.write(cut(f"no last records from {', '.join(missing)}") if missing else end(self._counts))
        self._file.close()


def wait_for(condition: Callable[[], bool], *, seconds: float) -> None:
    """Let others run until it is so, or the time is over."""
    deadline = now() + seconds
    while not condition() and now() < deadline:
        gevent.sleep(POLL_S)
