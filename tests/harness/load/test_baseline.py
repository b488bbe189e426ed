"""`harness load --baseline RUN`: what is compared with a stored run, what it does to the exit code, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness import archive, cli, systems
from harness.load import measurement
from harness.load.baseline import Baseline, compared
from harness.load.rows import Row
from harness.results import POST, STATUS, Results
from harness.usage import UsageError
from harness.verbs import accept
from tests.command import ROOT, harness, last_lines
from tests.harness.load.made_up import MadeUp

ASYNC = systems.load("async")


def figure(ms: float, *, within: float = 0.05) -> dict[str, float]:
    return {"value": ms, "low": ms * (1 - within), "high": ms * (1 + within)}


def row(ms: float, *, stub_ms: float | None = 0.5, late_ms: float = 0.1, **other: Any) -> Row:
    """A row of the judged system in which every percentile is `ms`."""
    names = ("p50", "p95", "p99")
    load = {"posts_per_second": 50, "reads_per_second": 50, "mailed": 0.5, "duplicates": 0.0}
    found = {"system": "async", "role": "after", "endpoint": POST, "load": load, "limits_ms": {"p95": 50.0}, "ruling": "held"}
    noise = {"stub_ms": dict.fromkeys(names, stub_ms), "late_ms": dict.fromkeys(names, late_ms)}
    return found | noise | {f"{name}_ms": figure(ms) for name in names} | other


def stored(folder: Path, *rows: Row) -> Path:
    results = archive.assemble("load", "async", scenarios=(), load=rows, started_at="2026-11-23T18:00:00", wall_s=1)
    folder.mkdir(exist_ok=True)
    (folder / "results.json").write_text(results.to_json())
    return folder


def against(folder: Path, now: Row, then: Row) -> Row:
    """`now` with what a comparison with `then`, stored in the meantime, says of it."""
    [found] = compared([now], Baseline.open(stored(folder, then), ASYNC))
    return found


@pytest.mark.parametrize(
    ("now", "change", "ruling"),
    [
        (row(10.0), "no difference shown", "held"),
        (row(20.0), "slower", "violated"),
        (row(5.0), "faster", "held"),
        (row(20.0, stub_ms=1.0), "unknown", "unknown"),
        (row(20.0, stub_ms=None), "unknown", "unknown"),
        (row(20.0, late_ms=6.0), "unknown", "unknown"),
        (row(10.0, p50_ms={"value": None, "low": None, "high": None}), "unknown", "unknown"),
    ],
    ids=["the same", "twice as slow", "twice as fast", "stub slower too", "no stub", "generator late", "no answers"],
)
def test_what_is_said_of_a_row(tmp_path: Path, now: Row, change: str, ruling: str) -> None:
    found = against(tmp_path, now, row(10.0))["baseline"]
    assert (found["p50"]["change"], found["ruling"]) == (change, ruling), found
    assert found["p50"]["reason"].startswith("P50 of POST /ingest: ")
    assert found["p50"]["then"]["value"] == 10.0
    assert found["run"] == str(tmp_path)


def test_the_ratio_has_bounds(tmp_path: Path) -> None:
    ratio = against(tmp_path, row(20.0), row(10.0))["baseline"]["p95"]["ratio"]
    assert ratio["value"] == 2.0
    assert 1.8 < ratio["low"] < 2.0 < ratio["high"] < 2.2


def test_only_the_judged_system_and_what_stands_in_both_is_compared(tmp_path: Path) -> None:
    now = [row(10.0, role="before"), row(10.0, endpoint=STATUS), {"role": "stub", "endpoint": POST}, row(10.0)]
    found = compared(now, Baseline.open(stored(tmp_path, row(10.0)), ASYNC))
    assert ["baseline" in one for one in found] == [False, False, False, True]


@pytest.mark.parametrize(
    ("limits", "now", "overall"),
    [
        ("held", row(20.0), "violated"),
        ("unknown", row(20.0), "violated"),
        ("held", row(20.0, stub_ms=1.0), "held"),
        ("unknown", row(10.0), "unknown"),
        ("violated", row(5.0), "violated"),
        ("held", row(20.0, limits_ms={}), "not_applicable"),  # nothing is promised of that endpoint
    ],
)
def test_what_it_does_to_the_ruling(tmp_path: Path, limits: str, now: Row, overall: str) -> None:
    assert Results.overall([], load=[against(tmp_path, now | {"ruling": limits}, row(10.0))]) == overall


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([], "holds no load run; name the folder of a `harness load`"),
        ([row(1.0, system="other")], "is a run of other; name one of async"),
        ([row(1.0, load=row(1.0)["load"] | {"posts_per_second": 20})], "had another load (posts_per_second was 20, is 50)"),
        ([{"role": "after", "system": "async", "endpoint": POST, "limits_ms": {}}], "its rows lack late_ms, load, p50_ms"),
    ],
    ids=["no load", "another system", "another load", "an older version"],
)
def test_what_cannot_be_compared_with_is_refused(tmp_path: Path, rows: list[Row], sentence: str) -> None:
    with pytest.raises(UsageError) as refused:
        Baseline.open(stored(tmp_path, *rows), ASYNC)
    assert sentence in str(refused.value)


def test_what_is_no_run_is_refused_on_the_command_line_before_anything_starts(tmp_path: Path) -> None:
    done = harness("load", "--baseline", str(tmp_path), "--out", str(tmp_path / "out"))
    assert done.returncode == 2, last_lines(done)
    assert "cannot be read as a run (it has no results.json); name a run's folder" in done.stderr
    assert not (tmp_path / "out").exists()


def loaded(out: Path, made_up: MadeUp, monkeypatch: pytest.MonkeyPatch, *words: str) -> tuple[str, Path]:
    """`harness load --after async WORDS...` with a contest that is made up: what is ruled, and the run's folder."""
    monkeypatch.setattr(measurement, "contend", made_up)
    monkeypatch.chdir(ROOT)
    return str(accept.load(cli.parser().parse_args(["load", *words, "--out", str(out)]))), out


def test_the_command_from_one_run_to_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first, then = loaded(tmp_path / "then", MadeUp(after=5.0), monkeypatch)
    quick, slow = MadeUp(after=5.0), MadeUp(after=9.0)
    same, _ = loaded(tmp_path / "same", quick, monkeypatch, "--baseline", str(then), "--gate")
    slower, now = loaded(tmp_path / "now", slow, monkeypatch, "--baseline", str(then), "--gate")
    assert (first, same, slower) == ("held", "held", "violated"), capsys.readouterr().out
    assert quick.rounds == slow.rounds == 9, "limits that are held do not end a comparison early"
    results = json.loads((now / "results.json").read_text())
    posts = next(one for one in results["load"] if one["endpoint"] == POST and one["role"] == "after")
    assert (posts["ruling"], posts["baseline"]["ruling"]) == ("held", "violated")
    report = (now / "report.md").read_text()
    assert "| POST /ingest | P95 | 5.0 (5.0–5.0) | 9.0 (9.0–9.0) | 1.80 (1.80–1.80) | slower |" in report
    assert "P95 of POST /ingest: 1.80 times the latency of the baseline" in report
    assert "compared with the baseline" in capsys.readouterr().out
    assert f"--baseline {then}" in results["scenarios"][0]["repeat"]
