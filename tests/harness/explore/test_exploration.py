"""A whole exploration: what it finds, what it leaves behind, and what becomes of one that is interrupted."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness import archive, cli, systems
from harness.archive import RunFolder
from harness.explore import exploration, search
from harness.explore.attempt import Charge, Outcome, charges_of, outcome_of, perform
from harness.explore.exploration import Budget, explored
from harness.explore.guide import Guide
from harness.explore.search import Search
from harness.explore.space import Space
from harness.explore.trial import Trial
from harness.report import page
from harness.results import Results
from harness.usage import UsageError
from harness.verbs import explore
from harness.verdict import Ruling
from tests.harness.explore.trials import ASYNC, CRASH, OUTAGE, flawed, trial

LEFT_BEHIND = str(Path(__file__).with_name("left_behind.py"))  # shows only where a crash and an outage meet
SWALLOWED = "reference/flaws/mail_errors_swallowed.py"
NOT_MAILED = Charge("every_accepted_event_is_mailed", Ruling.VIOLATED)
PLANS_ENOUGH = 300


def words(out: Path, *more: str) -> argparse.Namespace:
    return cli.parser().parse_args(["explore", *more, "--out", str(out)])


def searching(monkeypatch: pytest.MonkeyPatch, do: Callable[[Search], None]) -> None:
    """Let the search do something else: no pool is started."""

    def explore(search: Search, *, show: Any) -> None:
        try:
            do(search)
        finally:
            search.findings.close()

    monkeypatch.setattr(exploration, "explore", explore)


def outcome(trial: Trial, flaw: str = "") -> Outcome:
    return outcome_of(trial, perform(trial, flawed(flaw)))


def test_a_flaw_that_only_composed_faults_reveal_is_found_and_shrinks_to_both() -> None:
    subject, guide = flawed(LEFT_BEHIND), Guide(Space(systems.load("async"), "simulated"), seed=13)
    for _ in range(PLANS_ENOUGH):
        drawn = guide.draw()
        seen = outcome_of(drawn, perform(drawn, subject))
        guide.note(drawn, seen.coverage)
        if NOT_MAILED in seen.charges:
            break
    else:
        pytest.fail(f"nothing was found in {PLANS_ENOUGH} plans")
    small = search.shrunk(drawn, NOT_MAILED, subject=subject, seconds=600)
    assert len(small.plan) == 2
    assert any(kind.startswith("SendGrid") for kind in small.kinds)
    assert any(not kind.startswith("SendGrid") for kind in small.kinds)
    assert charges_of(perform(small, ASYNC).execution) == (), "the sound reference keeps its promises there"


def test_a_finding_is_handed_over_with_a_file_a_history_and_a_story(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = trial(OUTAGE)

    def find(search: Search) -> None:
        search.note(outcome(small, SWALLOWED))
        search.note(outcome(trial(CRASH)))
        ((charge, found),) = search.findings.to_shrink()
        search.findings.settle(charge, found, small)

    searching(monkeypatch, find)
    assert explore.explore(words(tmp_path / "out", "--flaw", SWALLOWED, "--seed", "7")) is Ruling.VIOLATED
    folder, results = archive.open_run(tmp_path / "out")
    (execution,), (row,) = results.scenarios, results.campaigns
    assert (row.name, row.violated, row.drawn) == ("explore", 1, 2)
    assert results.exploration is not None
    (finding,) = results.exploration["findings"]
    assert (finding["causes"], finding["events"], finding["reproduces"]) == (["SendGridAnswers"], 1, True)
    text = (folder.path / "report.md").read_text()
    assert "every_accepted_event_is_mailed" in text
    assert "The life of **evt_000 of a5**" in text
    assert "| SendGridAnswers |" in text
    assert "**–**" in text, "holes are seen"
    assert f"again: harness run {tmp_path}/out/found/found_1" in capsys.readouterr().out
    assert page.render(folder, results) == text, "a stored run gives the same report"
    file = tmp_path / "out" / finding["file"]
    again = cli.parser().parse_args(["run", str(file), "--seed", "1", "--flaw", SWALLOWED, "--out", str(tmp_path / "again")])
    assert again.verb(again) is Ruling.VIOLATED
    history = tmp_path / "out" / execution.folder / "history.jsonl"
    replay = cli.parser().parse_args(["replay", str(history), "--out", str(tmp_path / "replayed")])
    assert replay.verb(replay) is Ruling.VIOLATED
    assert "the same violations as stored" in capsys.readouterr().out


def test_an_interrupted_exploration_leaves_what_was_found_so_far(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(search: Search) -> None:
        search.note(outcome(trial(OUTAGE), SWALLOWED))
        raise KeyboardInterrupt

    searching(monkeypatch, interrupted)
    with pytest.raises(KeyboardInterrupt):
        explore.explore(words(tmp_path / "out", "--flaw", SWALLOWED))
    _, results = archive.open_run(tmp_path / "out")
    assert results.interrupted == "after 1 plans"
    assert results.exploration is not None
    (finding,) = results.exploration["findings"]
    assert (finding["is_shrunk"], finding["reproduces"]) == (False, True)
    assert "what had ended is in" in capsys.readouterr().err


def test_interrupted_before_anything_ended_it_leaves_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def interrupted(search: Search) -> None:
        raise KeyboardInterrupt

    searching(monkeypatch, interrupted)
    with pytest.raises(KeyboardInterrupt):
        explore.explore(words(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_the_pool_draws_shrinks_and_stops_when_it_is_told_to(tmp_path: Path) -> None:
    def enough(search: Search) -> None:
        if search.findings.distinct:
            raise KeyboardInterrupt

    budget = Budget(subject=flawed(SWALLOWED), seconds=300, seed=1)
    found = explored(budget, RunFolder(tmp_path), show=enough)
    assert found.interrupted
    assert found.campaign.violated
    causes = [set(one["causes"]) for one in found.data["findings"] if one["is_shrunk"]]
    assert causes
    assert all(len(kinds) == 1 for kinds in causes)
    assert all(one["reproduces"] for one in found.data["findings"] if one["is_shrunk"])


def test_the_sound_reference_holds_and_says_what_proved_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    never = trial(CRASH, seed=1, mailed=False)
    outcomes = [outcome(trial(CRASH)), outcome(Trial(posted=never.posted, plan=(OUTAGE,), seed=1))]

    def find(search: Search) -> None:
        for one in outcomes:
            search.note(one)

    searching(monkeypatch, find)
    assert explore.explore(words(tmp_path / "out")) is Ruling.HELD
    _, results = archive.open_run(tmp_path / "out")
    assert results.exploration is not None
    assert results.exploration["rulings"] == {"held": 1, "nothing": 1}
    assert [one["plans"] for one in results.exploration["undecided"]] == [1]
    assert Results.from_json(results.to_json()) == results


def test_plans_that_all_proved_nothing_are_no_pass(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    vain = outcome(trial(OUTAGE, mailed=False))
    searching(monkeypatch, lambda search: search.note(vain))
    assert explore.explore(words(tmp_path / "out")) is Ruling.UNKNOWN


def test_a_system_that_nothing_can_be_done_to_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be simulated"):
        explore.explore(words(tmp_path / "out", "--system", "draft", "--world", "simulated"))
    assert not (tmp_path / "out").exists()
