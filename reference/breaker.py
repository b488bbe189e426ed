"""A circuit breaker for asyncio: pybreaker keeps the states and counts, this adapter decides who may call and what counts.

It awaits first and reports after. It admits no more calls than could still fail before the breaker opens (so that calls in flight
are counted), a bounded number of trials when half open, ignores results of calls begun in an earlier state, and takes no notice
of cancelled calls. Where to go next: ``postman``.
"""

from __future__ import annotations

import asyncio
import enum
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

import pybreaker

T = TypeVar("T")
_log = logging.getLogger(__name__)


class Report(enum.Enum):
    """What a finished call says about the health of the other side."""

    SUCCESS = "success"
    FAILURE = "failure"
    NEUTRAL = "neutral"
    TRIP = "trip"  # no use in trying further: open at once


class BreakerOpenError(Exception):
    """Not called: the breaker is open for another ``retry_in_seconds``."""

    def __init__(self, retry_in_seconds: float) -> None:
        super().__init__(f"the breaker is open for another {retry_in_seconds:.1f} s")
        self.retry_in_seconds = retry_in_seconds


class _FailedError(Exception):
    """How a failure is told to pybreaker."""


class Breaker:
    """Opens after ``failures`` failures in a row, lets ``trials`` calls try again ``reset_seconds`` later."""

    def __init__(self, *, failures: int, reset_seconds: float, trials: int = 1) -> None:
        self._storage = pybreaker.CircuitMemoryStorage(pybreaker.STATE_CLOSED)
        self._states = pybreaker.CircuitBreaker(
            fail_max=failures, reset_timeout=reset_seconds, success_threshold=1, state_storage=self._storage
        )
        self._reset_seconds = reset_seconds
        self._trials = trials
        self._in_flight = 0
        self._generation = 0
        self._opened_at = 0.0
        self._changed = asyncio.Event()

    @property
    def state(self) -> str:
        """``closed``, ``open`` or ``half-open``."""
        return self._states.current_state

    def remaining_seconds(self) -> float:
        """How long calls are still refused; 0.0 when they are not."""
        if self.state != pybreaker.STATE_OPEN:
            return 0.0
        # Not pybreaker's own time of opening, which is the wall clock's: that may jump, and shut the breaker for an hour.
        return max(0.0, self._reset_seconds - (time.monotonic() - self._opened_at))

    async def call(self, operation: Callable[[], Awaitable[T]], *, judge: Callable[[T], Report]) -> T:
        """Await ``operation`` and report what ``judge`` makes of its result; an exception is a failure, a cancellation nothing.

        Raises BreakerOpenError without calling, and whatever ``operation`` raises.
        """
        generation = await self._admitted()
        report = Report.NEUTRAL
        try:
            result = await operation()
            report = judge(result)
            return result
        except Exception:
            report = Report.FAILURE
            raise
        finally:
            self._report(generation, report)

    async def _admitted(self) -> int:
        while not self._has_room():
            self._changed.clear()
            await self._changed.wait()
        self._in_flight += 1
        return self._generation

    def _has_room(self) -> bool:
        if self.state == pybreaker.STATE_OPEN:
            remaining = self.remaining_seconds()
            if remaining > 0:
                raise BreakerOpenError(remaining)
            self._states.half_open()
            self._begin_state()
        if self.state == pybreaker.STATE_HALF_OPEN:
            return self._in_flight < self._trials
        return self._states.fail_counter + self._in_flight < self._states.fail_max

    def _report(self, generation: int, report: Report) -> None:
        if generation != self._generation:
            return
        before = self.state
        self._in_flight -= 1
        self._tell(report)
        if self.state != before:
            self._begin_state()
        self._changed.set()

    def _tell(self, report: Report) -> None:
        if report is Report.SUCCESS:
            self._states.call(_succeed)
        elif report is Report.FAILURE:
            # Counted; that the breaker opens is a state, not an error of this call.
            with suppress(_FailedError, pybreaker.CircuitBreakerError):
                self._states.call(_fail)
        elif report is Report.TRIP:
            self._states.open()

    def _begin_state(self) -> None:
        _log.warning("the mail breaker is %s", self.state)
        self._generation += 1
        self._in_flight = 0
        self._opened_at = time.monotonic()
        self._changed.set()


def _succeed() -> None:
    return None


def _fail() -> None:
    raise _FailedError
