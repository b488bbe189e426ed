"""What was violated at an earlier rest of a run stays so, in the run and in its stored history."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from harness import checkers
from harness.checkers import convicted, every_accepted_event_is_stored_once, nothing_is_invented
from harness.history import Header, History
from harness.verdict import Ruling, Verdict
from tests.harness.story import Story

LOST = every_accepted_event_is_stored_once
MUST_HOLD = (LOST.to_data(), nothing_is_invented.to_data())


def story(header: Header | None = None) -> Story:
    told = Story(must_hold=MUST_HOLD)
    if header is not None:
        told.history.header = replace(told.history.header, convictions=header.convictions)
    return told


def ruled(history: History) -> dict[str, Ruling]:
    return {verdict.checker: verdict.ruling for verdict in checkers.judge(history)}


def violations(history: History) -> list[str]:
    return [violation.what for verdict in checkers.judge(history) for violation in verdict.violations]


def after_a_loss() -> Header:
    """The header after a rest at which an event was lost."""
    lost = story().posted("a", 1).quiet().history
    return convicted(lost.header, checkers.judge(lost))


def test_what_was_lost_at_an_earlier_rest_stays_lost_though_it_turned_up() -> None:
    later = story(after_a_loss()).kept("a", 1).quiet().history
    assert ruled(later)[LOST.name] is Ruling.VIOLATED
    assert "a of a5" in violations(later)[0]
    assert ruled(later)[nothing_is_invented.name] is Ruling.HELD, "the others are judged anew"
    assert ruled(story().kept("a", 1).quiet().history)[LOST.name] is Ruling.HELD


def test_the_stored_history_is_judged_the_same(tmp_path: Path) -> None:
    history = story(after_a_loss()).kept("a", 1).quiet().history
    path = tmp_path / "history.jsonl"
    path.write_text("".join(f"{line}\n" for line in history.lines()))
    assert checkers.judge(History.load(path)) == checkers.judge(history)


def test_a_violation_of_the_last_rest_is_told_instead_of_an_earlier_one() -> None:
    later = story(after_a_loss()).kept("a", 1).posted("b", 20).quiet().history
    assert [what for what in violations(later) if "b of a5" in what] == violations(later)


def test_the_first_that_was_found_is_kept() -> None:
    once = after_a_loss()
    later = story(once).kept("a", 1).posted("b", 20).quiet().history
    assert convicted(later.header, checkers.judge(later)).convictions == once.convictions
    held = story().kept("a", 1).quiet().history
    assert convicted(held.header, checkers.judge(held)).convictions == ()


def test_a_verdict_comes_back_from_data() -> None:
    (data,) = after_a_loss().convictions
    (verdict,) = [one for one in checkers.judge(story().posted("a", 1).quiet().history) if one.checker == LOST.name]
    assert Verdict.from_data(data) == verdict
