"""The report's part about load: one table, what changed in %, and the picture of both sides."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from harness import archive
from harness.archive import RunFolder
from harness.load import chapter
from harness.load.decision import Rule, Seen, decide
from harness.load.rows import Row, limits_of, row_of_stub, rows_of
from harness.load.samples import ENDPOINTS, of_endpoint, of_lateness, of_stub
from harness.results import Results
from harness.systems import Limits
from tests.harness.story import Story


def side(folder: RunFolder, role: str, took_s: float) -> list[Row]:
    story = Story(system=role)
    for number in range(2_000):
        story.posted(f"e{number}", number / 50, took_s=took_s).stored(f"e{number}", number / 50 + 1)
        if number % 50 == 0:
            story.probed(number / 50)
    folder.keep(story.quiet().history, folder.execution_folder(f"load-{role}", "real", 1))
    history = story.history
    seen = Seen(
        samples={name: of_endpoint(history, name) for name in ENDPOINTS}, stub=of_stub(history), lateness=of_lateness(history)
    )
    outcome = decide(Rule(limits=limits_of(Limits()), looks=1), seen, look=1)
    return rows_of(history, outcome, role=role, since_s=0.0)


@pytest.fixture
def results(tmp_path: Path) -> Results:
    folder = RunFolder(tmp_path)
    rows = [*side(folder, "before", 0.2), *side(folder, "after", 0.01), row_of_stub([0.5] * 200, 4.0)]
    return archive.assemble("load", "after", scenarios=(), load=rows, started_at="", wall_s=0)


def test_a_run_without_load_has_no_chapter(tmp_path: Path) -> None:
    results = archive.assemble("run", "s", scenarios=(), started_at="", wall_s=0)
    assert list(chapter.of(RunFolder(tmp_path), results)) == []


def test_before_and_after_stand_side_by_side(results: Results, tmp_path: Path) -> None:
    text = "\n".join(chapter.of(RunFolder(tmp_path), results))
    assert "- POST /ingest: P50 -95.0%, P95 -95.0%, P99 -95.0%" in text
    assert "| before | before | POST /ingest | 2,000 | 0 | 50.0 | 200.0 (200.0–200.0) |" in text
    assert "modelled on the percentiles the draft published" in text
    assert "The same load against a bare stub" in text


def test_the_picture_draws_both(results: Results, tmp_path: Path) -> None:
    list(chapter.of(RunFolder(tmp_path), results))
    picture = (tmp_path / "load.svg").read_text()
    ElementTree.fromstring(picture)
    for words in ("before: before (1,", "after: after (1,", "P95 ≤ 50", "Backlog", "warm-up"):
        assert words in picture, words
    assert 'class="before"' in picture
    assert 'class="after"' in picture
