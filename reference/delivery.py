"""The way of one entry through the worker: row, mail, status, acknowledgement - in this order, the acknowledgement last.

Every entry has a task of its own and reads top to bottom; coalescers turn the tasks' calls into batches.
Where to go next: ``worker`` (starts the tasks), ``postman`` (mail), ``store`` (rows), ``queue`` (how entries end or wait).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeVar

from reference import spans, versions
from reference.backoff import Backoff
from reference.coalescer import Coalescer
from reference.connection import QUEUE_ERRORS
from reference.events import Event, InvalidEventError, Pair
from reference.lease import LeaseLostError, Leases
from reference.mailer import Answer, Outcome
from reference.postman import Postman
from reference.queue import Delay, Entry, Finish
from reference.settings import Settings
from reference.store import NewRow, Row, Store, StoreUnavailableError, UnstorableError

_log = logging.getLogger(__name__)

_NEWER_WAITS_SECONDS = 2.0  # until somebody looks again who may be able to read it
T = TypeVar("T")


class DrainingError(Exception):
    """The worker is stopping: begin nothing, hand the entry back."""


@dataclass(frozen=True)
class Done:
    """The entry ends: ``completed``, or ``failed`` with a reason."""

    status: str
    reason: str = ""
    processed_at: datetime | None = None


@dataclass(frozen=True)
class Later:
    """The entry waits; ``is_parked``: for mail to go out again. ``is_attempt``: a mail was tried, so the count goes up.

    ``forgets_attempts``: the count begins anew.
    """

    seconds: float
    is_attempt: bool = False
    is_parked: bool = False
    forgets_attempts: bool = False


Ending = Done | Later


class Delivery:
    """Takes entries to their end."""

    def __init__(self, *, leases: Leases, store: Store, postman: Postman, settings: Settings, backoff: Backoff) -> None:
        self._store = store
        self._postman = postman
        self._leases = leases
        self._settings = settings
        self.backoff = backoff
        self._mailed: set[str] = set()
        self.is_draining = False
        self._adds: Coalescer[NewRow, Row] = Coalescer(
            store.add, limit=settings.batch_size, weigh=lambda new: len(new.payload), most=settings.batch_bytes
        )
        self._completions: Coalescer[Pair, None] = Coalescer(self._complete_all, limit=settings.batch_size)
        self._finishes: Coalescer[Finish, bool] = Coalescer(leases.queue.finish, limit=settings.batch_size)
        self._delays: Coalescer[Delay, bool] = Coalescer(leases.queue.delay, limit=settings.batch_size)

    async def deliver(self, entry: Entry) -> Ending | None:
        """Take ``entry`` to its end or put it back for later, and answer which; None where it became another worker's."""
        ending: Ending | None = None
        try:
            ending = await self._end(entry)
            await self._settle(entry, ending)
        except LeaseLostError:
            ending = None
        self._forget(entry)
        return ending

    def mails_welcome(self) -> int:
        """How many of the entries that wait for mail to go out again are worth a try now."""
        if self._postman.closed_for_seconds() > 0:
            return 0
        return self._settings.breaker_trials if self._postman.is_on_trial else self._settings.batch_size

    async def hand_back(self, entry: Entry) -> None:
        """Put ``entry`` back at once, with what is known of its mail. Raises QUEUE_ERRORS."""
        await self._delays.submit(self._put_back(entry, 0.0))
        self._forget(entry)

    async def _end(self, entry: Entry) -> Ending:
        try:
            if self._is_given_up(entry):
                return await self._given_up(entry)
            return await self._process(entry, versions.read(entry.event, newest=self._settings.entry_version))
        except (InvalidEventError, UnstorableError) as error:
            return Done("failed", f"cannot be stored: {error}")
        except versions.NewerVersionError as error:
            _log.warning("an entry waits for a worker that can read it: %s", error)
            return Later(self.backoff.spread(_NEWER_WAITS_SECONDS))
        except StoreUnavailableError as error:
            _log.warning("the event store is unavailable: %s", error)
            return Later(self.backoff.seconds(4))
        except DrainingError:
            return Later(0.0)

    async def _process(self, entry: Entry, event: Event) -> Ending:
        new = NewRow.of(event, known_fingerprint=entry.fingerprint)
        with spans.storing():
            row = await self._adds.submit(new)
        if ending := self._decided(entry, row, fingerprint=new.fingerprint):
            return ending
        return await (self._completed(entry) if self._is_mailed(entry) else self._mail(entry, event))

    async def _given_up(self, entry: Entry) -> Ending:
        """It may be what kills workers, so nothing of it is tried any more; but what was done already stays done."""
        row = next(iter(await self._store.find(entry.pair.id, source=entry.pair.source)), None)
        if row and (ending := self._decided(entry, row, fingerprint=entry.fingerprint)):
            return ending
        if row and self._is_mailed(entry):
            return await self._completed(entry)
        return await self._failed(entry, f"taken {entry.takes} times by workers that died or lost it")

    def _decided(self, entry: Entry, row: Row, *, fingerprint: str) -> Ending | None:
        """How ``row`` alone says that the entry ends, if it does."""
        if row.is_leased and not self._is_mailed(entry):
            return Later(self.backoff.spread(1.0))  # a request is at work on it: whose payload stays is not settled yet
        if row.fingerprint != fingerprint:
            return Done("failed", "this pair was stored before with another payload")
        return None if row.status == "pending" else Done(row.status, row.reason, row.processed_at)

    async def _mail(self, entry: Entry, event: Event) -> Ending:
        answer = await self._postman.post(event, just_before=lambda: self._may_mail(entry))
        if answer.outcome is Outcome.SENT:
            self._mailed.add(entry.entry_id)
            self._leases.queue.unpark()
            return await self._completed(entry)
        if answer.outcome is Outcome.REFUSED:
            return await self._failed(entry, answer.reason)
        return await self._retry(entry, answer)

    async def _may_mail(self, entry: Entry) -> None:
        if self.is_draining:
            raise DrainingError
        await self._leases.ensure(entry.entry_id)

    async def _retry(self, entry: Entry, answer: Answer) -> Ending:
        if answer.outcome is Outcome.POSTPONED:
            return Later(self._postman.closed_for_seconds(), is_parked=True)
        if answer.outcome is Outcome.RATE_LIMITED:
            return Later(pause_seconds(answer, backoff=self.backoff))
        if answer.outcome is Outcome.MISCONFIGURED:
            _log.error("the mail provider refuses our credentials: %s", answer.reason)
            return Later(self.backoff.spread(self._settings.breaker_reset_seconds))
        if (closed_for_seconds := self._postman.closed_for_seconds()) > 0:
            # The provider is ill, not this mail: what an outage costs in attempts is no reason to give an event up.
            return Later(closed_for_seconds, is_parked=True, forgets_attempts=True)
        if self._is_tried_enough(entry):
            return await self._failed(entry, f"given up after {entry.attempts + 1} attempts: {answer.reason}")
        return Later(self.backoff.seconds(entry.attempts + 1), is_attempt=True)

    def _is_tried_enough(self, entry: Entry) -> bool:
        # Many workers, each with a breaker of its own to open, make many attempts of one event in the minutes that this takes.
        is_old = entry.age_seconds >= self._settings.give_up_after_seconds
        return is_old and entry.attempts + 1 >= self._settings.most_attempts

    async def _completed(self, entry: Entry) -> Done:
        # The mail is out. If the database cannot note it, Redis does, as the entry is put back: kept in memory alone it would
        # be forgotten with this process, and sent again.
        await self._completions.submit(entry.pair)
        return Done("completed")

    async def _failed(self, entry: Entry, reason: str) -> Done:
        async def fail() -> None:
            await self._leases.ensure(entry.entry_id)  # before each try: whoever has the entry by now may mail it
            await self._store.fail(entry.pair, reason=reason)

        await self._insist(fail)
        return Done("failed", reason)

    async def _complete_all(self, pairs: list[Pair]) -> list[Exception | None]:
        await self._store.complete(pairs)
        return [None] * len(pairs)

    async def _settle(self, entry: Entry, ending: Ending) -> None:
        await self._leases.ensure(entry.entry_id)
        if isinstance(ending, Done):
            await self._insist(lambda: self._finishes.submit(self._finish(entry, ending)))
        else:
            await self._insist(lambda: self._delays.submit(self._delay(entry, ending)))

    def _finish(self, entry: Entry, done: Done) -> Finish:
        processed_at = (done.processed_at or datetime.now(UTC)).isoformat().replace("+00:00", "Z")
        return Finish(entry.entry_id, entry.pair, done.status, processed_at, done.reason, entry.attempts + 1)

    def _delay(self, entry: Entry, later: Later) -> Delay:
        attempts = 0 if later.forgets_attempts else entry.attempts + int(later.is_attempt)
        return replace(self._put_back(entry, later.seconds), attempts=attempts, is_parked=later.is_parked)

    def _put_back(self, entry: Entry, seconds: float) -> Delay:
        # A taking that ends in order does not count. What was taken too often stays so: it may be what kills workers.
        takes = entry.takes - 1 if self._is_given_up(entry) else 0
        return Delay(entry.entry_id, entry.key, seconds, was_mailed=self._is_mailed(entry), takes=takes)

    def _is_given_up(self, entry: Entry) -> bool:
        return entry.takes > self._settings.most_takes

    async def _insist(self, operation: Callable[[], Awaitable[T]]) -> T:
        """Try ``operation`` until the server answers; it must be safe to repeat."""
        failures = 0
        while True:
            try:
                return await operation()
            except (*QUEUE_ERRORS, StoreUnavailableError):
                failures += 1
                await asyncio.sleep(self.backoff.seconds(min(failures, 3)))

    def _is_mailed(self, entry: Entry) -> bool:
        return entry.was_mailed or entry.entry_id in self._mailed

    def _forget(self, entry: Entry) -> None:
        self._mailed.discard(entry.entry_id)
        self._leases.drop(entry.entry_id)


def pause_seconds(answer: Answer, *, backoff: Backoff) -> float:
    """How long an event waits after a rate limit: until the reset the provider named, and a little, spread out."""
    return backoff.spread(answer.wait_seconds)
