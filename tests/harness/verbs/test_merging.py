"""Several runs in one: what adds up is added, what does not is refused with a sentence, what is missing is told."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from harness import archive, cli
from harness.archive import Results, RunFolder
from harness.campaign.draw import Draw
from harness.campaign.shard import Shard
from harness.results import Execution
from harness.runner import Order
from harness.usage import UsageError
from harness.verbs import stored
from harness.verdict import Ruling
from tests.harness import runs, stories

ORDER = Order(scenario="worker_crash", system="async", world="simulated", seed=1)
SEEDS = 12


def shard(out: Path, number: int, *, of: int = 3, violated: Sequence[int] = (), first: int = 1, **more: Any) -> str:
    """A stored run of one shard; the history of its first seed is kept."""
    draw = Draw.of_shard(dataclasses.replace(ORDER, seed=first), seeds=SEEDS, shard=Shard(number, of))
    folder = RunFolder.create(out / f"{first}-{number}", "run")
    for seed in [order.seed for orders in draw.batches() for order in orders]:
        draw.take(ended(seed, folder, violated=seed in violated, kept=not draw.executions))
    results = archive.assemble(
        "run",
        "async",
        scenarios=draw.executions,
        campaigns=[draw.row(sources=more.pop("sources", "same"))],
        started_at=f"2026-11-26T0{number}:00:00+00:00",
        wall_s=10.0,
    )
    folder.write(dataclasses.replace(results, **more))
    return str(folder.path)


def ended(seed: int, folder: RunFolder, *, violated: bool, kept: bool) -> Execution:
    place = ""
    if violated or kept:
        path = folder.execution_folder(ORDER.scenario, ORDER.world, seed)
        folder.keep(stories.crash(), path)
        place = folder.relative(path)
    ruling = Ruling.VIOLATED if violated else Ruling.HELD
    fields = {"name": ORDER.scenario, "world": ORDER.world, "system": "async", "seed": seed, "folder": place}
    return runs.ruled(ruling, counts={"accepted": 20, "lost": int(violated)}, **fields)


def merge(out: Path, *names: str) -> tuple[Ruling, RunFolder, Results]:
    ruling = stored.rebuild_report(cli.parser().parse_args(["report", *names, "--out", str(out)]))
    return ruling, *archive.open_run(out)


def test_all_shards_are_one_campaign(tmp_path: Path) -> None:
    ruling, folder, results = merge(tmp_path / "all", *(shard(tmp_path, number, violated=[7]) for number in (3, 1, 2)))
    (row,) = results.campaigns
    assert ruling is results.ruling is Ruling.VIOLATED
    assert (row.held, row.violated, row.wanted, row.counts) == (11, 1, 12, {"accepted": 240, "lost": 1})
    assert row.repeat == "harness run worker_crash --system async --world simulated --seed 1 --seeds 12"
    assert (results.started_at, results.wall_s, results.missing) == ("2026-11-26T01:00:00+00:00", 30.0, "")
    assert [(one.seed, one.ruling) for one in results.scenarios] == [(1, Ruling.HELD), (7, Ruling.VIOLATED)]
    assert all(folder.has_history_of(one) for one in results.scenarios)
    assert "worker_crash-simulated-7" in (folder.path / "report.md").read_text()


def test_the_report_of_a_merged_run_can_be_rebuilt(tmp_path: Path) -> None:
    _, folder, _ = merge(tmp_path / "all", *(shard(tmp_path, number) for number in (1, 2, 3)))
    assert stored.rebuild_report(cli.parser().parse_args(["report", str(folder.path)])) is Ruling.HELD


def test_as_long_as_a_shard_is_missing_nobody_knows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ruling, folder, results = merge(tmp_path / "all", shard(tmp_path, 2, of=4), shard(tmp_path, 4, of=4))
    assert ruling is Ruling.UNKNOWN
    assert results.missing == "shard 1/4, 3/4"
    assert (results.campaigns[0].held, results.campaigns[0].wanted) == (6, 12)
    assert "**Missing: shard 1/4, 3/4.**" in (folder.path / "report.md").read_text()
    assert "missing: shard 1/4, 3/4" in capsys.readouterr().err


def test_runs_of_other_seeds_are_added_up(tmp_path: Path) -> None:
    ruling, _, results = merge(tmp_path / "all", shard(tmp_path, 1, of=1), shard(tmp_path, 1, of=1, first=13))
    assert ruling is Ruling.HELD
    assert (results.campaigns[0].held, results.campaigns[0].wanted) == (24, 24)
    assert results.campaigns[0].repeat.count("harness run") == 2


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"number": 2, "first": 3}, "both have seed 4 of worker_crash"),
        ({"number": 2, "commit": "f" * 40}, "their commit is .* and ffff"),
        ({"number": 2, "system": "sync"}, "their system is async and sync"),
        ({"number": 2, "sources": "other"}, "worker_crash, its system or its flaw was another file"),
        ({"number": 2, "interrupted": "after 2 of 4 executions"}, r"was interrupted after 2 of 4 executions; go on with it"),
        ({"number": 2, "verb": "accept"}, "holds no campaign by seeds"),
        ({"number": 2, "campaigns": ()}, "holds no campaign by seeds"),
    ],
)
def test_what_does_not_add_up_is_refused(tmp_path: Path, other: dict[str, Any], told: str) -> None:
    names = [shard(tmp_path, 1), shard(tmp_path, **other)]
    with pytest.raises(UsageError, match=told):
        merge(tmp_path / "all", *names)
    assert not (tmp_path / "all").exists()


def test_a_merged_run_is_not_merged_again(tmp_path: Path) -> None:
    _, folder, _ = merge(tmp_path / "all", shard(tmp_path, 1), shard(tmp_path, 2))
    with pytest.raises(UsageError, match="is itself merged"):
        merge(tmp_path / "again", str(folder.path), shard(tmp_path, 3))


def test_a_run_alone_is_not_merged_with_itself(tmp_path: Path) -> None:
    one = shard(tmp_path, 1)
    with pytest.raises(UsageError, match="both have seed 1 of worker_crash"):
        merge(tmp_path / "all", one, one)
