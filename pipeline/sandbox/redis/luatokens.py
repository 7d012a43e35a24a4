"""A Lua script cut into its words."""

import re

from pipeline.sandbox.redis.luavalues import LuaError

TOKEN = re.compile(
    r"(?P<space>\s+|--\[\[.*?\]\]|--[^\n]*)|(?P<name>[A-Za-z_]\w*)|(?P<number>0[xX][0-9a-fA-F]+|\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+)"
    r"|(?P<string>\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*')|(?P<sign>\.\.|==|~=|<=|>=|[-+*/%^#<>=(){}\[\];,.])",
    re.DOTALL,
)
WORDS = {"and", "break", "do", "else", "elseif", "end", "false", "for", "function", "if", "in", "local", "nil", "not",
         "or", "repeat", "return", "then", "true", "until", "while"}  # fmt: skip


def tokens(script: str) -> list[tuple[str, str]]:
    """(word, name, number, string or sign, its text), without space and comments. Raises LuaError."""
    script, found, at = re.sub(r"\A#![^\n]*", "", script), list[tuple[str, str]](), 0
    while at < len(script):
        one = TOKEN.match(script, at)
        if not one:
            raise LuaError(f"unexpected symbol near '{script[at]}'")
        if one.lastgroup != "space":
            reserved = one.lastgroup == "name" and one[0] in WORDS
            found.append(("word" if reserved else str(one.lastgroup), one[0]))
        at = one.end()
    return found
