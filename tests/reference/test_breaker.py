"""The breaker's adapter, one test per hole of using pybreaker under asyncio directly."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from reference.breaker import Breaker, BreakerOpenError, Report

RESET_SECONDS = 0.05


def judged(report: Report) -> Report:
    """The result of these operations is the report itself."""
    return report


async def answer(report: Report, *, after: asyncio.Event | None = None) -> Report:
    if after is not None:
        await after.wait()
    return report


async def call(breaker: Breaker, report: Report, *, after: asyncio.Event | None = None) -> Report:
    return await breaker.call(lambda: answer(report, after=after), judge=judged)


async def opened(*, failures: int = 1) -> Breaker:
    breaker = Breaker(failures=failures, reset_seconds=RESET_SECONDS)
    for _ in range(failures):
        await call(breaker, Report.FAILURE)
    assert breaker.state == "open"
    return breaker


async def ready_for_trial(breaker: Breaker) -> None:
    await asyncio.sleep(breaker.remaining_seconds() + 0.001)
    assert breaker.remaining_seconds() == 0


async def test_a_wall_clock_that_jumps_neither_opens_nor_shuts_it() -> None:
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=1)):
        breaker = await opened()
        assert 0 < breaker.remaining_seconds() <= RESET_SECONDS
    assert breaker.remaining_seconds() <= RESET_SECONDS, "opened in an hour from now"
    await ready_for_trial(breaker)
    assert await call(breaker, Report.SUCCESS) is Report.SUCCESS


async def test_awaited_failures_count() -> None:
    breaker = Breaker(failures=2, reset_seconds=60)
    await call(breaker, Report.FAILURE)
    assert breaker.state == "closed"
    await call(breaker, Report.FAILURE)
    with pytest.raises(BreakerOpenError) as refusal:
        await call(breaker, Report.SUCCESS)
    assert 59 < refusal.value.retry_in_seconds <= 60


async def test_an_exception_counts_and_comes_out_as_it_is() -> None:
    breaker = Breaker(failures=1, reset_seconds=60)

    async def fails() -> Report:
        raise RuntimeError("as it is")

    with pytest.raises(RuntimeError, match="as it is"):
        await breaker.call(fails, judge=judged)
    assert breaker.state == "open"


async def test_a_success_resets_the_count() -> None:
    breaker = Breaker(failures=2, reset_seconds=60)
    for report in (Report.FAILURE, Report.SUCCESS, Report.FAILURE):
        await call(breaker, report)
    assert breaker.state == "closed"


async def test_calls_in_flight_are_counted_as_the_failures_they_may_become() -> None:
    breaker, gate, begun = Breaker(failures=3, reset_seconds=60), asyncio.Event(), 0

    async def slow() -> Report:
        nonlocal begun
        begun += 1
        return await answer(Report.FAILURE, after=gate)

    calls = [asyncio.create_task(breaker.call(slow, judge=judged)) for _ in range(10)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    gate.set()
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert begun == 3
    assert sum(isinstance(result, BreakerOpenError) for result in results) == 7


async def test_half_open_lets_one_trial_through_and_the_others_wait_for_it() -> None:
    breaker, gate = await opened(), asyncio.Event()
    await ready_for_trial(breaker)
    trial = asyncio.create_task(call(breaker, Report.SUCCESS, after=gate))
    others = [asyncio.create_task(call(breaker, Report.SUCCESS)) for _ in range(5)]
    for _ in range(3):
        await asyncio.sleep(0)
    assert not any(other.done() for other in others)
    gate.set()
    await asyncio.gather(trial, *others)
    assert breaker.state == "closed"


async def test_a_failed_trial_opens_again_and_those_who_waited_are_refused() -> None:
    breaker, gate = await opened(failures=3), asyncio.Event()
    await ready_for_trial(breaker)
    trial = asyncio.create_task(call(breaker, Report.FAILURE, after=gate))
    await asyncio.sleep(0)
    other = asyncio.create_task(call(breaker, Report.SUCCESS))
    await asyncio.sleep(0)
    gate.set()
    await trial
    with pytest.raises(BreakerOpenError):
        await other
    assert breaker.state == "open"


@pytest.mark.parametrize("late", [Report.SUCCESS, Report.FAILURE], ids=str)
async def test_the_result_of_an_earlier_state_is_ignored(late: Report) -> None:
    breaker, gate = Breaker(failures=2, reset_seconds=RESET_SECONDS), asyncio.Event()
    slow = asyncio.create_task(call(breaker, late, after=gate))
    await asyncio.sleep(0)
    await call(breaker, Report.TRIP)
    assert breaker.state == "open"
    gate.set()
    await slow
    assert breaker.state == "open"
    await ready_for_trial(breaker)
    await call(breaker, Report.SUCCESS)
    assert breaker.state == "closed"


async def test_a_slow_success_does_not_close_what_a_trial_has_opened_again() -> None:
    breaker, gate = Breaker(failures=1, reset_seconds=RESET_SECONDS, trials=2), asyncio.Event()
    await call(breaker, Report.FAILURE)
    await ready_for_trial(breaker)
    slow = asyncio.create_task(call(breaker, Report.SUCCESS, after=gate))
    await asyncio.sleep(0)
    await call(breaker, Report.FAILURE)
    gate.set()
    await slow
    assert breaker.state == "open"


async def test_a_cancelled_call_is_no_failure_and_frees_its_trial() -> None:
    breaker = await opened()
    await ready_for_trial(breaker)
    trial = asyncio.create_task(call(breaker, Report.SUCCESS, after=asyncio.Event()))
    await asyncio.sleep(0)
    trial.cancel()
    with pytest.raises(asyncio.CancelledError):
        await trial
    assert breaker.state == "half-open"
    await call(breaker, Report.SUCCESS)
    assert breaker.state == "closed"


async def test_a_neutral_result_changes_nothing() -> None:
    breaker = Breaker(failures=1, reset_seconds=60)
    await call(breaker, Report.NEUTRAL)
    assert breaker.state == "closed"
