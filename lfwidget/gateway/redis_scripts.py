"""What the gateways of a deployment share in Redis: the names of its keys, and the scripts that change several at once.

Streams have explicit ids, `<seq>-0`, so a position in a log is a position in its stream. Whatever belongs to a log has
the log's epoch in its name: who still reads the log that was there before reads nothing, instead of another one.
"""

from __future__ import annotations

__all__ = ["BEGUN", "CLOSED", "COUNT", "PACK", "PUBLISH", "SEAT", "SEND", "TEND", "WITHDRAW", "events", "key", "packed"]

_PREFIX = "lfwidget:"
BEGUN = f"{_PREFIX}begun"
"""When it was empty: seconds since 1970."""
CLOSED = f"{_PREFIX}closed"
"""A stream of the links that were revoked, so that each gateway sends away those who came by them."""


def key(sort: str, name: str) -> str:
    """A key. Of a run: `run`, a hash. Of a room: `room`, a hash, and `runs`, a list. Of either: `lease` of its
    producer, `commands` for him, a list, and how many are `watching`, a hash by gateway. Of a link: `seats`, `revoked`.
    """
    return f"{_PREFIX}{sort}:{name}"


def events(run: str, epoch: str) -> str:
    """The stream of a log: the events that are not packed, and the newest of those that are."""
    return f"{key('run', run)}:{epoch}:events"


def packed(run: str, epoch: str) -> str:
    """The packed segments of a log: a hash, by their number."""
    return f"{key('run', run)}:{epoch}:packed"


_NOW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""
_PRODUCER = """
local function watching(...)
  local sum = 0
  for _, key in ipairs({...}) do
    local told = redis.call('HGETALL', key)
    for i = 1, #told, 2 do
      local count, ends = string.match(told[i + 1], '(%d+):(%d+)')
      if tonumber(ends) > now then sum = sum + tonumber(count) else redis.call('HDEL', key, told[i]) end
    end
  end
  return sum
end

local function heard(lease, commands, period)
  redis.call('SET', lease, 1, 'PX', period)
  local waiting = redis.call('LRANGE', commands, 0, -1)
  redis.call('DEL', commands)
  return waiting
end

local function open(room, runs, owner, keep)
  redis.call('HSETNX', room, 'owner', owner)
  redis.call('PEXPIRE', room, keep)
  redis.call('PEXPIRE', runs, keep)
  return redis.call('HGET', room, 'owner') == owner
end
"""

PUBLISH = f"""
-- KEYS: run, events, packed, lease, commands, watching; then of the room: room, runs, watching
-- ARGV: run, epoch, first, owner, room, whether the run ends, lease, keep, runs of a room; then text, node, kind ...
{_NOW}{_PRODUCER}
local meta, stream, segments = KEYS[1], KEYS[2], KEYS[3]
local run, epoch, first, owner, room = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5]
local count = (#ARGV - 9) / 3
local known = redis.call('HMGET', meta, 'epoch', 'owner', 'gone')
local there = known[1] and not known[3]
if there and known[2] ~= owner then return {{'run'}} end
if room ~= '' and (redis.call('HGET', KEYS[7], 'owner') or owner) ~= owner then return {{'room'}} end

-- A log that lost its events is another one, too: the producer has them all, and brings them again.
if not (there and known[1] == epoch and redis.call('EXISTS', stream) == 1) then
  if first ~= 1 or count == 0 then return {{'', 0, 0, 0, {{}}}} end
  if known[1] then redis.call('DEL', meta .. ':' .. known[1] .. ':events', meta .. ':' .. known[1] .. ':packed') end
  redis.call('DEL', meta, stream, segments)
  redis.call('HSET', meta, 'epoch', epoch, 'owner', owner, 'head', 0, 'packed', 0)
end

local head = tonumber(redis.call('HGET', meta, 'head'))
if first <= head + 1 then
  for i = head + 1 - first, count - 1 do
    local at = 10 + i * 3
    head = head + 1
    redis.call('XADD', stream, head .. '-0', 'e', ARGV[at], 'n', ARGV[at + 1], 'k', ARGV[at + 2])
  end
  redis.call('HSET', meta, 'head', head)
  if ARGV[6] == '1' then redis.call('HSET', meta, 'ended', 1) end
end
for i = 1, 3 do redis.call('PEXPIRE', KEYS[i], ARGV[8]) end
local watchers
if room == '' then
  watchers = watching(KEYS[6])
else
  watchers = watching(KEYS[6], KEYS[9])
  redis.call('HSET', meta, 'room', room)
  if not redis.call('LPOS', KEYS[8], run) then
    redis.call('RPUSH', KEYS[8], run)
    redis.call('LTRIM', KEYS[8], -ARGV[9], -1)
  end
  open(KEYS[7], KEYS[8], owner, ARGV[8])
end
return {{'', head, watchers, tonumber(redis.call('HGET', meta, 'packed')), heard(KEYS[4], KEYS[5], ARGV[7])}}
"""
"""Takes in what follows the newest event, and nothing else, whoever else publishes at the same time. Gives why not, or
"", the newest event, how many watch, how many segments are packed, and the commands.
"""

PACK = """
-- KEYS: run, events, packed. ARGV: epoch, number, the segment, events in a segment, events to keep in the stream, keep
local known = redis.call('HMGET', KEYS[1], 'epoch', 'head', 'packed')
if known[1] ~= ARGV[1] or tonumber(known[3]) ~= tonumber(ARGV[2]) then return 0 end
redis.call('HSET', KEYS[3], ARGV[2], ARGV[3])
redis.call('PEXPIRE', KEYS[3], ARGV[6])
local done = redis.call('HINCRBY', KEYS[1], 'packed', 1)
local kept = tonumber(ARGV[5])
if kept > 0 then
  redis.call('XTRIM', KEYS[2], 'MINID', math.max(0, math.min(done * ARGV[4], known[2] - kept)) + 1)
end
return 1
"""
"""Keeps a segment, and lets go of events in the stream that are in one: never of others."""

TEND = f"""
-- KEYS: room, runs, lease, commands, watching. ARGV: owner, lease, keep
{_NOW}{_PRODUCER}
if not open(KEYS[1], KEYS[2], ARGV[1], ARGV[3]) then return {{'room'}} end
return {{'', watching(KEYS[5]), heard(KEYS[3], KEYS[4], ARGV[2])}}
"""

WITHDRAW = """
-- KEYS: run, lease, commands, runs of its room. ARGV: run, how long the gateways have to notice
local epoch = redis.call('HGET', KEYS[1], 'epoch')
if not epoch then return 0 end
redis.call('DEL', KEYS[2], KEYS[3], KEYS[1] .. ':' .. epoch .. ':events', KEYS[1] .. ':' .. epoch .. ':packed')
redis.call('LREM', KEYS[4], 0, ARGV[1])
redis.call('HSET', KEYS[1], 'gone', 1)
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
"""

SEND = """
-- KEYS: lease, commands. ARGV: the command, how many may wait, keep
if redis.call('EXISTS', KEYS[1]) == 0 or redis.call('LLEN', KEYS[2]) >= tonumber(ARGV[2]) then return 0 end
redis.call('RPUSH', KEYS[2], ARGV[1])
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return 1
"""

SEAT = f"""
-- KEYS: seats. ARGV: how many there are, 0 where theirs are kept for those who sit; how long; who
{_NOW}
local seats = tonumber(ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
for i = 3, #ARGV do
  local taken = redis.call('ZCARD', KEYS[1])
  if seats > 0 and taken >= seats and not redis.call('ZSCORE', KEYS[1], ARGV[i]) then return 0 end
  redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[i])
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
"""

COUNT = f"""
-- KEYS: watching. ARGV: gateway, how long, then how many for each key
{_NOW}
for i, key in ipairs(KEYS) do
  if ARGV[i + 2] == '0' then
    redis.call('HDEL', key, ARGV[1])
  else
    redis.call('HSET', key, ARGV[1], ARGV[i + 2] .. ':' .. string.format('%d', now + ARGV[2]))
    redis.call('PEXPIRE', key, ARGV[2])
  end
end
"""
"""The counts of a gateway that was killed end by themselves, as its seats do."""
