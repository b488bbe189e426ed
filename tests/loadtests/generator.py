"""Locust and the known server as processes of their own, and what they wrote down."""

from __future__ import annotations

import contextlib
import json
import math
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.command import ROOT

HERE = Path(__file__).resolve().parent
LOCUSTFILE = ROOT / "loadtests" / "locustfile.py"
ENDS_WITHIN_S = 60.0


@dataclass(frozen=True)
class Record:
    """A record file, read."""

    lines: list[dict[str, Any]]

    @classmethod
    def of(cls, path: Path) -> Record:
        return cls([json.loads(line) for line in path.read_text().splitlines()])

    @property
    def is_complete(self) -> bool:
        return [self.lines[0]["kind"], self.lines[-1]["kind"]] == ["header", "end"]

    @property
    def posts(self) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["kind"] == "post"]

    @property
    def reads(self) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["kind"] == "read"]


@dataclass(frozen=True)
class Server:
    """The known server, running."""

    url: str
    log: Path

    @property
    def seen(self) -> list[dict[str, Any]]:
        """Every request it has answered, or refused to."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]


@contextlib.contextmanager
def known_server(log: Path, *options: str) -> Iterator[Server]:
    """Until the block ends."""
    command = [sys.executable, "-I", str(HERE / "known_server.py"), "--log", str(log), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Server(f"http://127.0.0.1:{int(process.stdout.readline())}", log)
        finally:
            process.kill()


def start_locust(*words: object, file: Path = LOCUSTFILE, environment: dict[str, str] | None = None) -> subprocess.Popen[str]:
    """Locust without its page, in a process group of its own."""
    return start_locust_with_page("--headless", "--only-summary", *words, file=file, environment=environment)


def start_locust_with_page(
    *words: object, file: Path = LOCUSTFILE, environment: dict[str, str] | None = None
) -> subprocess.Popen[str]:
    """Locust as it is started by hand."""
    return subprocess.Popen(
        [sys.executable, "-m", "locust", "-f", str(file), *map(str, words)],
        cwd=ROOT,
        env=os.environ | (environment or {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def finish(process: subprocess.Popen[str]) -> str:
    """Wait until it has ended by itself, with exit code 0. What it said."""
    try:
        said, _ = process.communicate(timeout=ENDS_WITHIN_S)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 0, said
    return said


def run_locust(record: Path, *words: object) -> Record:
    """A whole run and its record, which is complete."""
    finish(start_locust("--record", record, *words))
    read = Record.of(record)
    assert read.is_complete, read.lines[-1]
    return read


def lines_in(path: Path) -> int:
    """How many there are so far."""
    return path.read_bytes().count(b"\n") if path.exists() else 0


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest rank."""
    return sorted(values)[math.ceil(share * len(values)) - 1]


def latencies_ms(operations: Sequence[dict[str, Any]]) -> list[float]:
    """From the intended start."""
    return [(line["end"] - line["due"]) * 1e3 for line in operations]


def assert_all_recorded(record: Record, server: Server) -> None:
    """What was sent is what was recorded, once: no request was repeated, none is missing."""
    sent = Counter((line["method"], line["id"]) for line in server.seen)
    kept: Counter[Any] = Counter(("POST", post["event"]["id"]) for post in record.posts)
    kept.update(("GET", read["id"]) for read in record.reads)
    assert kept == sent
    assert record.lines[-1] | {"reads_not_sent": 0} == {
        "kind": "end",
        "posts": len(record.posts),
        "reads": len(record.reads),
        "reads_not_sent": 0,
    }
