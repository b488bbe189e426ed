-- Move what is due back to the stream: from the delayed set, and as many as are welcome from the parked one. And take over
-- what the owner has not renewed.
-- KEYS  stream, delayed, parked
-- ARGV  group, consumer, how many delayed ones at most, how many parked ones at most,
--       how many to take over at most, after how many ms without renewal
-- Answers how many delayed ones were due, how many stay parked, and the entries taken over
local time = redis.call('TIME')
local now_ms = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))

local function bring_back(waiting, most)
  if most == '0' then return 0 end
  local due = redis.call('ZRANGEBYSCORE', waiting, '-inf', now_ms, 'LIMIT', 0, most)
  for _, pair in ipairs(due) do
    redis.call('ZREM', waiting, pair)  -- before it is added, so that a full Redis lets it
    redis.call('XADD', KEYS[1], '*', 'pair', pair)
  end
  return #due
end

local function take_over(most)
  if most == '0' then return {} end
  return redis.call('XAUTOCLAIM', KEYS[1], ARGV[1], ARGV[2], ARGV[6], '0-0', 'COUNT', most)[2]
end

local delayed, parked = bring_back(KEYS[2], ARGV[3]), redis.call('ZCARD', KEYS[3])
if parked > 0 then parked = parked - bring_back(KEYS[3], ARGV[4]) end
return {delayed, parked, take_over(ARGV[5])}
