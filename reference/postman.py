"""Everything a mail passes before it is sent: a place among those on their way, the rate limit's pause, the breaker.

Where to go next: ``delivery`` and ``synchronous`` (who sends mail), ``breaker`` and ``mailer`` (the parts).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import pybreaker

from reference import spans
from reference.backoff import Backoff
from reference.breaker import Breaker, BreakerOpenError, Report
from reference.events import Event
from reference.mailer import Answer, Mailer, Outcome
from reference.metrics import MailMetrics

_log = logging.getLogger(__name__)

_REPORTS = {
    Outcome.SENT: Report.SUCCESS,
    Outcome.REFUSED: Report.SUCCESS,  # the provider is well; it is the mail that is not
    Outcome.TRANSIENT: Report.FAILURE,
    Outcome.UNKNOWN: Report.FAILURE,
    Outcome.RATE_LIMITED: Report.NEUTRAL,
    Outcome.POSTPONED: Report.NEUTRAL,
    Outcome.MISCONFIGURED: Report.TRIP,
}


class _StoppedError(Exception):
    """The guard stopped a mail."""


class _Guard:
    """Asks for leave to send and keeps a refusal: it says nothing about the provider, so the breaker must not see it."""

    def __init__(self, just_before: Callable[[], Awaitable[None]]) -> None:
        self._just_before = just_before
        self._refusal: Exception | None = None

    async def check(self) -> None:
        try:
            await self._just_before()
        except Exception as error:
            self._refusal = error
            raise _StoppedError from error

    def tell(self) -> None:
        if self._refusal is not None:
            raise self._refusal


class Postman:
    """Sends mails for one process, at most ``at_once`` at a time."""

    def __init__(self, mailer: Mailer, *, breaker: Breaker, backoff: Backoff, at_once: int, metrics: MailMetrics) -> None:
        self._mailer = mailer
        self._metrics = metrics
        metrics.watch(lambda: breaker.state)
        self._breaker = breaker
        self._backoff = backoff
        self._places = asyncio.Semaphore(at_once)
        self._paused_until = 0.0

    def closed_for_seconds(self) -> float:
        """How long no mail will be tried; 0.0 if it would be now."""
        return max(self._paused_until - asyncio.get_running_loop().time(), self._breaker.remaining_seconds(), 0.0)

    @property
    def is_on_trial(self) -> bool:
        """Whether the breaker has to see a mail taken before it lets the others go."""
        return self._breaker.state != pybreaker.STATE_CLOSED

    async def post(self, event: Event, *, just_before: Callable[[], Awaitable[None]]) -> Answer:
        """Send the mail of ``event``, or say for how long it is postponed.

        ``just_before`` is awaited when everything else has been waited for, and again when the connection is there; what it
        raises stops the mail and is raised here.
        """
        guard = _Guard(just_before)
        with spans.mailing() as span:
            async with self._places:
                answer = await self._answer(event, guard)
            guard.tell()
            span.set("mail.outcome", answer.outcome.value)
        self._tell(event, answer)
        return answer

    async def _answer(self, event: Event, guard: _Guard) -> Answer:
        try:
            return await self._breaker.call(lambda: self._send(event, guard), judge=_judge)
        except BreakerOpenError as error:
            return self._postponed(error.retry_in_seconds, reason=str(error))

    def _tell(self, event: Event, answer: Answer) -> None:
        self._metrics.tried(answer.outcome)
        if answer.outcome not in (Outcome.SENT, Outcome.POSTPONED):
            about = {"event_id": event.id, "event_source": event.source, "outcome": answer.outcome.value, "reason": answer.reason}
            _log.warning("a mail was not sent", extra=about)

    async def _send(self, event: Event, guard: _Guard) -> Answer:
        try:
            await guard.check()
            paused = self._paused_until - asyncio.get_running_loop().time()
            if paused > 0:
                return self._postponed(paused, reason="the provider's rate limit has not been reset")
            answer = await self._mailer.send(event, just_before=guard.check)
        except _StoppedError:
            return Answer(Outcome.POSTPONED)
        if answer.outcome is Outcome.RATE_LIMITED:
            self._pause(answer.wait_seconds)
        return answer

    def _pause(self, seconds: float) -> None:
        self._paused_until = max(self._paused_until, asyncio.get_running_loop().time() + seconds)

    def _postponed(self, seconds: float, *, reason: str) -> Answer:
        return Answer(Outcome.POSTPONED, reason, self._backoff.spread(seconds))


def _judge(answer: Answer) -> Report:
    return _REPORTS[answer.outcome]
