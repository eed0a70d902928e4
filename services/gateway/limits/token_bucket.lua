-- One request takes one token from a bucket that fills steadily.
--   KEYS[1]  the bucket; it is full where there is none
--   ARGV     how many tokens it holds, in how many milliseconds an empty one is full
-- Returns {milliseconds until the next token}: 0 = one was taken; nothing is taken where one has to wait.

local capacity, full_ms = tonumber(ARGV[1]), tonumber(ARGV[2])
local per_ms = capacity / full_ms
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

local kept = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens, at = tonumber(kept[1]) or capacity, tonumber(kept[2]) or now
tokens = math.min(capacity, tokens + math.max(0, now - at) * per_ms)

if tokens < 1 then
    return { math.ceil((1 - tokens) / per_ms) }
end
redis.call('HSET', KEYS[1], 'tokens', tokens - 1, 'at', now)
redis.call('PEXPIRE', KEYS[1], full_ms)
return { 0 }
