-- Take up entries that were read: renew the lease if it is not fresh, count the take, say "processing", hand out the event.
-- KEYS  stream, open, then for each entry: record
-- ARGV  group, consumer, for how many ms after its reading an entry is fresh, how many bytes of events at most (one event in
--       any case), after how many takes an entry is suspected of killing workers, how many suspects at most,
--       '1' if a call before this one may have taken some of them up, then for each entry: entry id
-- Answers for each entry: {taken, event, fingerprint, attempts, takes, mailed, traceparent, age in ms if there were attempts},
--         {lost}, {done}, or untouched: {full} or {suspect}
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local most_bytes, suspected_after, most_suspects = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local owned, stale, answers = {}, {}, {}

-- One look finds all that lie together, as what was read together does; whatever else is asked for one by one.
local function look(first, last, most)
  for _, pending in ipairs(redis.call('XPENDING', KEYS[1], ARGV[1], first, last, most, ARGV[2])) do
    owned[pending[1]] = pending[3]  -- ms since it was read or renewed
  end
end

if #KEYS > 2 then look(ARGV[8], ARGV[#ARGV], 2 * #KEYS) end
for n = 8, #ARGV do
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

local function age_ms(record)
  local accepted_ms = redis.call('ZSCORE', KEYS[2], record)
  return accepted_ms and now_ms - tonumber(accepted_ms) or 0
end

local function take_up(record, known)
  local attempts, takes = known[3] or '0', (known[4] or 0) + 1
  -- A take that was counted and whose answer got lost is this very take; the consumer's name tells it from another's.
  if ARGV[7] == '1' and known[7] == ARGV[2] then takes = takes - 1 end
  redis.call('HSET', record, 'takes', takes, 'taker', ARGV[2], 'status', 'processing')
  local age = attempts == '0' and 0 or age_ms(record)
  return {'taken', known[1], known[2] or '', attempts, takes, known[5] or '', known[6] or '', age}
end

local bytes, is_full = 0, false
for n = 1, #KEYS - 2 do
  local record, entry = KEYS[n + 2], ARGV[n + 7]
  if not owned[entry] then
    answers[n] = {'lost'}
  elseif is_full then
    answers[n] = {'full'}
  else
    local known = redis.call('HMGET', record, 'event', 'fingerprint', 'attempts', 'takes', 'mailed', 'trace', 'taker')
    local is_suspect = tonumber(known[4] or 0) >= suspected_after
    if not known[1] then
      -- A record without its event is final; only the entry was left over.
      redis.call('XACK', KEYS[1], ARGV[1], entry)
      redis.call('XDEL', KEYS[1], entry)
      answers[n] = {'done'}
    elseif is_suspect and most_suspects == 0 then
      answers[n] = {'suspect'}
    elseif bytes > 0 and bytes + #known[1] > most_bytes then
      is_full = true
      answers[n] = {'full'}
    else
      bytes = bytes + #known[1]
      if is_suspect then most_suspects = most_suspects - 1 end
      answers[n] = take_up(record, known)
    end
  end
end
return answers
