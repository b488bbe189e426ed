"""A Redis-compatible server of a stack: start it, crash it, start it again with what it would remember.

The same port and directory outlive a crash. What a crash forgets is a loss policy: after a *process crash* the files
are whole (the page cache survives a kill -9); after a *power loss* everything written since the last fsync is cut off
the append-only file; *empty* forgets all.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from contextlib import suppress
from functools import partial
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from harness.faults import Loss
from harness.systems import Server
from harness.worlds.real.binaries import redis_server
from harness.worlds.real.processes import Command, Guard, Process, await_ready

READY_WITHIN_S = 10.0
# A file that takes half a minute to read at this pace, and nearly no time without: the server looks up, and says that it is
# loading, after every 1,024 commands. What is read leaves nothing.
SLOWLY = ("--key-load-delay", "250")  # µs a command
LONG, LAST, TIMES = (
    b"*3\r\n$3\r\nSET\r\n$12\r\nharness:long\r\n$1\r\n1\r\n",
    b"*2\r\n$3\r\nDEL\r\n$12\r\nharness:long\r\n",
    100_000,
)
BETWEEN_FSYNC_AND_POWER_CUT_S = 0.6  # everysec syncs once a second: shorter, and the next one may not have run


class RedisServer:
    """One server on a port of its own; `url` is where it listens, not where the service finds it (the proxy)."""

    def __init__(self, guard: Guard, *, port: int, server: Server, log: Path) -> None:
        self.port = port
        self.url = f"redis://127.0.0.1:{port}/0"
        self.forgotten_bytes = 0
        self._guard = guard
        self._folder = guard.folder / "redis"
        self._server = server
        self._log = log
        self._process: Process | None = None
        self._synced_bytes: int | None = None

    @property
    def process(self) -> Process:
        """The running server. Raises RuntimeError before the first start."""
        if self._process is None:
            raise RuntimeError("The Redis server was never started; await start() first.")
        return self._process

    async def start(self, *, slowly: bool = False) -> None:
        """Start and wait until it answers; `slowly`: that it is loading, if it has anything to load.

        Raises UsageError with the end of its log if it does not.
        """
        self._folder.mkdir(exist_ok=True)
        argv = [*self._argv(), *SLOWLY] if slowly else self._argv()
        command = Command(name="redis", argv=argv, env=dict(os.environ), cwd=self._folder, log=self._log)
        if slowly and (file := self._newest_increment()):
            with file.open("ab") as appended:
                appended.write(LONG * TIMES + LAST)
        self._process = await self._guard.spawn(command)
        answers = (b"+PONG", b"-LOADING") if slowly else (b"+PONG",)
        await await_ready(self._process, partial(self._answers, answers), within_s=READY_WITHIN_S)

    async def crash(self, loss: Loss) -> bool:
        """kill -9, and forget what `loss` says. False if it was not running."""
        self._synced_bytes = await self._last_sync() if loss == "power-loss" else None
        killed = await self.process.kill()
        self.forgotten_bytes = self._forget(loss)
        return killed

    def _argv(self) -> list[str]:
        own = {"port": self.port, "bind": "127.0.0.1", "dir": self._folder, "daemonize": "no"}
        settings = {**self._server.config, **own}
        return [str(redis_server()), *(word for key, value in settings.items() for word in (f"--{key}", str(value)))]

    def appended_bytes(self) -> int:
        """How long its append-only file is; 0 without one."""
        file = self._newest_increment()
        return file.stat().st_size if file else 0

    async def _answers(self, expected: tuple[bytes, ...]) -> str:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError as error:
            return str(error)
        try:
            writer.write(b"PING\r\n")
            answer = await reader.readline()
        except OSError as error:
            return str(error)
        finally:
            writer.close()
        return "" if answer.startswith(expected) else f"PING was answered {answer!r}"

    async def _last_sync(self) -> int | None:
        """Let the server sync, note how long its file is then, and let it go on a little: that much will be forgotten.

        None when nothing is forgotten: without an append-only file, or when every write is synced before its reply.
        """
        async with Redis(port=self.port, protocol=2, socket_timeout=5) as client:
            settings = await client.config_get("append*")
            if settings.get("appendonly") != "yes" or settings.get("appendfsync") == "always":
                return None
            if settings.get("appendfsync") == "no":
                return 0
            with suppress(ResponseError):  # it may refuse writes just now
                await client.set("harness:probe", "sync", px=1)
            await client.waitaof(1, 0, 2000)
        synced_bytes = self.appended_bytes()
        await asyncio.sleep(BETWEEN_FSYNC_AND_POWER_CUT_S)
        return synced_bytes

    def _forget(self, loss: Loss) -> int:
        """Apply the loss policy to the files; how many bytes are forgotten."""
        if loss == "empty":
            size = sum(file.stat().st_size for file in self._folder.rglob("*") if file.is_file())
            shutil.rmtree(self._folder)
            return size
        file = self._newest_increment()
        if self._synced_bytes is None or file is None:
            return 0
        forgotten = max(0, file.stat().st_size - self._synced_bytes)
        os.truncate(file, file.stat().st_size - forgotten)
        return forgotten

    def _newest_increment(self) -> Path | None:
        return max(self._folder.glob("*/*.incr.aof"), key=lambda file: file.stat().st_mtime_ns, default=None)
