-- Accept events, all or none of each: refuse, recognise, or record and append, in one step.
-- KEYS  stream, delayed, parked, open, then for each event: record, index
-- ARGV  high water, then for each event:
--       pair key, source, fingerprint, attempt token, marker seen (''), event (JSON), traceparent or ''
-- Answers for each event: {accepted | duplicate | conflict | full | request, current status, backlog, marker}
-- request: a synchronous request left a marker (see markers.py); taken only by whoever has seen this very marker
local backlog = redis.call('XLEN', KEYS[1]) + redis.call('ZCARD', KEYS[2]) + redis.call('ZCARD', KEYS[3])
local high_water = tonumber(ARGV[1])
local answers = {}

local function append(record, index, pair, source, fingerprint, token, event, trace)
  redis.call('HSET', record, 'fingerprint', fingerprint, 'token', token, 'status', 'pending',
             'attempts', 0, 'takes', 0, 'event', event)
  if trace ~= '' then redis.call('HSET', record, 'trace', trace) end
  redis.call('ZADD', index, '+inf', source)
  redis.call('PERSIST', index)
  local entry = redis.call('XADD', KEYS[1], '*', 'pair', pair)
  redis.call('ZADD', KEYS[4], string.match(entry, '%d+'), record) -- an entry's id begins with the server's time in ms
  backlog = backlog + 1
end

for n = 1, (#KEYS - 4) / 2 do
  local record, index, at = KEYS[2 * n + 3], KEYS[2 * n + 4], 7 * n - 5
  local fingerprint, token = ARGV[at + 2], ARGV[at + 3]
  local known = redis.call('HMGET', record, 'fingerprint', 'token', 'status', 'marker')
  local answer = 'accepted'
  if known[1] then
    if known[1] ~= fingerprint then
      answer = 'conflict'
    elseif known[2] ~= token then
      -- The same token is our own retry of a call whose answer got lost: still the first acceptance.
      answer = 'duplicate'
    end
  elseif known[4] and known[4] ~= ARGV[at + 4] then
    answer = 'request'
  elseif backlog >= high_water then
    answer = 'full'
  else
    append(record, index, ARGV[at], ARGV[at + 1], fingerprint, token, ARGV[at + 5], ARGV[at + 6])
    if known[4] then  -- from now on it is the queue's, and does not expire before it is finished
      redis.call('HDEL', record, 'marker')
      redis.call('PERSIST', record)
    end
  end
  answers[n] = {answer, known[3] or 'pending', backlog, known[4] or ''}
end
return answers
