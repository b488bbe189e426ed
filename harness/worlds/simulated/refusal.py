"""Which commands a Redis refuses whose memory is full, which has become a replica, or which is loading, and in which words.

As measured on a real server: a full one refuses what may need memory, and a script only at its first write, since it cannot
stop half-way; what frees memory it goes on doing. A replica refuses every write and sends away who waits. One that loads its
file knows nothing yet: it greets, tells of itself, and refuses everything else.
"""

from __future__ import annotations

NEEDS_MEMORY = frozenset(
    b"APPEND,HINCRBY,HSET,HSETNX,INCR,INCRBY,LPUSH,RPUSH,SADD,SET,SETEX,SETNX,XADD,XGROUP CREATE,ZADD,ZINCRBY".split(b",")
)
FREES_OR_MARKS = frozenset(
    b"DEL,EXPIRE,FLUSHALL,FLUSHDB,GETDEL,HDEL,LPOP,LREM,LTRIM,PERSIST,PEXPIRE,RPOP,SPOP,SREM,UNLINK,XACK,XAUTOCLAIM,XCLAIM,"
    b"XDEL,XGROUP CREATECONSUMER,XGROUP DELCONSUMER,XGROUP DESTROY,XGROUP SETID,XREADGROUP,XTRIM,ZPOPMIN,ZREM".split(b",")
)
WHILE_LOADING = frozenset(
    b"AUTH,CLIENT,COMMAND,CONFIG,DISCARD,ECHO,EXEC,HELLO,INFO,LASTSAVE,MULTI,PSUBSCRIBE,PUBLISH,PUNSUBSCRIBE,QUIT,RESET,ROLE,SELECT,"
    b"SUBSCRIBE,TIME,UNSUBSCRIBE,UNWATCH,WATCH".split(b",")
)
WORDS = {
    "loading": "LOADING Valkey is loading the dataset in memory",
    "out-of-memory": "OOM command not allowed when used memory > 'maxmemory'.",
    "read-only": "READONLY You can't write against a read only replica.",
}
UNBLOCKED = "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)"


class Refusal:
    """One stretch of time in which commands are refused; `refused` counts them."""

    def __init__(self, why: str) -> None:
        self.words = WORDS[why]
        self.unblocks = UNBLOCKED if why == "read-only" else ""
        self.refused = 0
        self._is_loading = why == "loading"
        self._denied = NEEDS_MEMORY if why == "out-of-memory" else NEEDS_MEMORY | FREES_OR_MARKS
        self._writes = NEEDS_MEMORY | FREES_OR_MARKS

    def refuses(self, fields: list[bytes]) -> bool:
        """Whether a command is refused; counted."""
        refused = fields[0].upper() not in WHILE_LOADING if self._is_loading else _named(fields) in self._denied
        self.refused += refused
        return refused

    def is_write(self, fields: list[bytes]) -> bool:
        """Whether a command writes: the script that calls it cannot be stopped any more."""
        return _named(fields) in self._writes


def _named(fields: list[bytes]) -> bytes:
    name = fields[0].upper()
    return b" ".join((name, fields[1].upper())) if name == b"XGROUP" and len(fields) > 1 else name
