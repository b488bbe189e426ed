"""`harness load` as a person types it, against real processes: each service gets the right ruling, and nothing is left."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from harness.history import Post, Read
from tests.command import COMMAND, ROOT, harness, last_lines
from tests.harness.load.arranged import LAX, Found, arranged, hurried, load, moody, of_reference
from tests.leftovers import processes_of
from tests.waiting import until

TWO_ROUNDS = "longest_seconds = 20"  # the first is warm-up, the second counts
WORKER = 'command = ["python", "-m", "reference", "worker", "--port", "{port}"]\nready = "/readyz"'
SLEEPS = 'command = ["python", "-c", "import time; time.sleep(1000)"]'
QUIET_SOON = {"longest_pause_seconds = 10": "longest_pause_seconds = 6"}
INGEST, STATUS = "POST /ingest", "GET /ingest/{id}/status"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """What a run has as its TMPDIR; everything it starts can be told by it."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    return folder


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def assert_nothing_is_left(place: Path) -> None:
    until(lambda: not processes_of(place), seconds=20)
    until(lambda: not list(place.iterdir()), seconds=20)


def test_a_service_that_keeps_its_promises(tmp_path: Path, place: Path, out: Path) -> None:
    system = of_reference(tmp_path, f"{LAX}[load]\nposts_per_second = 100\n{TWO_ROUNDS}\n", changes=QUIET_SOON)
    found = load(system, out, "--load-processes", "2", environment={"TMPDIR": str(place)})
    assert_nothing_is_left(place)
    assert found.promises == "held", found
    assert found.done.returncode in (0, 3), found  # 3: 9 s do not bound a P99, and this machine may be busy: tests share it
    assert {row["ruling"] for row in found.rows.values() if row["limits_ms"]} <= {"held", "unknown"}, found
    assert_the_rows_are_those_of_the_contract(found)
    assert_two_processes_sent_what_one_would(found)
    assert_it_is_judged_again_alike(found)


def assert_the_rows_are_those_of_the_contract(found: Found) -> None:
    assert list(found.rows) == [INGEST, f"{INGEST}, with mail", STATUS]
    assert found.rows[INGEST]["limits_ms"] == {"p50": 2000.0, "p95": 3000.0, "p99": 5000.0}
    assert found.rows[STATUS]["limits_ms"] == {"p95": 3000.0}
    assert found.rows[INGEST]["failures"] == 0
    assert [row["endpoint"] for row in found.results["load"] if row["role"] == "stub"] == [INGEST]


def assert_two_processes_sent_what_one_would(found: Found) -> None:
    assert found.rows[INGEST]["requests"] == pytest.approx(100 * 9, rel=0.15)  # in the 9 s that count; chance makes it 3 %
    assert found.rows[STATUS]["requests"] == pytest.approx(50 * 9, rel=0.2)
    first, *lines, last = map(json.loads, (found.out / "load" / "after.jsonl").read_text().splitlines())
    assert (first["kind"], last["kind"]) == ("header", "end")
    assert [last["posts"], last["reads"]] == [sum(line["kind"] == kind for line in lines) for kind in ("post", "read")]
    assert len({line["event"]["id"].split("-")[1] for line in lines if line["kind"] == "post"}) == 2
    history = found.history()
    assert len(history.of(Post)) == last["posts"]
    assert sum(not read.final for read in history.of(Read)) >= last["reads"]  # beside them, those that wait for the end


def assert_it_is_judged_again_alike(found: Found) -> None:
    again = harness("check", str(found.out))
    assert again.returncode == 0, last_lines(again)
    picture, told = found.out / "load.svg", (found.out / "report.md").read_text()
    drawn = picture.read_bytes()
    picture.unlink()
    rebuilt = harness("report", str(found.out))
    assert rebuilt.returncode == found.done.returncode, last_lines(rebuilt)
    assert picture.read_bytes() == drawn
    assert (found.out / "report.md").read_text() == told
    assert "[locust-after.html](load/locust-after.html)" in told
    assert (found.out / "load" / "locust-after.html").stat().st_size > 0


def test_workers_that_do_not_work_are_found_out_although_the_answers_are_fast(tmp_path: Path, out: Path) -> None:
    workers = {WORKER: SLEEPS, **QUIET_SOON}
    found = hurried(of_reference(tmp_path, LAX, changes=workers), out)
    assert found.done.returncode == 1, found
    assert found.verdicts["every_accepted_event_is_stored_once"] == "violated", found
    assert found.rows[INGEST]["failures"] == 0, found
    assert found.rows[INGEST]["ruling"] != "violated", found


def test_errors_are_found_out(tmp_path: Path, out: Path) -> None:
    found = hurried(moody(tmp_path, "refusing"), out)
    assert found.done.returncode == 1, found
    assert found.verdicts["errors_are_problems"] == "violated", found
    assert found.rows[INGEST]["failures"] == found.rows[INGEST]["requests"] > 0, found


def test_duplicates_instead_of_fresh_events_are_found_out(tmp_path: Path, out: Path) -> None:
    found = hurried(moody(tmp_path, "echoing"), out)
    assert found.done.returncode == 1, found
    assert [name for name, ruling in found.verdicts.items() if ruling == "violated"] == ["duplicates_point_to_their_event"], found
    assert found.rows[INGEST]["requests"] == 0, found  # a duplicate says nothing about ingest
    assert found.rows[INGEST]["ruling"] == "unknown", found
    assert found.rows[f"{INGEST}, duplicate"]["requests"] > 0, found


def test_too_few_samples_decide_nothing(tmp_path: Path, out: Path) -> None:
    found = hurried(moody(tmp_path, "sound", f"{LAX}[load]\nposts_per_second = 5\n"), out)
    assert found.done.returncode == 3, found
    assert found.promises == "held", found
    assert found.rows[INGEST]["ruling"] == "unknown", found
    assert "at least 100 are needed" in found.rows[INGEST]["reason"], found


@pytest.mark.quiet
def test_slow_answers_are_found_out(tmp_path: Path, out: Path) -> None:
    limits = "[limits]\ningest_p50_ms = 50\ningest_p95_ms = 50\nstatus_p95_ms = 200\n"
    system = moody(tmp_path, "slow:80", f"{limits}[load]\n{TWO_ROUNDS}\n")
    found = arranged("contest.BLOCK_SECONDS = 8.0", system, out, "--gate")
    assert found.promises == "held", found
    if found.done.returncode == 3:
        found.require_a_quiet_machine()
    assert found.done.returncode == 1, found
    assert found.rows[INGEST]["ruling"] == "violated", found
    assert found.rows[INGEST]["p95_ms"]["low"] > 80, found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_of_an_interrupted_run(tmp_path: Path, place: Path, out: Path, number: signal.Signals) -> None:
    system, record = moody(tmp_path, "sound"), out / "load" / "after.jsonl"
    running = subprocess.Popen(
        [*COMMAND, "load", "--after", str(system), "--load-processes", "2", "--out", str(out)],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(place)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        until(lambda: record.exists() and '"post"' in record.read_text(), seconds=60)
        os.killpg(running.pid, number)  # what a terminal does: everybody in its group is told
        _, said = running.communicate(timeout=30)
        assert_nothing_is_left(place)
    finally:
        with contextlib.suppress(ProcessLookupError):
            running.kill()
    assert running.returncode == (130 if number is signal.SIGINT else -9), said
    assert number is signal.SIGKILL or "interrupted; everything it had started is stopped" in said


def test_a_generator_that_cannot_start_is_the_harness_own_failure(tmp_path: Path, place: Path, out: Path) -> None:
    broken = tmp_path / "shadow" / "locust"
    broken.mkdir(parents=True)
    (broken / "__init__.py").touch()
    (broken / "__main__.py").write_text("raise SystemExit('locust: this one is broken')")
    environment = {"TMPDIR": str(place), "PYTHONPATH": str(broken.parent)}
    found = load(moody(tmp_path, "sound"), out, environment=environment)
    assert found.done.returncode == 70, found
    assert "says nothing about the service" in found.done.stderr, found
    assert "Locust ended with exit code 1" in found.done.stderr, found
    assert "this one is broken" in found.done.stderr, found
    assert_nothing_is_left(place)
