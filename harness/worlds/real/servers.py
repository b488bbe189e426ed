"""The servers a system asks for, by name ("redis", "postgres"): ours on ports of their own, or hired ones.

Life cycles are in `redis.py` and `postgres.py`; servers a user brings along are in `external.py`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from harness.faults import Loss
from harness.systems import System
from harness.worlds.real.external import HiredServer, hired_postgres, hired_redis
from harness.worlds.real.fleet import all_of
from harness.worlds.real.ports import Ports
from harness.worlds.real.postgres import PostgresServer
from harness.worlds.real.processes import Guard, Process
from harness.worlds.real.redis import RedisServer

OwnServer = RedisServer | PostgresServer
Hired = dict[str, HiredServer]
HIRING = {"redis": hired_redis, "postgres": hired_postgres}


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

    async def crash(self, name: str, loss: Loss) -> Process | None:
        """kill -9; the process that was killed, None if there was none of ours to kill."""
        server = self._own.get(name)
        if server is None:
            return None
        victim = server.process
        return victim if await server.crash(loss) else None

    async def restart(self, name: str) -> Process | None:
        """Start a crashed server on its old port and files; its new process, None if it is not ours."""
        server = self._own.get(name)
        if server is None:
            return None
        await server.start()
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


async def start_servers(system: System, hired: Hired, *, guard: Guard, ports: Ports, logs: Path) -> Servers:
    """Start side by side what the system asks for and nobody brought along. Raises UsageError if one does not start."""
    own: dict[str, OwnServer] = {}
    for name, kind, settings in (("redis", RedisServer, system.redis), ("postgres", PostgresServer, system.postgres)):
        if system.names_placeholder(f"{name}_url") and name not in hired:
            own[name] = kind(guard, port=ports.draw(), server=settings, log=logs / f"{name}.log")
    await all_of(server.start() for server in own.values())
    return Servers(own, hired)
