"""Text is only text: nothing a service says can break out of the report."""

from __future__ import annotations

from pathlib import Path

from harness.archive import RunFolder
from harness.markup.markdown import block, code, plain, slug, table
from tests.harness import runs, stories

NASTY = "`code` | pipe <script> [link](x) **bold** ![i](j) \n# heading \x1b[31m \ud800 ```"


def test_nothing_a_service_says_can_break_out(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    story = stories.real_run(story=NASTY).unanswered(NASTY, 1, error=NASTY).read(NASTY, 2, "failed", reason=NASTY)
    story.suffered("WorkerCrashes", 1, 2, "worker-0", evidence=NASTY).quiet(9)
    lines = runs.report_of(folder, runs.stored(folder, story.history, [(NASTY, NASTY)])).splitlines()
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
