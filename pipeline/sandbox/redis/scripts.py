"""EVAL and EVALSHA: scripts that are run for real, by the small Lua beside this, with the commands of the database."""

import hashlib
import math
from collections.abc import Callable
from typing import Any

from pipeline.sandbox.redis import lua
from pipeline.sandbox.redis.luavalues import LuaError, Table, as_number, kind, number, text
from pipeline.sandbox.redis.store import OK, Command, RedisError, Reply, Status, Store, integer

Call = Callable[[list[str]], Reply]


def commands(call: Call) -> dict[str, Command]:
    """``call`` runs a command of a script."""

    def evaluate(store: Store, words: list[str]) -> Reply:
        sha = _sha(words[0])
        reply = _run(words[0], words[1:], call)
        store.core.state.upstash.scripts[sha] = words[0]
        return reply

    def by_sha(store: Store, words: list[str]) -> Reply:
        script = store.core.state.upstash.scripts.get(words[0].lower())
        if script is None:
            raise RedisError("NOSCRIPT No matching script. Please use EVAL.")
        return _run(script, words[1:], call)

    return {
        "EVAL": Command(evaluate, 2, -1, True), "EVALSHA": Command(by_sha, 2, -1, True),
        "EVAL_RO": Command(evaluate, 2, -1), "EVALSHA_RO": Command(by_sha, 2, -1),
        "SCRIPT": Command(_script, 1, -1, True),
    }  # fmt: skip


def _script(store: Store, words: list[str]) -> Reply:
    """SCRIPT LOAD, EXISTS and FLUSH."""
    known, what = store.core.state.upstash.scripts, words[0].upper()
    if what == "LOAD" and len(words) == 2:
        known[_sha(words[1])] = words[1]
        return _sha(words[1])
    if what == "EXISTS":
        return [int(one.lower() in known) for one in words[1:]]
    if what == "FLUSH":
        known.clear()
        return OK
    raise RedisError(f"ERR unknown subcommand or wrong number of arguments for '{words[0]}'")


def _sha(script: str) -> str:
    return hashlib.sha1(script.encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest()


def _run(script: str, words: list[str], call: Call) -> Reply:
    """``words``: how many keys, the keys, the arguments."""
    count = integer(words[0])
    if not 0 <= count <= len(words) - 1:
        raise RedisError("ERR Number of keys can't be greater than number of args")
    names = {**LIBRARY, "redis": _redis(call)}
    names["KEYS"], names["ARGV"] = Table.of(list(words[1 : count + 1])), Table.of(list(words[count + 1 :]))
    try:
        return _reply(lua.run(script, names))
    except LuaError as error:
        raise RedisError(f"ERR Error running script (call to f_{_sha(script)}): @user_script: {error}") from None


def _redis(call: Call) -> Table:
    def calls(*given: Any) -> list[Any]:
        if not given or not all(isinstance(one, str | float) for one in given):
            raise LuaError("Lua redis() command arguments must be strings or integers")
        return [_value(call([text(one) if isinstance(one, str) else _number(one) for one in given]))]

    def tries(*given: Any) -> list[Any]:
        try:
            return calls(*given)
        except RedisError as error:
            return [Table(err=str(error))]

    return Table(
        call=calls, pcall=tries, error_reply=lambda says: [Table(err=says)], status_reply=lambda says: [Table(ok=says)]
    )


def _number(value: float) -> str:
    return str(int(value)) if math.isfinite(value) and value == int(value) else f"{value:.17g}"


def _value(reply: Reply) -> Any:
    """A reply in Lua: nil is false, a status is a table."""
    if isinstance(reply, list):
        return Table.of([_value(one) for one in reply])
    if isinstance(reply, Status):
        return Table(ok=str(reply))
    return False if reply is None else float(reply) if isinstance(reply, int) else reply


def _reply(value: Any) -> Reply:
    """A script's value as a reply: numbers lose what is behind the point, a table ends at its first nil."""
    if isinstance(value, Table):
        if "err" in value:
            raise RedisError(str(value["err"]))
        return Status(value["ok"]) if "ok" in value else [_reply(one) for one in value.items_in_order()]
    if isinstance(value, bool) or value is None:
        return 1 if value else None
    if isinstance(value, float):
        return int(value) if math.isfinite(value) else -(2**63)
    return str(value) if isinstance(value, str) else None


def _table(value: Any) -> Table:
    if not isinstance(value, Table):
        raise LuaError(f"bad argument (table expected, got {kind(value)})")
    return value


def _append(holder: Any, value: Any) -> list[Any]:
    table = _table(holder)
    table[float(len(table.items_in_order()) + 1)] = value
    return []


def _fails(says: Any = None) -> list[Any]:
    raise LuaError(text(says))


def _whole(value: Any, round: Callable[[float], int]) -> list[Any]:
    found = number(value)
    return [float(round(found)) if math.isfinite(found) else found]


LIBRARY: dict[str, Any] = {
    "tonumber": lambda value=None: [as_number(value)],
    "tostring": lambda value=None: [text(value)],
    "type": lambda value=None: [kind(value)],
    "error": _fails,
    "unpack": lambda value: _table(value).items_in_order(),
    "ipairs": lambda value: [[[float(at), one] for at, one in enumerate(_table(value).items_in_order(), 1)]],
    "pairs": lambda value: [[list(pair) for pair in _table(value).items()]],
    "math": Table(
        floor=lambda value=None: _whole(value, math.floor), ceil=lambda value=None: _whole(value, math.ceil),
        abs=lambda value=None: [abs(number(value))], huge=math.inf,
        max=lambda *given: [max(number(one) for one in given)], min=lambda *given: [min(number(one) for one in given)],
    ),
    "table": Table(insert=_append),
    "string": Table(
        len=lambda value: [float(len(text(value)))], lower=lambda value: [text(value).lower()],
        upper=lambda value: [text(value).upper()],
    ),
}  # fmt: skip
