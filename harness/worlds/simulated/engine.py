"""fakeredis' command engine for one connection, with the quirks straightened that a differential test against a real
server found (`tests/harness/worlds/test_redis_contract.py`).

What is changed: blocking reads wait as a real server's do and are served first come, first served, after the command that
wakes them; sets answer in sorted order (theirs would follow the hash seed); Lua scripts are compiled once per machine
process; CONFIG GET, INFO and WAITAOF exist. The server around it is `redis.py`. Pin fakeredis: this reaches into it.
"""

from __future__ import annotations

import fnmatch
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

from fakeredis import FakeServer
from fakeredis import _msgs as messages
from fakeredis._commands import COMMANDS_WITH_SUB, SUPPORTED_COMMANDS, Signature
from fakeredis._core import Database
from fakeredis._helpers import OK, NoResponse, SimpleError
from fakeredis._socket import FakeSocket
from fakeredis._socket._resp import convert_to_resp2, extract_command
from fakeredis.commands_mixins import scripting_mixin as scripting

from harness.worlds.simulated.arguments import VERSION, MissingKeyError, applied
from harness.worlds.simulated.lua import attributes, script_of

PLAIN = frozenset((bytes, int))  # what no protocol and no script wants converted
LUA_TYPE = scripting.LUA_MODULE.lua_type
DEFAULTS = {
    "appendonly": "no",
    "appendfsync": "everysec",
    "maxmemory": "0",
    "maxmemory-policy": "noeviction",
    "save": "3600 1 300 100 60 10000",
}


@dataclass
class Waiting:
    """A blocked command: `attempt` gives its answer or None, `shape` forms the reply, also of None when time is up."""

    attempt: Callable[[bool], Any]
    shape: Callable[[Any], Any] | None
    timeout_s: float

    def formed(self, answer: Any) -> Any:
        """The reply for an answer (None: nothing came)."""
        return answer if self.shape is None else self.shape(answer)


class Seat(Protocol):
    """The connection an engine serves."""

    def answer(self, value: Any) -> None: ...
    def block(self, waiting: Waiting) -> None: ...


class SimulatedDatabase(Database):
    """A database that notes which keys were touched, so that the server can serve who waits for them."""

    def __init__(self, lock: Any, touched: dict[bytes, None]) -> None:
        super().__init__(lock)
        self._touched = touched

    def notify_watch(self, key: bytes) -> None:
        self._touched[key] = None
        for sock in self._watches.get(key, ()):
            sock.notify_watch()

    def wake_all(self) -> None:
        """Nobody waits on a condition here."""


class Keyspace(FakeServer):
    """What one Redis process knows. `touched` collects the keys the current command changed."""

    def __init__(self, config: dict[str, str]) -> None:
        settings = {**DEFAULTS, **config}
        super().__init__(version=VERSION, server_type="valkey", config={k.encode(): v.encode() for k, v in settings.items()})
        self.touched: dict[bytes, None] = {}
        self.dbs.default_factory = lambda: SimulatedDatabase(self.lock, self.touched)  # type: ignore[attr-defined]
        vars(self).update(attributes())

    def setting(self, name: str) -> str:
        """A configuration setting."""
        return self.config.get(name.encode(), b"").decode()


class Engine(FakeSocket):
    """Executes the commands of one connection."""

    def __init__(self, keyspace: Keyspace, seat: Seat) -> None:
        super().__init__(keyspace, 0, client_class=Engine)
        self._seat = seat
        self.keyspace = keyspace

    @property
    def protocol(self) -> int:
        """2 or 3, as the client's HELLO asked."""
        return self._client_info.protocol_version

    def execute(self, fields: list[bytes]) -> None:
        """Run one command; its reply goes to the seat, now or when it is no longer blocked."""
        own = OWN_COMMANDS.get(fields[0].upper())
        if own is not None:
            self.put_response(own(self, fields[1:]))
        elif self._transaction is not None or self._pubsub:
            self._process_command(fields)
        else:
            self._execute_plainly(fields)

    def _execute_plainly(self, fields: list[bytes]) -> None:
        """What `_process_command` does outside transactions, without access control lists: half its time."""
        name, arguments = extract_command(fields)
        now_s = time.time()
        for database in self.keyspace.dbs.values():
            database.time = now_s
        try:
            if name not in SUPPORTED_COMMANDS:
                raise SimpleError(_unknown(fields))
            func, signature = self._name_to_func(name)
            result = self._run_command(func, signature, arguments, False)
        except SimpleError as error:
            result = error
        if not isinstance(result, NoResponse):
            self.put_response(result)

    def _run_command(self, func: Any, sig: Any, *rest: Any) -> Any:
        """The original also notifies of keyspace events, which nobody asked this server for."""
        args, from_script = rest
        items: Any = ()
        try:
            arguments, items = applied(sig, args, self._db)
            if from_script and messages.FLAG_NO_SCRIPT in sig.flags:
                raise SimpleError(messages.COMMAND_IN_SCRIPT_MSG)
            result = func(*arguments)
            if type(result) not in PLAIN and self._resp_version == 2 and messages.FLAG_SKIP_CONVERT_TO_RESP2 not in sig.flags:
                result = convert_to_resp2(result, self.server_type)
        except SimpleError as error:
            result = error
        except MissingKeyError as missing:
            result = missing.answer
        for item in items:
            item.writeback(remove_empty_val=messages.FLAG_LEAVE_EMPTY_VAL not in sig.flags)
        return result

    def put_response(self, msg: Any) -> None:
        self._seat.answer(msg)

    def _decode_result(self, result: Any) -> Any:
        return result  # left to resp.py

    def _blocking(self, timeout: float | None, func: Callable[[bool], Any], shape: Callable[[Any], Any] | None = None) -> Any:
        waiting = Waiting(func, shape, timeout or 0.0)
        answer = func(True)
        if answer is not None or self._in_transaction or self._script_resp is not None:
            return waiting.formed(answer)
        self._seat.block(waiting)
        return NoResponse()

    def xreadgroup(self, group_const: bytes, group_name: bytes, consumer_name: bytes, *args: bytes) -> Any:
        """A stream that is not there has no group either: a service recognises that by NOGROUP."""
        try:
            return super().xreadgroup(group_const, group_name, consumer_name, *args)
        except SimpleError as error:
            if error.value != messages.XGROUP_KEY_NOT_FOUND_MSG:
                raise
            names = args[[word.upper() for word in args].index(b"STREAMS") + 1 :]
            missing = next(name for name in names if self._db.get(name) is None)
            raise SimpleError(
                messages.XREADGROUP_KEY_OR_GROUP_NOT_FOUND_MSG.format(missing.decode(), group_name.decode())
            ) from None

    def _xreadgroup(self, *args: Any) -> Any:
        *others, _first_pass = args
        read: Any = super()._xreadgroup
        return read(*others, False) or None  # with True, COUNT+BLOCK would never block

    def smembers(self, key: Any) -> list[bytes]:
        return sorted(key.value)

    def sinter(self, key: Any, *keys: Any) -> list[bytes]:
        return sorted(super().sinter(key, *keys))

    def sunion(self, key: Any, *keys: Any) -> list[bytes]:
        return sorted(super().sunion(key, *keys))

    def sdiff(self, key: Any, *keys: Any) -> list[bytes]:
        return sorted(super().sdiff(key, *keys))

    def evalsha(self, sha1: bytes, numkeys: int, *keys_and_args: bytes) -> Any:
        """EVALSHA, refused in a real server's words."""
        if sha1 not in self.keyspace.script_cache:
            raise SimpleError("NOSCRIPT No matching script.")
        return self.eval(self.keyspace.script_cache[sha1], numkeys, *keys_and_args)

    def eval(self, script: bytes, numkeys: int, *keys_and_args: bytes) -> Any:
        """EVAL and EVALSHA. The original compiles anew, checks globals at every call and collects garbage each time."""
        if not 0 <= numkeys <= len(keys_and_args):
            raise SimpleError(messages.TOO_MANY_KEYS_MSG if numkeys > 0 else messages.NEGATIVE_KEYS_MSG)
        server: Any = self.keyspace
        runtime, seat = server._lua_runtime, server._lua_current_socket
        seat[0], self._script_resp = self, 2
        keys, arguments = keys_and_args[:numkeys], keys_and_args[numkeys:]
        server._lua_set_keys_argv(runtime.table_from(keys), runtime.table_from(arguments))
        try:
            compiled = script_of(script)
            server.script_cache[compiled.sha1] = script
            return self._convert_lua_result(compiled.run(), nested=False)
        except scripting.LUA_MODULE.LuaError as error:
            raise SimpleError(f"ERR {str(error).splitlines()[0]}") from None  # without Lua's stack
        finally:
            seat[0], self._script_resp = None, None

    def _lua_redis_call(self, lua_runtime: Any, expected_globals: Any, op: bytes, *args: Any) -> Any:
        signature = _signature(op)
        if signature is None:
            name = f"{op.decode()} {args[0].decode()}".lower() if args else op.decode().lower()
            signature, args = self._name_to_func(name)[1], args[1:]
        fields = [arg if type(arg) is bytes else scripting._convert_redis_arg(arg) for arg in args]
        result = self._run_command(getattr(self, signature.func_name), signature, fields, True)
        return result if type(result) in PLAIN else self._convert_redis_result(lua_runtime, result)

    def _convert_lua_result(self, result: Any, nested: bool = True) -> Any:
        """What a script answers; lists, which is nearly all of it, are not asked whether they are something else."""
        kind = type(result)
        if kind in PLAIN:
            return result
        if LUA_TYPE(result) != "table" or (item := result[1]) is None:
            return super()._convert_lua_result(result, nested)
        items, length = [], 0
        while item is not None:
            items.append(item if type(item) is bytes else self._convert_lua_result(item))
            length += 1
            item = result[length + 1]
        return items

    # --- commands fakeredis lacks

    def _config(self, args: list[bytes]) -> Any:
        if args and args[0].upper() == b"SET":
            self.keyspace.config.update(zip(args[1::2], args[2::2], strict=False))
            return OK
        if not args or args[0].upper() != b"GET":
            return SimpleError("ERR unknown subcommand or wrong number of arguments for 'CONFIG'. Try CONFIG HELP.")
        found = {
            name: value
            for name, value in sorted(self.keyspace.config.items())
            if any(fnmatch.fnmatchcase(name.decode(), pattern.decode().lower()) for pattern in args[1:])
        }
        return found if self.protocol == 3 else [part for pair in found.items() for part in pair]

    def _info(self, args: list[bytes]) -> bytes:
        keyspace = self.keyspace
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

    def _waitaof(self, args: list[bytes]) -> Any:
        return [int(self.keyspace.setting("appendonly") == "yes"), 0]


@cache
def _signature(op: bytes) -> Signature | None:
    """What a command that a script calls takes; None if that depends on its subcommand."""
    name = op.decode().lower()
    return SUPPORTED_COMMANDS.get(name) if name not in COMMANDS_WITH_SUB else None


OWN_COMMANDS: dict[bytes, Callable[[Engine, list[bytes]], Any]] = {
    b"CONFIG": Engine._config,
    b"INFO": Engine._info,
    b"WAITAOF": Engine._waitaof,
}


def _unknown(fields: list[bytes]) -> str:
    name, *arguments = (field.decode("utf-8", "replace") for field in fields)
    quoted = "".join(f"'{argument}' " for argument in arguments)
    return f"ERR unknown command '{name}', with args beginning with: {quoted}"
