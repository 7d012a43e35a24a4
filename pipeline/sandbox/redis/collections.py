"""Runs the commands about hashes, sets, sorted sets and lists."""

from typing import TypeVar

from pipeline.sandbox.redis.store import Command, RedisError, Reply, Store, integer, score, shown, syntax

T = TypeVar("T")


def hset(store: Store, words: list[str]) -> Reply:
    if len(words) % 2 == 0:
        raise RedisError("ERR wrong number of arguments for 'hset' command")
    hash = store.make(words[0], "hash").value
    fields = dict(zip(words[1::2], words[2::2], strict=True))
    added = len(fields.keys() - hash.keys())
    hash.update(fields)
    return added


def hget(store: Store, words: list[str]) -> Reply:
    found: str | None = store.value(words[0], "hash").get(words[1])
    return found


def hmget(store: Store, words: list[str]) -> Reply:
    hash = store.value(words[0], "hash")
    return [hash.get(field) for field in words[1:]]


def hgetall(store: Store, words: list[str]) -> Reply:
    return [part for pair in store.value(words[0], "hash").items() for part in pair]


def hdel(store: Store, words: list[str]) -> Reply:
    return _taken(store, "hash", words)


def hincrby(store: Store, words: list[str]) -> Reply:
    now, by = store.find(words[0], "hash"), integer(words[2])
    value = integer(now.value.get(words[1], "0") if now else "0") + by
    store.make(words[0], "hash").value[words[1]] = str(integer(str(value)))
    return value


def sadd(store: Store, words: list[str]) -> Reply:
    members = store.make(words[0], "set").value
    added = dict.fromkeys(words[1:], 1).keys() - members.keys()
    members.update(dict.fromkeys(words[1:], 1))
    return len(added)


def smembers(store: Store, words: list[str]) -> Reply:
    return list(store.value(words[0], "set"))


def scard(store: Store, words: list[str]) -> Reply:
    return len(store.value(words[0], "set"))


def smismember(store: Store, words: list[str]) -> Reply:
    members = store.value(words[0], "set")
    return [int(word in members) for word in words[1:]]


def sismember(store: Store, words: list[str]) -> Reply:
    return int(words[1] in store.value(words[0], "set"))


def srem(store: Store, words: list[str]) -> Reply:
    return _taken(store, "set", words)


def zadd(store: Store, words: list[str]) -> Reply:
    key, rest, flags = words[0], words[1:], set[str]()
    while rest and rest[0].upper() in ("NX", "XX", "CH"):
        flags.add(rest.pop(0).upper())
    if not rest or len(rest) % 2 or {"NX", "XX"} <= flags:
        raise syntax()
    wanted = [(member, score(text)) for text, member in zip(rest[::2], rest[1::2], strict=True)]
    scores = store.make(key, "zset").value
    added = changed = 0
    for member, value in wanted:
        known = member in scores
        if ("NX" in flags and known) or ("XX" in flags and not known):
            continue
        added += not known
        changed += scores.get(member) != value
        scores[member] = value
    store.tidy(key)
    return changed if "CH" in flags else added


def zincrby(store: Store, words: list[str]) -> Reply:
    by = score(words[1])
    scores = store.make(words[0], "zset").value
    scores[words[2]] = scores.get(words[2], 0.0) + by
    return shown(scores[words[2]])


def zscore(store: Store, words: list[str]) -> Reply:
    found = store.value(words[0], "zset").get(words[1])
    return None if found is None else shown(found)


def zcard(store: Store, words: list[str]) -> Reply:
    return len(store.value(words[0], "zset"))


def zrem(store: Store, words: list[str]) -> Reply:
    return _taken(store, "zset", words)


def zrange(store: Store, words: list[str]) -> Reply:
    """Answer ZRANGE by rank or BYSCORE, with REV, WITHSCORES and LIMIT."""
    first, last, options = words[1], words[2], [word.upper() for word in words[3:]]
    offset, count = 0, -1
    if "LIMIT" in options:
        index = options.index("LIMIT")
        if len(options) < index + 3 or "BYSCORE" not in options:
            raise syntax()
        offset, count = integer(options[index + 1]), integer(options[index + 2])
        del options[index : index + 3]
    if set(options) - {"REV", "WITHSCORES", "BYSCORE"}:
        raise syntax()
    pairs = sorted(store.value(words[0], "zset").items(), key=lambda pair: (pair[1], pair[0].encode()))
    if "REV" in options:
        pairs.reverse()
    if "BYSCORE" in options:
        low, high = (last, first) if "REV" in options else (first, last)
        pairs = [pair for pair in pairs if _over(pair[1], low) and _over(-pair[1], _mirrored(high))]
        pairs = pairs[offset : None if count < 0 else offset + count]
    else:
        pairs = _slice(pairs, first, last)
    if "WITHSCORES" in options:
        return [part for member, value in pairs for part in (member, shown(value))]
    return [member for member, _ in pairs]


def _over(value: float, bound: str) -> bool:
    return value > score(bound[1:]) if bound.startswith("(") else value >= score(bound)


def _mirrored(bound: str) -> str:
    open = "(" * bound.startswith("(")
    return open + repr(-score(bound.removeprefix("(")))


def lpush(store: Store, words: list[str]) -> Reply:
    items = store.make(words[0], "list").value
    items[:0] = words[:0:-1]
    return len(items)


def rpush(store: Store, words: list[str]) -> Reply:
    items = store.make(words[0], "list").value
    items += words[1:]
    return len(items)


def lrange(store: Store, words: list[str]) -> Reply:
    return _slice(store.value(words[0], "list"), words[1], words[2])


def llen(store: Store, words: list[str]) -> Reply:
    return len(store.value(words[0], "list"))


def _slice(items: list[T], first: str, last: str) -> list[T]:
    """Take the members from ``first`` to ``last``, both included; below 0 they count from the end."""
    start, stop = (n if n >= 0 else max(-1, n + len(items)) for n in (integer(first), integer(last)))
    return items[max(0, start) : stop + 1]


def _taken(store: Store, type: str, words: list[str]) -> int:
    entry = store.find(words[0], type)
    if entry is None:
        return 0
    gone = sum(entry.value.pop(one, None) is not None for one in words[1:])
    store.tidy(words[0])
    return gone


COMMANDS = {
    "HSET": Command(hset, 3, -1, True), "HGET": Command(hget, 2, 2), "HMGET": Command(hmget, 2, -1),
    "HGETALL": Command(hgetall, 1, 1), "HDEL": Command(hdel, 2, -1, True), "HINCRBY": Command(hincrby, 3, 3, True),
    "SADD": Command(sadd, 2, -1, True), "SMEMBERS": Command(smembers, 1, 1), "SCARD": Command(scard, 1, 1),
    "SISMEMBER": Command(sismember, 2, 2), "SMISMEMBER": Command(smismember, 2, -1), "SREM": Command(srem, 2, -1, True),
    "ZADD": Command(zadd, 3, -1, True), "ZINCRBY": Command(zincrby, 3, 3, True), "ZSCORE": Command(zscore, 2, 2),
    "ZCARD": Command(zcard, 1, 1), "ZREM": Command(zrem, 2, -1, True), "ZRANGE": Command(zrange, 3, -1),
    "LPUSH": Command(lpush, 2, -1, True), "RPUSH": Command(rpush, 2, -1, True), "LRANGE": Command(lrange, 3, 3),
    "LLEN": Command(llen, 1, 1),
}  # fmt: skip
