"""Scrapes as promtool's series: who did not answer is down and stale, last values are held, and clocks go on."""

from __future__ import annotations

import json
from pathlib import Path

from tests.scraped import read

BEAT, AGE, DEPTH = (
    "ingest_worker_heartbeat_timestamp_seconds",
    "ingest_oldest_age_seconds",
    'ingest_queue_entries{place="stream"}',
)
BEGAN = 1_700_000_000.0


def line(at_s: float, process: str, samples: dict[str, float] | None) -> str:
    whole = {"at_s": at_s, "unix_s": BEGAN + at_s, "process": process, "up": int(samples is not None), "samples": samples or {}}
    return json.dumps(whole)


def series(tmp_path: Path, *lines: str, before_s: float = 60.0, to_s: int = 10) -> dict[str, str]:
    (tmp_path / "metrics.jsonl").write_text("\n".join(lines))
    found = read(tmp_path / "metrics.jsonl", before_s=before_s).stretched(to_s=to_s)
    return {one["series"]: one["values"] for one in found}


def test_a_worker_beats_and_dies(tmp_path: Path) -> None:
    alive = [line(at_s, "worker-0", {BEAT: BEGAN + at_s - 0.5}) for at_s in (0.5, 1.5)]
    target = 'instance="worker-0",job="a7-worker"'
    assert series(tmp_path, *alive) == {f"up{{{target}}}": "1 1 1x8", f"{BEAT}{{{target}}}": "0 1 2+1x8"}
    dead = series(tmp_path, *alive, line(3.5, "worker-0", None))
    assert dead == {f"up{{{target}}}": "1 1 _ 0 0x6", f"{BEAT}{{{target}}}": "0 1 _ stale _x6"}


def test_an_age_goes_on_if_it_grew_all_the_time(tmp_path: Path) -> None:
    def shown(*ages: float) -> str:
        lines = [line(second + 0.1, "api-0", {AGE: age, DEPTH: 7}) for second, age in enumerate(ages)]
        found = series(tmp_path, *lines)
        assert found['ingest_queue_entries{place="stream",instance="api-0",job="a7-api"}'].endswith(" 7 7x5")
        return found[f'{AGE}{{instance="api-0",job="a7-api"}}']

    assert shown(0, 1, 2, 3, 4) == "0 1 2 3 4 5+1x5"
    assert shown(3, 3, 2, 3, 3) == "3 3 2 3 3 3x5"
    assert shown(0, 0, 0, 0, 0) == "0 0 0 0 0 0x5"


def test_what_was_scraped_later_is_not_there(tmp_path: Path) -> None:
    lines = [line(second, "api-0", {DEPTH: second}) for second in range(4)]
    found = series(tmp_path, *lines, before_s=2)
    assert found['ingest_queue_entries{place="stream",instance="api-0",job="a7-api"}'] == "0 1 1x8"
