"""A campaign comes to the same in whatever way it is run: at once, killed and resumed, in shards, on a cluster."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from harness.campaign import dispatch
from harness.campaign.dispatch import Desk
from harness.campaign.draw import SEEDS_A_BATCH, Draw
from harness.runner import Order
from tests.command import COMMAND, ROOT, harness, last_lines
from tests.leftovers import processes_of
from tests.waiting import until

FLAW = str(ROOT / "reference" / "flaws" / "mail_errors_swallowed.py")
WORDS = ("run", "sendgrid_outage", "--flaw", FLAW)  # every seed is violated: there is a history to keep of each
SEEDS = 24
DIFFERS = ("cpu_s", "wall_s")  # from one run to the next

pytestmark = pytest.mark.xdist_group("campaigns")


def row(out: Path) -> dict[str, Any]:
    (found,) = json.loads((out / "results.json").read_text())["campaigns"]
    return {key: value for key, value in found.items() if key not in DIFFERS}


def histories(out: Path) -> dict[str, bytes]:
    return {path.parent.name: path.read_bytes() for path in out.glob("scenarios/*/history.jsonl")}


def ran(*words: str, exit_code: int) -> subprocess.CompletedProcess[str]:
    done = harness(*WORDS, *words)
    assert done.returncode == exit_code, last_lines(done)
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run nobody disturbed."""
    out = tmp_path_factory.mktemp("whole") / "out"
    ran("--seeds", str(SEEDS), "--out", str(out), exit_code=1)
    assert len(histories(out)) == SEEDS
    return out


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_stopped_in_the_middle_and_resumed(whole: Path, tmp_path: Path, number: signal.Signals) -> None:
    out, place = tmp_path / "out", tmp_path / "tmp"
    place.mkdir()
    words = ["--seeds", str(SEEDS), "--out", str(out), "--resume"]
    environment = os.environ | {"TMPDIR": str(place)}
    running = subprocess.Popen([*COMMAND, *WORDS, *words], cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
    progress = out / "progress.jsonl"
    try:
        until(lambda: progress.exists() and progress.read_bytes().count(b"\n") > 1, seconds=60)
        running.send_signal(number)
        assert running.wait(30) == (-9 if number is signal.SIGKILL else 130)
        until(lambda: not processes_of(place), seconds=20)
    finally:
        running.kill()
    before = progress.read_bytes()
    assert before.count(b"\n") < 1 + SEEDS / SEEDS_A_BATCH, "it had ended before it was stopped"
    done = ran(*words, exit_code=1)
    assert "going on in" in done.stderr
    assert progress.read_bytes().startswith(before[: before.rindex(b"\n") + 1]), "what had ended was run again"
    assert row(out) == row(whole)
    assert histories(out) == histories(whole)


def test_what_has_ended_is_not_begun_again(whole: Path) -> None:
    before, histories_before = row(whole), histories(whole)
    size = (whole / "progress.jsonl").stat().st_size
    ran("--seeds", str(SEEDS), "--out", str(whole), "--resume", exit_code=1)
    assert (whole / "progress.jsonl").stat().st_size == size
    assert (row(whole), histories(whole)) == (before, histories_before)


def test_shards_together(whole: Path, tmp_path: Path) -> None:
    shards = [str(tmp_path / str(number)) for number in (1, 2, 3)]
    for number, out in enumerate(shards, start=1):
        ran("--seeds", str(SEEDS), "--shard", f"{number}/3", "--out", out, exit_code=1)
        assert row(Path(out))["shard"] == f"{number}/3"
    done = harness("report", *shards, "--out", str(tmp_path / "all"))
    assert done.returncode == 1, last_lines(done)
    apart = {"seeds", "sources"}
    merged = {key: value for key, value in row(tmp_path / "all").items() if key not in apart}
    assert merged == {key: value for key, value in row(whole).items() if key not in apart}
    assert histories(tmp_path / "all") == histories(whole)


def test_threads_of_a_standard_executor_simulate_in_processes_of_their_own(whole: Path, tmp_path: Path) -> None:
    draw = Draw(Order(scenario="sendgrid_outage", system="async", world="simulated", seed=1, flaw=FLAW), wanted=SEEDS)
    with ThreadPoolExecutor(2) as executor:
        dispatch.run([draw], Desk(folder=tmp_path, watch=lambda _: None, executor=executor))
    assert draw.row().counts == row(whole)["counts"]
    assert draw.row().violated == SEEDS
    assert histories(tmp_path) == histories(whole)


@pytest.fixture
def cluster() -> Iterator[str]:
    """The address of a scheduler with two workers, processes of their own with a folder of their own."""
    from distributed import LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1") as local:  # type: ignore[no-untyped-call]
        yield str(local.scheduler_address)


def test_a_cluster(whole: Path, tmp_path: Path, cluster: str) -> None:
    ran("--seeds", str(SEEDS), "--out", str(tmp_path / "out"), "--cluster", cluster, exit_code=1)
    assert row(tmp_path / "out") == row(whole)
    assert histories(tmp_path / "out") == histories(whole)
    done = harness("run", "baseline", "--flaw", "no_such_flaw.py", "--cluster", cluster, "--out", str(tmp_path / "no"))
    assert done.returncode == 2, last_lines(done)
    assert "cannot be planted" in done.stderr, "what a worker refuses is told as if it were refused here"
    assert not (tmp_path / "no").exists()
