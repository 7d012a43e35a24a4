"""Runs the commands about strings and counters."""

from pipeline.sandbox.redis.store import MAX_INTEGER, OK, Command, RedisError, Reply, Store, integer, syntax
from pipeline.sandbox.storestate import Entry

SECONDS = {"EX": 1.0, "PX": 1000.0, "EXAT": 1.0, "PXAT": 1000.0}


def get(store: Store, words: list[str]) -> Reply:
    found = store.read(words[0], "string")
    return str(found.value) if found else None


def mget(store: Store, words: list[str]) -> Reply:
    found = [store.read(key) for key in words]
    return [one.value if one and one.type == "string" else None for one in found]


def put(store: Store, words: list[str]) -> Reply:
    key, value, options = words[0], words[1], [word.upper() for word in words[2:]]
    until, flags = _options(store, options)
    now = store.find(key, "string" if "GET" in flags else "")
    before = now.value if now and "GET" in flags else None
    if (now if "NX" in flags else now is None and "XX" in flags) or {"NX", "XX"} <= flags:
        if {"NX", "XX"} <= flags:
            raise syntax()
        return before
    if "KEEPTTL" in flags and now:
        until = now.expires
    store.all()[key] = Entry("string", value, until)
    return before if "GET" in flags else OK


def _options(store: Store, options: list[str]) -> tuple[float, set[str]]:
    """Read the options of SET: when the key expires (0: never), and the words without a value."""
    until, flags, rest = 0.0, set[str](), iter(options)
    for option in rest:
        if option in ("NX", "XX", "GET", "KEEPTTL"):
            flags.add(option)
        elif option in SECONDS and not until:
            until = _until(store, option, next(rest, ""))
        else:
            raise syntax()
    if until and "KEEPTTL" in flags:
        raise syntax()
    return until, flags


def _until(store: Store, option: str, text: str) -> float:
    if not text:
        raise syntax()
    seconds = integer(text) / SECONDS[option]
    if seconds <= 0:
        raise RedisError("ERR invalid expire time in 'set' command")
    return seconds if option.endswith("AT") else store.now + seconds


def setex(store: Store, words: list[str]) -> Reply:
    return put(store, [words[0], words[2], "EX", words[1]])


def incr(store: Store, words: list[str]) -> Reply:
    return _add(store, words[0], 1)


def decr(store: Store, words: list[str]) -> Reply:
    return _add(store, words[0], -1)


def incrby(store: Store, words: list[str]) -> Reply:
    return _add(store, words[0], integer(words[1]))


def decrby(store: Store, words: list[str]) -> Reply:
    return _add(store, words[0], -integer(words[1]))


def _add(store: Store, key: str, by: int) -> int:
    """Add to a counter. Raises RedisError before anything is changed."""
    now = store.find(key, "string")
    value = integer(now.value if now else "0") + by
    if not -MAX_INTEGER <= value < MAX_INTEGER:
        raise RedisError("ERR increment or decrement would overflow")
    store.make(key, "string").value = str(value)
    return value


COMMANDS = {
    "GET": Command(get, 1, 1), "MGET": Command(mget, 1, -1), "SET": Command(put, 2, -1, True),
    "SETEX": Command(setex, 3, 3, True), "INCR": Command(incr, 1, 1, True), "DECR": Command(decr, 1, 1, True),
    "INCRBY": Command(incrby, 2, 2, True), "DECRBY": Command(decrby, 2, 2, True),
}  # fmt: skip
