"""Lua scripts for the command engine: one interpreter for all simulations of a machine process, every script compiled once.

Making an interpreter takes longer than a small simulation. Scripts leave nothing behind in it: setting a global is an error,
as in a real server. The commands EVAL and EVALSHA are in `engine.py`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from typing import Any

from fakeredis import FakeServer
from fakeredis._socket import FakeSocket

LOCK_GLOBALS = """
setmetatable(_G, {__newindex = function(_, name)
    error("Attempt to modify a readonly table (global '" .. tostring(name) .. "')", 2)
end})
"""


@dataclass(frozen=True)
class Script:
    """A script, ready to run."""

    sha1: bytes
    run: Any


@cache
def attributes() -> dict[str, Any]:
    """What fakeredis hangs on a server that has run Lua; every simulated server gets the same."""
    server = FakeServer(version=(8,), server_type="valkey")
    FakeSocket(server, 0, client_class=FakeSocket)._get_server_runtime(server)
    found = {name: value for name, value in vars(server).items() if name.startswith("_lua")}
    seat = found["_lua_current_socket"]
    found["_lua_runtime"].globals().redis.call = lambda name, *arguments: seat[0].call_from_script(name, arguments)
    found["_lua_runtime"].execute(LOCK_GLOBALS)
    return found


@cache
def script_of(source: bytes) -> Script:
    """The compiled script. Raises LuaError if it cannot be compiled."""
    return Script(hashlib.sha1(source).hexdigest().encode(), attributes()["_lua_runtime"].compile(source))
