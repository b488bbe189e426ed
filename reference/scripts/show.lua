-- Remember that an event was shown final, as the database knows it, before its worker could say so here.
-- KEYS  record
-- ARGV  status, processed at ('' if nobody knows), reason
-- Answers nothing; a record without its event is final itself, and is left as it is.
if redis.call('HEXISTS', KEYS[1], 'event') == 1 then
  -- A full Redis lets a script store only after a write that stores nothing.
  redis.call('PERSIST', KEYS[1])
  redis.call('HSET', KEYS[1], 'shown', ARGV[1], 'shown_processed_at', ARGV[2], 'shown_reason', ARGV[3])
end
