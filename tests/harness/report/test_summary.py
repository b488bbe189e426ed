"""The first sentences of a report: the ruling, how many promises were made and kept, what nobody judged."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from harness import checkers
from harness.archive import RunFolder
from harness.report import summary
from harness.results import Results, execution_of
from harness.verdict import Ruling, Verdict, Violation
from tests.harness import runs, stories
from tests.harness.story import of


@pytest.mark.parametrize(
    ("ruling", "sentence"),
    [
        (Ruling.HELD, "**Yes: async kept its promises**"),
        (Ruling.VIOLATED, "**No: async broke its promises.**"),
        (Ruling.UNKNOWN, "**It could not be decided"),
        (Ruling.NOT_APPLICABLE, "**Nothing was judged:**"),
    ],
)
def test_the_first_sentence_is_the_ruling(tmp_path: Path, ruling: Ruling, sentence: str) -> None:
    one = runs.ruled(ruling, counts={"accepted": 7})
    assert runs.report_of(RunFolder(tmp_path), one, system="async").splitlines()[2].startswith(sentence)


def test_promises_are_counted_once(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    alone = runs.report_of(folder, runs.stored(folder, stories.crash(lose=())))
    assert "30 promises in 1 scenario (real): **30 kept, 0 broken**" in alone
    text = runs.text_of(folder, runs.with_a_crash(folder))
    assert "4,030 promises in 1 scenario (simulated and real, 200 seeds): **4,028 kept, 2 broken**" in text


def test_what_could_not_be_decided_is_not_kept(tmp_path: Path) -> None:
    one = runs.ruled(Ruling.UNKNOWN, counts={"accepted": 7}, reason="no bite")
    text = runs.report_of(RunFolder(tmp_path), one)
    assert "**0 kept, 0 broken, 7 could not be decided**" in text
    assert "unknown, no bite" in text


def test_what_was_lost_beyond_the_claims_is_neither_kept_nor_broken(tmp_path: Path) -> None:
    one = runs.ruled(Ruling.HELD, counts={"accepted": 7, "lost": 2})
    assert "**5 kept, 0 broken, 2 lost beyond what it claims to survive**" in runs.report_of(RunFolder(tmp_path), one)


def test_a_promise_is_kept_although_nobody_knows_how_fast_it_was_given() -> None:
    slow = Verdict(ruling=Ruling.UNKNOWN, checker="ingest_stays_fast", claim="Fast.", reason="69 samples are too few")
    mailed = Verdict(ruling=Ruling.UNKNOWN, checker="every_accepted_event_is_mailed", claim="Mailed.", reason="still moving")
    for verdicts, kept_events in (((slow,), 7), ((slow, mailed), 0)):
        one = runs.ruled(Ruling.UNKNOWN, counts={"accepted": 7}, verdicts=verdicts, reason="why")
        assert summary.promises(runs.results_of(one)).kept == kept_events


def test_an_event_that_was_kept_in_the_end_is_not_broken_because_a_post_failed() -> None:
    found = (Violation("evt_1 of a5: the POST at 6.607 s failed: 504", of("evt_1")),)
    for checker, broken in (("ingest_stays_available", 0), ("every_accepted_event_is_mailed", 1)):
        verdict = Verdict(ruling=Ruling.VIOLATED, checker=checker, claim="A claim.", violations=found)
        results = runs.results_of(runs.ruled(Ruling.VIOLATED, counts={"accepted": 7}, verdicts=(verdict,)))
        assert summary.promises(results).broken == broken
        told = summary.told_in_numbers(results)
        assert ("in which alone something was violated" in told) is (broken == 0)


def test_what_nobody_judged_stands_beside_the_ruling(tmp_path: Path) -> None:
    contract = tuple(checker.to_data() for checker in checkers.the_contract)
    history = stories.real_run(offers=("api", "rows"), must_hold=contract).kept("a", 1).quiet(9).history
    execution = execution_of(history, checkers.judge(history), folder="", wall_s=1, cpu_s=1)
    results = dataclasses.replace(runs.results_of(execution, system="mine"), ruling=Ruling.HELD)
    lines = runs.text_of(RunFolder(tmp_path), results).splitlines()
    assert lines[2].endswith("this run tried, but 2 claims of the contract nobody judged (below).")
    (told,) = [line for line in lines[:8] if line.startswith("**Not judged**")]
    assert "Every accepted event that asked for a mail was mailed, or failed justifiably (needs mails" in told
    assert next(line for line in lines if line.startswith("| worker_crash | real |")).count(" | ? | ") == 1


@pytest.mark.parametrize(("ruling", "becomes"), [(Ruling.HELD, Ruling.UNKNOWN), (Ruling.VIOLATED, Ruling.VIOLATED)])
def test_an_interrupted_run_says_so_first_and_never_holds(tmp_path: Path, ruling: Ruling, becomes: Ruling) -> None:
    results = runs.results_of(runs.ruled(ruling, counts={"accepted": 7})).cut_short("after 1 of 13 executions")
    assert results.ruling is becomes
    assert runs.text_of(RunFolder(tmp_path), results).splitlines()[2].startswith("**Interrupted after 1 of 13 executions.**")
    assert Results.from_json(results.to_json()) == results
