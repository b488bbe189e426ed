"""Runs on disk: what is written can be read again, nothing is overwritten, and a broken folder is one sentence."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from harness import archive
from harness.archive import RunFolder
from harness.history import Call, History
from harness.results import Campaign, CriterionRuling, Execution, Results, total
from harness.usage import UsageError
from harness.verdict import Ruling, Verdict
from tests.harness import stories
from tests.harness.stories import Story

CONTRACT_KEYS = {"schema", "harness_version", "commit", "python", "system", "ruling", "started_at", "wall_s", "scenarios", "load"}
EXECUTION_KEYS = {"name", "world", "seed", "ruling", "counts", "verdicts", "faults", "latency_ms", "repeat"}
COUNT_KEYS = {
    "offered",
    "accepted",
    "duplicate",
    "refused",
    "unknown",
    "stored",
    "mailed",
    "stored_twice",
    "mailed_twice",
    "lost",
    "failed",
    "posts_refused",
    "posts_unknown",
}


def results_of(*executions: Execution, campaigns: tuple[Campaign, ...] = ()) -> Results:
    return archive.assemble(
        "run", "draft", scenarios=executions, campaigns=campaigns, started_at="2026-11-23T18:00:00+00:00", wall_s=1.5
    )


def test_counts_of_a_crash_name_the_lost_event() -> None:
    counts = archive.counts(stories.crash(lose=(3, 12)))
    assert counts.keys() == COUNT_KEYS
    assert counts == {
        "offered": 30,
        "accepted": 30,
        "duplicate": 0,
        "refused": 0,
        "unknown": 0,
        "stored": 28,
        "mailed": 28,
        "stored_twice": 0,
        "mailed_twice": 0,
        "lost": 2,
        "failed": 0,
        "posts_refused": 0,
        "posts_unknown": 0,
    }


def test_every_offered_event_is_accepted_refused_or_unknown() -> None:
    story = Story()
    story.post("taken", 0, outcome="unknown", http_status=504, answer=None)
    story.post("taken", 1, answer="duplicate", http_status=200)
    story.post("refused", 2, outcome="failed", http_status=429, answer=None)
    story.post("refused", 3, outcome="failed", http_status=422, answer=None)
    story.post("nobody knows", 4, outcome="failed", http_status=503, answer=None)
    story.post("nobody knows", 5, outcome="unknown", http_status=None, answer=None, error="ReadTimeout")
    story.rest(9)
    counts = archive.counts(story.history)
    assert [counts[key] for key in ("offered", "accepted", "refused", "unknown", "duplicate")] == [3, 1, 1, 1, 1]
    assert counts["lost"] == 1, "a duplicate answer is a promise too"
    assert [counts[key] for key in ("posts_refused", "posts_unknown")] == [3, 2], "every attempt, as in the time line"


def test_failed_is_what_the_service_said_last() -> None:
    story = Story()
    for name, statuses in {"poison": ("pending", "failed"), "revived": ("failed", "completed"), "kept": ("completed",)}.items():
        for number, status in enumerate(statuses):
            story.read(name, 1 + number, status)
    story.read("poison", 5, None, http_status=503, outcome="failed")
    assert archive.counts(story.history)["failed"] == 1


def test_mails_nobody_can_tell_apart_are_not_counted() -> None:
    unseen, lost_pointers = Story(offers=("api", "rows", "sendgrid")), Story()
    for story in (unseen, lost_pointers):
        for name in ("a", "b"):
            story.post(name, 0)
            story.stored(name, 1)
    for at_s in (1, 2):
        lost_pointers.history.record(Call(pair=None, process="worker-0", begin_s=at_s, end_s=at_s, http_status=202, taken=True))
    counted = {}
    for case, story in {"not looked at": unseen, "no mail names its event": lost_pointers}.items():
        story.rest(9)
        counts = archive.counts(story.history)
        counted[case] = [counts[key] for key in ("stored", "mailed", "mailed_twice", "lost")]
    assert counted == {"not looked at": [2, None, None, 0], "no mail names its event": [2, None, None, None]}


def test_twice_counts_events_not_rows() -> None:
    story = Story()
    story.post("a", 0)
    story.stored("a", 1, rows=3)
    story.call("a", 1)
    story.call("a", 2)
    story.call("a", 3, 503)
    story.rest(9)
    counts = archive.counts(story.history)
    assert [counts[key] for key in ("stored", "stored_twice", "mailed", "mailed_twice", "lost")] == [1, 1, 1, 1, 0]


def test_a_mail_nobody_asked_for_is_not_missing() -> None:
    story = Story()
    story.post("quiet", 0, wants_mail=False)
    story.stored("quiet", 1)
    story.rest(9)
    assert archive.counts(story.history)["lost"] == 0


def test_poison_that_failed_is_excused() -> None:
    story = Story()
    story.post("poison", 0, poison=True)
    story.read("poison", 5, "failed", reason="NUL in data")
    story.rest(9)
    assert archive.counts(story.history)["lost"] == 0


@pytest.mark.parametrize("end", ["never", "still moving"])
def test_nothing_is_called_lost_before_all_is_quiet(end: str) -> None:
    story = Story()
    story.post("a", 0)
    if end == "still moving":
        story.rest(9, quiet=False)
    counts = archive.counts(story.history)
    assert counts["lost"] is None
    assert counts["stored"] == (0 if end == "still moving" else None)


def test_an_execution_has_the_keys_of_the_contract() -> None:
    execution = stories.judged(stories.crash(), violated=[("evt_000012 is lost", "evt_000012")])
    data = dataclasses.asdict(execution)
    assert data.keys() >= EXECUTION_KEYS
    assert data["ruling"] == "violated"
    assert data["verdicts"][1].keys() >= {"checker", "ruling", "claim", "checked", "violations"}
    assert data["faults"][0].keys() >= {"name", "begin_s", "end_s", "evidence"}
    assert data["latency_ms"]["POST /ingest"] == {"requests": 30, "p50": 3.0, "p95": 3.0, "p99": 3.0, "max": 3.0}


def test_refusals_do_not_flatter_the_latency() -> None:
    story = Story()
    story.post("slow", 0, 0.2)
    for number in range(99):
        story.post(f"refused {number}", 1, 0.001, outcome="failed", http_status=503, answer=None)
    story.rest(9)
    assert stories.judged(story.history).latency_ms["POST /ingest"]["p50"] == 200


PLAN = ({"fault": "WorkerCrashes"},)


@pytest.mark.parametrize(
    ("evidence", "quiet", "expected"),
    [(None, True, True), (None, False, False), ("pid changed", True, False)],
    ids=["no evidence", "no evidence, but still moving", "evidence, unknown for another reason"],
)
def test_no_bite_is_a_fault_that_proved_nothing(evidence: str | None, quiet: bool, expected: bool) -> None:
    story = Story(plan=PLAN)
    story.fault(1, 2, evidence=evidence)
    story.rest(9, quiet=quiet)
    undecided = [Verdict(ruling=Ruling.UNKNOWN, reason="too few samples", checker="ingest_stays_fast")]
    execution = archive.execution_of(story.history, undecided, folder="", wall_s=0, cpu_s=0)
    assert execution.no_bite is expected
    assert execution.reason == "too few samples"


def test_a_violation_needs_no_fault() -> None:
    story = Story(plan=PLAN)
    story.rest(9)
    execution = stories.judged(story.history, violated=[("lost", "a")])
    assert execution.ruling is Ruling.VIOLATED
    assert not execution.no_bite


def campaign(*rulings: Ruling, no_bite: int = 0) -> Campaign:
    counted = [Execution(name="s", world="simulated", seed=0, system="a", ruling=ruling, cpu_s=0.5) for ruling in rulings]
    missed = dataclasses.replace(counted[0], ruling=Ruling.UNKNOWN, no_bite=True)
    return Campaign.of([missed] * no_bite + counted if counted else [], repeat="harness run s --seeds 9")


def test_a_campaign_counts_its_seeds() -> None:
    row = campaign(Ruling.HELD, Ruling.HELD, Ruling.UNKNOWN, no_bite=3)
    assert (row.held, row.unknown, row.violated, row.no_bite, row.drawn, row.cpu_s) == (2, 1, 0, 3, 6, 3.0)
    assert row.ruling is Ruling.UNKNOWN
    assert campaign(Ruling.HELD, no_bite=9).ruling is Ruling.HELD
    assert dataclasses.replace(campaign(Ruling.HELD, no_bite=9), wanted=2).ruling is Ruling.UNKNOWN, "fewer bit than were wanted"
    assert campaign(Ruling.UNKNOWN, Ruling.VIOLATED).ruling is Ruling.VIOLATED


def test_a_no_bite_seed_counts_only_by_itself() -> None:
    row = campaign(Ruling.HELD)
    missed = Execution(name="s", world="simulated", seed=0, system="a", ruling=Ruling.UNKNOWN, no_bite=True)
    assert Results.overall([missed], [row]) is Ruling.HELD
    assert Results.overall([missed]) is Ruling.UNKNOWN
    assert Results.overall([]) is Ruling.NOT_APPLICABLE


def test_a_sum_of_what_nobody_knows_is_not_known() -> None:
    known = Execution(name="s", world="real", seed=0, system="a", ruling=Ruling.HELD, counts={"lost": 2})
    assert total([known, known], "lost") == 4
    assert total([known, dataclasses.replace(known, counts={"lost": None})], "lost") is None


def test_results_survive_the_disk(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path / "run", "run")
    execution = stories.judged(stories.crash(), violated=[("lost \u0000 \ud800 | <b>", "evt_000012"), ("no event", None)])
    criteria = (CriterionRuling(name="n", criterion="c", ruling=None, evidence="e", checkers=("k",)),)
    results = dataclasses.replace(results_of(execution, campaigns=(campaign(Ruling.HELD),)), criteria=criteria)
    folder.write(results)
    again, read = archive.open_run(tmp_path / "run")
    assert (again, read) == (folder, results)
    assert read.to_json() == results.to_json()
    assert json.loads(read.to_json()).keys() >= CONTRACT_KEYS
    assert not list(folder.path.glob(".*")), "no half-written file is left"


def test_a_run_folder_is_never_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    first, second = RunFolder.create(None, "accept"), RunFolder.create(None, "accept")
    assert first.path != second.path
    assert first.path.parent == Path("reports")
    assert first.path.name.endswith("-accept")
    (tmp_path / "mine").mkdir()
    assert RunFolder.create(tmp_path / "mine", "run").path == tmp_path / "mine", "an empty folder will do"
    (tmp_path / "mine" / "notes").write_text("keep me")
    with pytest.raises(UsageError, match="is not empty"):
        RunFolder.create(tmp_path / "mine", "run")


def test_two_executions_of_one_name_have_a_folder_each(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    places = [folder.relative(folder.execution_folder("worker_crash", "real", 7)) for _ in range(2)]
    assert places == ["scenarios/worker_crash-real-7", "scenarios/worker_crash-real-7-2"]


def test_a_run_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be made"):
        RunFolder.create(tmp_path / "file" / "run", "run")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, "it has no results.json"),
        ("", "is not a run's results"),
        ("[]", "schema"),
        ('{"schema": 2}', "schema"),
        ('{"schema": 1, "scenarios": 5}', "is not a run's results"),
        ('{"schema": 1, "ruling": "held", "scenarios": ["x"]}', "is not a run's results"),
    ],
)
def test_an_unreadable_run_is_one_sentence(tmp_path: Path, text: str | None, why: str) -> None:
    if text is not None:
        (tmp_path / "results.json").write_text(text)
    with pytest.raises(UsageError, match=why) as caught:
        archive.open_run(tmp_path)
    assert "\n" not in str(caught.value)


@given(some.recursive(some.none() | some.integers() | some.text(), lambda inner: some.dictionaries(some.text(), inner)))
def test_no_json_breaks_the_reading_of_results(data: object) -> None:
    for text in (json.dumps(data), json.dumps({"schema": 1, "scenarios": [data], "ruling": "held"})):
        with pytest.raises((ValueError, KeyError, TypeError, AttributeError)):
            Results.from_json(text)


def test_histories_are_found_in_a_run_an_execution_and_a_file(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path / "run", "run")
    place = folder.execution_folder("worker_crash", "real", 7)
    history = stories.crash()
    path = folder.keep(history, place)
    assert [list(archive.histories(named)) for named in (folder.path, place, path)] == [[path]] * 3
    assert History.load(path).entries == history.entries
    kept = folder.history_of(stories.judged(history, folder=folder.relative(place)))
    assert kept is not None
    assert kept.header == history.header


def test_no_history_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no history"):
        list(archive.histories(tmp_path))


def test_versions_say_what_ran(tmp_path: Path) -> None:
    versions = archive.versions()
    assert versions.python.startswith("3.")
    assert versions.platform.startswith("Linux")
    assert archive._commit(tmp_path / ".git") == "", "no checkout"


def test_the_commit_is_read_from_every_kind_of_checkout(tmp_path: Path) -> None:
    git = tmp_path / ".git"
    (git / "refs" / "heads").mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    assert archive._commit(git) == "", "no commit yet"
    (git / "packed-refs").write_text("# pack-refs\n1111 refs/heads/main\n2222 refs/heads/other\n")
    assert archive._commit(git) == "1111"
    (git / "refs" / "heads" / "main").write_text("3333\n")
    assert archive._commit(git) == "3333"
    linked = git / "worktrees" / "side"
    linked.mkdir(parents=True)
    (linked / "HEAD").write_text("ref: refs/heads/main\n")
    (linked / "commondir").write_text("../..\n")
    (tmp_path / "pointer").write_text(f"gitdir: {linked}\n")
    assert archive._commit(tmp_path / "pointer") == "3333"
    (git / "HEAD").write_text("4444\n")
    assert archive._commit(git) == "4444"
