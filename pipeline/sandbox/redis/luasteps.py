"""The pieces that a Lua script is put together from: functions of the scope that it runs in."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from pipeline.sandbox.redis.luavalues import Break, LuaError, Scope, Values, first, index, operate, true

Expression = Callable[[Scope], Values]
Statement = Callable[[Scope], None]
MOST_ROUNDS = 1_000_000


def few(rounds: Iterable[Values]) -> Iterator[Values]:
    """As many rounds as a script may take. Raises LuaError after them."""
    left = iter(rounds)
    yield from islice(left, MOST_ROUNDS)
    if next(left, None) is not None:
        raise LuaError("the script takes too long")


def loop(goes_on: Callable[[Scope], bool], body: Statement, over: Callable[[Scope], bool]) -> Statement:
    """``over`` is asked in the scope of the body, which may have made names of its own."""

    def act(scope: Scope) -> None:
        try:
            for _ in range(MOST_ROUNDS):
                if not goes_on(scope):
                    return
                inner = Scope(scope)
                body(inner)
                if over(inner):
                    return
        except Break:
            return
        raise LuaError("the script takes too long")

    return act


def constant(value: Any) -> Expression:
    return lambda scope: [value]


def indexed(holder: Expression, key: Expression) -> Expression:
    return lambda scope: [index(first(holder(scope)), first(key(scope)))]


def applied(act: Callable[[Any], Any], inside: Expression) -> Expression:
    return lambda scope: [act(first(inside(scope)))]


def both(sign: str, left: Expression, right: Expression) -> Expression:
    """``and`` and ``or`` look at their right side only when they must."""

    def act(scope: Scope) -> Values:
        a = first(left(scope))
        if sign in ("and", "or"):
            return [a if true(a) == (sign == "or") else first(right(scope))]
        return [operate(sign, a, first(right(scope)))]

    return act
