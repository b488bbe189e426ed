"""One run in this process: what all its users share, what is in flight, and how it ends with nothing lost.

Lines are handed to `deliver` four times a second: to a file, or (in a worker) to the master.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Protocol

import gevent

from loadtests.clock import now
from loadtests.options import Settings
from loadtests.record import Counts
from loadtests.targets import Targets
from loadtests.wire import Wire

DELIVERED_EVERY_S = 0.25
GRACE_S = 1.0  # beyond the requests' own time-out

logger = logging.getLogger(__name__)


class Deliver(Protocol):
    """Takes whole lines and what they add to the counts; `last` closes the record."""

    def __call__(self, lines: str, counts: Counts, *, last: bool) -> None: ...


class Run:
    """From the start of a test to its stop. `deliver` None: no record is kept."""

    def __init__(self, settings: Settings, *, worker: int, deliver: Deliver | None) -> None:
        self.settings = settings
        self.worker = worker
        self.targets = Targets([Wire(url, settings.headers) for url in settings.targets], timeout_s=settings.timeout_s)
        self.broken = False  # the tool failed, not the service
        self._deliver = deliver
        self._users = self._in_flight = 0
        self._lines: list[str] = []
        self._posts = self._reads = self._reads_not_sent = 0
        self._finished = False
        self._delivering = gevent.spawn(self._keep_delivering)

    def next_user(self) -> int:
        """A number for a user that joins; never given twice in this run and process."""
        self._users += 1
        return self._users

    def fire(self, work: Callable[..., None], *arguments: Any) -> None:
        """Begin a request in a greenlet of its own; once the run is over nothing is sent, as nobody would record it."""
        if self._finished:
            return
        self._in_flight += 1
        gevent.spawn_raw(self._work, work, arguments)

    def posted(self, line: str) -> None:
        """A POST has ended."""
        self._posts += 1
        if self._deliver is not None:
            self._lines.append(line)

    def read(self, line: str) -> None:
        """A status GET has ended."""
        self._reads += 1
        if self._deliver is not None:
            self._lines.append(line)

    def could_not_read(self) -> None:
        """A read was due, but nothing has been accepted so far."""
        self._reads_not_sent += 1

    def finish(self) -> None:
        """Wait for what is in flight (each request has its time-out) and deliver the rest. Again: nothing happens."""
        if self._finished:
            return
        self._finished = True
        deadline = now() + self.settings.timeout_s + GRACE_S
        while self._in_flight and now() < deadline:
            gevent.sleep(0.01)
        if self._in_flight:
            self.broken = True
            logger.error("%d requests did not end within their time-out; the record lacks them", self._in_flight)
        self._delivering.kill()
        self._deliver_now(last=not self._in_flight)
        self.targets.close()

    def _work(self, work: Callable[..., None], arguments: tuple[Any, ...]) -> None:
        try:
            work(*arguments)
        except Exception:
            self.broken = True
            logger.exception("A request could not be sent or recorded: this is a defect of the load test, not of the service")
        finally:
            self._in_flight -= 1

    def _keep_delivering(self) -> None:
        while True:
            gevent.sleep(DELIVERED_EVERY_S)
            self._deliver_now(last=False)

    def _deliver_now(self, *, last: bool) -> None:
        if self._deliver is None:
            return
        lines, counts = "".join(self._lines), Counts(self._posts, self._reads, self._reads_not_sent)
        self._lines.clear()
        self._posts = self._reads = self._reads_not_sent = 0
        if lines or last:
            self._deliver(lines, counts, last=last)
