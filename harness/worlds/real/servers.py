"""The servers a system asks for, by name ("redis", "postgres"): ours on ports of their own, or hired ones.

Life cycles are in `redis.py` and `postgres.py`; servers a user brings along are in `external.py`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from harness.faults import Loss
from harness.systems import System
from harness.usage import StackBrokenError, UsageError
from harness.worlds.real.external import HiredServer, hired_postgres, hired_redis
from harness.worlds.real.fleet import all_of
from harness.worlds.real.operator import Operator
from harness.worlds.real.ports import Ports
from harness.worlds.real.postgres import PostgresServer
from harness.worlds.real.processes import Guard, Process
from harness.worlds.real.redis import RedisServer

SMALL_DISK_BYTES = 96 << 20  # a fresh Postgres takes a third of it, and its log may grow to another
OwnServer = RedisServer | PostgresServer
Hired = dict[str, HiredServer]
HIRING = {"redis": hired_redis, "postgres": hired_postgres}


@dataclass(frozen=True, kw_only=True)
class Site:
    """Where servers are started. `small_disk`: Postgres gets a disk of its own that can be filled."""

    guard: Guard
    ports: Ports
    logs: Path
    small_disk: bool = False


class Servers:
    """The running servers of one stack."""

    def __init__(self, own: dict[str, OwnServer], hired: Hired) -> None:
        self._own = own
        self._hired = hired

    @property
    def names(self) -> list[str]:
        """Which servers there are."""
        return [*self._own, *self._hired]

    def url(self, name: str) -> str:
        """Where a server listens, no proxy in between."""
        return (self._hired.get(name) or self._own[name]).url

    def forgotten_bytes(self, name: str) -> int:
        """How much a server forgot in its last crash."""
        server = self._own.get(name)
        return server.forgotten_bytes if isinstance(server, RedisServer) else 0

    def process(self, name: str) -> Process:
        """The process of a server of ours; it may have ended."""
        return self._own[name].process

    def appended_bytes(self) -> int:
        """How long the append-only file of our Redis is; 0 without one."""
        server = self._own["redis"]
        return server.appended_bytes() if isinstance(server, RedisServer) else 0

    @property
    def disk(self) -> Path | None:
        """The small disk of our Postgres, if it has one."""
        server = self._own.get("postgres")
        return server.disk if isinstance(server, PostgresServer) else None

    @property
    def operator(self) -> Operator:
        """Our own way into our Postgres."""
        server = self._own["postgres"]
        assert isinstance(server, PostgresServer)
        return server.operator

    def close(self) -> None:
        """Drop our own connections to them."""
        for server in self._own.values():
            if isinstance(server, PostgresServer):
                server.operator.close()

    def is_up(self, name: str) -> bool:
        """Whether there is a server of ours that could be killed."""
        return name in self._own and self._own[name].process.exit_code is None

    async def crash(self, name: str, loss: Loss) -> Process | None:
        """kill -9 of a server of ours that is up; the process that was killed, None if it was faster and ended by itself."""
        victim = self._own[name].process
        await victim.resume()  # another fault may have stopped it, and a crash asks it a last question
        return victim if await self._own[name].crash(loss) else None

    async def freeze(self, name: str) -> Process | None:
        """SIGSTOP of a server of ours with all its children; the process, None if it is down."""
        process = self._own[name].process
        return process if await process.freeze() else None

    def logged(self, name: str, words: str) -> int:
        """How often words stand in the log of a server of ours."""
        return self._own[name].process.command.log.read_text(encoding="utf-8", errors="replace").count(words)

    async def restart(self, name: str, *, slowly: bool = False) -> Process:
        """Start a crashed server of ours on its old port and files; its new process. `slowly`: a Redis that is still loading.

        Raises StackBrokenError.
        """
        server = self._own[name]
        try:
            await (server.start(slowly=slowly) if isinstance(server, RedisServer) else server.start())
        except UsageError as error:
            raise StackBrokenError(f"After its crash {name} could not be started again: {error}") from None
        return server.process


@asynccontextmanager
async def hire(system: System) -> AsyncIterator[Hired]:
    """The servers a user brought along, of those the system asks for. Raises UsageError if one is unusable."""
    async with AsyncExitStack() as exits:
        hired: Hired = {}
        for name, hiring in HIRING.items():
            if system.names_placeholder(f"{name}_url"):
                server = await exits.enter_async_context(hiring())
                hired |= {name: server} if server is not None else {}
        yield hired


async def start_servers(system: System, hired: Hired, site: Site) -> Servers:
    """Start side by side what the system asks for and nobody brought along. Raises UsageError if one does not start."""
    own: dict[str, OwnServer] = {}
    postgres = partial(PostgresServer, disk_bytes=SMALL_DISK_BYTES if site.small_disk else 0)
    kinds = (("redis", RedisServer, system.redis), ("postgres", postgres, system.postgres))
    for name, kind, settings in kinds:
        if system.names_placeholder(f"{name}_url") and name not in hired:
            own[name] = kind(site.guard, port=site.ports.draw(), server=settings, log=site.logs / f"{name}.log")
    await all_of(server.start() for server in own.values())
    return Servers(own, hired)
