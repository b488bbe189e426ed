"""However a run ends - by itself, by Ctrl-C, by kill -9 - no process and no file of it stays."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.command import COMMAND, ROOT
from tests.leftovers import processes_of
from tests.waiting import until


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left(tmp_path: Path, number: signal.Signals) -> None:
    place = tmp_path / "tmp"
    place.mkdir()
    running = subprocess.Popen(
        [*COMMAND, "run", "baseline", "--world", "real", "--out", str(tmp_path / "out")],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(place)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        until(lambda: any("reference worker" in line for line in processes_of(place)), seconds=60)
        running.send_signal(number)
        code = running.wait(30)
        until(lambda: not processes_of(place), seconds=20)
        until(lambda: not list(place.iterdir()), seconds=20)
    finally:
        if running.poll() is None:
            running.kill()
    assert code == (-9 if number is signal.SIGKILL else 130)
