-- Forget a consumer, unless entries are still on its name: those are for others to reclaim.
-- KEYS  stream
-- ARGV  group, consumer
-- Answers how many entries were found on its name, at most 1
local pending = redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, ARGV[2])
if #pending == 0 then redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2]) end
return #pending
