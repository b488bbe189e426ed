-- Put a dead letter's event back into the queue, if its record is still failed and the letter still there, in one step.
-- KEYS  dead letters, stream, record, index, open
-- ARGV  letter id, pair key, source, fingerprint, event (JSON)
-- Answers 'retried', the status the event has by now if it is failed no more, or 'gone': failed, and its letter was discarded
local status = redis.call('HGET', KEYS[3], 'status')
if status == 'completed' then redis.call('XDEL', KEYS[1], ARGV[1]) end
if status and status ~= 'failed' then return status end
if #redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1]) == 0 then return 'gone' end
-- A record whose time was up is written anew. "mailed" stays: what was mailed is not mailed again.
redis.call('HSET', KEYS[3], 'fingerprint', ARGV[4], 'status', 'pending', 'attempts', 0, 'takes', 0, 'event', ARGV[5])
redis.call('HDEL', KEYS[3], 'processed_at', 'reason', 'marker', 'shown', 'shown_processed_at', 'shown_reason')
redis.call('PERSIST', KEYS[3])
redis.call('ZADD', KEYS[4], '+inf', ARGV[3])
redis.call('PERSIST', KEYS[4])
local entry = redis.call('XADD', KEYS[2], '*', 'pair', ARGV[2])
redis.call('ZADD', KEYS[5], string.match(entry, '%d+'), KEYS[3])
redis.call('XDEL', KEYS[1], ARGV[1])
return 'retried'
