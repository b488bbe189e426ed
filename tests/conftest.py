"""What every test may rely on: signals mean what they usually mean, however the tests were started; one real run for several."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.command import harness, last_lines
from tests.run_folder import PATIENCE_SECONDS, SCENARIOS


def pytest_configure() -> None:
    """`nohup` and `&` hand down ignored signals, and a process that is told to end with one would never hear it."""
    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number is signal.SIGINT else signal.SIG_DFL)


@pytest.fixture(scope="session")
def reference_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one run of `SCENARIOS` with real processes. Whoever asks for it is marked quiet."""
    out = tmp_path_factory.mktemp("reference") / "out"
    done = harness("run", *SCENARIOS, "--world", "real", "--out", str(out), timeout=PATIENCE_SECONDS)
    assert (out / "results.json").exists(), last_lines(done)
    return out
