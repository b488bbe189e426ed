"""A failure is shrunk to what it takes, and no further; the file that is written of it fails by itself."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from harness import runner, scenario
from harness.explore import search
from harness.explore.attempt import Charge, charges_of, order_of, perform
from harness.explore.handing_over import scenario_text
from harness.explore.shrink import shrink
from harness.explore.trial import Trial
from harness.faults import At, SendGridAnswers, SendGridLosesReplies, WorkerCrashes
from harness.runner import Order
from harness.verdict import Ruling
from tests.harness.explore.trials import ASYNC, CRASH, OUTAGE, crowded, flawed, trial

ACKNOWLEDGED_FIRST = "reference/flaws/acknowledged_first.py"
LOST = Charge("every_accepted_event_is_stored_once", Ruling.VIOLATED)


class Oracle:
    """Says whether a trial fails, and counts how often it was asked."""

    def __init__(self, *, needs: tuple[type, ...] = (), events: tuple[str, ...] = (), seed: int | None = None) -> None:
        self.needs, self.events, self.seed = needs, set(events), seed
        self.asked = 0

    def __call__(self, smaller: Trial) -> Trial | None:
        self.asked += 1
        kinds = {type(planned.fault) for planned in smaller.plan}
        fails = set(self.needs) <= kinds and self.events <= {posted.id for posted in smaller.posted}
        return (smaller if self.seed is None else dataclasses.replace(smaller, seed=self.seed)) if fails else None


def forever() -> bool:
    return False


def test_what_it_does_not_take_is_left_out() -> None:
    large = trial(CRASH, OUTAGE, events=20)
    small = shrink(large, Oracle(needs=(WorkerCrashes,), events=("evt_007", "evt_013")), is_over=forever)
    assert small.kinds == ("WorkerCrashes",)
    assert [posted.id for posted in small.posted] == ["evt_007", "evt_013"]


def test_two_faults_that_are_both_needed_both_stay() -> None:
    small = shrink(trial(CRASH, OUTAGE, events=3), Oracle(needs=(WorkerCrashes, SendGridAnswers)), is_over=forever)
    assert small.kinds == ("SendGridAnswers", "WorkerCrashes")
    assert len(small.posted) == 1


def test_settings_become_plain_and_times_early() -> None:
    odd = dataclasses.replace(OUTAGE, fault=SendGridLosesReplies(share=1.0), trigger=At(3.456), lasts_seconds=8.0)
    large = trial(odd, copies=5, mailed=False, content="nul", source="b", seed=9)
    small = shrink(large, Oracle(needs=(SendGridLosesReplies,), seed=2), is_over=forever)
    (planned,), (posted,) = small.plan, small.posted
    assert planned.fault == SendGridLosesReplies()
    assert planned.lasts_seconds < 0.1
    assert planned.trigger == At(2.6), "moved with the events, and rounded"
    assert (posted.at_seconds, posted.copies, posted.mailed, posted.content, posted.source) == (0.1, 1, True, "usual", "a5")
    assert small.seed == 2, "the seed it failed with"


def test_a_failure_that_takes_everything_stays_as_it_is() -> None:
    large = trial(CRASH, OUTAGE, events=2)
    assert shrink(large, lambda smaller: None, is_over=forever) == large


def test_when_the_time_is_over_the_best_so_far_is_kept() -> None:
    oracle = Oracle(needs=(WorkerCrashes,))
    small = shrink(trial(CRASH, OUTAGE, events=20), oracle, is_over=lambda: oracle.asked >= 4)
    assert small.kinds == ("WorkerCrashes",)
    assert 1 < len(small.posted) < 20
    assert oracle.asked == 4


def test_equal_failures_shrink_to_equal_trials() -> None:
    first, again = (shrink(trial(CRASH, OUTAGE, events=9), Oracle(events=("evt_004",)), is_over=forever) for _ in range(2))
    assert first == again


def test_a_planted_race_among_fifty_events_and_three_faults_becomes_one_event_and_one_fault(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    subject, tried = flawed(ACKNOWLEDGED_FIRST), []

    def counted(smaller: Trial, subject: object) -> runner.Performed:
        tried.append(smaller)
        return perform(smaller, flawed(ACKNOWLEDGED_FIRST))

    monkeypatch.setattr(search, "perform", counted)
    large = next(one for seed in range(1, 61) if LOST in charges_of(perform(one := crowded(seed), subject).execution))
    small = search.shrunk(large, LOST, subject=subject, seconds=600)
    assert small.kinds == ("WorkerCrashes",)
    assert len(small.posted) <= 3
    assert len(tried) < 600, "within a minute, where one costs up to a tenth of a second"
    path = tmp_path / "race.py"
    path.write_text(scenario_text(small, story="A race.", subject=subject))
    order = Order(scenario=str(path), system="async", world="simulated", seed=small.seed, flaw=ACKNOWLEDGED_FIRST)
    assert LOST in charges_of(runner.execute(order, None).execution)
    assert not charges_of(runner.execute(dataclasses.replace(order, flaw=""), None).execution), "the sound reference holds"


def test_the_file_of_a_trial_is_the_trial(tmp_path: Path) -> None:
    odd = dataclasses.replace(OUTAGE, trigger=At(1.234), lasts_seconds=0.3)
    one = trial(CRASH, odd, events=3, copies=2, content="refused", source='odd "source"')
    path = tmp_path / "one.py"
    path.write_text(scenario_text(one, story="One.", subject=ASYNC))
    read, drawn = scenario.load(str(path)), order_of(one, ASYNC).written
    assert drawn is not None
    assert read.submissions(seed=1, thinned=True) == drawn.submissions(seed=1, thinned=True)
    assert list(read.faults) == list(drawn.faults)
    assert [one.to_data() for one in read.must_hold] == [one.to_data() for one in drawn.must_hold]
    from_file = runner.execute(Order(scenario=str(path), system="async", world="simulated", seed=1), None).history
    as_drawn = perform(one, ASYNC).history
    assert from_file is not None
    assert as_drawn is not None
    assert list(from_file.entries) == list(as_drawn.entries)
