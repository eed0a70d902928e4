-- When a call may go: one decision for the mailbox and for the whole project, by Redis' own clock.
--
-- Each of the two is a hash. Field "<slot>": units that are spent, or reserved, in that part of the window (a minute): a 1200th
-- of the mailbox's, a 240th of the project's; "-<slot>": those of them that live work spends; "next": when an import may go on (ms);
-- "hold": until when Google wants silence (ms); "closed": until when the quota of the day is used up (ms). It is exact: no stretch
-- of time as long as the window holds more than the ceiling, whoever reserves in whatever order. That costs one slot in a window,
-- since one that begins in the middle of a slot ends in another. The fields of the project are many, those of a mailbox as many as
-- its calls in a minute: so only the mailbox's slots are that fine.
--
-- KEYS: mailbox, project.
-- ARGV: units, lane, window (ms), longest wait (ms), share for live work (0..1), ceiling of the mailbox, of the project.
-- Answer: {"go", ms}: reserved, to be begun in so many ms; {"wait", ms}: too far ahead, nothing reserved; {"closed", ms}.

local MAILBOX_SLOTS, PROJECT_SLOTS = 1200, 240
local units, lane, window = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])
local longest, live_share = tonumber(ARGV[4]), tonumber(ARGV[5])
local late_ms = window / 30 -- an import that comes this late has not lost its turn

local clock = redis.call('TIME')
local now = clock[1] * 1000 + clock[2] / 1000

local function read(key, ceiling, slots)
  local slot_ms = window / slots
  local now_slot = math.floor(now / slot_ms)
  local oldest = now_slot - slots
  local bucket = {key = key, ceiling = ceiling, used = 0, live = 0, units = {}, last = oldest}
  bucket.slots, bucket.slot_ms, bucket.now_slot, bucket.oldest = slots, slot_ms, now_slot, oldest
  bucket.next, bucket.hold, bucket.closed = now, 0, 0
  local stale, fields = {}, redis.call('HGETALL', key)
  for i = 1, #fields, 2 do
    local slot, value = tonumber(fields[i]), tonumber(fields[i + 1])
    if not slot then
      bucket[fields[i]] = value
    elseif math.abs(slot) < oldest then
      stale[#stale + 1] = fields[i]
    elseif slot < 0 then
      bucket.live = bucket.live + value
    else
      bucket.used, bucket.units[slot], bucket.last = bucket.used + value, value, math.max(bucket.last, slot)
    end
  end
  if #stale > 0 then redis.call('HDEL', key, unpack(stale)) end
  return bucket
end

-- The earliest moment (ms) at which the call fits: into the window that ends with it, and into those that end with what others
-- have reserved after it.
local function room(bucket, limit)
  local now_slot, oldest = bucket.now_slot, bucket.oldest
  local wanted = math.min(units, limit) -- a call that costs more than all there is goes alone
  if bucket.used + wanted <= limit then return now end
  if bucket.last <= now_slot then -- nobody has reserved ahead: what is spent leaves the window, slot by slot
    local used, slot = bucket.used, now_slot
    while used + wanted > limit do
      used = used - (bucket.units[slot - bucket.slots] or 0)
      slot = slot + 1
    end
    return slot > now_slot and slot * bucket.slot_ms or now
  end
  local sums, sum, fullest = {[oldest - 1] = 0}, 0, {}
  for slot = oldest, bucket.last do
    sum = sum + (bucket.units[slot] or 0)
    sums[slot] = sum
  end
  local function spent(slot) -- in the window that ends with this slot
    return sums[math.min(slot, bucket.last)] - sums[math.min(math.max(slot - bucket.slots, oldest) - 1, bucket.last)]
  end
  for slot = bucket.last, now_slot, -1 do
    fullest[slot] = math.max(fullest[slot + 1] or 0, bucket.units[slot] and spent(slot) or 0)
  end
  local slot = now_slot
  while math.max(spent(slot), fullest[slot + 1] or 0) + wanted > limit do slot = slot + 1 end
  return slot > now_slot and slot * bucket.slot_ms or now
end

local function earliest(bucket)
  if bucket.ceiling == 0 then return bucket.hold end
  if lane == 'live' then return math.max(room(bucket, bucket.ceiling), bucket.hold) end
  return math.max(room(bucket, bucket.ceiling * (1 - live_share)), bucket.next, bucket.hold)
end

-- An import spreads what live work leaves it evenly, so that live work never finds the minute spent.
local function reserve(bucket, at)
  local last = math.max(at, bucket.hold, bucket.closed)
  if bucket.ceiling > 0 then
    local slot = string.format('%d', math.floor(at / bucket.slot_ms))
    redis.call('HINCRBY', bucket.key, slot, units)
    if lane == 'live' then
      redis.call('HINCRBY', bucket.key, '-' .. slot, units)
    else
      local share = math.max(bucket.ceiling * (1 - live_share) - bucket.live, bucket.ceiling / 20)
      local next = math.max(bucket.next, now - late_ms) + units / share * window
      redis.call('HSET', bucket.key, 'next', string.format('%.3f', next))
      last = math.max(last, next)
    end
    redis.call('PEXPIRE', bucket.key, string.format('%d', last - now + window + 2000))
  end
end

local mailbox = read(KEYS[1], tonumber(ARGV[6]), MAILBOX_SLOTS)
local project = read(KEYS[2], tonumber(ARGV[7]), PROJECT_SLOTS)
local closed = math.max(mailbox.closed, project.closed)
if closed > now then return {'closed', math.ceil(closed - now)} end
local at = math.max(now, earliest(mailbox), earliest(project))
if at - now > longest then return {'wait', math.ceil(at - now)} end
reserve(mailbox, at)
reserve(project, at)
return {'go', math.ceil(at - now)}
