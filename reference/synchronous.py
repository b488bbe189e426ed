"""The synchronous path: row and mail before the answer, with nothing but the database and the mail provider.

A row is reserved for one attempt, the mail is sent, the row is completed. Whatever happens in between leaves a row the client's
retry resumes. Beside the queue, Redis is told before the mail; it is not needed for it.
Where to go next: ``store`` (reserve, release, discard), ``markers`` (what is shared with the queue), ``api`` (the answers).
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass

from reference import spans
from reference.backoff import Backoff
from reference.deadline import deadline
from reference.events import Event, Pair
from reference.mailer import Answer, Outcome
from reference.markers import Markers, Standing
from reference.postman import Postman
from reference.problem import ProblemError
from reference.settings import Settings
from reference.store import NewRow, Reservation, Row, Store, StoreUnavailableError, UnstorableError

_LEASE_MARGIN_SECONDS = 1.0
_LOOK_AGAIN_SECONDS = 0.1


class TooLateError(Exception):
    """The lease ended before the mail could be sent, or too little time is left to send it."""


@dataclass
class Attempt:
    """One request's try. ``may_have_stored`` decides between 503 (certainly nothing was taken) and 504.

    ``is_marked``: Redis knows of it.
    """

    event: Event
    new: NewRow
    owner: str
    begun: float  # when the request came
    started: float  # when the row was last asked for, from when its lease counts
    may_have_stored: bool = False
    is_marked: bool = False


class SynchronousPath:
    """Processes events while the client waits."""

    def __init__(
        self, *, store: Store, postman: Postman, settings: Settings, backoff: Backoff, markers: Markers | None = None
    ) -> None:
        self._store = store
        self._markers = markers  # None: there is no queue beside this path
        self._postman = postman
        self._settings = settings
        self._backoff = backoff
        self._lease_seconds = settings.sync_deadline_seconds + _LEASE_MARGIN_SECONDS
        # Mails taken, and the completion of their rows. One that is done is kept as long as an attempt may last: a retry that
        # reserved the row before must not mail again.
        self._mailed: dict[Pair, asyncio.Task[None]] = {}

    async def process(self, event: Event) -> str | None:
        """Process ``event`` before the deadline; answers its status if it was taken before.

        Raises InvalidEventError or ProblemError.
        """
        owner = f"{self._backoff.random.getrandbits(64):016x}"
        now = asyncio.get_running_loop().time()
        attempt = Attempt(event, NewRow.of(event), owner, begun=now, started=now)
        try:
            with spans.processing(event) as span:
                async with deadline(self._settings.sync_deadline_seconds):
                    settled = await self._process_storable(attempt)
                span.set("ingest.outcome", "processed" if settled is None else "duplicate")
                return settled
        except TimeoutError:
            raise _unknown("Not finished before the deadline") from None
        except UnstorableError as error:
            raise ProblemError(422, f"The event cannot be stored: {error}", kind="unstorable") from None
        except StoreUnavailableError as error:
            raise _unavailable(attempt, error) from None

    async def finish(self, *, within_seconds: float) -> None:
        """Give rows that still have to be completed some time, before the process ends."""
        if self._mailed:
            await asyncio.wait(list(self._mailed.values()), timeout=within_seconds)

    async def _process_storable(self, attempt: Attempt) -> str | None:
        try:
            return await self._process(attempt)
        except UnstorableError:
            # The queue accepts what can never be stored, and fails it: then this is a duplicate.
            pair, known = attempt.new.pair, attempt.new.fingerprint
            standing = await self._markers.look(pair, fingerprint=known) if self._markers else None
            if standing is None or not standing.is_queued:
                raise
            return _taken(standing)

    async def _process(self, attempt: Attempt) -> str | None:
        if attempt.new.is_mail_due:
            await self._refuse_while_mail_is_closed(attempt)
        with spans.storing():
            reservation = await self._reserve(attempt)
        if not reservation.is_ours:
            return await self._settled(reservation.row, attempt.new)
        if self._markers is not None and (standing := await self._mark(self._markers, attempt)).is_queued:
            return await self._step_back(attempt, standing)
        if attempt.new.is_mail_due:
            await self._mail(attempt)
        elif reservation.row.status == "pending":
            await self._note_completed(attempt.new.pair, is_marked=attempt.is_marked)
        if self._is_stale(attempt):
            raise _unknown("The request was held up for too long")  # somebody else may have processed the event, and said so
        return None

    async def _settled(self, row: Row, new: NewRow) -> str:
        if row.fingerprint != new.fingerprint:
            raise _conflict()
        if self._markers is not None:
            await self._markers.note_shown(row)
        return row.status

    async def _mark(self, markers: Markers, attempt: Attempt) -> Standing:
        standing = await markers.mark(attempt.new.pair, fingerprint=attempt.new.fingerprint, token=attempt.owner)
        attempt.is_marked = standing.kind == "marked"
        return standing

    async def _step_back(self, attempt: Attempt, standing: Standing) -> str:
        """The queue has the event: the row is its own if it is on its way there, else nothing of this attempt may stay.

        A row that cannot be reached now is abandoned when its lease ends.
        """
        pair, is_on_its_way = attempt.new.pair, standing.kind == "duplicate" and standing.status in ("pending", "processing")
        end = self._store.hand_over if is_on_its_way else self._store.discard
        with contextlib.suppress(StoreUnavailableError):
            await end(pair, owner=attempt.owner)
        return _taken(standing)

    async def _refuse_while_mail_is_closed(self, attempt: Attempt) -> None:
        closed_for = self._postman.closed_for_seconds()
        if closed_for == 0.0:
            return
        pair = attempt.new.pair
        if not await self._store.find(pair.id, source=pair.source):
            detail = "The mail provider is unavailable; nothing was taken."
            raise ProblemError(503, detail, kind="mail-closed", retry_after_seconds=closed_for)

    async def _reserve(self, attempt: Attempt) -> Reservation:
        """Reserve the row, waiting while another attempt is at work on it."""
        new = attempt.new
        while True:
            attempt.started = asyncio.get_running_loop().time()
            reservation = await self._store.reserve(
                new, owner=attempt.owner, lease_seconds=self._lease_seconds, at_once=self._markers is None
            )
            attempt.may_have_stored = True
            row = reservation.row
            if reservation.is_ours or row.status != "pending" or row.path == "queue" or row.fingerprint != new.fingerprint:
                return reservation
            await asyncio.sleep(self._backoff.spread(_LOOK_AGAIN_SECONDS, by_seconds=_LOOK_AGAIN_SECONDS))

    async def _mail(self, attempt: Attempt) -> None:
        pair = attempt.new.pair
        if pair not in self._mailed:
            answer = await self._post(attempt)
            if answer.outcome is not Outcome.SENT:
                await self._not_sent(attempt, answer)
            self._mailed[pair] = asyncio.create_task(self._complete(pair, is_marked=attempt.is_marked))
        await asyncio.shield(self._mailed[pair])

    async def _post(self, attempt: Attempt) -> Answer:
        try:
            return await self._postman.post(attempt.event, just_before=lambda: self._may_mail(attempt))
        except TooLateError:
            # Nothing was sent, so the retry need not wait for the lease to end.
            await self._store.release(attempt.new.pair, owner=attempt.owner)
            raise _unknown("The request was held up for too long") from None

    async def _may_mail(self, attempt: Attempt) -> None:
        """A mail begins while the lease is good, and ends before the request does: cut off, it would be sent once more."""
        now, longest_seconds = asyncio.get_running_loop().time(), self._settings.sync_deadline_seconds
        mail_seconds = min(self._settings.mail_timeout_seconds, longest_seconds / 2)
        if self._is_stale(attempt) or now - attempt.begun > longest_seconds - mail_seconds:
            raise TooLateError

    def _is_stale(self, attempt: Attempt) -> bool:
        return asyncio.get_running_loop().time() - attempt.started > self._settings.sync_deadline_seconds

    async def _not_sent(self, attempt: Attempt, answer: Answer) -> None:
        """Refused for good: nothing stays. Anything else: the row stays, for the retry to resume. Always raises."""
        pair = attempt.new.pair
        if answer.outcome is Outcome.REFUSED:
            await self._store.discard(pair, owner=attempt.owner)
            if self._markers is not None:
                await self._markers.unmark(pair, token=attempt.owner)
            raise ProblemError(422, f"The mail was refused for good: {answer.reason}.", kind="mail-refused")
        await self._store.release(pair, owner=attempt.owner)
        raise _unknown(f"The mail was not sent: {answer.reason}", retry_after_seconds=max(1.0, answer.wait_seconds))

    async def _complete(self, pair: Pair, *, is_marked: bool) -> None:
        failures = 0
        while not await self._is_completed(pair, is_marked=is_marked):
            failures += 1
            await asyncio.sleep(self._backoff.seconds(min(failures, 3)))
        asyncio.get_running_loop().call_later(self._lease_seconds, self._forget, pair, asyncio.current_task())

    def _forget(self, pair: Pair, task: asyncio.Task[None] | None) -> None:
        if self._mailed.get(pair) is task:  # else two attempts mailed, one after the end of its lease, and this is the other's
            del self._mailed[pair]

    async def _is_completed(self, pair: Pair, *, is_marked: bool) -> bool:
        try:
            await self._note_completed(pair, is_marked=is_marked)
        except StoreUnavailableError:
            return False
        return True

    async def _note_completed(self, pair: Pair, *, is_marked: bool) -> None:
        await self._store.complete([pair], is_marked=is_marked)
        if self._markers is not None and not is_marked:
            self._markers.note_missing()


def _taken(standing: Standing) -> str:
    if standing.kind == "conflict":
        raise _conflict()
    return standing.status


def _conflict() -> ProblemError:
    return ProblemError(422, "This pair was taken before with another payload; use a new id.", kind="conflict")


def _unavailable(attempt: Attempt, error: StoreUnavailableError) -> ProblemError:
    if attempt.may_have_stored or error.was_asked:
        return _unknown("The event store did not answer")
    return ProblemError(503, "The event store cannot be reached; nothing was taken.", kind="store-down", retry_after_seconds=1.0)


def _unknown(detail: str, *, retry_after_seconds: float = 1.0) -> ProblemError:
    return ProblemError(504, f"{detail}; retry with the same pair.", kind="unknown", retry_after_seconds=retry_after_seconds)
