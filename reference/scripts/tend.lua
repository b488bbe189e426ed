-- Move what is due back to the stream: from the delayed set, and as many as are welcome from the parked one. And take over
-- what the owner has not renewed, and forget consumers that hold nothing and have not been heard of for long.
-- KEYS  stream, delayed, parked
-- ARGV  group, consumer, how many delayed ones at most, how many parked ones at most,
--       how many to take over at most, after how many ms without renewal, after how many ms a consumer is forgotten
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

-- A worker that was killed takes nobody's name off the group. One that lives reads every few seconds.
local function forget_the_dead()
  for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
    local known = {}
    for at = 1, #consumer, 2 do known[consumer[at]] = consumer[at + 1] end
    if known.pending == 0 and known.idle > tonumber(ARGV[7]) then
      redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], known.name)
    end
  end
end

local function take_over(most)
  if most == '0' then return {} end
  forget_the_dead()
  return redis.call('XAUTOCLAIM', KEYS[1], ARGV[1], ARGV[2], ARGV[6], '0-0', 'COUNT', most)[2]
end

local delayed, parked = bring_back(KEYS[2], ARGV[3]), redis.call('ZCARD', KEYS[3])
if parked > 0 then parked = parked - bring_back(KEYS[3], ARGV[4]) end
return {delayed, parked, take_over(ARGV[5])}
