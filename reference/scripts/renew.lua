-- Renew the leases of entries still owned; whoever waits longer than the reclaim time loses its entries to others.
-- KEYS  stream
-- ARGV  group, consumer, then entry ids
-- Answers the entry ids that are lost
local lost = {}
for n = 3, #ARGV do
  local mine = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[n], ARGV[n], 1, ARGV[2])
  if #mine == 1 then
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[n], 'JUSTID')
  else
    lost[#lost + 1] = ARGV[n]
  end
end
return lost
