-- Finish entries for good and acknowledge them, last of all. Only the owner of an entry may, and completed never changes.
-- KEYS  stream, dead letters, open, then for each entry: record, index
-- ARGV  group, consumer, dedupe window in ms, then for each entry:
--       entry id, source, id, status, processed at, reason, attempts
-- Answers for each entry: 1 if finished, 0 if it was not ours any more
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local window_ms = tonumber(ARGV[3])
local answers = {}

local function bury(event, source, id, reason, attempts)
  redis.call('XADD', KEYS[2], '*', 'source', source, 'id', id, 'reason', reason, 'attempts', attempts, 'event', event)
end

local function close(record, index, at, status)
  if status ~= 'completed' then
    redis.call('HSET', record, 'status', ARGV[at + 3], 'processed_at', ARGV[at + 4], 'reason', ARGV[at + 5])
  end
  -- What failed may be retried by hand, and then still belongs to the trace of its acceptance.
  redis.call('HDEL', record, 'event', ARGV[at + 3] == 'completed' and 'trace' or 'event')
  redis.call('ZREM', KEYS[3], record)
  redis.call('PEXPIRE', record, string.format('%.0f', window_ms))
  redis.call('ZADD', index, string.format('%.0f', now_ms + window_ms), ARGV[at + 1])
  local others = redis.call('ZCARD', index) > 1
  if others then redis.call('ZREMRANGEBYSCORE', index, '-inf', string.format('%.0f', now_ms)) end
  if not others or redis.call('ZCOUNT', index, '+inf', '+inf') == 0 then
    redis.call('PEXPIRE', index, string.format('%.0f', window_ms))
  end
end

for n = 1, (#KEYS - 3) / 2 do
  local record, index, at = KEYS[2 * n + 2], KEYS[2 * n + 3], 7 * n - 3
  local entry = ARGV[at]
  local mine = redis.call('XPENDING', KEYS[1], ARGV[1], entry, entry, 1, ARGV[2])
  answers[n] = #mine
  if #mine == 1 then
    -- Here, though all is one step: a full Redis lets a script store only after a write that stores nothing.
    redis.call('XACK', KEYS[1], ARGV[1], entry)
    local known = redis.call('HMGET', record, 'status', 'event')
    if ARGV[at + 3] == 'failed' then
      bury(known[2] or '', ARGV[at + 1], ARGV[at + 2], ARGV[at + 5], ARGV[at + 6])
    end
    close(record, index, at, known[1])
    redis.call('XDEL', KEYS[1], entry)
  end
end
return answers
