-- Count what is not finished, at one moment: an event on the move between two places is in exactly one of them.
-- KEYS  stream, delayed, parked
-- ARGV  group
-- Answers how many are queued (nobody has read them), in flight (a worker has them), delayed, parked
local pending = redis.pcall('XPENDING', KEYS[1], ARGV[1])
local in_flight = pending.err and 0 or pending[1]  -- no group yet: nobody has read anything
return {redis.call('XLEN', KEYS[1]) - in_flight, in_flight, redis.call('ZCARD', KEYS[2]), redis.call('ZCARD', KEYS[3])}
