-- Finish entries for good and acknowledge them, last of all. Only the owner of an entry may, and completed never changes.
-- KEYS  stream, dead letters, open, then for each entry: record, index
-- ARGV  group, consumer, dedupe window in ms, then for each entry:
--       entry id, source, id, status, processed at, reason, attempts
-- Answers for each entry: 1 if finished, 0 if it was not ours any more
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local window_ms = string.format('%.0f', tonumber(ARGV[3]))
local until_ms = string.format('%.0f', now_ms + tonumber(ARGV[3]))
local owned, mine, records, answers = {}, {}, {}, {}

-- One look finds all that lie together, as what was read together does; whatever else is asked for one by one.
local function look(first, last, most)
  for _, pending in ipairs(redis.call('XPENDING', KEYS[1], ARGV[1], first, last, most, ARGV[2])) do
    owned[pending[1]] = true
  end
end

local function on_all(words, them)
  for n = 1, #them, 1000 do  -- Lua hands over a few thousand words at most
    local command = {unpack(words)}
    for at = n, math.min(n + 999, #them) do command[#command + 1] = them[at] end
    redis.call(unpack(command))
  end
end

local function bury(event, source, id, reason, attempts)
  redis.call('XADD', KEYS[2], '*', 'source', source, 'id', id, 'reason', reason, 'attempts', attempts, 'event', event)
end

local function close(record, index, at, status)
  if status ~= 'completed' then
    redis.call('HSET', record, 'status', ARGV[at + 3], 'processed_at', ARGV[at + 4], 'reason', ARGV[at + 5])
  end
  -- What failed may be retried by hand, and then still belongs to the trace of its acceptance.
  redis.call('HDEL', record, 'event', 'taker', ARGV[at + 3] == 'completed' and 'trace' or 'event')
  redis.call('PEXPIRE', record, window_ms)
  redis.call('ZADD', index, until_ms, ARGV[at + 1])
  local others = redis.call('ZCARD', index) > 1
  if others then redis.call('ZREMRANGEBYSCORE', index, '-inf', string.format('%.0f', now_ms)) end
  if not others or redis.call('ZCOUNT', index, '+inf', '+inf') == 0 then redis.call('PEXPIRE', index, window_ms) end
end

local count = (#KEYS - 3) / 2
if count > 0 then look(ARGV[4], ARGV[7 * count - 3], 2 * count) end
for n = 1, count do
  local entry = ARGV[7 * n - 3]
  if owned[entry] == nil then look(entry, entry, 1) end
  answers[n] = owned[entry] and 1 or 0
  if owned[entry] then mine[#mine + 1], records[#records + 1] = entry, KEYS[2 * n + 2] end
  owned[entry] = false  -- once is enough
end

-- Here, though all is one step: a full Redis lets a script store only after a write that stores nothing.
on_all({'XACK', KEYS[1], ARGV[1]}, mine)
for n = 1, count do
  local record, index, at = KEYS[2 * n + 2], KEYS[2 * n + 3], 7 * n - 3
  if answers[n] == 1 then
    local known = redis.call('HMGET', record, 'status', 'event')
    if ARGV[at + 3] == 'failed' then
      bury(known[2] or '', ARGV[at + 1], ARGV[at + 2], ARGV[at + 5], ARGV[at + 6])
    end
    close(record, index, at, known[1])
  end
end
on_all({'ZREM', KEYS[3]}, records)
on_all({'XDEL', KEYS[1]}, mine)
return answers
