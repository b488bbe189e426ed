-- Take up entries that were read: renew the lease, count the take, say "processing", hand out the event.
-- KEYS  stream, then for each entry: record
-- ARGV  group, consumer, then for each entry: entry id
-- Answers for each entry: {taken, event, fingerprint, attempts, takes, mailed, traceparent} or {lost} or {done}
local answers = {}
for n = 1, #KEYS - 1 do
  local record, entry = KEYS[n + 1], ARGV[n + 2]
  local mine = redis.call('XPENDING', KEYS[1], ARGV[1], entry, entry, 1, ARGV[2])
  if #mine == 0 then
    answers[n] = {'lost'}
  else
    local known = redis.call('HMGET', record, 'event', 'fingerprint', 'attempts', 'takes', 'mailed', 'trace')
    if known[1] then
      redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, entry, 'JUSTID')
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
