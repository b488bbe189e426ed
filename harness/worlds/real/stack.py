"""One stack: the servers a system asks for, a proxy per process and server, SendGrid's stand-in, and the fleet.

`open_stack` puts it together; leaving it takes everything away. Naming a placeholder in the system file is what asks
for a server. `world.py` runs a scenario in it.
"""

from __future__ import annotations

import os
import sys
from asyncio import Lock
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from harness.faults import FLAG_COMMAND, Loss
from harness.systems import System, require_real_processes
from harness.worlds.real import stub
from harness.worlds.real.external import address, at_address
from harness.worlds.real.fleet import SETUP, Fleet, Wiring, missing_listener, names
from harness.worlds.real.journal import Journal
from harness.worlds.real.ports import Ports
from harness.worlds.real.processes import Command, Guard, Process, await_ready
from harness.worlds.real.proxy import Proxy
from harness.worlds.real.servers import Servers, Site, hire, start_servers

STUB_READY_WITHIN_S = 10.0
Proxies = dict[tuple[str, str], Proxy]  # by process and server


@dataclass(frozen=True, kw_only=True)
class Plot:
    """Where a stack is built: its ports, where logs go (None: nowhere that stays), and the journal.

    Without proxies (`proxied`) processes and servers talk directly, as they would in production, and no fault can reach them.
    """

    ports: Ports
    logs: Path | None
    journal: Journal
    proxied: bool = True
    otlp_url: str = ""  # of the sink for traces, where the system names one
    flaw: str = ""  # path of a flaw to plant into the service's processes
    small_disk: bool = False  # of Postgres, so that it can be filled


class MailProvider(Protocol):
    """SendGrid's stand-in, in this process or in one of its own."""

    def url(self, process: str) -> str: ...

    async def listen(self, guard: Guard, /) -> None: ...

    async def close(self) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Stack:
    """Everything that runs for one scenario."""

    guard: Guard
    servers: Servers
    proxies: Proxies
    ports: Mapping[str, int]  # by process
    fleet: Fleet
    turns: defaultdict[str, Lock] = field(default_factory=lambda: defaultdict(Lock))  # by server: faults may overlap

    @property
    def addresses(self) -> dict[str, str]:
        """The name of every API process, by its base URL."""
        return {f"http://127.0.0.1:{self.ports[name]}": name for name in self.fleet.names("api")}

    def proxies_of(self, server: str, *processes: str) -> list[Proxy]:
        """The proxies in front of a server, of these processes or of all."""
        return [
            proxy
            for (process, upstream), proxy in self.proxies.items()
            if upstream == server and (process in processes or not processes)
        ]

    async def crash(self, server: str, loss: Loss) -> Process | None:
        """kill -9 a server; who was killed, None if there was nobody to kill.

        Its proxies refuse connections first: towards a dead server a client meets a refusal, not a reset.
        """
        async with self.turns[server]:
            if not self.servers.is_up(server):
                return None
            for proxy in self.proxies_of(server):
                proxy.refuse()
            return await self.servers.crash(server, loss)

    async def restart(self, server: str, *, slowly: bool = False) -> Process:
        """Start a crashed server again and let connections through; its new process. Raises StackBrokenError.

        `slowly`: a Redis that is still loading.
        """
        async with self.turns[server]:
            process = await self.servers.restart(server, slowly=slowly)
            for proxy in self.proxies_of(server):
                await proxy.listen()
            return process


@asynccontextmanager
async def open_stack(system: System, standin: MailProvider, plot: Plot) -> AsyncIterator[Stack]:
    """A stack in which every process is ready; nothing of it is left afterwards.

    Raises UsageError if something cannot be started.
    """
    require_real_processes(system)
    async with AsyncExitStack() as exits:
        hired = await exits.enter_async_context(hire(system))
        proxies: Proxies = {}
        exits.push_async_callback(_close, proxies)
        exits.push_async_callback(standin.close)
        guard = await exits.enter_async_context(Guard.open())
        logs = plot.logs or guard.folder
        servers = await start_servers(system, hired, Site(guard=guard, ports=plot.ports, logs=logs, small_disk=plot.small_disk))
        exits.callback(servers.close)
        await standin.listen(guard)
        ports = {name: plot.ports.draw() for name in names(system)}
        if plot.proxied:
            proxies |= await _listening_proxies(servers, [SETUP, FLAG_COMMAND, *ports], plot.ports)
        fleet = Fleet(
            system,
            Wiring(
                guard=guard,
                placeholders=lambda name: {
                    **_urls(servers, proxies, process=name),
                    "sendgrid_url": standin.url(name),
                    "otlp_url": plot.otlp_url,
                },
                ports=ports,
                logs=logs,
                journal=plot.journal,
                flaw=plot.flaw,
            ),
        )
        exits.push_async_callback(fleet.close)
        await fleet.set_up()
        await fleet.start_all()
        yield Stack(guard=guard, servers=servers, proxies=proxies, ports=ports, fleet=fleet)


async def start_stub(guard: Guard, port: int) -> None:
    """A bare endpoint beside the service (`stub.py`)."""
    words = [sys.executable, "-I", "-S", str(stub.PROGRAM), str(port), str(guard.folder / "stub.disk")]
    log = guard.folder / "stub.log"
    process = await guard.spawn(Command(name="stub", argv=words, env=dict(os.environ), cwd=guard.folder, log=log))
    await await_ready(process, lambda: missing_listener(port), within_s=STUB_READY_WITHIN_S)


async def _listening_proxies(servers: Servers, processes: list[str], ports: Ports) -> Proxies:
    proxies = {
        (process, server): Proxy(port=ports.draw(), upstream=address(servers.url(server)))
        for process in processes
        for server in servers.names
    }
    for proxy in proxies.values():
        await proxy.listen()
    return proxies


def _urls(servers: Servers, proxies: Proxies, *, process: str) -> dict[str, str]:
    """The URLs of the servers as one process sees them: through its own proxies, if there are any."""
    direct = {f"{name}_url": servers.url(name) for name in servers.names}
    seen = {
        f"{name}_url": at_address(servers.url(name), port=proxy.port) for (who, name), proxy in proxies.items() if who == process
    }
    return direct | seen


async def _close(proxies: Proxies) -> None:
    for proxy in proxies.values():
        await proxy.close()
