"""The servers a system asks for, by name ("redis", "postgres"): ours on ports of their own, or hired ones.

Life cycles are in `redis.py` and `postgres.py`; servers a user brings along are in `external.py`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from harness.faults import Loss
from harness.systems import System
from harness.usage import StackBrokenError, UsageError
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

    async def restart(self, name: str) -> Process:
        """Start a crashed server of ours on its old port and files; its new process. Raises StackBrokenError."""
        try:
            await self._own[name].start()
        except UsageError as error:
            raise StackBrokenError(f"After its crash {name} could not be started again: {error}") from None
        return self._own[name].process


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
