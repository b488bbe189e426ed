"""One Locust process that loads one system in its turns, and writes down every request.

Locust patches the process that imports it, so it always runs in one of its own (`loadtests/locustfile.py`); what it says
comes back through a file, line by line, while it runs. Its exit code tells nothing about the service.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.systems import Load
from harness.usage import StackBrokenError, UsageError
from harness.worlds.real.ports import Ports
from harness.worlds.real.processes import Command, Guard, Process, with_log
from harness.worlds.real.tail import Tail

LOCUSTFILE = Path(__file__).resolve().parent.parent.parent / "loadtests" / "locustfile.py"
ENDS_WITHIN_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Turns:
    """When a system is loaded: in windows of `length_s` every `period_s`, the first at `offset_s` after `start_unix_s`."""

    start_unix_s: float
    offset_s: float
    length_s: float
    period_s: float
    until_s: float  # the last window ends; Locust ends by itself half a minute later, should nobody stop it

    @property
    def window(self) -> str:
        """As Locust's command line takes it."""
        return f"{self.offset_s:g}/{self.length_s:g}/{self.period_s:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Who is loaded: a name for files that no other has, the base URLs of its API processes, and headers for every request."""

    name: str
    addresses: Sequence[str]
    headers: Mapping[str, str]


class Generator:
    """Locust at work. `more` gives what it has written since; `stop` ends it, and nothing of its record is lost."""

    def __init__(self, process: Process, record: Path) -> None:
        self._process = process
        self._tail = Tail(record)
        self.is_complete = False  # the record has its last line

    @classmethod
    async def start(cls, guard: Guard, target: Target, load: Load, *, turns: Turns, plan: Plan) -> Generator:
        """Start Locust. Raises UsageError if it cannot be started."""
        record = plan.folder / f"{target.name}.jsonl"
        command = Command(
            name=f"locust-{target.name}",
            argv=_words(target, load, turns=turns, plan=plan, record=record),
            env=dict(os.environ),
            cwd=plan.folder,
            log=plan.folder / f"locust-{target.name}.log",
        )
        return cls(await guard.spawn(command), record)

    def more(self) -> Iterator[dict[str, Any]]:
        """Every line of the record since the last call."""
        for line in self._tail.more():
            self.is_complete = self.is_complete or line["kind"] == "end"
            yield line

    def require(self) -> None:
        """Raises StackBrokenError if Locust has ended before its time."""
        if self._process.exit_code is not None and not self.is_complete:
            raise StackBrokenError(with_log(self._process, f"Locust ended with exit code {self._process.exit_code}"))

    async def stop(self) -> Iterator[dict[str, Any]]:
        """End it; the rest of its record. Raises StackBrokenError if the record has no end."""
        await end_locust(self._process)
        rest = list(self.more())
        self.require()
        return iter(rest)


async def end_locust(process: Process) -> None:
    """Ctrl-C, and time to end: told by SIGTERM, Locust ends without having written its page."""
    if process.exit_code is None:
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGINT)
    with suppress(TimeoutError):
        async with asyncio.timeout(ENDS_WITHIN_S):
            await process.wait()
    await process.terminate(within_s=ENDS_WITHIN_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How Locust runs: where its files go, its seed, and in how many processes."""

    folder: Path
    seed: int
    processes: int = 1


def require_locustfile() -> None:
    """Raises UsageError if the load tests are not beside the harness."""
    if not LOCUSTFILE.is_file():
        raise UsageError(f"There is no {LOCUSTFILE}: run the harness from a checkout of the project, with its loadtests/.")


def locust_words(target: Target, load: Load, *, processes: int, options: Mapping[str, object]) -> list[str]:
    """Locust's command line: this load on this target, by so many processes together, with these options besides."""
    every: dict[str, object] = {
        "--users": processes,  # each user is one stream of arrivals
        "--spawn-rate": processes,
        "--post-rate": load.posts_per_second / processes,
        "--read-rate": load.reads_per_second / processes,
        "--mailed": load.mailed,
        "--duplicates": load.duplicates,
        "--arrivals": "poisson",
        "--host": target.addresses[0],
        **options,
    }
    words = [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE)]
    words += [word for name, value in every.items() for word in (name, str(value))]
    words += [word for address in target.addresses for word in ("--target", address)]
    return words + [word for name, value in target.headers.items() for word in ("--header", f"{name}: {value}")]


def _words(target: Target, load: Load, *, turns: Turns, plan: Plan, record: Path) -> list[str]:
    options = {
        "--window": turns.window,
        "--start-at": f"{turns.start_unix_s:.3f}",
        "--run-time": f"{turns.until_s + 30:.0f}s",  # the harness ends it
        "--seed": plan.seed,
        "--record": record,
        "--html": plan.folder / f"locust-{target.name}.html",
    }
    words = locust_words(target, load, processes=plan.processes, options=options)
    words += ["--headless", "--only-summary"]
    return words + (_distributed(plan) if plan.processes > 1 else [])


def _distributed(plan: Plan) -> list[str]:
    """Locust's own distributed mode on this machine, on a port that no other Locust has."""
    with closing(Ports()) as ports:
        port = str(ports.draw())
    return ["--processes", str(plan.processes), "--master-bind-port", port, "--master-port", port]
