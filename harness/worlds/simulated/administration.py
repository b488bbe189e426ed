"""The commands that fakeredis lacks: CONFIG, INFO and WAITAOF, of a server that was started with some settings.

Each is given what the server knows, its arguments and the protocol's version (2 or 3). Who asks: `engine.py`.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable
from typing import Any

from fakeredis._helpers import OK, SimpleError

DEFAULTS = {
    "appendonly": "no",
    "appendfsync": "everysec",
    "maxmemory": "0",
    "maxmemory-policy": "noeviction",
    "save": "3600 1 300 100 60 10000",
}


def config(keyspace: Any, args: list[bytes], protocol: int) -> Any:
    """CONFIG GET and SET."""
    if args and args[0].upper() == b"SET":
        keyspace.config.update(zip(args[1::2], args[2::2], strict=False))
        return OK
    if not args or args[0].upper() != b"GET":
        return SimpleError("ERR unknown subcommand or wrong number of arguments for 'CONFIG'. Try CONFIG HELP.")
    found = {
        name: value
        for name, value in sorted(keyspace.config.items())
        if any(fnmatch.fnmatchcase(name.decode(), pattern.decode().lower()) for pattern in args[1:])
    }
    return found if protocol == 3 else [part for pair in found.items() for part in pair]


def info(keyspace: Any, args: list[bytes], protocol: int) -> bytes:
    """INFO, as far as services look at it."""
    sections: dict[str, dict[str, Any]] = {
        "Server": {"redis_version": "7.2.4", "server_name": "valkey", "valkey_version": "9.1.0", "redis_mode": "standalone"},
        "Clients": {"connected_clients": len(keyspace.sockets)},
        "Memory": {"maxmemory": keyspace.setting("maxmemory"), "maxmemory_policy": keyspace.setting("maxmemory-policy")},
        "Persistence": {"loading": 0, "aof_enabled": int(keyspace.setting("appendonly") == "yes")},
        "Replication": {"role": "master", "connected_slaves": 0},
    }
    wanted = {section.decode().lower() for section in args} - {"all", "everything", "default"}
    shown = {name: lines for name, lines in sections.items() if not wanted or name.lower() in wanted}
    return "\r\n".join(
        f"# {name}\r\n" + "".join(f"{key}:{value}\r\n" for key, value in lines.items()) for name, lines in shown.items()
    ).encode()


def waitaof(keyspace: Any, args: list[bytes], protocol: int) -> Any:
    """WAITAOF: what is written is synced."""
    return [int(keyspace.setting("appendonly") == "yes"), 0]


OWN_COMMANDS: dict[bytes, Callable[[Any, list[bytes], int], Any]] = {
    b"CONFIG": config,
    b"INFO": info,
    b"WAITAOF": waitaof,
}
