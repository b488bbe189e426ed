"""However Locust ends, in however many processes: what was sent is in the record, or the record says that it is cut."""

from __future__ import annotations

import json
import os
import signal
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from harness.worlds.real.ports import Ports
from tests.loadtests.generator import (
    Record,
    assert_all_recorded,
    finish,
    known_server,
    latencies_ms,
    lines_in,
    percentile,
    run_locust,
    start_locust,
    start_locust_with_page,
)
from tests.waiting import until

SLOW = ("--low-ms", "200", "--high-ms", "600")  # so that there is something in flight when it ends
LOAD = ("--users", 2, "--spawn-rate", 2, "--post-rate", 60, "--read-rate", 40)


@pytest.fixture
def ports() -> Iterator[Ports]:
    drawn = Ports()
    yield drawn
    drawn.close()


def two_processes(ports: Ports) -> tuple[object, ...]:
    port = ports.draw()
    return ("--processes", 2, "--master-bind-port", port, "--master-port", port, "--master-bind-host", "127.0.0.1")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("to", ["process", "group"])
@pytest.mark.parametrize("processes", [1, 2])
def test_nothing_sent_is_missing(number: signal.Signals, to: str, processes: int, *, ports: Ports, tmp_path: Path) -> None:
    record = tmp_path / "r.jsonl"
    with known_server(tmp_path / "server.jsonl", *SLOW) as server:
        spread = two_processes(ports) if processes == 2 else ()
        locust = start_locust("--record", record, "--host", server.url, *LOAD, *spread)
        until(lambda: lines_in(record) > 150)
        if to == "group":
            os.killpg(locust.pid, number)
        else:
            locust.send_signal(number)
        finish(locust)
        read = Record.of(record)
        assert read.is_complete
        assert_all_recorded(read, server)
    streams = Counter(post["event"]["id"].rsplit("-", 1)[0] for post in read.posts)
    assert len(streams) == 2
    assert len({stream.split("-")[1] for stream in streams}) == processes


def test_a_run_time_ends_two_processes_complete(ports: Ports, tmp_path: Path) -> None:
    with known_server(tmp_path / "server.jsonl", *SLOW) as server:
        record = run_locust(tmp_path / "r.jsonl", "--host", server.url, *LOAD, *two_processes(ports), "-t", "3s")
        assert_all_recorded(record, server)


def test_a_worker_that_vanishes_leaves_a_cut_record(ports: Ports, tmp_path: Path) -> None:
    record = tmp_path / "r.jsonl"
    with known_server(tmp_path / "server.jsonl") as server:
        locust = start_locust("--record", record, "--host", server.url, *LOAD, "--timeout", 1, *two_processes(ports))
        until(lambda: len({line.split('"id":"')[1].split("-")[1] for line in record_of_posts(record)}) == 2)
        children = Path(f"/proc/{locust.pid}/task/{locust.pid}/children").read_text().split()
        os.kill(int(children[0]), signal.SIGKILL)
        locust.send_signal(signal.SIGTERM)
        said, _ = locust.communicate(timeout=60)
    assert locust.returncode == 70, said
    last = Record.of(record).lines[-1]
    assert last["kind"] == "cut"
    assert "no last records from" in last["why"]


def record_of_posts(record: Path) -> list[str]:
    return [line for line in record.read_text().splitlines() if '"kind":"post"' in line] if record.exists() else []


def test_the_page_shows_what_the_record_says_run_after_run(ports: Ports, tmp_path: Path) -> None:
    record, port = tmp_path / "r.jsonl", ports.draw()
    with known_server(tmp_path / "server.jsonl", "--low-ms", "5", "--high-ms", "150") as server:
        page = f"http://127.0.0.1:{port}"
        options = ("--record", record, "--host", server.url, "--run", "mine", "--web-host", "127.0.0.1", "--web-port", port)
        locust = start_locust_with_page(*options)
        until(lambda: answers(page))
        for file, run, arrivals in ((record, "mine", "poisson"), (tmp_path / "r-2.jsonl", "mine.2", "constant")):
            asked(f"{page}/swarm", user_count=2, spawn_rate=2, post_rate=80.0, read_rate=40.0, arrivals=arrivals)
            until(lambda file=file: lines_in(file) > 400)  # type: ignore[misc]
            asked(f"{page}/stop", now="yes")
            read = Record.of(file)
            assert read.is_complete
            assert read.lines[0]["run"] == run
            assert read.lines[0]["options"]["arrivals"] == arrivals
            assert all(post["event"]["id"].startswith(f"{run}-") for post in read.posts)
            assert_page_agrees(json.loads(asked(f"{page}/stats/requests")), read)
        locust.send_signal(signal.SIGTERM)
        finish(locust)


def test_a_mistyped_start_is_no_test_and_takes_no_number(ports: Ports, tmp_path: Path) -> None:
    record, port = tmp_path / "r.jsonl", ports.draw()
    with known_server(tmp_path / "server.jsonl") as server, ExitStack() as exits:
        page = f"http://127.0.0.1:{port}"
        options = ("--record", record, "--host", server.url, "--run", "mine", "--web-host", "127.0.0.1", "--web-port", port)
        locust = start_locust_with_page(*options)
        exits.callback(locust.kill)
        until(lambda: answers(page))
        for file, run, refused in ((record, "mine", 1), (tmp_path / "r-2.jsonl", "mine.2", 2)):
            asked(f"{page}/swarm", user_count=1, spawn_rate=1, arrivals="possion")
            until(lambda refused=refused: asked(f"{page}/logs").count("Stopping Locust") == refused)  # type: ignore[misc]
            until(lambda: json.loads(asked(f"{page}/stats/requests"))["state"] == "stopped")
            asked(f"{page}/swarm", user_count=1, spawn_rate=1, arrivals="poisson")
            until(lambda file=file: lines_in(file) > 20)  # type: ignore[misc]
            asked(f"{page}/stop", now="yes")
            assert Record.of(file).lines[0]["run"] == run
        locust.send_signal(signal.SIGTERM)
        assert finish(locust).count("'possion' is no arrival process") == 2


def assert_page_agrees(shown: dict[str, Any], record: Record) -> None:
    rows = {(row["method"], row["name"]): row for row in shown["stats"]}
    lateness_ms = [(line["sent"] - line["due"]) * 1e3 for line in record.posts + record.reads]
    for key, values in (
        (("POST", "/ingest"), latencies_ms(record.posts)),
        (("GET", "/ingest/{id}/status"), latencies_ms(record.reads)),
        (("", "lateness of the generator"), lateness_ms),
    ):
        row = rows[key]
        assert row["num_requests"] == len(values)
        assert row["median_response_time"] == pytest.approx(percentile(values, 0.5), abs=0.1)
        assert row["response_time_percentile_0.95"] == pytest.approx(percentile(values, 0.95), abs=0.1)
        assert row["response_time_percentile_0.99"] == pytest.approx(percentile(values, 0.99), abs=0.1)


def answers(page: str) -> bool:
    try:
        return bool(asked(page))
    except OSError:
        return False


def asked(url: str, **form: object) -> str:
    data = urllib.parse.urlencode(form).encode() if form else None
    with urllib.request.urlopen(url, data, timeout=30) as answer:
        return str(answer.read().decode())
