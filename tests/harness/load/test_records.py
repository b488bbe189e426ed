"""Trials draw from stored load runs as from a made-up record: whole blocks, with the stub and the lateness of the same moment."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest

from harness.archive import RunFolder
from harness.history import Header, History
from harness.load.contest import BLOCK_SECONDS
from harness.load.percentiles import nearest_rank
from harness.results import POST
from tests.harness.load.made_up import fill
from tests.harness.load.records import LIMITS, Record, Shape, made_up, of_runs
from tests.harness.load.trials import ROUNDS, Setting, main, trial

WARM_UP_MS = 9_999.0


def stored(path: Path, blocks_ms: Sequence[float]) -> Path:
    """A run whose blocks took so long each, its stub a tenth of that; the first block is warm-up."""
    history = History(Header(scenario="load", system="async", world="real", seed=1))
    for number, ms in enumerate([WARM_UP_MS, *blocks_ms]):
        fill(history, number * BLOCK_SECONDS + 0.1, ms, stub_ms=ms / 10, varying=True)
    folder = RunFolder(path)
    folder.keep(history, folder.execution_folder("load-after", "real", 1))
    return path


@pytest.fixture
def record(tmp_path: Path) -> Record:
    return of_runs([stored(tmp_path / "one", [10.0, 20.0]), stored(tmp_path / "two", [30.0])])


def test_the_blocks_of_every_run_but_its_warm_up(record: Record) -> None:
    assert [len(run) for run in record.runs] == [2, 1]
    for block, ms in zip(record.blocks, (10.0, 20.0, 30.0), strict=True):
        assert {round(one.ms, 6) for one in block.stub} == {ms / 10}, "the stub of the same moment"
        assert ms <= min(one.ms for one in block.samples[POST]) <= max(one.ms for one in block.samples[POST]) < 1.1 * ms
        assert all(0 <= one.at_s < BLOCK_SECONDS for one in [*block.samples[POST], *block.stub, *block.lateness])


def test_the_truth_is_that_of_all_samples_together(record: Record) -> None:
    every = sorted(one.ms for block in record.blocks for one in block.samples[POST])
    assert [limit.limit_ms for limit in record.limits[:3]] == [nearest_rank(every, share) for share in (0.5, 0.95, 0.99)]


def test_stretched_it_just_meets_the_criteria_and_stub_and_order_stay(record: Record) -> None:
    stretched = record.stretched()
    assert [limit.limit_ms for limit in stretched.limits] == pytest.approx([limit.limit_ms for limit in LIMITS])
    for before, after in zip(record.blocks, stretched.blocks, strict=True):
        assert (after.stub, after.lateness) == (before.stub, before.lateness)
        ordered = [sorted(block.samples[POST], key=lambda one: (one.ms, one.at_s)) for block in (before, after)]
        assert [one.at_s for one in ordered[0]] == [one.at_s for one in ordered[1]]


@pytest.mark.parametrize("of_limit", [0.05, 4.0])
def test_one_trial_takes_either_kind_of_record(record: Record, of_limit: float) -> None:
    expected = "held" if of_limit < 1 else "violated"
    for either in (record.stretched(), made_up(Shape())):
        outcome = trial(Random(1), Setting(of_limit=of_limit), either)
        assert (outcome.ruling, outcome.look <= ROUNDS) == (expected, True), outcome.reasons


def test_a_trial_from_one_run_has_that_days_machine(record: Record) -> None:
    setting = Setting(of_limit=1.0, machine_noise=0.0, rounds=1, within_a_run=True)
    seen = {round(trial(Random(number), setting, record).decisions[0].bounded.value / 10) for number in range(12)}  # type: ignore[union-attr]
    assert seen == {1, 2, 3}


def test_the_command_prints_a_table_of_what_it_drew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--trials", "1", "--runs", str(stored(tmp_path / "one", [10.0, 20.0]))])
    assert "2 blocks, stretched to the criteria" in capsys.readouterr().out


def test_a_folder_without_a_load_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no load run in .*: name folders that `harness load --out` wrote"):
        of_runs([tmp_path])
