"""What GitHub is told: nothing without its variables, else a summary and one line for everything that did not hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness import archive
from harness.load import github
from harness.results import POST, Results


def results(ruling: str = "violated", reason: str = "P95 is 80 %\nof what") -> Results:
    row: dict[str, Any] = {"system": "s", "role": "after", "endpoint": POST, "ruling": ruling, "reason": reason}
    row |= {"limits_ms": {"p95": 50.0}}
    return archive.assemble("load", "s", scenarios=(), load=[row], started_at="", wall_s=0)


@pytest.fixture
def report(tmp_path: Path) -> Path:
    path = tmp_path / "report.md"
    path.write_text("# told\n")
    return path


def test_elsewhere_nothing_is_said(report: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)
    assert github.tell(results(), report) == []


def test_the_report_is_the_summary_and_a_broken_limit_an_error(
    report: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    assert github.tell(results(), report) == [f"::error title={POST} violated::P95 is 80 %25%0Aof what"]
    assert summary.read_text() == "before\n# told\n"
    assert github.tell(results("unknown", "too few"), report) == [f"::warning title={POST} unknown::too few"]
    assert github.tell(results("held", ""), report) == []


def test_what_is_slower_than_the_baseline_is_an_error_beside_limits_that_hold(
    report: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    found = results("held", "")
    told = {name: {"change": "slower", "reason": f"{name} takes twice as long"} for name in ("p50", "p95", "p99")}
    found.load[0]["baseline"] = {"ruling": "violated"} | told
    [line] = github.tell(found, report)
    assert line.startswith("::error title=POST /ingest is slower than the baseline::slower: p50 takes twice as long; ")
