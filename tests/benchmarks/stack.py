"""What speed is measured on: a Valkey and a Postgres as the acceptance runs have them (every write on disk), and processes.

CPU seconds come from the system's books (/proc), so they are robust against neighbours on the same machine; wall seconds are not.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis as blocking

from harness import systems
from harness.worlds.real.ports import Ports
from harness.worlds.real.processes import Guard
from harness.worlds.real.servers import Site, start_servers
from tests.command import ROOT
from tests.reference.servers import await_port

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass
class Stack:
    """The servers' URLs, the environment the service gets, and the processes started on it."""

    redis_url: str
    postgres_url: str
    ports: Ports
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def env(self) -> dict[str, str]:
        """For the reference and the draft alike; the queue has room for everything that is posted."""
        return {
            "PATH": os.environ["PATH"],
            "REDIS_URL": self.redis_url,
            "DATABASE_URL": self.postgres_url,
            "HIGH_WATER": "10000000",
            "SENDGRID_URL": "http://127.0.0.1:9/",  # nobody is there, and no event here asks a worker for a mail
        }

    def run(self, *words: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """A Python process: ``python -m WORDS``."""
        process = subprocess.Popen([sys.executable, "-m", *words], env={**self.env, **(env or {})}, cwd=ROOT)
        self.processes.append(process)
        return process

    def serve(self, *words: str, env: Mapping[str, str] | None = None) -> Server:
        """A Python process that listens on the port its last word is."""
        port = self.ports.draw()
        process = self.run(*words, str(port), env=env)
        await_port(port, process)
        return Server(port, process.pid)


@dataclass(frozen=True)
class Server:
    """A listening process."""

    port: int
    pid: int

    def cpu_s(self) -> float:
        """CPU seconds it has used, its threads' included."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND

    async def post(self, name: str, **options: int) -> dict[str, Any]:
        """What a generator process saw that posted here."""
        words = [word for key, value in options.items() for word in (f"--{key.replace('_', '-')}", str(value))]
        generator = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.benchmarks.posting", str(self.port), name, *words), cwd=ROOT, stdout=subprocess.PIPE
        )
        told, _ = await generator.communicate()
        assert generator.returncode == 0, f"the generator ended with {generator.returncode}"
        seen: dict[str, Any] = json.loads(told)
        assert set(seen["answers"]) == {"202"}, seen["answers"]
        return seen


async def others_share(*, seconds: float = 0.5) -> float:
    """How much of the machine's CPU is in use while nothing of ours has anything to do: 0 is none, 1 all of it."""
    began = _busy_and_all()
    await asyncio.sleep(seconds)
    ended = _busy_and_all()
    return (ended[0] - began[0]) / max(1, ended[1] - began[1])


def _busy_and_all() -> tuple[int, int]:
    ticks = [int(word) for word in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return sum(ticks) - ticks[3] - ticks[4], sum(ticks)


@asynccontextmanager
async def stack(*, fsync: str = "always") -> AsyncIterator[Stack]:
    """Fresh servers; nothing is left of them, nor of what was started on them. ``fsync`` is Redis' appendfsync."""
    folder = Path(tempfile.gettempdir(), f"stack-{uuid.uuid4().hex}")  # not pytest's, which nobody else may enter
    guard, ports = await Guard.start(folder), Ports()
    try:
        servers = await start_servers(systems.load("async"), {}, Site(guard=guard, ports=ports, logs=folder))
        made = Stack(servers.url("redis"), servers.url("postgres"), ports)
        with blocking.Redis.from_url(made.redis_url) as client:
            client.config_set("appendfsync", fsync)
        with ended(made.processes):
            assert made.run("reference", "migrate").wait() == 0
            yield made
    finally:
        await guard.stop()
        ports.close()


@contextmanager
def ended(processes: list[subprocess.Popen[bytes]]) -> Iterator[None]:
    """Nothing of ``processes`` runs after the block."""
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()
