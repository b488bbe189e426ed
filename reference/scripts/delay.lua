-- Put entries back for later: off the stream and onto a set in one step. Only the owner may.
-- KEYS  stream, then for each entry: record, the set it waits in
-- ARGV  group, consumer, then for each entry: entry id, pair key, delay in ms, attempts ('' leaves them), mailed ('1' or ''),
--       takes ('' leaves them)
-- Answers for each entry: 1 if put back, 0 if it was not ours any more
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local answers = {}
for n = 1, (#KEYS - 1) / 2 do
  local record, waiting, at = KEYS[2 * n], KEYS[2 * n + 1], 6 * n - 3
  local entry = ARGV[at]
  local mine = redis.call('XPENDING', KEYS[1], ARGV[1], entry, entry, 1, ARGV[2])
  answers[n] = #mine
  if #mine == 1 then
    -- Here, though all is one step: a full Redis lets a script store only after a write that stores nothing.
    redis.call('XACK', KEYS[1], ARGV[1], entry)
    local known = {'status', 'pending'}
    for place, name in ipairs({'attempts', 'mailed', 'takes'}) do
      local value = ARGV[at + 2 + place]
      if value ~= '' then
        known[#known + 1] = name
        known[#known + 1] = value
      end
    end
    redis.call('HSET', record, unpack(known))
    redis.call('HDEL', record, 'taker')
    redis.call('ZADD', waiting, string.format('%.0f', now_ms + tonumber(ARGV[at + 2])), ARGV[at + 1])
    redis.call('XDEL', KEYS[1], entry)
  end
end
return answers
