-- What the project's bucket of quota.lua has been used for. KEYS: the bucket. ARGV: the window (ms).
-- Answer: units that are spent in the window that ends now; for how many ms the day's quota stays used up.
local SLOTS = 240 -- PROJECT_SLOTS there
local clock = redis.call('TIME')
local now = clock[1] * 1000 + clock[2] / 1000
local now_slot = math.floor(now / (ARGV[1] / SLOTS))
local units, closed, fields = 0, 0, redis.call('HGETALL', KEYS[1])
for i = 1, #fields, 2 do
  local slot, value = tonumber(fields[i]), tonumber(fields[i + 1])
  if slot and slot >= now_slot - SLOTS and slot <= now_slot then units = units + value end
  if fields[i] == 'closed' then closed = value end
end
return {units, math.max(math.ceil(closed - now), 0)}
