"""Failures of one checker and one cause are one finding, however many plans show it."""

from __future__ import annotations

from harness.explore.attempt import Charge
from harness.explore.finding import MOST_WAITING, Findings
from harness.verdict import Ruling
from tests.harness.explore.trials import CRASH, OUTAGE, trial

LOST, TWICE = Charge("every_accepted_event_is_mailed", Ruling.VIOLATED), Charge("no_unexplained_second_mail", Ruling.VIOLATED)


def test_the_same_checker_and_cause_are_found_once() -> None:
    findings = Findings()
    for seed in (1, 2, 3):
        findings.note(LOST, trial(CRASH, OUTAGE, seed=seed))
    findings.note(LOST, trial(OUTAGE, seed=4))
    ((charge, first),) = findings.to_shrink()
    assert list(findings.to_shrink()) == [], "one of a checker at a time"
    findings.settle(charge, first, trial(CRASH))
    (finding,) = findings.distinct
    assert (finding.causes, finding.times) == (("WorkerCrashes",), 3)
    ((_, second),) = findings.to_shrink()
    assert second.seed == 4, "an outage alone is another cause"
    findings.settle(LOST, second, trial(OUTAGE))
    findings.note(LOST, trial(OUTAGE, OUTAGE))
    assert [(one.causes, one.times) for one in findings.distinct] == [(("WorkerCrashes",), 3), (("SendGridAnswers",), 2)]


def test_another_checker_is_another_finding() -> None:
    findings = Findings()
    findings.note(LOST, trial(CRASH))
    findings.note(TWICE, trial(CRASH))
    for charge, found in list(findings.to_shrink()):
        findings.settle(charge, found, found)
    assert [one.charge for one in findings.distinct] == [LOST, TWICE]


def test_two_that_shrink_to_the_same_are_the_same() -> None:
    findings = Findings()
    for charge, found in ((LOST, trial(CRASH, OUTAGE)), (LOST, trial(OUTAGE, seed=7))):
        findings.settle(charge, found, trial(OUTAGE))
    (finding,) = findings.distinct
    assert finding.times == 2


def test_what_takes_two_faults_of_a_kind_is_not_explained_by_one() -> None:
    findings = Findings()
    findings.settle(LOST, trial(CRASH, CRASH), trial(CRASH, CRASH))
    findings.note(LOST, trial(CRASH, OUTAGE))
    assert findings.distinct[0].times == 1
    assert findings.waiting[LOST] == [trial(CRASH, OUTAGE)]


def test_what_nobody_had_the_time_to_shrink_is_kept_as_it_was_drawn() -> None:
    findings = Findings()
    for seed in range(MOST_WAITING + 5):
        findings.note(LOST, trial(CRASH, OUTAGE, seed=seed))
    ((charge, first),) = findings.to_shrink()
    findings.give_up(charge, first)
    findings.close()
    (finding,) = findings.distinct
    assert (finding.is_shrunk, finding.shrunk, finding.times) == (False, trial(CRASH, OUTAGE, seed=0), MOST_WAITING + 5)
