-- Move what is due from the delayed set back to the stream, each in one step.
-- KEYS  delayed, stream
-- ARGV  how many at most
-- Answers the milliseconds until the next one is due (0 if some are left), -1 if nothing waits
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now_ms), 'LIMIT', 0, ARGV[1])
for _, pair in ipairs(due) do
  redis.call('XADD', KEYS[2], '*', 'pair', pair)
  redis.call('ZREM', KEYS[1], pair)
end
local next_due = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
if #next_due == 0 then return -1 end
return math.max(0, tonumber(next_due[2]) - now_ms)
