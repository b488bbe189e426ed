"""The commands that services call thousands of times, straight on fakeredis' models, in the form in which they call them.

A shortcut answers what the engine's general path would; a call in any other form is `UNUSUAL` and goes that way. The
differential suite (`tests/harness/worlds/test_redis_contract.py`) compares both with a real server. Who asks: `engine.py`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from itertools import takewhile
from typing import Any

from fakeredis._core import Item
from fakeredis.model import Hash, XStream, ZSet

UNUSUAL = object()
NUMBER = re.compile(rb"-?\d{1,17}|[+-]inf").fullmatch
ENTRY_ID = re.compile(rb"(\d{1,19})-(\d{1,19})").fullmatch
Arguments = Sequence[bytes]


def _found(database: Any, key: bytes, kind: type) -> Any:
    """The value of a key, None if there is none, UNUSUAL if it is of another kind or its time is up."""
    item = database._dict.get(key)
    if item is None:
        return None
    if type(item.value) is not kind or (item.expireat is not None and item.expireat < database.time):
        return UNUSUAL
    return item.value


def _plain_hash(database: Any, key: bytes) -> Any:
    found = _found(database, key, Hash)
    return UNUSUAL if found is not None and (found is UNUSUAL or found._expirations) else found


def _created(database: Any, key: bytes, value: Any) -> Any:
    database[key] = Item(value)
    return value


def hget(database: Any, args: Arguments) -> Any:
    """HGET key field."""
    found = _plain_hash(database, args[0])
    if found is UNUSUAL or len(args) != 2:
        return UNUSUAL
    return None if found is None else found._values.get(args[1])


def hmget(database: Any, args: Arguments) -> Any:
    """HMGET key field..."""
    found = _plain_hash(database, args[0])
    if found is UNUSUAL or len(args) < 2:
        return UNUSUAL
    return [None] * (len(args) - 1) if found is None else list(map(found._values.get, args[1:]))


def hset(database: Any, args: Arguments) -> Any:
    """HSET key field value..."""
    found = _plain_hash(database, args[0])
    if found is UNUSUAL or len(args) < 3 or not len(args) % 2:
        return UNUSUAL
    values = (_created(database, args[0], Hash()) if found is None else found)._values
    before = len(values)
    values.update(zip(args[1::2], args[2::2], strict=True))
    database.notify_watch(args[0])
    return len(values) - before


def hdel(database: Any, args: Arguments) -> Any:
    """HDEL key field..., as long as a field remains."""
    found = _plain_hash(database, args[0])
    if found is UNUSUAL or len(args) < 2 or (found is not None and len(found._values) < len(args)):
        return UNUSUAL
    removed = [found._values.pop(field, None) for field in args[1:]] if found is not None else []
    count = len(removed) - removed.count(None)
    if count:
        database.notify_watch(args[0])
    return count


def pexpire(database: Any, args: Arguments) -> Any:
    """PEXPIRE key milliseconds."""
    item = database._dict.get(args[0])
    if len(args) != 2 or not args[1].isdigit() or args[1] == b"0" or item is None or item.expireat is not None:
        return UNUSUAL
    item.expireat = database.time + int(args[1]) / 1000
    database.schedule_expiry(args[0], item.expireat)
    database.notify_watch(args[0])
    return 1


def persist(database: Any, args: Arguments) -> Any:
    """PERSIST key, of one that does not expire."""
    item = database._dict.get(args[0])
    return 0 if len(args) == 1 and item is not None and item.expireat is None else UNUSUAL


def zadd(database: Any, args: Arguments) -> Any:
    """ZADD key score member."""
    if len(args) != 3 or not NUMBER(args[1]):
        return UNUSUAL
    found = _found(database, args[0], ZSet)
    if found is UNUSUAL:
        return UNUSUAL
    members = _created(database, args[0], ZSet()) if found is None else found
    before = len(members)
    if members.add(args[2], float(args[1])):
        database.notify_watch(args[0])
    return len(members) - before


def zcard(database: Any, args: Arguments) -> Any:
    """ZCARD key."""
    found = _found(database, args[0], ZSet)
    if found is UNUSUAL or len(args) != 1:
        return UNUSUAL
    return 0 if found is None else len(found)


def zrangebyscore(database: Any, args: Arguments) -> Any:
    """ZRANGEBYSCORE key -inf max LIMIT 0 count."""
    if len(args) != 6 or args[1] != b"-inf" or args[3:5] != [b"LIMIT", b"0"] or not (NUMBER(args[2]) and args[5].isdigit()):
        return UNUSUAL
    found = _found(database, args[0], ZSet)
    if found is UNUSUAL:
        return UNUSUAL
    most = float(args[2])
    lowest = found.islice_score(0, int(args[5])) if found else ()
    return [member for _, member in takewhile(lambda scored: scored[0] <= most, lowest)]


def zrem(database: Any, args: Arguments) -> Any:
    """ZREM key member..."""
    found = _found(database, args[0], ZSet)
    if found is UNUSUAL or len(args) < 2:
        return UNUSUAL
    if found is None:
        return 0
    before = len(found)
    for member in args[1:]:
        found.discard(member)
    removed = before - len(found)
    if removed:
        database.notify_watch(args[0])
        if not found:
            del database[args[0]]
    return removed


def xlen(database: Any, args: Arguments) -> Any:
    """XLEN key."""
    found = _found(database, args[0], XStream)
    if found is UNUSUAL or len(args) != 1:
        return UNUSUAL
    return 0 if found is None else len(found)


def xadd(database: Any, args: Arguments) -> Any:
    """XADD key * field value..."""
    found = _found(database, args[0], XStream)
    if found is UNUSUAL or len(args) < 4 or len(args) % 2 or args[1] != b"*":
        return UNUSUAL
    stream = _created(database, args[0], XStream()) if found is None else found
    entry = stream.next_id(None)
    stream.add(args[2:], entry)
    database.notify_watch(args[0])
    return entry.encode()


def xpending(database: Any, args: Arguments) -> Any:
    """XPENDING key group id id 1 consumer: whether a consumer holds an entry."""
    if len(args) != 6 or args[2] != args[3] or args[4] != b"1":
        return UNUSUAL
    group, entry = _group_and_entry(database, args)
    if group is None:
        return UNUSUAL
    held = group.pel.get(entry)
    if held is None or held.consumer_name != args[5]:
        return []
    idle_ms = int(time.time() * 1000) - held.time_read if held.time_read else -1
    return [[args[2], held.consumer_name, idle_ms, held.times_delivered]]


def xack(database: Any, args: Arguments) -> Any:
    """XACK key group id."""
    if len(args) != 3:
        return UNUSUAL
    group, entry = _group_and_entry(database, args)
    if group is None:
        return UNUSUAL
    held = group.pel.pop(entry, None)
    if held is not None and held.consumer_name in group.consumers:
        group.consumers[held.consumer_name].pending -= 1
    return 0 if held is None else 1


def xclaim(database: Any, args: Arguments) -> Any:
    """XCLAIM key group consumer 0 id JUSTID, of an entry the consumer holds: its idle time begins anew."""
    if len(args) != 6 or args[3] != b"0" or args[5] != b"JUSTID":
        return UNUSUAL
    group, entry = _group_and_entry(database, [args[0], args[1], args[4]])
    held, consumer = (group.pel.get(entry), group.consumers.get(args[2])) if group is not None else (None, None)
    if held is None or consumer is None or held.consumer_name != args[2] or entry not in group.stream:
        return UNUSUAL
    consumer.last_attempt = consumer.last_success = now_ms = int(time.time() * 1000)
    group.pel[entry] = held._replace(time_read=now_ms)
    return [args[4]]


def xautoclaim(database: Any, args: Arguments) -> Any:
    """XAUTOCLAIM key group consumer idle 0-0 COUNT count, of a group in which nothing is idle for so long."""
    found = _found(database, args[0], XStream)
    if found is None or found is UNUSUAL or len(args) != 7 or args[4:6] != [b"0-0", b"COUNT"] or not args[3].isdigit():
        return UNUSUAL
    group, now_ms = found.group_get(args[1]), int(time.time() * 1000)
    consumer = group and group.consumers.get(args[2])
    if not consumer or any(now_ms - held.time_read >= int(args[3]) for held in group.pel.values()):
        return UNUSUAL
    consumer.last_attempt = now_ms
    return [b"0-0", [], []]


def xdel(database: Any, args: Arguments) -> Any:
    """XDEL key id."""
    found = _found(database, args[0], XStream)
    if found is UNUSUAL or found is None or len(args) != 2 or not ENTRY_ID(args[1]):
        return UNUSUAL
    return found.delete(args[1:])


def _group_and_entry(database: Any, args: Arguments) -> tuple[Any, Any]:
    """The group `args[1]` of the stream `args[0]`, and the entry `args[2]` as its key; None for what is not there."""
    found, named = _found(database, args[0], XStream), ENTRY_ID(args[2])
    if found is None or found is UNUSUAL or named is None:
        return None, None
    return found.group_get(args[1]), (int(named[1]), int(named[2]))


def group_to_read(database: Any, args: Arguments) -> Any:
    """The group that XREADGROUP GROUP group consumer COUNT count BLOCK ms STREAMS key > names; None in any other form."""
    words = [*args[:1], *args[3:4], *args[5:6], *args[7:8], *args[9:]]
    if words != [b"GROUP", b"COUNT", b"BLOCK", b"STREAMS", b">"] or not (args[4].isdigit() and args[6].isdigit()):
        return None
    found = _found(database, args[8], XStream)
    return None if found is None or found is UNUSUAL else found.group_get(args[1])


def clock(database: Any, args: Arguments) -> Any:
    """TIME."""
    if args:
        return UNUSUAL
    seconds, microseconds = divmod(round(time.time() * 1_000_000), 1_000_000)
    return [b"%d" % seconds, b"%d" % microseconds]


SHORTCUTS: dict[bytes, Callable[[Any, Arguments], Any]] = {
    b"HDEL": hdel,
    b"HGET": hget,
    b"HMGET": hmget,
    b"HSET": hset,
    b"PERSIST": persist,
    b"PEXPIRE": pexpire,
    b"TIME": clock,
    b"XACK": xack,
    b"XADD": xadd,
    b"XAUTOCLAIM": xautoclaim,
    b"XCLAIM": xclaim,
    b"XDEL": xdel,
    b"XLEN": xlen,
    b"XPENDING": xpending,
    b"ZADD": zadd,
    b"ZCARD": zcard,
    b"ZRANGEBYSCORE": zrangebyscore,
    b"ZREM": zrem,
}
