"""Runs EVAL and EVALSHA for real: scripts are run by Lua itself, with the commands of the database."""

import hashlib
import re
from collections.abc import Callable
from typing import Any

from pipeline.sandbox.redis.store import OK, Command, RedisError, Reply, Status, Store, integer

Call = Callable[[list[str]], Reply]


def commands(call: Call) -> dict[str, Command]:
    """Make the commands about scripts; ``call`` runs a command of a script."""

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
        "EVAL": Command(evaluate, 2, -1, True),
        "EVALSHA": Command(by_sha, 2, -1, True),
        "EVAL_RO": Command(evaluate, 2, -1),
        "EVALSHA_RO": Command(by_sha, 2, -1),
        "SCRIPT": Command(_script, 1, -1, True),
    }


def _script(store: Store, words: list[str]) -> Reply:
    """Run SCRIPT LOAD, EXISTS and FLUSH."""
    known, action = store.core.state.upstash.scripts, words[0].upper()
    if action == "LOAD" and len(words) == 2:
        known[_sha(words[1])] = words[1]
        return _sha(words[1])
    if action == "EXISTS":
        return [int(one.lower() in known) for one in words[1:]]
    if action == "FLUSH":
        known.clear()
        return OK
    raise RedisError(f"ERR unknown subcommand or wrong number of arguments for '{words[0]}'")


def _sha(script: str) -> str:
    return hashlib.sha1(script.encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest()


def _run(script: str, words: list[str], call: Call) -> Reply:
    """Run a script.

    ``words``: how many keys, the keys, the arguments. Each run has a Lua of its own, without files or Python.
    """
    from lupa.lua54 import LuaError, LuaRuntime  # type: ignore[import-untyped]  # only who sends scripts waits for it

    count = integer(words[0])
    if not 0 <= count <= len(words) - 1:
        raise RedisError("ERR Number of keys can't be greater than number of args")
    lua = LuaRuntime(register_eval=False, register_builtins=False, attribute_filter=_nothing)

    def calls(*given: Any) -> Any:
        return _to_lua(lua, call([_word(one) for one in given]))

    def tries(*given: Any) -> Any:
        try:
            return calls(*given)
        except RedisError as error:
            return lua.table_from({"err": str(error)})

    try:
        begin = lua.execute(PRELUDE)
        body = SHEBANG.sub("", script)
        found = begin(body, lua.table_from(words[1 : count + 1]), lua.table_from(words[count + 1 :]), calls, tries)
    except (LuaError, AttributeError, TypeError) as error:
        says = str(error).partition("\n")[0]
        raise RedisError(f"ERR Error running script (call to f_{_sha(script)}): @user_script: {says}") from None
    return _to_reply(found)


SHEBANG = re.compile(r"\A#!.*")  # Redis' own header, with flags
PRELUDE = """
return function(script, keys, argv, call, pcall_)
  local names = {KEYS = keys, ARGV = argv, math = math, string = string, table = table, tonumber = tonumber,
    tostring = tostring, type = type, error = error, pairs = pairs, ipairs = ipairs, unpack = table.unpack,
    next = next, select = select, assert = assert, pcall = pcall,
    redis = {call = call, pcall = pcall_, error_reply = function(says) return {err = says} end,
             status_reply = function(says) return {ok = says} end}}
  setmetatable(names, {
    __newindex = function(_, name) error("Script attempted to create global variable '" .. name .. "'", 2) end,
    __index = function(_, name) error("Script attempted to access nonexistent global variable '" .. name .. "'", 2) end,
  })
  debug.sethook(function() error("Script killed: it ran for too long") end, "", 10000000)
  local run, wrong = load(script, "@user_script", "t", names)
  if not run then error(wrong, 0) end
  return run()
end
"""


def _nothing(owner: object, name: object, setting: bool) -> object:
    """Refuse a script that looks into Python's values."""
    raise AttributeError("access denied")


def _word(value: Any) -> str:
    """Write a command's word: a number that is whole is written without its point."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise RedisError("ERR Lua redis lib command arguments must be strings or integers")
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else f"{value:.17g}"
    return str(value)


def _to_lua(lua: Any, reply: Reply) -> Any:
    """Convert a reply for Lua: nil is false, a status is a table."""
    if isinstance(reply, list):
        return lua.table_from([_to_lua(lua, one) for one in reply])
    if isinstance(reply, Status):
        return lua.table_from({"ok": str(reply)})
    return False if reply is None else reply


def _to_reply(value: Any) -> Reply:
    """Convert Lua's value to a reply: numbers lose what is behind the point; a table ends at its first nil."""
    if isinstance(value, bool) or value is None:
        return 1 if value else None
    if isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return int(value)
    if isinstance(value, tuple):  # several values: Redis takes the first
        return _to_reply(value[0]) if value else None
    if value["err"] is not None:
        raise RedisError(str(value["err"]))
    if value["ok"] is not None:
        return Status(value["ok"])
    found: list[Reply] = []
    while value[len(found) + 1] is not None:
        found.append(_to_reply(value[len(found) + 1]))
    return found
