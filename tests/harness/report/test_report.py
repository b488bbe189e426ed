"""The report: its text equals the stored snapshot, and no history breaks it.

After a change on purpose: UPDATE_SNAPSHOTS=1 python -m pytest tests/harness/report/test_report.py
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from harness.archive import RunFolder
from harness.history import History
from harness.markup.markdown import slug
from harness.results import Campaign
from harness.verdict import Ruling, Verdict, Violation
from tests.harness import runs, stories
from tests.harness.story import Story

SNAPSHOT = Path(__file__).parent / "snapshots" / "report.md"


def test_the_report_equals_its_snapshot(tmp_path: Path) -> None:
    text = runs.text_of(RunFolder(tmp_path), runs.with_a_crash(RunFolder(tmp_path)))
    if os.environ.get("UPDATE_SNAPSHOTS"):
        SNAPSHOT.parent.mkdir(exist_ok=True)
        SNAPSHOT.write_text(text)
    assert text == SNAPSHOT.read_text(), "see the docstring of this file if the change is on purpose"


def test_writing_it_again_changes_nothing(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    results = runs.with_a_crash(folder)
    assert runs.text_of(folder, results) == runs.text_of(folder, results)


def test_every_picture_and_link_is_there(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    text = runs.text_of(folder, runs.with_a_crash(folder))
    pictures = [part.split(")")[0] for part in text.split("](")[1:] if ".svg" in part.split(")")[0]]
    assert pictures == ["matrix.svg", "scenarios/worker_crash-real-7/timeline.svg"]
    for picture in pictures:
        ElementTree.parse(tmp_path / picture)
    target = text.split("](#", 1)[1].split(")", 1)[0]
    assert target in {slug(line.lstrip("# ")) for line in text.splitlines() if line.startswith("###")}


def test_what_is_violated_comes_first(tmp_path: Path) -> None:
    unknown = Verdict(ruling=Ruling.UNKNOWN, checker="every_fault_bit", claim="Every fault bit.", reason="it did not")
    broken = Verdict(ruling=Ruling.VIOLATED, checker="c", claim="Kept.", checked=1, violations=(Violation("a is lost"),))
    executions = [
        runs.ruled(verdict.ruling, name=name, verdicts=(verdict,), reason=verdict.reason)
        for name, verdict in (("first", unknown), ("second", unknown), ("third", broken))
    ]
    text = runs.report_of(RunFolder(tmp_path), *executions)
    headings = [line for line in text.splitlines() if line.startswith("### ")]
    assert [heading.split(",")[0] for heading in headings] == ["### third", "### first", "### second"]
    assert text.index("- [third") < text.index("- [first")


def test_a_violated_row_says_what_was_found_first(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    story = stories.real_run().unanswered("evt_000000", 0, http_status=504).kept("evt_000000", 1).quiet(9)
    found = [("evt_000000 of a5 " + "is lost " * 40, "evt_000000")]
    text = runs.report_of(folder, runs.stored(folder, story.history, found))
    (row,) = [line for line in text.splitlines() if line.startswith("| worker_crash | real | ✗")]
    assert row.split(" | ")[-1].startswith("evt_000000 of a5 is lost")
    assert row.endswith("is… |")
    assert "| 0 / 1 |" in row, "one POST was unknown, as in the time line"


def test_no_command_stands_twice_under_again(tmp_path: Path) -> None:
    seeds = [runs.ruled(Ruling.HELD, world="simulated", seed=seed, repeat=f"harness run s --seed {seed}") for seed in (1, 2)]
    alone = runs.ruled(Ruling.HELD, repeat="harness run s --world real")
    row = Campaign(name="s", world="simulated", system="a", held=2, repeat="harness run s --seeds 2")
    text = runs.report_of(RunFolder(tmp_path), *seeds, alone, campaigns=(row,))
    assert text.split("```text\n")[1].split("\n```")[0].splitlines() == ["harness run s --seeds 2", "harness run s --world real"]


def test_many_violations_are_cut_and_counted(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    wronged = [(f"evt_{number:06d} is lost", f"evt_{number:06d}") for number in range(30)]
    text = runs.report_of(folder, runs.stored(folder, stories.crash(lose=range(30)), wronged))
    assert text.count("The life of") == 4
    assert "26 more events were wronged" in text
    assert "and 27 more violations" in text


def test_a_hundred_violated_seeds_are_cut_and_counted(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    histories = [Story(seed=seed).posted("a", 1).quiet(9).history for seed in range(20)]
    executions = [runs.stored(folder, history, [("a is lost", "a")]) for history in histories]
    text = runs.report_of(folder, *executions)
    assert text.count("![Time line") == 3
    assert "17 more like these are stored" in text
    assert "and 8 more executions that did not hold" in text


def test_two_systems_stand_side_by_side(tmp_path: Path) -> None:
    both = [runs.ruled(Ruling.HELD, name="baseline", system=name) for name in ("sync", "async")]
    text = runs.report_of(RunFolder(tmp_path), *both)
    assert "| baseline | real | sync | ✓\N{NO-BREAK SPACE}held |" in text
    assert "| baseline | real | async | ✓\N{NO-BREAK SPACE}held |" in text


def test_a_history_that_is_gone_is_said(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    results = runs.with_a_crash(folder)
    shutil.rmtree(tmp_path / "scenarios")
    assert "Its history was not kept" in runs.text_of(folder, results)


def test_a_history_cut_off_in_the_middle_is_told_up_to_the_cut(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    results = runs.with_a_crash(folder)
    path = tmp_path / "scenarios" / "worker_crash-real-7" / "history.jsonl"
    path.write_text(path.read_text()[:-40])
    assert "The history ends in the middle" in runs.text_of(folder, results)


names = some.sampled_from(["a", "b", "evt|`<"])
times = some.floats(-1, 100, allow_nan=False)
outcomes = some.sampled_from([(202, "accepted"), (200, "duplicate"), (200, "processed"), (503, None), (504, None), (None, None)])


def happen(draw: Any, story: Story) -> None:
    """Something happens that need not make any sense."""
    name, at_s, took_s = draw(names), draw(times), draw(some.floats(0, 30))
    status, answer = draw(outcomes)
    outcome = "ok" if answer else draw(some.sampled_from(["failed", "unknown"]))
    mail = {"http_status": draw(some.sampled_from([202, 400, 429])), "reply_lost": draw(some.booleans())}
    evidence = draw(some.sampled_from([None, "pid changed"]))
    steps: dict[str, Callable[[], Story]] = {
        "posted": lambda: story.posted(name, at_s, answer, took_s=took_s, http_status=status, outcome=outcome),
        "read": lambda: story.read(name, at_s, draw(some.sampled_from(["pending", "completed", "failed", None]))),
        "mailed": lambda: story.mailed(name, at_s, **mail),
        "stored": lambda: story.stored(name, at_s),
        "row": lambda: story.row(name),
        "suffered": lambda: story.suffered("WorkerCrashes", at_s, at_s + took_s, "worker-0", evidence=evidence),
        "process": lambda: story.process("worker-0", "killed", at_s),
        "quiet": lambda: story.quiet(at_s),
        "restless": lambda: story.restless(at_s),
    }
    steps[draw(some.sampled_from(sorted(steps)))]()


@some.composite
def histories(draw: Any) -> History:
    """Small histories of anything."""
    story = stories.real_run(plan=draw(some.sampled_from([(), ({"fault": "WorkerCrashes"},)])))
    for _ in range(draw(some.integers(0, 12))):
        happen(draw, story)
    return story.history


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=histories())
def test_no_history_breaks_the_report(tmp_path: Path, history: History) -> None:
    folder = RunFolder(Path(tempfile.mkdtemp(dir=tmp_path)))
    execution = runs.stored(folder, history, [("something is wrong", "a"), ("or missing", "evt|`<"), ("as a whole", None)])
    text = runs.report_of(folder, execution)
    assert "worker_crash" in text
    ElementTree.parse(folder.path / execution.folder / "timeline.svg")
