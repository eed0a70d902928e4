-- KEYS: a bucket of quota.lua. ARGV: "hold" or "closed", ms from now. Only ever prolongs.
local clock = redis.call('TIME')
local until_ms = clock[1] * 1000 + clock[2] / 1000 + ARGV[2]
if until_ms > tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or 0) then
  redis.call('HSET', KEYS[1], ARGV[1], string.format('%.3f', until_ms))
end
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) + 60000 then
  redis.call('PEXPIRE', KEYS[1], string.format('%d', ARGV[2] + 62000))
end
return {}
