-- Take back a marker, if it is still that attempt's: nothing of the event stays.
-- KEYS  record, index
-- ARGV  source, token
-- Answers 1 if it was taken back
if redis.call('HGET', KEYS[1], 'marker') ~= ARGV[2] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[1])
return 1
