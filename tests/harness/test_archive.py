"""Runs on disk: what is written can be read again, nothing is overwritten, and a broken folder is one sentence."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from harness import archive
from harness.archive import RunFolder
from harness.history import History
from harness.results import Campaign, CriterionRuling
from harness.usage import UsageError
from harness.verdict import Ruling
from tests.harness import runs, stories

CONTRACT_KEYS = {"schema", "harness_version", "commit", "python", "system", "ruling", "started_at", "wall_s", "scenarios", "load"}


def test_results_survive_the_disk(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path / "run", "run")
    execution = runs.judged(stories.crash(), [("lost \u0000 \ud800 | <b>", "evt_000012"), ("no event", None)])
    campaign = Campaign.of([runs.ruled(Ruling.HELD, world="simulated")], repeat="harness run s --seeds 9")
    criteria = (CriterionRuling(name="n", criterion="c", ruling=None, evidence="e", checkers=("k",)),)
    found = archive.assemble("run", "draft", scenarios=[execution], campaigns=[campaign], started_at="2026-11-23", wall_s=1.5)
    results = dataclasses.replace(found, criteria=criteria)
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


def test_histories_are_found_in_a_run_an_execution_and_a_file(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path / "run", "run")
    place = folder.execution_folder("worker_crash", "real", 7)
    history = stories.crash()
    path = folder.keep(history, place)
    assert [list(archive.histories(named)) for named in (folder.path, place, path)] == [[path]] * 3
    assert History.load(path).entries == history.entries
    kept = folder.history_of(runs.judged(history, folder=folder.relative(place)))
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
