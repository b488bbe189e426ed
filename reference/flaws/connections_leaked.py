"""A connection on which a call failed is never given back: ten time-outs of Redis later the process can do nothing any more."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from redis.exceptions import MaxConnectionsError

from reference.connection import _Pool

CAUGHT_BY, IN = "ingest_recovers", "redis_replies_lost"

_get, _release = _Pool.get_connection, _Pool.release


async def _get_connection(self: _Pool, command_name: Any = None, *keys: Any, **options: Any) -> Any:
    if len(self._in_use_connections) >= 10:
        raise MaxConnectionsError("Too many connections")
    return await _get(self, command_name, *keys, **options)


async def _give_back(self: _Pool, connection: Any) -> None:
    if connection.is_connected:
        await _release(self, connection)


def plant() -> AbstractContextManager[Any]:
    return patch.multiple(_Pool, get_connection=_get_connection, release=_give_back)
