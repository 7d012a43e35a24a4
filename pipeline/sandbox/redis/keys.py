"""Runs the commands about keys as such, whatever they hold, and about the server."""

import zlib

from pipeline.sandbox.redis.store import (
    OK,
    Command,
    RedisError,
    Reply,
    Status,
    Store,
    integer,
    matches,
    size_of,
    syntax,
)
from pipeline.sandbox.storestate import Entry

SCANNED = 10
TYPES = ("string", "list", "set", "zset", "hash")


def ping(store: Store, words: list[str]) -> Reply:
    return words[0] if words else Status("PONG")


def echo(store: Store, words: list[str]) -> Reply:
    return words[0]


def delete(store: Store, words: list[str]) -> Reply:
    return store.drop(*words)


def exists(store: Store, words: list[str]) -> Reply:
    return sum(store.read(key) is not None for key in words)


def kind(store: Store, words: list[str]) -> Reply:
    found = store.find(words[0])
    return Status(found.type if found else "none")


def expire(store: Store, words: list[str]) -> Reply:
    return _expire(store, words, 1.0)


def pexpire(store: Store, words: list[str]) -> Reply:
    return _expire(store, words, 1000.0)


def _expire(store: Store, words: list[str], per_second: float) -> int:
    entry, until = store.find(words[0]), store.now + integer(words[1]) / per_second
    if entry is None or not all(_may(entry, until, one.upper()) for one in words[2:]):
        return 0
    if until <= store.now:
        return store.drop(words[0])
    entry.expires = until
    return 1


def _may(entry: Entry, until: float, option: str) -> bool:
    allowed = {
        "NX": not entry.expires, "XX": bool(entry.expires), "GT": 0 < entry.expires < until,
        "LT": not entry.expires or until < entry.expires,
    }  # fmt: skip
    if option not in allowed:
        raise RedisError(f"ERR Unsupported option {option}")
    return allowed[option]


def persist(store: Store, words: list[str]) -> Reply:
    entry = store.find(words[0])
    if entry is None or not entry.expires:
        return 0
    entry.expires = 0
    return 1


def ttl(store: Store, words: list[str]) -> Reply:
    return _left(store, words[0], 1.0)


def pttl(store: Store, words: list[str]) -> Reply:
    return _left(store, words[0], 1000.0)


def _left(store: Store, key: str, per_second: float) -> int:
    """The time that a key has left: -2 without the key, -1 when it never expires."""
    entry = store.read(key)
    if entry is None or not entry.expires:
        return -2 if entry is None else -1
    return round((entry.expires - store.now) * per_second)


def keys(store: Store, words: list[str]) -> Reply:
    wanted = matches(words[0])
    return [key for key in store.all() if wanted(key)]


def scan(store: Store, words: list[str]) -> Reply:
    """Answer SCAN in the order of the keys' hashes, so that what comes and goes meanwhile cannot move the others."""
    cursor, count, wanted, type = _cursor(words[0]), SCANNED, matches("*"), ""
    options = words[1:]
    if len(options) % 2:
        raise syntax()
    for name, value in zip(options[::2], options[1::2], strict=True):
        if name.upper() == "MATCH":
            wanted = matches(value)
        elif name.upper() == "COUNT" and integer(value) > 0:
            count = integer(value)
        elif name.upper() == "TYPE":
            type = value.lower()
        else:
            raise syntax()
    ordered = sorted((_place(key), key) for key in store.all())
    left = [one for one in ordered if one[0] > cursor]
    last = left[count - 1][0] if len(left) > count else left[-1][0] if left else 0
    page = [key for place, key in left if place <= last]
    found: list[Reply] = [key for key in page if wanted(key) and type in ("", store.all()[key].type)]
    return [str(last) if len(page) < len(left) else "0", found]


def _cursor(text: str) -> int:
    if not text.isdigit():
        raise RedisError("ERR invalid cursor")
    return int(text)


def _place(key: str) -> int:
    return zlib.crc32(key.encode("utf-8", "surrogateescape")) + 1


def dbsize(store: Store, words: list[str]) -> Reply:
    return len(store.all())


def flush(store: Store, words: list[str]) -> Reply:
    store.all().clear()
    return OK


def time(store: Store, words: list[str]) -> Reply:
    microseconds = round(store.now * 1_000_000)
    return [str(microseconds // 1_000_000), str(microseconds % 1_000_000)]


def info(store: Store, words: list[str]) -> Reply:
    state, all = store.core.state.upstash, store.all()
    size = sum(size_of(key, one) for key, one in all.items())
    expiring = sum(one.expires > 0 for one in all.values())
    sections: dict[str, dict[str, object]] = {
        "Server": {"upstash_version": "1.12.0", "redis_version": "6.2.6", "redis_mode": "standalone"},
        "Clients": {"connected_clients": state.connection_count, "maxclients": state.db_max_clients},
        "Memory": {"used_memory": size, "maxmemory": state.db_memory_threshold},
        "Stats": {
            "total_commands_processed": store.tally.commands(), "keyspace_hits": store.tally.total("hits"),
            "keyspace_misses": store.tally.total("misses"),
        },
        "Keyspace": {"db0": f"keys={len(all)},expires={expiring},avg_ttl=0"} if all else {},
    }  # fmt: skip
    wanted = {word.lower() for word in words} - {"all", "default", "everything"}
    lines: list[str] = []
    for name, fields in sections.items():
        if not wanted or name.lower() in wanted:
            lines += [f"# {name}", *(f"{field}:{value}" for field, value in fields.items()), ""]
    return "\r\n".join(lines)


COMMANDS = {
    "PING": Command(ping, 0, 1), "ECHO": Command(echo, 1, 1), "DEL": Command(delete, 1, -1, True),
    "UNLINK": Command(delete, 1, -1, True), "EXISTS": Command(exists, 1, -1), "TYPE": Command(kind, 1, 1),
    "EXPIRE": Command(expire, 2, -1, True), "PEXPIRE": Command(pexpire, 2, -1, True),
    "PERSIST": Command(persist, 1, 1, True), "TTL": Command(ttl, 1, 1), "PTTL": Command(pttl, 1, 1),
    "KEYS": Command(keys, 1, 1), "SCAN": Command(scan, 1, -1), "DBSIZE": Command(dbsize, 0, 0),
    "FLUSHDB": Command(flush, 0, 1, True), "TIME": Command(time, 0, 0), "INFO": Command(info, 0, -1),
}  # fmt: skip
