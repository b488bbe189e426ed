"""Postgres of a stack: a data directory copied from a template, its own port, and a crash that is a real one.

Postgres refuses to run as root. There it runs as an ordinary user inside a user namespace or, where the machine forbids
those, as `nobody` from copies that user can read.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import pwd
import shutil
import sys
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Literal

from harness.faults import Loss
from harness.systems import Server
from harness.usage import UsageError
from harness.worlds.real import disk
from harness.worlds.real.binaries import postgres_programs
from harness.worlds.real.operator import Operator
from harness.worlds.real.processes import Command, Guard, Process, await_ready
from harness.worlds.real.rows import UNREADABLE

READY_WITHIN_S = 20.0
Identity = Literal["self", "mapped", "nobody"]
READY_LINE = 7  # of postmaster.pid: what the server says of itself
INITDB = ("--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--wal-segsize=1", "--no-sync")
CACHE = Path(sys.prefix) / "var" / "ingestion-harness"


class PostgresServer:
    """One server on a port of its own; `url` is where it listens, not where the service finds it (the proxy).

    With `disk_bytes` its data lies on a disk of its own, of that size; `disk` is where that is for us, None without.
    """

    def __init__(self, guard: Guard, *, port: int, server: Server, log: Path, disk_bytes: int = 0) -> None:
        self.port = port
        self.url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        self.operator = Operator(self.url)
        self._guard = guard
        self.disk: Path | None = None
        self._disk_bytes = disk_bytes
        self._holder = 0
        self._data = guard.folder / "postgres"  # as the server sees it
        self._server = server
        self._log = log
        self._programs = postgres_programs()
        self._identity: Identity | None = None
        self._process: Process | None = None

    @property
    def process(self) -> Process:
        """The running server. Raises RuntimeError before the first start."""
        if self._process is None:
            raise RuntimeError("The Postgres server was never started; await start() first.")
        return self._process

    async def start(self, *, identity: Identity | None = None) -> None:
        """Start and wait until it takes connections. Raises UsageError with the end of its log if it does not."""
        is_new = self._identity is None
        if is_new:
            if self._disk_bytes:
                await self._mount()
            self._identity = identity or ("self" if self.disk else await self._fitting_identity())
            await self._prepare()
        self._process = await self._spawn("postgres", "-D", str(self._data), *self._settings())
        await await_ready(self._process, self._says_ready, within_s=READY_WITHIN_S)
        if is_new:
            try:
                await self.operator.make_role()
            except UNREADABLE as error:
                raise UsageError(f"The fresh Postgres makes no role for the harness: {error}") from None

    async def crash(self, loss: Loss = "process-crash") -> bool:
        """kill -9 of the server and all its backends; False if it was not running. Only a process crash is modelled."""
        if loss != "process-crash":
            raise ValueError(f"Postgres syncs every commit; it cannot forget after a {loss}. Use 'process-crash'.")
        return await self.process.kill()

    def _settings(self) -> list[str]:
        own = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "dynamic_shared_memory_type": "mmap",  # posix would leave files in /dev/shm after a kill -9
        }
        settings = {**self._server.config, **own}
        return [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]

    async def _says_ready(self) -> str:
        try:
            lines = (self._files / "postmaster.pid").read_text().splitlines()
        except OSError:
            return "it has not written postmaster.pid yet"
        is_own = lines[:1] == [str(self.process.pid)]  # after a crash the old file is still there
        state = lines[READY_LINE].strip() if is_own and len(lines) > READY_LINE else "starting"
        return "" if state == "ready" else f"it says that it is {state}"

    async def _spawn(self, program: str, *arguments: str, identity: Identity | None = None) -> Process:
        command = Command(
            name="postgres",
            argv=[str(self._programs / program), *arguments],
            env={**os.environ, "LC_ALL": "C"},
            cwd=self._guard.folder,
            log=self._log,
            identity=identity or self._identity or "self",
            inside=self._holder,
        )
        return await self._guard.spawn(command)

    async def _fitting_identity(self) -> Identity:
        """Whom Postgres can run as here. Raises UsageError where root has no way."""
        if os.geteuid() != 0:
            return "self"
        try:
            attempt = await self._spawn("postgres", "--version", identity="mapped")
            if await attempt.wait() == 0:
                return "mapped"
        except UsageError:
            pass  # no user namespaces here (containers often forbid them)
        try:
            pwd.getpwnam("nobody")
        except KeyError:
            raise UsageError(
                "Postgres does not run as root, and here it can neither run in a user namespace (unshare is forbidden) "
                "nor as `nobody` (there is no such user): run the harness as an ordinary user."
            ) from None
        return "nobody"

    async def _prepare(self) -> None:
        """A data directory: a copy of the template, which is made at the very first start."""
        if self._identity == "nobody":
            await to_the_end(self._copy_programs)
        template = CACHE / self._template_name()
        if os.access(template, os.R_OK | os.X_OK):
            await to_the_end(partial(shutil.copytree, template, self._files, dirs_exist_ok=True))
        else:
            await self._initialise()
            await to_the_end(keep_template, self._files, template)
        if self._identity == "nobody":
            await to_the_end(give_to_nobody, self._data)

    async def _mount(self) -> None:
        self._data.mkdir(mode=0o700)
        words = [sys.executable, "-I", "-S", str(disk.PROGRAM), str(self._data), str(self._disk_bytes)]
        command = Command(name="disk", argv=words, env=dict(os.environ), cwd=self._guard.folder, log=self._log)
        holder = await self._guard.spawn(command)
        seen = disk.seen_from_outside(self._data, holder.pid)

        async def missing() -> str:
            return "" if seen.stat().st_dev != self._data.stat().st_dev else "it is not mounted"

        await await_ready(holder, missing, within_s=READY_WITHIN_S)
        self._holder, self.disk = holder.pid, seen

    @property
    def _files(self) -> Path:
        """Its data directory, as we see it."""
        return self.disk or self._data

    def _template_name(self) -> str:
        about = (self._programs / "postgres").stat()
        key = f"{self._programs}:{about.st_size}:{about.st_mtime_ns}:{os.geteuid()}:{' '.join(INITDB)}"
        return f"postgres-{hashlib.sha256(key.encode()).hexdigest()[:12]}"

    async def _initialise(self) -> None:
        self._data.mkdir(mode=0o700, exist_ok=True)
        if self._identity == "nobody":
            give_to_nobody(self._data)
        attempt = await self._spawn("initdb", "--pgdata", str(self._data), *INITDB)
        if code := await attempt.wait():
            raise UsageError(f"initdb ended with exit code {code}; its log ends with:\n{attempt.tail()}")

    def _copy_programs(self) -> None:
        if not is_open_to_all(self._guard.folder.parent):
            raise UsageError(
                f"Postgres has to run as `nobody` here, who cannot reach {self._guard.folder.parent}; "
                "set TMPDIR to a directory that everybody can enter, such as /tmp."
            )
        self._guard.folder.chmod(0o711)
        if not is_open_to_all(self._programs):
            self._programs = copy_programs(self._programs, self._guard.folder / "programs")


async def to_the_end(work: Callable[..., object], *arguments: object) -> None:
    """Do `work` in a thread. A thread cannot be stopped: when cancelled, wait for it, or it would go on writing later."""
    thread = asyncio.create_task(asyncio.to_thread(work, *arguments))
    try:
        await asyncio.shield(thread)
    except asyncio.CancelledError:
        await asyncio.wait([thread])
        raise


def is_open_to_all(folder: Path) -> bool:
    """Whether any user can reach the folder: `nobody` cannot execute what lies in a private home."""
    return all(path.stat().st_mode & 0o001 for path in (folder, *folder.parents))


def copy_programs(programs: Path, target: Path) -> Path:
    """Copy a whole Postgres installation, the libraries a wheel keeps beside it included; its new bin directory."""
    for package in programs.parents:
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, target / libraries.name)
            shutil.copytree(package, target / package.name, symlinks=True)
            return target / package.name / programs.relative_to(package)
    shutil.copytree(programs.parent, target / "postgres", symlinks=True)
    return target / "postgres" / programs.name


def give_to_nobody(folder: Path) -> None:
    """Change the owner of a folder and everything in it."""
    nobody = pwd.getpwnam("nobody")
    for path in (folder, *folder.rglob("*")):
        os.chown(path, nobody.pw_uid, nobody.pw_gid, follow_symlinks=False)


def keep_template(data: Path, template: Path) -> None:
    """Keep a fresh data directory for later stacks; where nothing can be kept, every stack makes its own."""
    draft = template.with_name(f"{template.name}.{uuid.uuid4().hex}")
    try:
        template.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(data, draft)
        draft.rename(template)
    except OSError:  # not writable, or somebody else was faster
        shutil.rmtree(draft, ignore_errors=True)
