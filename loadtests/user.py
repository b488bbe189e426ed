"""The Locust user: one open stream of POSTs and status GETs. N users are N streams, so their number scales the load.

Requests are sent when they are due, whatever became of the earlier ones, and latency counts from then. A user that joins a
run in progress takes part from that moment on; one that falls behind its schedule sends what is due at once and skips nothing.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from itertools import dropwhile
from random import Random
from typing import Any, ClassVar

from locust import User, task
from locust.exception import CatchResponseError, StopTest

from loadtests.alarm import Alarm
from loadtests.clock import monotonic_of, now
from loadtests.contract import fault_of_post, fault_of_read
from loadtests.record import Exchange, line_of_post, line_of_read
from loadtests.run import Run
from loadtests.workload import SOURCE, Posting, Workload

SLICE_S = 0.25  # how long one Locust task lasts: between two of them Locust may stop the user
INGEST = "/ingest"
DUPLICATE = "/ingest (duplicate)"
STATUS = "/ingest/{id}/status"
LATENESS = ("lateness of the generator", "")  # a row of its own on Locust's page, not part of the sums


class IngestUser(User):
    """One stream. Not a FastHttpUser, because its session does more than one request for a request: see wire.py."""

    run_of_test: ClassVar[Run | None] = None  # what users of this process share; set when a test starts

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        if self.run_of_test is None:
            raise StopTest("The test did not start: the master's log, or this one above, says why.")
        self._run = self.run_of_test
        settings, number = self._run.settings, self._run.next_user()
        prefix = f"{settings.run}-{self._run.worker}-{number}"
        seed = f"{settings.seed}/{self._run.worker}/{number}"
        self._begins_at = settings.begins_at
        self._workload = Workload(settings.mix, prefix, Random(f"{seed}/workload"))
        self._alarm = Alarm()
        self._arrivals = self._arrivals_from_now(seed)
        self._next = next(self._arrivals, None)

    @task
    def send_what_is_due(self) -> None:
        """One slice of the stream."""
        until = now() + SLICE_S
        while self._next is not None and self._next[0] <= until:
            due, is_post = self._next
            self._alarm.sleep_until(monotonic_of(due))
            self._next = next(self._arrivals, None)
            self._run.fire(self._post if is_post else self._read, due)
        self._alarm.sleep_until(monotonic_of(until))

    def on_stop(self) -> None:
        """Locust's users end here; what is in flight ends with the run."""
        self._alarm.close()

    def _arrivals_from_now(self, seed: str) -> Iterator[tuple[float, bool]]:
        """(Unix seconds, whether it is a POST), without those from before this user joined."""
        settings, joined = self._run.settings, now()
        posts = ((self._begins_at + at, True) for at in settings.posts.times(Random(f"{seed}/posts")))
        reads = ((self._begins_at + at, False) for at in settings.reads.times(Random(f"{seed}/reads")))
        return dropwhile(lambda arrival: arrival[0] < joined, heapq.merge(posts, reads))

    def _post(self, due: float) -> None:
        posting = self._workload.next_post()
        body = posting.payload.encode()
        exchange = self._run.targets.exchange(due, lambda wire: wire.post(INGEST, body))
        fault = exchange.error
        if exchange.http_status is not None:
            fault = fault_of_post(posting, exchange.http_status, exchange.body)
        self._run.posted(line_of_post(exchange, fault, posting))
        self._remember(posting, fault)
        self._show(exchange, fault, ("POST", DUPLICATE if posting.duplicate else INGEST))

    def _read(self, due: float) -> None:
        event_id = self._workload.next_read()
        if event_id is None:
            return self._run.could_not_read()
        path = f"{INGEST}/{event_id}/status?source={SOURCE}"
        exchange = self._run.targets.exchange(due, lambda wire: wire.get(path))
        fault = exchange.error
        if exchange.http_status is not None:
            fault = fault_of_read(event_id, exchange.http_status, exchange.body)
        self._run.read(line_of_read(exchange, fault, event_id))
        return self._show(exchange, fault, ("GET", STATUS))

    def _remember(self, posting: Posting, fault: str) -> None:
        if not fault and not posting.duplicate:
            self._workload.accepted(posting)

    def _show(self, exchange: Exchange, fault: str, row: tuple[str, str]) -> None:
        """Tell Locust, for its page."""
        method, name = row
        self.environment.stats.entries[LATENESS].log(max(0.0, exchange.lateness_ms), 0)
        self.environment.events.request.fire(
            request_type=method,
            name=name,
            response_time=exchange.latency_ms,
            response_length=len(exchange.body),
            exception=CatchResponseError(fault) if fault else None,
            context={},
            start_time=exchange.due,
            url=exchange.target,
        )
