"""What the contract of Redis consists of: commands as one would type them, told by `redis_stories.py`.

Add a command here before a service under simulation uses it. A transcript is told in order, from an empty server; paragraphs are
for the reader, and {c} is the hash tag with which a service keeps its keys together on a cluster.
"""

from __future__ import annotations

STREAMS = """
XLEN {c}:stream
XREADGROUP GROUP group a COUNT 5 STREAMS {c}:stream >
XPENDING {c}:stream group
XACK {c}:stream group 1-1

XGROUP CREATE {c}:stream group 0
XGROUP CREATE {c}:stream group 0 MKSTREAM
XGROUP CREATE {c}:stream group 0 MKSTREAM
XINFO GROUPS {c}:stream

XADD {c}:stream 1-1 f 1
XADD {c}:stream 1-2 f 2 g \x00\xff
XADD {c}:stream 1-2 f again
XADD {c}:stream 0-0 f zero
XADD {c}:stream 2-* f 3
XADD {c}:stream 3-1 f
XLEN {c}:stream
XRANGE {c}:stream - + COUNT 2

XREADGROUP GROUP group a COUNT 2 STREAMS {c}:stream >
XREADGROUP GROUP group b COUNT 2 BLOCK 10 STREAMS {c}:stream >
XREADGROUP GROUP group b COUNT 2 BLOCK 10 STREAMS {c}:stream >
XREADGROUP GROUP group b COUNT 2 STREAMS {c}:stream >
XREADGROUP GROUP group a STREAMS {c}:stream 0
XREADGROUP GROUP group nobody STREAMS {c}:stream 0
XREADGROUP GROUP no-group a STREAMS {c}:stream >

XPENDING {c}:stream group
XPENDING {c}:stream group - + 10
XPENDING {c}:stream group IDLE 60000 - + 10
XPENDING {c}:stream group - + 10 a

XCLAIM {c}:stream group b 0 1-1 JUSTID
XCLAIM {c}:stream group b 60000 1-2 JUSTID
XCLAIM {c}:stream group b 0 9-9 JUSTID
XCLAIM {c}:stream group a 0 1-1
XCLAIM {c}:stream no-group a 0 1-1
XPENDING {c}:stream group - + 10

XAUTOCLAIM {c}:stream group c 60000 0-0 COUNT 10
XAUTOCLAIM {c}:stream group c 0 0-0 COUNT 1
XAUTOCLAIM {c}:stream group c 0 0-0 COUNT 10 JUSTID
XDEL {c}:stream 1-1 9-9
XAUTOCLAIM {c}:stream group d 0 0-0 COUNT 10
XAUTOCLAIM {c}:stream no-group d 0 0-0
XPENDING {c}:stream group - + 10

XACK {c}:stream group 1-2 9-9
XINFO CONSUMERS {c}:stream group
XINFO GROUPS {c}:stream
XGROUP DELCONSUMER {c}:stream group d
XPENDING {c}:stream group
XGROUP DESTROY {c}:stream group
DEL {c}:stream nothing
"""

HASHES = """
HSET {c}:key a 1 b 2
HSET {c}:key a 3
HSETNX {c}:key a 4
HGET {c}:key a
HMGET {c}:key a none
HGETALL {c}:key
HGETALL nothing
HINCRBY {c}:key a 5
HINCRBY {c}:key b x
HEXISTS {c}:key b
HDEL {c}:key b none
HLEN {c}:key
EXPIRE {c}:key 100
TTL {c}:key
PEXPIRE {c}:key 100000
PERSIST {c}:key
TTL {c}:key
TTL nothing
EXPIRE nothing 5
GET {c}:key
"""

SORTED_SETS = """
ZADD z 1.5 a 2 b -inf c
ZADD z NX 9 a
ZADD z GT CH 9 a
ZSCORE z a
ZSCORE z none
ZCARD z
ZCOUNT z -inf 5
ZRANGEBYSCORE z -inf 5 LIMIT 0 1
ZRANGEBYSCORE z -inf +inf WITHSCORES
ZRANGE z 0 0 WITHSCORES
ZREM z a none
ZPOPMIN z
"""

STRINGS = """
SET s 1 NX PX 60000
SET s 2 NX PX 60000
SET s 3 XX KEEPTTL
GET s
SETEX t 10 x
INCR n
INCRBY n 5
INCR t
EXISTS s t nothing
MGET s nothing
"""

SETS = """
SADD set a
SADD set a b
SCARD set
SISMEMBER set a
SMISMEMBER set a z
SREM set b
SMEMBERS set
SMEMBERS nothing
"""

LISTS = """
LPUSH l a b
RPUSH l c
LLEN l
LRANGE l 0 -1
RPOP l
LPOP nothing
BRPOP l other 1
HSET l a b
TYPE l
"""

SERVER = """
DEL l set z s
DBSIZE
NOSUCHCOMMAND x
HSET {c}:key
TIME
PING
PING hello
ECHO x
"""

RECORDS = HASHES + SORTED_SETS + STRINGS + SETS + LISTS + SERVER

# DIGEST is that of `redis_stories.ACCEPT`.
SCRIPTS = """
EVALSHA ffffffffffffffffffffffffffffffffffffffff 0
EVALSHA DIGEST 2 {c}:key {c}:stream 41 5-1
EVALSHA DIGEST 2 {c}:key {c}:stream 41 5-1
EVALSHA DIGEST 2 {c}:other {c}:stream 41 5-1
SCRIPT EXISTS DIGEST ffffffffffffffffffffffffffffffffffffffff

EVAL "return redis.call('HGETALL', KEYS[1])" 1 {c}:key
EVAL "return redis.call('XRANGE', KEYS[1], '-', '+')" 1 {c}:stream
EVAL "return redis.pcall('GET', KEYS[1])" 1 {c}:key
EVAL "local r = redis.pcall('GET', KEYS[1]); return r.err ~= nil" 1 {c}:key
EVAL "return redis.call('ZADD', 'zz', 1.5, 'm') + redis.call('ZSCORE', 'zz', 'm')" 0
EVAL "return cjson.encode({a = 1, b = {1, 2}})" 0
EVAL "return cjson.decode(ARGV[1])['x'][2]" 0 '{"x": [1, "two"]}'
EVAL "return {1, 2, nil, 4}" 0
EVAL "return redis.error_reply('MINE went wrong')" 0
EVAL "return redis.status_reply('FINE')" 0
EVAL "return {tostring(1/3), 3.99, true, false, 'x'}" 0
EVAL "return redis.call('SET', KEYS[1], ARGV[1], 'NX')" 1 nx 1
EVAL "return redis.call('SET', KEYS[1], ARGV[1], 'NX')" 1 nx 1
EVAL "return redis.call('XPENDING', KEYS[1], 'none', '-', '+', 1)" 1 {c}:stream
EVAL "return ARGV[1] .. #ARGV .. #KEYS" 1 k a b
EVAL "return 1" 2 k
"""

# The forms that `shortcuts.py` answers, and their neighbours that it must not.
SHORTCUTS_OF_HASHES = """
HSET KEY f 1 g 2
HSET KEY f 3 h 4
HSET KEY f
HGET KEY f
HGET KEY
HMGET KEY f none g
HDEL KEY g none
HDEL KEY none
PERSIST KEY
PEXPIRE KEY 100000
HMGET KEY f h
HSET KEY f 5
PERSIST KEY
PEXPIRE KEY x
HDEL KEY f h
"""

SHORTCUTS_OF_SORTED_SETS = """
ZADD KEY 1.5 a
ZADD KEY 5 b
ZADD KEY 5 b
ZADD KEY 7 b
ZADD KEY +inf c
ZADD KEY 1e1 e
ZCARD KEY
ZCARD KEY more
ZRANGEBYSCORE KEY -inf 5 LIMIT 0 2
ZRANGEBYSCORE KEY -inf 10 LIMIT 0 250
ZRANGEBYSCORE KEY -inf +inf LIMIT 0 250
ZRANGEBYSCORE KEY -inf (10 LIMIT 0 250
ZRANGEBYSCORE KEY -inf 5 LIMIT 0 0
ZRANGEBYSCORE KEY -inf 5 LIMIT 1 1
ZREM KEY a none
ZREM KEY b c e
ZCARD KEY
"""

SHORTCUTS_OF_STREAMS = """
XLEN KEY
XPENDING KEY group 1-1 1-1 1 a
XPENDING KEY group 1-1 1-1 1 b
XPENDING KEY group 9-9 9-9 1 a
XPENDING KEY none 1-1 1-1 1 a
XCLAIM KEY group a 0 1-1 JUSTID
XCLAIM KEY group a 0 9-9 JUSTID
XCLAIM KEY group a 0 1-1 1-2 JUSTID
XCLAIM KEY none a 0 1-1 JUSTID
XPENDING KEY group - + 10
XAUTOCLAIM KEY group a 60000 0-0 COUNT 10
XAUTOCLAIM KEY group new 60000 0-0 COUNT 10
XAUTOCLAIM KEY group b 0 0-0 COUNT 1
XAUTOCLAIM KEY none a 60000 0-0 COUNT 10
XACK KEY group 1-1
XACK KEY group 1-1
XACK KEY none 1-1
XDEL KEY 1-1
XDEL KEY 1-1
XDEL KEY 1-2
XCLAIM KEY group a 0 1-2 JUSTID
XPENDING KEY group - + 10
XADD KEY 7-1 f 7
XREADGROUP GROUP group a COUNT 1 BLOCK 10 STREAMS KEY >
XREADGROUP GROUP group new COUNT 1 BLOCK 10 STREAMS KEY >
XREADGROUP GROUP group a COUNT 1 BLOCK 10 STREAMS KEY 0
XREADGROUP GROUP none a COUNT 1 BLOCK 10 STREAMS KEY >
XLEN KEY
XINFO CONSUMERS KEY group
"""

SHORTCUTS = SHORTCUTS_OF_HASHES + SHORTCUTS_OF_SORTED_SETS + SHORTCUTS_OF_STREAMS + "TIME"
