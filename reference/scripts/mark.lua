-- Leave markers for pairs that synchronous requests have to do with, unless the queue knows the pair: then say what it knows.
-- KEYS  for each pair: record, index
-- ARGV  dedupe window in ms, then for each pair: source, fingerprint, token ('' only looks)
-- Answers for each pair: {marked | duplicate | conflict | unknown, current status}
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local window_ms = tonumber(ARGV[1])
local answers = {}

local function leave(record, index, source, token)
  redis.call('HSET', record, 'marker', token)
  redis.call('PEXPIRE', record, string.format('%.0f', window_ms))
  redis.call('ZADD', index, string.format('%.0f', now_ms + window_ms), source)
  redis.call('ZREMRANGEBYSCORE', index, '-inf', string.format('%.0f', now_ms))
  if redis.call('ZCOUNT', index, '+inf', '+inf') == 0 then
    redis.call('PEXPIRE', index, string.format('%.0f', window_ms))
  end
end

for n = 1, #KEYS / 2 do
  local record, index, at = KEYS[2 * n - 1], KEYS[2 * n], 3 * n - 1
  local known = redis.call('HMGET', record, 'fingerprint', 'status')
  if known[1] then
    answers[n] = {known[1] == ARGV[at + 1] and 'duplicate' or 'conflict', known[2]}
  elseif ARGV[at + 2] == '' then
    answers[n] = {'unknown', ''}
  else
    leave(record, index, ARGV[at], ARGV[at + 2])
    answers[n] = {'marked', ''}
  end
end
return answers
