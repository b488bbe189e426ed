-- take
-- Take up entries that were read: renew the lease if it is not fresh, count the take, say "processing", hand out the event.
-- KEYS  stream, then for each entry: record
-- ARGV  group, consumer, for how many ms after its reading an entry is fresh, then for each entry: entry id
-- Answers for each entry: {taken, event, fingerprint, attempts, takes, mailed, traceparent} or {lost} or {done}
local owned, stale, answers = {}, {}, {}

-- One look finds all that lie together, as what was read together does; whatever else is asked for one by one.
local function look(first, last, most)
  for _, pending in ipairs(redis.call('XPENDING', KEYS[1], ARGV[1], first, last, most, ARGV[2])) do
    owned[pending[1]] = pending[3]  -- ms since it was read or renewed
  end
end

if #KEYS > 1 then look(ARGV[4], ARGV[#ARGV], 2 * #KEYS) end
for n = 4, #ARGV do
  if not owned[ARGV[n]] then look(ARGV[n], ARGV[n], 1) end
  local idle_ms = owned[ARGV[n]]
  -- The first one always: a full Redis lets a script store only after a write that stores nothing.
  if idle_ms and (#stale == 0 or idle_ms > tonumber(ARGV[3])) then stale[#stale + 1] = ARGV[n] end
end
for n = 1, #stale, 1000 do  -- Lua hands over a few thousand words at most
  local claim = {'XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0}
  for at = n, math.min(n + 999, #stale) do claim[#claim + 1] = stale[at] end
  claim[#claim + 1] = 'JUSTID'
  redis.call(unpack(claim))
end

for n = 1, #KEYS - 1 do
  local record, entry = KEYS[n + 1], ARGV[n + 3]
  if not owned[entry] then
    answers[n] = {'lost'}
  else
    local known = redis.call('HMGET', record, 'event', 'fingerprint', 'attempts', 'takes', 'mailed', 'trace')
    if known[1] then
      local takes = (known[4] or 0) + 1
      redis.call('HSET', record, 'takes', takes, 'status', 'processing')
      answers[n] = {'taken', known[1], known[2] or '', known[3] or '0', takes, known[5] or '', known[6] or ''}
    else
      -- A record without its event is final; only the entry was left over.
      redis.call('XACK', KEYS[1], ARGV[1], entry)
      redis.call('XDEL', KEYS[1], entry)
      answers[n] = {'done'}
    end
  end
end
return answers
