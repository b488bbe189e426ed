-- Count the queue. On the way, forget open events that are none: those a worker finished whose scripts did not know of the set.
-- KEYS  stream, delayed, parked, dead letters, open
-- Answers how many are in the stream, delayed, parked and dead, and the age in ms of the oldest open event (0 without one)
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)

local function oldest_age_ms()
  for _ = 1, 1000 do
    local oldest = redis.call('ZRANGE', KEYS[5], 0, 0, 'WITHSCORES')
    if not oldest[1] then return 0 end
    if redis.call('HEXISTS', oldest[1], 'event') == 1 then return now_ms - tonumber(oldest[2]) end
    redis.call('ZREM', KEYS[5], oldest[1])
  end
  return 0
end

return {
  redis.call('XLEN', KEYS[1]), redis.call('ZCARD', KEYS[2]), redis.call('ZCARD', KEYS[3]), redis.call('XLEN', KEYS[4]),
  oldest_age_ms(),
}
