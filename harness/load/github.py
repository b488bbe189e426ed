"""What a load run tells GitHub's checks page: a summary in `$GITHUB_STEP_SUMMARY`, and an annotation for what did not hold."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from harness.load.baseline import reasons
from harness.results import Results
from harness.verdict import Ruling

LARGEST_SUMMARY_BYTES = 900_000  # GitHub takes 1 MiB


def tell(results: Results, report: Path) -> list[str]:
    """Append the report to the step's summary, if there is one; the lines that annotate it, to be printed."""
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary:
        text = report.read_text(encoding="utf-8").encode()[:LARGEST_SUMMARY_BYTES].decode(errors="ignore")
        with Path(summary).open("a", encoding="utf-8") as file:
            file.write(text)
    return list(_annotations(results)) if os.environ.get("GITHUB_ACTIONS") == "true" else []


def _annotations(results: Results) -> Iterator[str]:
    for row in results.load:
        if row["role"] == "after" and row["limits_ms"] and row["ruling"] != Ruling.HELD:
            level = "error" if row["ruling"] == Ruling.VIOLATED else "warning"
            yield f"::{level} title={row['endpoint']} {row['ruling']}::{_escaped(row['reason'])}"
        if row["limits_ms"] and row.get("baseline", {}).get("ruling") == Ruling.VIOLATED:
            yield f"::error title={row['endpoint']} is slower than the baseline::{_escaped('; '.join(reasons(row)))}"
    for execution in results.scenarios:
        for violation in execution.violations[:5]:
            yield f"::error title={execution.name}::{_escaped(violation.what)}"


def _escaped(words: str) -> str:
    """Words of an annotation, as GitHub reads them."""
    return words.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
