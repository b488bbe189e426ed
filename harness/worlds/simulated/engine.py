"""fakeredis' command engine for one connection, with the quirks straightened that a differential test against a real
server found (`tests/harness/worlds/test_redis_contract.py`).

What is changed: blocking reads wait as a real server's do and are served first come, first served, after the command that
wakes them; sets answer in sorted order (theirs would follow the hash seed); Lua scripts are compiled once per machine
process. The server around it is `redis.py`. Pin fakeredis: this reaches into it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any

from fakeredis import _msgs as messages
from fakeredis._commands import COMMANDS_WITH_SUB, SUPPORTED_COMMANDS, Signature
from fakeredis._helpers import NoResponse, SimpleError
from fakeredis._socket import FakeSocket
from fakeredis._socket._resp import convert_to_resp2, extract_command
from fakeredis.commands_mixins import scripting_mixin as scripting
from fakeredis.model import XStream

from harness.worlds.simulated.administration import OWN_COMMANDS
from harness.worlds.simulated.arguments import MissingKeyError, applied
from harness.worlds.simulated.keyspace import Keyspace, Seat, Waiting
from harness.worlds.simulated.lua import attributes, script_of
from harness.worlds.simulated.refusal import Refusal
from harness.worlds.simulated.shortcuts import SHORTCUTS, UNUSUAL, group_to_read

PLAIN = frozenset((bytes, int))  # what no protocol and no script wants converted
LUA_TYPE = scripting.LUA_MODULE.lua_type


class Engine(FakeSocket):
    """Executes the commands of one connection."""

    def __init__(self, keyspace: Keyspace, seat: Seat) -> None:
        super().__init__(keyspace, 0, client_class=Engine)
        self._seat = seat
        self.keyspace = keyspace
        self._runtime = attributes()["_lua_runtime"]
        self._has_written = False  # the script that runs

    @property
    def protocol(self) -> int:
        """2 or 3, as the client's HELLO asked."""
        return self._client_info.protocol_version

    def execute(self, fields: list[bytes]) -> None:
        """Run one command; its reply goes to the seat, now or when it is no longer blocked."""
        own = OWN_COMMANDS.get(fields[0].upper())
        if own is not None:
            self.put_response(own(self.keyspace, fields[1:], self.protocol))
        elif (refusal := self.keyspace.refusal) is not None and refusal.refuses(fields):
            self.put_response(SimpleError(refusal.words))
        elif self._transaction is not None or self._pubsub:
            self._process_command(fields)
        else:
            self._execute_plainly(fields)

    def _execute_plainly(self, fields: list[bytes]) -> None:
        """What `_process_command` does outside transactions, without access control lists: half its time."""
        now_s = time.time()
        for database in self.keyspace.dbs.values():
            database.time = now_s
        result = self._shortcut(fields[0], fields[1:])
        if result is UNUSUAL:
            result = self._execute_generally(fields)
        if not isinstance(result, NoResponse):
            self.put_response(result)

    def _shortcut(self, name: bytes, arguments: list[bytes]) -> Any:
        """The answer of a command in the form in which services call it; UNUSUAL for every other one."""
        if name == b"EVALSHA":
            return self._run_cached(arguments)
        if name == b"XREADGROUP":
            return self._read_or_wait(arguments)
        shortcut = SHORTCUTS.get(name)
        return shortcut(self._db, arguments) if shortcut is not None and (arguments or name == b"TIME") else UNUSUAL

    def _run_cached(self, arguments: list[bytes]) -> Any:
        """EVALSHA of a script the server knows."""
        script = self.keyspace.script_cache.get(arguments[0]) if len(arguments) > 1 and arguments[1].isdigit() else None
        if script is None:
            return UNUSUAL
        try:
            answer = self.eval(script, int(arguments[1]), *arguments[2:])
            return self._in_resp2(answer) if self._resp_version == 2 else answer
        except SimpleError as error:
            return error

    def _read_or_wait(self, arguments: list[bytes]) -> Any:
        """XREADGROUP GROUP group consumer COUNT count BLOCK ms STREAMS key >."""
        group = group_to_read(self._db, arguments)
        if group is None:
            return UNUSUAL
        wanted = [(group, arguments[8], b">")]
        attempt = partial(self._xreadgroup, arguments[2], wanted, int(arguments[4]), False, None)
        return self._blocking(int(arguments[6]) / 1000, attempt, self._xreadgroup_reply)

    def _execute_generally(self, fields: list[bytes]) -> Any:
        name, arguments = extract_command(fields)
        try:
            if name not in SUPPORTED_COMMANDS:
                raise SimpleError(_unknown(fields))
            func, signature = self._name_to_func(name)
            return self._run_command(func, signature, arguments, False)
        except SimpleError as error:
            return error

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
                result = self._in_resp2(result)
        except SimpleError as error:
            result = error
        except MissingKeyError as missing:
            result = missing.answer
        for item in items:
            item.writeback(remove_empty_val=messages.FLAG_LEAVE_EMPTY_VAL not in sig.flags)
        return result

    def _in_resp2(self, value: Any) -> Any:
        """An answer without what only RESP3 can say; lists are not asked what else they might be."""
        if type(value) is not list:
            return value if value is None or type(value) in PLAIN else convert_to_resp2(value, self.server_type)
        return [part if type(part) in PLAIN else self._in_resp2(part) for part in value]

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
        words = [word.upper() for word in args]
        names = args[words.index(b"STREAMS") + 1 :] if b"STREAMS" in words else ()
        found = [item for name in names[: len(names) // 2] if (item := self._db.get(name)) is not None]
        if any(type(item.value) is not XStream for item in found):
            raise SimpleError(messages.WRONGTYPE_MSG)
        try:
            return super().xreadgroup(group_const, group_name, consumer_name, *args)
        except SimpleError as error:
            if error.value != messages.XGROUP_KEY_NOT_FOUND_MSG:
                raise
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
        runtime, seat = self._runtime, server._lua_current_socket
        seat[0], self._script_resp, self._has_written = self, 2, False
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
        return self.call_from_script(op, args)

    def call_from_script(self, op: bytes, args: Sequence[Any]) -> Any:
        """redis.call. Raises SimpleError, which ends the script."""
        fields = [arg if type(arg) is bytes else scripting._convert_redis_arg(arg) for arg in args]
        if self.keyspace.refusal is not None:
            self._refuse(self.keyspace.refusal, [op, *fields])
        shortcut = SHORTCUTS.get(op)
        result = UNUSUAL if shortcut is None or not (fields or op == b"TIME") else shortcut(self._db, fields)
        if result is UNUSUAL:
            result = self._call_generally(op, fields)
        return result if type(result) in PLAIN else self._convert_redis_result(self._runtime, result)

    def _refuse(self, refusal: Refusal, fields: list[bytes]) -> None:
        """Raises SimpleError if a script must not make this call; one that has written before cannot stop half-way."""
        if not self._has_written and refusal.refuses(fields):
            raise SimpleError(refusal.words)
        self._has_written = self._has_written or refusal.is_write(fields)

    def _call_generally(self, op: bytes, fields: list[bytes]) -> Any:
        signature = _signature(op)
        if signature is None:
            name = b" ".join([op, *fields[:1]]).decode().lower()
            signature, fields = self._name_to_func(name)[1], fields[1:]
        return self._run_command(getattr(self, signature.func_name), signature, fields, True)

    def _convert_redis_result(self, lua_runtime: Any, result: Any) -> Any:
        """What a script sees of an answer."""
        kind = type(result)
        if kind in PLAIN:
            return result
        if kind is not list:
            return super()._convert_redis_result(lua_runtime, result)
        convert = self._convert_redis_result
        return lua_runtime.table_from([item if type(item) is bytes else convert(lua_runtime, item) for item in result])

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


@cache
def _signature(op: bytes) -> Signature | None:
    """What a command that a script calls takes; None if that depends on its subcommand."""
    name = op.decode().lower()
    return SUPPORTED_COMMANDS.get(name) if name not in COMMANDS_WITH_SUB else None


def _unknown(fields: list[bytes]) -> str:
    name, *arguments = (field.decode("utf-8", "replace") for field in fields)
    quoted = "".join(f"'{argument}' " for argument in arguments)
    return f"ERR unknown command '{name}', with args beginning with: {quoted}"
