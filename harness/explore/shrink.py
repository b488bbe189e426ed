"""The same failure with less: fewer faults, fewer events, plainer settings, in ever the same order.

`shrink` knows nothing of worlds: it is given a function that says whether a smaller trial still fails, and with which seed.
Leaving an event out shifts everything drawn after it, so a trial is tried with a few seeds before it counts as sound.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from itertools import combinations

from harness.explore.space import LASTS_SECONDS
from harness.explore.trial import Trial
from harness.faults import At, AtOperation, Planned, Trigger, UponMail
from harness.traffic import Posted

Fails = Callable[[Trial], Trial | None]  # the trial as it failed (its seed may differ), None if it does not
IsOver = Callable[[], bool]
FIRST_SECONDS = 0.1  # when the first event is posted


def shrink(trial: Trial, fails: Fails, *, is_over: IsOver) -> Trial:
    """The smallest trial found that fails as well, until nothing smaller does or the time is over."""
    best = trial
    while not is_over():
        before = best
        best = _first_that_fails(best, _with_fewer_faults, fails, is_over=is_over)
        best = _with_fewer_events(best, fails, is_over=is_over)
        for simpler in (_with_fewer_faults, _with_plainer_faults, _with_plainer_events, _sooner):
            best = _first_that_fails(best, simpler, fails, is_over=is_over)
        if best == before:
            break
    return best


def _first_that_fails(best: Trial, smaller: Callable[[Trial], Iterator[Trial]], fails: Fails, *, is_over: IsOver) -> Trial:
    """Go on to the first smaller trial that fails, again and again."""
    found: Trial | None = best
    while found is not None:
        best = found
        found = next((failing for one in smaller(best) if not is_over() and (failing := fails(one)) is not None), None)
    return best


def _with_fewer_faults(trial: Trial) -> Iterator[Trial]:
    for number in range(len(trial.plan)):
        for plan in combinations(trial.plan, number):
            yield dataclasses.replace(trial, plan=plan)


def _with_fewer_events(best: Trial, fails: Fails, *, is_over: IsOver) -> Trial:
    """Leave out half of them, then quarters, and so on down to single ones."""
    size = max(1, len(best.posted) // 2)
    while True:
        begin = 0
        while begin < len(best.posted) and len(best.posted) > 1 and not is_over():
            fewer = dataclasses.replace(best, posted=best.posted[:begin] + best.posted[begin + size :])
            failing = fails(fewer) if fewer.posted else None
            best, begin = (failing, begin) if failing is not None else (best, begin + size)
        if size == 1:
            return best
        size = max(1, size // 2)


def _with_plainer_faults(trial: Trial) -> Iterator[Trial]:
    for place, planned in enumerate(trial.plan):
        for plainer in _plainer(planned):
            yield dataclasses.replace(trial, plan=(*trial.plan[:place], plainer, *trial.plan[place + 1 :]))


def _plainer(planned: Planned) -> Iterator[Planned]:
    for field in dataclasses.fields(planned.fault):
        if getattr(planned.fault, field.name) != field.default:
            settings = dataclasses.asdict(planned.fault) | {field.name: field.default}
            yield dataclasses.replace(planned, fault=type(planned.fault)(**settings))
    for seconds in LASTS_SECONDS:
        if seconds < planned.lasts_seconds:
            yield dataclasses.replace(planned, lasts_seconds=seconds)
    for trigger in _plainer_triggers(planned.trigger):
        yield dataclasses.replace(planned, trigger=trigger)


def _plainer_triggers(trigger: Trigger) -> Iterator[Trigger]:
    if isinstance(trigger, At):
        if (rounded := round(trigger.seconds, 1)) != trigger.seconds:
            yield At(rounded)
        return
    if isinstance(trigger, AtOperation | UponMail):
        for number in range(1, trigger.number):
            yield dataclasses.replace(trigger, number=number)
    if trigger.after_seconds:
        yield dataclasses.replace(trigger, after_seconds=0.0)


def _with_plainer_events(trial: Trial) -> Iterator[Trial]:
    for place, posted in enumerate(trial.posted):
        for plainer in _plainer_event(posted, number=place + 1):
            events = (*trial.posted[:place], plainer, *trial.posted[place + 1 :])
            yield dataclasses.replace(trial, posted=tuple(sorted(events, key=lambda one: one.at_seconds)))


def _plainer_event(posted: Posted, *, number: int) -> Iterator[Posted]:
    plain = Posted(at_seconds=posted.at_seconds, id=posted.id)
    for name in ("copies", "content", "mailed", "source"):
        if getattr(posted, name) != getattr(plain, name):
            yield dataclasses.replace(posted, **{name: getattr(plain, name)})
    if (rounded := round(posted.at_seconds, 1)) != posted.at_seconds:
        yield dataclasses.replace(posted, at_seconds=rounded)


def _sooner(trial: Trial) -> Iterator[Trial]:
    """Everything earlier by the time in which nothing happens yet."""
    idle_s = round(min(posted.at_seconds for posted in trial.posted) - FIRST_SECONDS, 3)
    if idle_s > 0:
        posted = tuple(dataclasses.replace(one, at_seconds=round(one.at_seconds - idle_s, 3)) for one in trial.posted)
        yield dataclasses.replace(trial, posted=posted, plan=tuple(_earlier(planned, idle_s) for planned in trial.plan))


def _earlier(planned: Planned, by_s: float) -> Planned:
    trigger = planned.trigger
    if isinstance(trigger, At):
        return dataclasses.replace(planned, trigger=At(max(0.0, round(trigger.seconds - by_s, 3))))
    after_s = max(0.0, round(trigger.after_seconds - by_s, 3))
    return dataclasses.replace(planned, trigger=dataclasses.replace(trigger, after_seconds=after_s))
