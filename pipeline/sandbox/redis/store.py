"""Stores the keys of the database: what has expired is gone, and each look at a key is a hit or a miss."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from pipeline.sandbox.core import Core
from pipeline.sandbox.redis.tally import Tally
from pipeline.sandbox.storestate import Entry

Reply: TypeAlias = int | str | list["Reply"] | None
MAX_INTEGER = 2**63
EMPTY: dict[str, Callable[[], Any]] = {"string": str, "hash": dict, "list": list, "set": dict, "zset": dict}


class RedisError(Exception):
    """Raised for what Redis answers instead of a result; the first word is its kind."""


class Status(str):
    """A status is a reply such as OK, which is not a value."""


OK = Status("OK")


class Store:
    def __init__(self, core: Core, tally: Tally) -> None:
        self._core, self._tally = core, tally

    @property
    def now(self) -> float:
        return self._core.now()

    @property
    def core(self) -> Core:
        return self._core

    @property
    def tally(self) -> Tally:
        return self._tally

    def all(self) -> dict[str, Entry]:
        """List every key that has not expired."""
        state = self._core.state.upstash
        over = [key for key, one in state.keys.items() if 0 < one.expires <= self.now]
        for key in over:
            del state.keys[key]
        return state.keys

    def find(self, key: str, type: str = "") -> Entry | None:
        """Find a key. Raises RedisError when it is there and of another type."""
        found = self.all().get(key)
        if found and type and found.type != type:
            raise RedisError("WRONGTYPE Operation against a key holding the wrong kind of value")
        return found

    def read(self, key: str, type: str = "") -> Entry | None:
        """Find a key as ``find`` does, and count the look."""
        found = self.find(key, type)
        self._tally.looked(found is not None)
        return found

    def value(self, key: str, type: str) -> Any:
        """Read the value of a key; empty where there is no key."""
        found = self.read(key, type)
        return found.value if found else EMPTY[type]()

    def make(self, key: str, type: str) -> Entry:
        """Find a key, which is made empty when it is missing."""
        found = self.find(key, type)
        if found is None:
            found = self.all()[key] = Entry(type, EMPTY[type]())
        return found

    def drop(self, *keys: str) -> int:
        """Drop keys and give how many of them there were."""
        return sum(self.all().pop(key, None) is not None for key in keys)

    def tidy(self, key: str) -> None:
        """Drop a key whose collection has no members: that is no key."""
        found = self.find(key)
        if found and not found.value and found.type != "string":
            self.drop(key)


@dataclass(frozen=True)
class Command:
    """A command of Redis takes ``least`` to ``most`` arguments; ``most`` -1 is any number."""

    run: Callable[[Store, list[str]], Reply]
    least: int
    most: int
    writes: bool = False


def integer(text: str) -> int:
    """Read an integer. Raises RedisError when it is none that fits into 64 bits."""
    if not re.fullmatch(r"-?\d{1,19}", text) or not -MAX_INTEGER <= int(text) < MAX_INTEGER:
        raise RedisError("ERR value is not an integer or out of range")
    return int(text)


def score(text: str) -> float:
    """Read a score. Raises RedisError."""
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if math.isnan(found):
        raise RedisError("ERR value is not a valid float")
    return found


def shown(number: float) -> str:
    """Write a score as Redis does: whole numbers without a point."""
    if math.isinf(number):
        return "inf" if number > 0 else "-inf"
    return str(int(number)) if number == int(number) else repr(number)


def size_of(key: str, entry: Entry) -> int:
    """Estimate how many bytes a key takes."""
    return len(key.encode("utf-8", "replace")) + len(str(entry.value).encode("utf-8", "replace"))


def syntax() -> RedisError:
    return RedisError("ERR syntax error")


def matches(pattern: str) -> Callable[[str], bool]:
    """Whether a key matches a glob of Redis: ``*``, ``?``, ``[a-z]``, ``[^a]``, and a backslash before a literal."""
    found, offset = "", 0
    while offset < len(pattern):
        symbol, rest = pattern[offset], pattern.find("]", offset + 1)
        if symbol == "\\" and offset + 1 < len(pattern):
            offset += 1
            found += re.escape(pattern[offset])
        elif symbol == "[" and rest > 0:
            inside = pattern[offset + 1 : rest].replace("\\", "").replace("[", "\\[")
            found += f"[{inside}]" if inside.strip("^") else "(?!)"
            offset = rest
        else:
            found += {"*": ".*", "?": "."}.get(symbol) or re.escape(symbol)
        offset += 1
    compiled = re.compile(found, re.DOTALL)
    return lambda text: compiled.fullmatch(text) is not None
