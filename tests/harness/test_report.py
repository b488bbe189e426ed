"""The report: its text equals the stored snapshot, no history breaks it, and nothing a service says can break out of it.

After a change on purpose: UPDATE_SNAPSHOTS=1 python -m pytest tests/harness/test_report.py
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from harness import acceptance, checkers, report, summary
from harness.archive import RunFolder
from harness.history import History
from harness.markdown import block, code, plain, slug, table
from harness.results import Campaign, Counts, Execution, Results, execution_of
from harness.verdict import Ruling, Verdict, Violation
from tests.harness import stories
from tests.harness.stories import Story

Violated = Sequence[tuple[str, str | None]]
SNAPSHOT = Path(__file__).parent / "snapshots" / "report.md"


def results_of(*executions: Execution, campaigns: tuple[Campaign, ...] = (), system: str = "draft") -> Results:
    return acceptance.with_criteria(
        Results(
            verb="accept",
            system=system,
            ruling=Results.overall(executions, campaigns),
            started_at="2026-11-23T18:00:00+00:00",
            wall_s=123.4,
            harness_version="0.1.0",
            commit="0123456789abcdef",
            python="3.11.7",
            platform="Linux x86_64, 2 CPUs",
            scenarios=executions,
            campaigns=campaigns,
        )
    )


def kept(folder: RunFolder, history: History, violated: Violated = ()) -> Execution:
    place = folder.execution_folder(history.header.scenario, history.header.world, history.header.seed)
    folder.keep(history, place)
    return stories.judged(history, folder=folder.relative(place), violated=violated)


def a_run(folder: RunFolder) -> Results:
    lost: Violated = [
        (f"evt_0000{number} of a5 was accepted and has no row when all is quiet", f"evt_0000{number}") for number in (12, 13)
    ]
    skipped = Execution.not_applicable(
        "redis_restart", world="real", seed=1, system="draft", reason="RedisCrashes needs redis, which the system does not use"
    )
    campaign = Campaign(
        name="worker_crash",
        world="simulated",
        system="draft",
        held=200,
        no_bite=14,
        cpu_s=12.3,
        counts={"accepted": 4000, "lost": 0},
        repeat="harness run worker_crash --seeds 200",
    )
    return results_of(kept(folder, stories.crash(lose=(12, 13)), lost), skipped, campaigns=(campaign,))


def text_of(folder: RunFolder, results: Results) -> str:
    return report.write(folder, results).read_text()


def test_the_report_equals_its_snapshot(tmp_path: Path) -> None:
    text = text_of(RunFolder(tmp_path), a_run(RunFolder(tmp_path)))
    if os.environ.get("UPDATE_SNAPSHOTS"):
        SNAPSHOT.parent.mkdir(exist_ok=True)
        SNAPSHOT.write_text(text)
    assert text == SNAPSHOT.read_text(), "see the docstring of this file if the change is on purpose"


def test_writing_it_again_changes_nothing(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    results = a_run(folder)
    assert text_of(folder, results) == text_of(folder, results)


def test_every_picture_and_link_is_there(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    text = text_of(folder, a_run(folder))
    pictures = [part.split(")")[0] for part in text.split("](")[1:] if ".svg" in part.split(")")[0]]
    assert pictures == ["matrix.svg", "scenarios/worker_crash-real-7/timeline.svg"]
    for picture in pictures:
        ElementTree.parse(tmp_path / picture)
    target = text.split("](#", 1)[1].split(")", 1)[0]
    assert target in {slug(line.lstrip("# ")) for line in text.splitlines() if line.startswith("###")}


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
    one = Execution(name="baseline", world="real", seed=1, system="async", ruling=ruling, counts={"accepted": 7})
    assert text_of(RunFolder(tmp_path), results_of(one, system="async")).splitlines()[2].startswith(sentence)


def test_promises_are_counted_once(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    alone = text_of(folder, results_of(kept(folder, stories.crash(lose=()))))
    assert "30 promises in 1 scenario (real): **30 kept, 0 broken**" in alone
    text = text_of(folder, a_run(folder))
    assert "4,030 promises in 1 scenario (simulated and real, 200 seeds): **4,028 kept, 2 broken**" in text


def test_what_could_not_be_decided_is_not_kept(tmp_path: Path) -> None:
    one = Execution(name="s", world="real", seed=1, system="a", ruling=Ruling.UNKNOWN, counts={"accepted": 7}, reason="no bite")
    text = text_of(RunFolder(tmp_path), results_of(one))
    assert "**0 kept, 0 broken, 7 could not be decided**" in text
    assert "unknown, no bite" in text


def test_a_promise_is_kept_although_nobody_knows_how_fast_it_was_given() -> None:
    slow = Verdict(ruling=Ruling.UNKNOWN, checker="ingest_stays_fast", claim="Fast.", reason="69 samples are too few")
    mailed = Verdict(ruling=Ruling.UNKNOWN, checker="every_accepted_event_is_mailed", claim="Mailed.", reason="still moving")
    counts: Counts = {"accepted": 7}
    for verdicts, kept_events in (((slow,), 7), ((slow, mailed), 0)):
        one = Execution(
            name="s", world="real", seed=1, system="a", ruling=Ruling.UNKNOWN, counts=counts, verdicts=verdicts, reason="why"
        )
        assert summary.promises(results_of(one)).kept == kept_events


def test_an_event_that_was_kept_in_the_end_is_not_broken_because_a_post_failed() -> None:
    found = (Violation("evt_1 of a5: the POST at 6.607 s failed: 504", stories.pair("evt_1")),)
    for checker, broken in (("ingest_stays_available", 0), ("every_accepted_event_is_mailed", 1)):
        verdict = Verdict(ruling=Ruling.VIOLATED, checker=checker, claim="A claim.", violations=found)
        one = Execution(
            name="s", world="real", seed=1, system="a", ruling=Ruling.VIOLATED, counts={"accepted": 7}, verdicts=(verdict,)
        )
        assert summary.promises(results_of(one)).broken == broken
        told = summary.told_in_numbers(results_of(one))
        assert ("in which alone something was violated" in told) is (broken == 0)


def test_what_is_violated_comes_first(tmp_path: Path) -> None:
    unknown = Verdict(ruling=Ruling.UNKNOWN, checker="every_fault_bit", claim="Every fault bit.", reason="it did not")
    broken = Verdict(ruling=Ruling.VIOLATED, checker="c", claim="Kept.", checked=1, violations=(Violation("a is lost"),))
    executions = [
        Execution(name=name, world="real", seed=1, system="a", ruling=verdict.ruling, verdicts=(verdict,), reason=verdict.reason)
        for name, verdict in (("first", unknown), ("second", unknown), ("third", broken))
    ]
    text = text_of(RunFolder(tmp_path), results_of(*executions))
    headings = [line for line in text.splitlines() if line.startswith("### ")]
    assert [heading.split(",")[0] for heading in headings] == ["### third", "### first", "### second"]
    assert text.index("- [third") < text.index("- [first")


def test_a_violated_row_says_what_was_found_first(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    story = Story()
    story.post("evt_000000", 0, outcome="unknown", http_status=504, answer=None)
    story.kept("evt_000000", 1)
    story.rest(9)
    text = text_of(folder, results_of(kept(folder, story.history, [("evt_000000 of a5 " + "is lost " * 40, "evt_000000")])))
    (row,) = [line for line in text.splitlines() if line.startswith("| worker_crash | real | ✗")]
    assert row.split(" | ")[-1].startswith("evt_000000 of a5 is lost")
    assert row.endswith("is… |")
    assert "| 0 / 1 |" in row, "one POST was unknown, as in the time line"


def test_what_nobody_judged_stands_beside_the_ruling(tmp_path: Path) -> None:
    story = Story(offers=("api", "rows"), must_hold=tuple(checker.to_data() for checker in checkers.the_contract))
    story.kept("a", 1)
    story.rest(9)
    execution = execution_of(story.history, checkers.judge(story.history), folder="", wall_s=1, cpu_s=1)
    results = dataclasses.replace(results_of(execution, system="mine"), ruling=Ruling.HELD)
    lines = text_of(RunFolder(tmp_path), results).splitlines()
    assert lines[2].endswith("this run tried, but 2 claims of the contract nobody judged (below).")
    (told,) = [line for line in lines[:8] if line.startswith("**Not judged**")]
    assert "Every accepted event that asked for a mail was mailed, or failed justifiably (needs mails" in told
    assert next(line for line in lines if line.startswith("| worker_crash | real |")).count(" | ? | ") == 1


def test_no_command_stands_twice_under_again(tmp_path: Path) -> None:
    seeds = [
        Execution(
            name="s",
            world="simulated",
            seed=seed,
            system="a",
            ruling=Ruling.HELD,
            repeat=f"harness run s --seed {seed}",
            folder="",
        )
        for seed in (1, 2)
    ]
    alone = Execution(name="s", world="real", seed=1, system="a", ruling=Ruling.HELD, repeat="harness run s --world real")
    row = Campaign(name="s", world="simulated", system="a", held=2, repeat="harness run s --seeds 2")
    text = text_of(RunFolder(tmp_path), results_of(*seeds, alone, campaigns=(row,)))
    assert text.split("```text\n")[1].split("\n```")[0].splitlines() == ["harness run s --seeds 2", "harness run s --world real"]


@pytest.mark.parametrize(("ruling", "becomes"), [(Ruling.HELD, Ruling.UNKNOWN), (Ruling.VIOLATED, Ruling.VIOLATED)])
def test_an_interrupted_run_says_so_first_and_never_holds(tmp_path: Path, ruling: Ruling, becomes: Ruling) -> None:
    one = Execution(name="s", world="real", seed=1, system="a", ruling=ruling, counts={"accepted": 7})
    results = results_of(one).cut_short("after 1 of 13 executions")
    assert results.ruling is becomes
    assert text_of(RunFolder(tmp_path), results).splitlines()[2].startswith("**Interrupted after 1 of 13 executions.**")
    assert Results.from_json(results.to_json()) == results


def test_many_violations_are_cut_and_counted(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    wronged: Violated = [(f"evt_{number:06d} is lost", f"evt_{number:06d}") for number in range(30)]
    text = text_of(folder, results_of(kept(folder, stories.crash(lose=range(30)), wronged)))
    assert text.count("The life of") == 4
    assert "26 more events were wronged" in text
    assert "and 27 more violations" in text


def test_a_hundred_violated_seeds_are_cut_and_counted(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    executions = []
    for seed in range(20):
        story = Story(world="simulated", seed=seed)
        story.post("a", 1)
        story.rest(9)
        executions.append(kept(folder, story.history, [("a is lost", "a")]))
    text = text_of(folder, results_of(*executions))
    assert text.count("![Time line") == 3
    assert "17 more like these are stored" in text
    assert "and 8 more executions that did not hold" in text


def test_two_systems_stand_side_by_side(tmp_path: Path) -> None:
    both = [Execution(name="baseline", world="real", seed=1, system=name, ruling=Ruling.HELD) for name in ("sync", "async")]
    text = text_of(RunFolder(tmp_path), results_of(*both))
    assert "| baseline | real | sync | ✓\N{NO-BREAK SPACE}held |" in text
    assert "| baseline | real | async | ✓\N{NO-BREAK SPACE}held |" in text


def test_a_history_that_is_gone_is_said(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    results = a_run(folder)
    shutil.rmtree(tmp_path / "scenarios")
    assert "Its history was not kept" in text_of(folder, results)


def test_a_history_cut_off_in_the_middle_is_told_up_to_the_cut(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    results = a_run(folder)
    path = tmp_path / "scenarios" / "worker_crash-real-7" / "history.jsonl"
    path.write_text(path.read_text()[:-40])
    assert "The history ends in the middle" in text_of(folder, results)


NASTY = "`code` | pipe <script> [link](x) **bold** ![i](j) \n# heading \x1b[31m \ud800 ```"


def test_nothing_a_service_says_can_break_out(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    story = Story(story=NASTY)
    story.post(NASTY, 1, outcome="unknown", http_status=None, answer=None, error=NASTY)
    story.read(NASTY, 2, "failed", reason=NASTY)
    story.fault(1, 2, evidence=NASTY)
    story.rest(9)
    lines = text_of(folder, results_of(kept(folder, story.history, [(NASTY, NASTY)]))).splitlines()
    assert not [line for line in lines if line.startswith("# heading")]
    assert "<script>" not in "\n".join(line for line in lines if not line.startswith("    "))
    fences = [line for line in lines if line.startswith("```")]
    assert fences[:2] == ["````text", "````"], "a fence longer than any inside"
    tables = [line for line in lines if line.startswith("| WorkerCrashes")]
    assert [line.count(" | ") for line in tables] == [4]


def test_markdown_means_only_itself() -> None:
    assert plain("a_b _c_ *d* <e> & f|g\nh") == "a_b \\_c\\_ \\*d\\* &lt;e&gt; &amp; f\\|g\\\\nh"
    assert code("x") == "`x`"
    assert code("a`b") == "`` a`b ``"
    assert block(["a", "```"]) == ["````text", "a", "```", "````"]
    assert table(["a", "n"], [["x", "1"]], right=["n"]) == ["| a | n |", "| --- | --: |", "| x | 1 |"]
    assert slug("worker_crash, real, seed 7") == "worker_crash-real-seed-7"


names = some.sampled_from(["a", "b", "evt|`<"])
times = some.floats(-1, 100, allow_nan=False)
outcomes = some.sampled_from([(202, "accepted"), (200, "duplicate"), (200, "processed"), (503, None), (504, None), (None, None)])


def happen(draw: Any, story: Story) -> None:
    """Something happens that need not make any sense."""
    name, at_s, took_s = draw(names), draw(times), draw(some.floats(0, 30))
    status, answer = draw(outcomes)
    outcome = "ok" if answer else draw(some.sampled_from(["failed", "unknown"]))
    steps: dict[str, Callable[[], None]] = {
        "post": lambda: story.post(name, at_s, took_s, http_status=status, answer=answer, outcome=outcome),
        "read": lambda: story.read(name, at_s, draw(some.sampled_from(["pending", "completed", "failed", None]))),
        "call": lambda: story.call(name, at_s, draw(some.sampled_from([202, 400, 429])), reply_lost=draw(some.booleans())),
        "stored": lambda: story.stored(name, at_s, rows=draw(some.integers(0, 3))),
        "fault": lambda: story.fault(at_s, at_s + took_s, evidence=draw(some.sampled_from([None, "pid changed"]))),
        "lifecycle": lambda: story.lifecycle("worker-0", "killed", at_s),
        "rest": lambda: story.rest(at_s, quiet=draw(some.booleans())),
    }
    steps[draw(some.sampled_from(sorted(steps)))]()


@some.composite
def histories(draw: Any) -> History:
    """Small histories of anything."""
    story = Story(plan=draw(some.sampled_from([(), ({"fault": "WorkerCrashes"},)])))
    for _ in range(draw(some.integers(0, 12))):
        happen(draw, story)
    return story.history


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=histories())
def test_no_history_breaks_the_report(tmp_path: Path, history: History) -> None:
    folder = RunFolder(Path(tempfile.mkdtemp(dir=tmp_path)))
    execution = kept(folder, history, [("something is wrong", "a"), ("or missing", "evt|`<"), ("as a whole", None)])
    text = text_of(folder, results_of(execution))
    assert "worker_crash" in text
    ElementTree.parse(folder.path / execution.folder / "timeline.svg")
