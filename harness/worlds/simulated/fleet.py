"""The simulated processes of one system: built from its `[simulation]` table, started, stopped and started again.

`SimulatedHost` is all a service gets to see of its machine; the service imports nothing of ours, it expects this shape.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any

from harness.faults import FLAG_COMMAND
from harness.history import History, Lifecycle
from harness.systems import System, filled
from harness.usage import UsageError
from harness.worlds.simulated.asgi import AsgiServer, HttpRequest
from harness.worlds.simulated.gateway import Gateway
from harness.worlds.simulated.network import SimulatedNetwork
from harness.worlds.simulated.postgres import PostgresServer, Session
from harness.worlds.simulated.processes import Process
from harness.worlds.simulated.redis import RedisServer
from harness.worlds.simulated.sendgrid import SendGridServer, SendGridTransport

READY_WITHIN_S = 20.0
STOPS_WITHIN_S = 10.0
TURNED_WITHIN_S = 10.0
POLLS_EVERY_S = 0.05
BEFORE_RESTART_S = 1.0

Main = Callable[[], Coroutine[Any, Any, None]]


@dataclass(frozen=True)
class Servers:
    """What stands around the processes."""

    network: SimulatedNetwork
    redis: RedisServer
    postgres: PostgresServer
    sendgrid: SendGridServer


@dataclass(frozen=True)
class SimulatedHost:
    """What a simulated process gets of its machine; see the Host protocol in the service's own simulation module."""

    name: str
    role: str
    env: Mapping[str, str]
    random: Random
    transport: SendGridTransport
    database: Session
    terminated: asyncio.Event
    server: AsgiServer = field(repr=False)

    async def serve(self, app: Any) -> None:
        """Serve an ASGI app until the process is terminated and what is in flight is done."""
        await self.server.serve(app)


@dataclass
class Member:
    """One place in the fleet: its process now, and how often it was started."""

    name: str
    role: str
    process: Process
    server: AsgiServer
    supervisor: asyncio.Task[None] | None = None


class Fleet:
    """Every process of a system by name. Lifecycles go into the history.

    One that ends by itself is started again after a second, as a supervisor would; one whose end a fault wanted comes back
    through that fault alone.
    """

    def __init__(self, system: System, servers: Servers, history: History, *, seed: int, now: Callable[[], float]) -> None:
        self.members: dict[str, Member] = {}
        self._system, self._servers, self.history, self._seed, self._now = system, servers, history, seed, now
        self._build: Callable[[SimulatedHost], Main] = load_named(system, "build")
        self._incarnations: dict[str, int] = {}
        self._ends_wanted: set[Process] = set()  # killed or told to stop: no supervisor starts them again
        self._clocks_off: dict[str, float] = {}  # by role
        self._upgraded: set[str] = set()
        self._all_started = False
        self.gateway = Gateway(servers.network, self.api_servers, now)

    def api_servers(self) -> list[AsgiServer]:
        """The API processes there are."""
        return [member.server for member in self.members.values() if member.role == "api"]

    def workers(self) -> list[Member]:
        """The worker processes there are."""
        return [member for member in self.members.values() if member.role == "worker"]

    async def start_all(self) -> None:
        """Run the setup, then start every process and wait until it is ready. Raises UsageError if one is not."""
        if self._system.setup is not None:
            await self._set_up()
        for role, count in self._system.processes.items():
            for number in range(count):
                self.start(f"{role}-{number}", role)
        for name in list(self.members):
            await self.wait_ready(name)
        self._all_started = True

    async def _set_up(self) -> None:
        member = self._launch("setup", "setup")
        await member.process.ended.wait()
        if member.process.exit_code != 0:
            raise UsageError(f"The setup of '{self._system.name}' failed in the simulation: {member.process.error}.")

    async def turn_flag(self, percent: int | None) -> str | None:
        """Run what sets the flag (None: clears it) in a process of its own; what came of it, None if it failed."""
        turn = load_named(self._system, "flag")
        self._note(FLAG_COMMAND, "started", detail="clear" if percent is None else f"set {percent}")
        process = self._launch(FLAG_COMMAND, FLAG_COMMAND, lambda host: turn(host, percent)).process
        self._ends_wanted.add(process)
        with suppress(TimeoutError):
            async with asyncio.timeout(TURNED_WITHIN_S):
                await process.ended.wait()
        process.kill()  # one that hangs; whatever has ended has ended
        self._note(FLAG_COMMAND, "exited", detail=process.error, exit_code=process.exit_code)
        return "it ended with exit code 0" if process.exit_code == 0 else None

    def start(self, name: str, role: str) -> None:
        """Start a process, or its next incarnation; one that lives is left alone (faults may overlap)."""
        if name in self.members and self.members[name].process.alive:
            return
        member = self.members[name] = self._launch(name, role)
        self._note(name, "started", detail=f"incarnation {self._incarnations[name]}")
        member.supervisor = asyncio.create_task(self._supervise(member))

    async def start_again(self, name: str) -> str:
        """Start a process once the traffic has begun: how it came back, in words.

        That it does not is a fact about the service: it is recorded, and the run goes on.
        """
        self.start(name, self.members[name].role)
        member = self.members[name]
        try:
            await self.wait_ready(name)
        except UsageError as error:
            if member.process in self._ends_wanted:
                return "it was ended again before it was ready"
            self._note(name, "not restarted", detail=str(error))
            return f"it did not come back: {error}"
        return f"now incarnation {member.process.incarnation}"

    async def _supervise(self, member: Member) -> None:
        """Start it again when it ends by itself: a new incarnation has a supervisor of its own."""
        process = member.process
        await process.ended.wait()
        if process in self._ends_wanted or not self._all_started:
            return
        self._note(process.name, "exited", detail="by itself", exit_code=process.exit_code)
        await asyncio.sleep(BEFORE_RESTART_S)
        await self.start_again(process.name)

    def _launch(self, name: str, role: str, build: Callable[[SimulatedHost], Main] | None = None) -> Member:
        incarnation = self._incarnations[name] = self._incarnations.get(name, 0) + 1
        network = self._servers.network
        process = Process(network.loop, network.operations, name=name, role=role, incarnation=incarnation)
        if off_s := self._clocks_off.get(role):
            process.set_clock(off_s)
        server = AsgiServer(process)
        process.start(lambda: (build or self._build)(self._host(process, server))())
        return Member(name, role, process, server)

    def _host(self, process: Process, server: AsgiServer) -> SimulatedHost:
        return SimulatedHost(
            name=process.name,
            role=process.role,
            env=self._environment(process.name),
            random=Random(f"{self._seed}:entropy:{process.name}:{process.incarnation}"),
            transport=self._servers.sendgrid.transport(process),
            database=self._servers.postgres.session(process),
            terminated=process.terminated,
            server=server,
        )

    def _environment(self, name: str) -> dict[str, str]:
        servers = self._servers
        values = {
            "redis_url": servers.redis.url,
            "postgres_url": servers.postgres.url,
            "sendgrid_url": servers.sendgrid.url(name),
            "port": "80",
        }
        return {key: filled(text, values) for key, text in self._system.env_of(is_upgraded=name in self._upgraded).items()}

    async def wait_ready(self, name: str) -> None:
        """Wait until a process does its work: an API answers `ready`; a worker lives. Raises UsageError if it does not."""
        member = self.members[name]
        deadline_s = self._now() + READY_WITHIN_S
        while not await self._is_ready(member):
            if not member.process.alive or self._now() > deadline_s:
                reason = member.process.error or f"it was not ready within {READY_WITHIN_S:g} s"
                raise UsageError(f"{name} of '{self._system.name}' did not start in the simulation: {reason}.")
            await asyncio.sleep(POLLS_EVERY_S)

    async def _is_ready(self, member: Member) -> bool:
        if member.role != "api":
            return member.process.alive
        if not member.server.accepting.is_set() or self._system.api.ready is None:
            return member.server.accepting.is_set()
        request = HttpRequest("GET", self._system.api.ready)
        try:
            return (await self.gateway.call(member.server, request, timeout_s=5.0)).status == 200
        except (ConnectionError, TimeoutError):
            return False

    def set_clocks(self, roles: frozenset[str] | None, off_s: float) -> None:
        """Let the wall clocks of these roles' processes (None: of all) be off, also of those started from now on."""
        for role in roles if roles is not None else self._system.processes:
            self._clocks_off[role] = off_s
        for member in self.members.values():
            member.process.set_clock(self._clocks_off.get(member.role, 0.0))

    def kill(self, name: str) -> bool:
        """kill -9; False if it had ended before."""
        process = self.members[name].process
        if not process.alive:
            return False
        self._ends_wanted.add(process)
        process.kill()
        self._note(name, "killed")
        return True

    async def terminate(self, name: str) -> int | None:
        """SIGTERM, and kill -9 for one that does not stop in time; its exit code, None if it had ended before."""
        process = self.members[name].process
        if not process.alive:
            return None
        self._ends_wanted.add(process)
        began_s = self._now()
        self._note(name, "terminated")
        process.terminate()
        try:
            async with asyncio.timeout(STOPS_WITHIN_S):
                await process.ended.wait()
        except TimeoutError:
            process.kill()
            self._note(name, "killed", detail=f"it had not stopped {STOPS_WITHIN_S:g} s after SIGTERM")
        code = process.exit_code if process.exit_code is not None else 0
        took_s = self._now() - began_s
        self._note(name, "exited", detail=process.error, exit_code=code, took_s=took_s)
        return code

    def upgrade(self, name: str) -> bool:
        """From its next start on it is the next version; False if it is already."""
        was, self._upgraded = name in self._upgraded, self._upgraded | {name}
        return not was

    def freeze(self, name: str) -> bool:
        """SIGSTOP; False if it had ended before."""
        process = self.members[name].process
        if process.alive:
            process.freeze()
            self._note(name, "frozen")
        return process.alive

    def thaw(self, name: str) -> None:
        """SIGCONT."""
        self.members[name].process.thaw()
        self._note(name, "resumed")

    def _note(self, process: str, what: str, **details: Any) -> None:
        self.history.record(Lifecycle(process=process, what=what, at_s=self._now(), **details))


def load_named(system: System, key: str) -> Any:
    """The function `[simulation]` names under a key: `build` or `flag`. Raises UsageError if there is none."""
    if system.simulation is None:
        raise UsageError(f"The system '{system.name}' cannot be simulated: its file has no [simulation] table; use --world real.")
    name = getattr(system.simulation, key)
    module_name, _, function_name = name.partition(":")
    try:
        return getattr(importlib.import_module(module_name), function_name)
    except (ImportError, AttributeError) as error:
        told = f"[simulation] {key} = '{name}' of '{system.name}' cannot be loaded: {error}"
        raise UsageError(f"{told}; name an importable module and a function in it.") from None
