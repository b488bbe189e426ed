"""A run goes on from what its folder tells, whatever end it came to, and only with what it was begun with."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from harness import archive
from harness.archive import Versions
from harness.campaign.draw import Draw
from harness.campaign.progress import NAME, Progress
from harness.campaign.shard import Shard
from harness.results import Execution
from harness.runner import Order
from harness.usage import UsageError
from harness.verdict import Ruling
from tests.harness import runs

ORDER = Order(scenario="baseline", system="async", world="simulated", seed=11)


def draw(**more: object) -> Draw:
    return Draw.of_shard(dataclasses.replace(ORDER, **more), seeds=60, shard=Shard(2, 2))  # type: ignore[arg-type]


def ended(seed: int, ruling: Ruling = Ruling.HELD, *, folder: str = "", tries: int = 1) -> Execution:
    counts = {"accepted": 20, "lost": 0}
    return runs.ruled(ruling, name="baseline", world="simulated", seed=seed, counts=counts, folder=folder, cpu_s=0.1, tries=tries)


def noted(folder: Path, *batches: list[Execution]) -> Draw:
    """A run that ended in the middle, after these batches."""
    begun = draw()
    progress = Progress.of(folder, [begun], resume=False)
    for batch in batches:
        progress.note(begun, batch)
        for one in batch:
            begun.take(one)
    progress.close()
    return begun


def resumed(folder: Path, again: Draw) -> Progress:
    progress = Progress.of(folder, [again], resume=True)
    progress.close()
    return progress


def seeds_left(again: Draw) -> list[int]:
    return [order.seed for orders in again.batches() for order in orders]


def test_what_had_ended_is_not_drawn_again_and_counts(tmp_path: Path) -> None:
    held = [ended(seed) for seed in (12, 14, 16)]
    begun = noted(tmp_path, held, [ended(18, Ruling.VIOLATED, folder="scenarios/x"), ended(20, Ruling.UNKNOWN)])
    again = draw()
    resumed(tmp_path, again)
    assert again.row() == begun.row()
    assert again.executions == begun.executions
    assert seeds_left(again) == list(range(22, 71, 2))


def test_the_time_it_took_before_counts(tmp_path: Path) -> None:
    noted(tmp_path, [ended(12)])
    file = tmp_path / NAME
    first, second = file.read_text().splitlines()
    file.write_text(f"{first}\n{json.dumps(json.loads(second) | {'elapsed_s': 90.5})}\n")
    progress = resumed(tmp_path, draw())
    assert progress.before_s == 90.5
    assert progress.elapsed_s > 90.5
    assert progress.started_at == json.loads(first)["started_at"]


def test_what_was_left_out_between_is_drawn_first(tmp_path: Path) -> None:
    noted(tmp_path, [ended(22), ended(24)], [ended(12), ended(18)])
    again = draw()
    resumed(tmp_path, again)
    assert seeds_left(again)[:4] == [14, 16, 20, 26]


@pytest.mark.parametrize("cut", [1, 2, 40])
def test_a_last_line_that_was_cut_off_is_as_if_it_were_not_there(tmp_path: Path, cut: int) -> None:
    noted(tmp_path, [ended(12)], [ended(14)])
    file = tmp_path / NAME
    file.write_bytes(file.read_bytes()[:-cut])
    again = draw()
    progress = Progress.of(tmp_path, [again], resume=True)
    assert (again.ended, seeds_left(again)[0]) == (1, 14)
    progress.note(again, [ended(14)])
    progress.close()
    third = draw()
    resumed(tmp_path, third)
    assert third.ended == 2, "what was written after the cut can be read"


def test_a_second_try_stands_for_the_first(tmp_path: Path) -> None:
    noted(tmp_path, [ended(12, Ruling.UNKNOWN, folder="scenarios/a")], [ended(12, folder="scenarios/a-2", tries=2)])
    again = draw()
    resumed(tmp_path, again)
    assert [(one.ruling, one.tries) for one in again.executions] == [(Ruling.HELD, 2)]


def test_what_nobody_tells_of_is_removed(tmp_path: Path) -> None:
    for name in ("told", "left"):
        (tmp_path / "scenarios" / name).mkdir(parents=True)
    noted(tmp_path, [ended(12, folder="scenarios/told")])
    resumed(tmp_path, draw())
    assert [path.name for path in (tmp_path / "scenarios").iterdir()] == ["told"]


def test_where_nothing_had_ended_nothing_is_left(tmp_path: Path) -> None:
    noted(tmp_path)
    assert list(tmp_path.iterdir()) == []
    resumed(tmp_path, draw())


def test_what_was_noted_stays_though_somebody_interrupted_before_it_was_taken_in(tmp_path: Path) -> None:
    begun = draw()
    progress = Progress.of(tmp_path, [begun], resume=False)
    progress.note(begun, [ended(12)])
    progress.close()
    again = draw()
    resumed(tmp_path, again)
    assert again.ended == 1


def test_other_words_are_refused(tmp_path: Path) -> None:
    noted(tmp_path, [ended(12)])
    with pytest.raises(UsageError, match=r"was begun by other words \(harness run baseline .*--seed 11 --seeds 60 --shard 2/2\)"):
        resumed(tmp_path, draw(seed=13))


def test_another_commit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noted(tmp_path, [ended(12)])
    before = (tmp_path / NAME).read_bytes()
    monkeypatch.setattr(archive, "versions", lambda: Versions("0.1.0", "f" * 40, "3.11", ""))
    with pytest.raises(UsageError, match=r"was begun with commit .*, not ffffffffff, and"):
        resumed(tmp_path, draw())
    assert (tmp_path / NAME).read_bytes() == before


@pytest.mark.parametrize("changed", ["scenario", "system", "flaw"])
def test_another_text_of_a_file_is_refused(tmp_path: Path, changed: str) -> None:
    files = {"scenario": tmp_path / "mine.py", "system": tmp_path / "mine.toml", "flaw": tmp_path / "flaw.py"}
    root = Path(archive.__file__).parent.parent
    files["scenario"].write_text((root / "scenarios" / "baseline.py").read_text())
    files["system"].write_text((root / "reference" / "systems" / "async.toml").read_text())
    files["flaw"].write_text("def plant(): ...\n")
    named = {name: str(path) for name, path in files.items()}
    run = tmp_path / "run"
    run.mkdir()
    begun = Draw(dataclasses.replace(ORDER, **named), wanted=5)  # type: ignore[arg-type]
    progress = Progress.of(run, [begun], resume=False)
    progress.note(begun, [ended(11)])
    begun.take(ended(11))
    progress.close()
    resumed(run, Draw(begun.first, wanted=5))
    files[changed].write_text(files[changed].read_text() + "# more\n")
    with pytest.raises(UsageError, match="another text of the scenario's, the system's or the flaw's file"):
        resumed(run, Draw(begun.first, wanted=5))


@pytest.mark.parametrize("text", ["", "{}\n", "no json\n", json.dumps({"schema": 9}) + "\n"])
def test_what_is_no_progress_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / NAME).write_text(text)
    with pytest.raises(UsageError, match="does not say how far a run has come"):
        resumed(tmp_path, draw())
    (tmp_path / NAME).rename(tmp_path / "results.json")
    with pytest.raises(UsageError, match="does not say how far a run has come"):
        resumed(tmp_path, draw())
