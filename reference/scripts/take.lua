-- Take up entries that were read: count the take, say "processing", hand out the event.
-- KEYS  stream, then for each entry: record
-- ARGV  group, consumer, then for each entry: entry id
-- Answers for each entry: {taken, event, attempts, takes, mailed} or {lost} or {done}
local answers = {}
for n = 1, #KEYS - 1 do
  local record, entry = KEYS[n + 1], ARGV[n + 2]
  local mine = redis.call('XPENDING', KEYS[1], ARGV[1], entry, entry, 1, ARGV[2])
  local known = redis.call('HMGET', record, 'event', 'attempts', 'mailed')
  if #mine == 0 then
    answers[n] = {'lost'}
  elseif not known[1] then
    -- A record without its event is final; only the entry was left over.
    redis.call('XACK', KEYS[1], ARGV[1], entry)
    redis.call('XDEL', KEYS[1], entry)
    answers[n] = {'done'}
  else
    local takes = redis.call('HINCRBY', record, 'takes', 1)
    redis.call('HSET', record, 'status', 'processing')
    answers[n] = {'taken', known[1], known[2] or '0', takes, known[3] or ''}
  end
end
return answers
