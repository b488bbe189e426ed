-- Move what is due back to the stream: from the delayed set, and as many as are welcome from the parked one.
-- KEYS  stream, delayed, parked
-- ARGV  how many delayed ones at most, how many parked ones at most
-- Answers how many delayed ones were due, and how many stay parked
local time = redis.call('TIME')
local now_ms = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))

local function bring_back(waiting, most)
  local due = redis.call('ZRANGEBYSCORE', waiting, '-inf', now_ms, 'LIMIT', 0, most)
  for _, pair in ipairs(due) do
    redis.call('XADD', KEYS[1], '*', 'pair', pair)
    redis.call('ZREM', waiting, pair)
  end
  return #due
end

local delayed = bring_back(KEYS[2], ARGV[1])
if ARGV[2] ~= '0' then bring_back(KEYS[3], ARGV[2]) end
return {delayed, redis.call('ZCARD', KEYS[3])}
