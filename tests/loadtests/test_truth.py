"""The record tells how long the service really took: against delays that are known, and through a freeze."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.loadtests.generator import HERE, finish, known_server, latencies_ms, percentile, run_locust, start_locust

ATTEMPTS = 3
KEPT_UP_MS = 3.0  # a generator that was later than this at its P99 did not keep up: such a run says nothing
P50, P95, P99 = 0.50, 0.95, 0.99
FREEZE = ("--low-ms", "5", "--high-ms", "5", "--freeze-at", "4", "--freeze-for", "2")


Measured = tuple[list[dict[str, Any]], list[float]]  # the record's POSTs, and what the server slept


@pytest.mark.quiet
@pytest.mark.parametrize("rate", [50, 200, 500])
def test_percentiles_are_those_the_server_slept(rate: int, tmp_path: Path) -> None:
    def measure(folder: Path) -> Measured:
        with known_server(folder / "server.jsonl", "--low-ms", "20", "--high-ms", "100") as server:
            options = ("--host", server.url, "--post-rate", rate, "--read-rate", 0, "--run-time", "8s")
            posts = run_locust(folder / "r.jsonl", *options).posts
            return posts, [line["slept_ms"] for line in server.seen]

    posts, slept_ms = undisturbed(measure, tmp_path)
    measured_ms, late_ms = latencies_ms(posts), lateness_ms(posts)
    assert len(measured_ms) == len(slept_ms)
    for share in (P50, P95, P99):
        truth = percentile(slept_ms, share)
        allowed = 0.02 * truth + 0.5
        # Latencies count from the intended start, so how late the generator was is part of them, and the record says it.
        assert truth - allowed < percentile(measured_ms, share) < truth + allowed + late_ms, share


def undisturbed(measure: Callable[[Path], Measured], folder: Path) -> Measured:
    """A run in which the generator kept up: this machine may be doing something else meanwhile, and then it says nothing."""
    for attempt in range(ATTEMPTS):
        place = folder / str(attempt)
        place.mkdir()
        posts, slept_ms = measure(place)
        if lateness_ms(posts) < KEPT_UP_MS:
            return posts, slept_ms
    pytest.fail(f"the generator could not keep up in any of {ATTEMPTS} runs: the machine is too busy to tell")


def lateness_ms(posts: list[dict[str, Any]]) -> float:
    """How late the generator sent, at its P99."""
    return float(percentile([(post["sent"] - post["due"]) * 1e3 for post in posts], P99))


@pytest.mark.quiet
def test_a_freeze_shows_in_an_open_workload_and_hides_in_a_closed_one(tmp_path: Path) -> None:
    open_ms, closed_ms = latencies_ms(undisturbed(open_loop, tmp_path)[0]), closed_loop_ms(tmp_path)
    # Of 2,000 requests, the 400 due while the server was frozen for 2 s wait between 0 and 2 s, evenly; and afterwards the server
    # needs a moment for those that have come together.
    assert percentile(open_ms, P50) < 20
    assert 1485 < percentile(open_ms, P95) < 1505 + 150
    assert 1885 < percentile(open_ms, P99) < 1905 + 200
    assert percentile(closed_ms, P95) < 100
    assert percentile(closed_ms, P99) < 100
    assert max(closed_ms) > 1500  # the freeze was there: ten requests saw it


def open_loop(folder: Path) -> Measured:
    """The ten seconds from the first request on."""
    options = ("--post-rate", 200, "--read-rate", 0, "--arrivals", "constant", "--run-time", "12s")
    with known_server(folder / "open.jsonl", *FREEZE) as server:
        posts = run_locust(folder / "r.jsonl", "--host", server.url, *options).posts
    begin = min(post["due"] for post in posts)
    return [post for post in posts if post["due"] < begin + 10], []


def closed_loop_ms(folder: Path) -> list[float]:
    options = ("--users", 10, "--spawn-rate", 10, "--run-time", "10s")
    found = folder / "latencies.json"
    with known_server(folder / "closed.jsonl", *FREEZE) as server:
        file = HERE / "closed_loop.py"
        finish(start_locust("--host", server.url, *options, file=file, environment={"LATENCIES": str(found)}))
    latencies: list[float] = json.loads(found.read_text())
    return latencies
