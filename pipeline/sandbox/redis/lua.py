"""As much of Lua as scripts for Redis use: values, control flow and calls, but no functions of their own.

A script becomes closures. An expression gives a list: a call may give several values, or none.
"""

import re
from collections.abc import Iterable
from typing import Any

from pipeline.sandbox.redis.luasteps import Expression, Statement, applied, both, constant, few, indexed, loop
from pipeline.sandbox.redis.luatokens import tokens
from pipeline.sandbox.redis.luavalues import (
    Break,
    LuaError,
    Return,
    Scope,
    Table,
    Values,
    first,
    kind,
    length,
    number,
    numbers,
    put,
    true,
)

LEVELS = (("or",), ("and",), ("<", ">", "<=", ">=", "~=", "=="), ("..",), ("+", "-"), ("*", "/", "%"))
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0"}


def run(script: str, names: dict[str, Any]) -> Any:
    """What the script returns, nil when nothing. Raises LuaError, and whatever the functions in ``names`` raise."""
    try:
        Parser(script).whole()(Scope(names=names))
    except Return as done:
        return first(done.values)
    except Break:
        raise LuaError("no loop to break") from None
    except RecursionError:
        raise LuaError("stack overflow") from None
    return None


class Parser:
    def __init__(self, script: str) -> None:
        self._tokens = tokens(script)
        self._at = 0

    @property
    def _next(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("end", "<eof>")

    def _is(self, *wanted: str) -> bool:
        return self._next[0] in ("word", "sign") and self._next[1] in wanted

    def _take(self, *wanted: str) -> bool:
        taken = self._is(*wanted)
        self._at += taken
        return taken

    def _must(self, wanted: str) -> None:
        if not self._take(wanted):
            raise LuaError(f"'{wanted}' expected near '{self._next[1]}'")

    def _name(self) -> str:
        sort, found = self._next
        if sort != "name":
            raise LuaError(f"<name> expected near '{found}'")
        self._at += 1
        return found

    def whole(self) -> Statement:
        block = self.block()
        if self._next[0] != "end":
            raise LuaError(f"'<eof>' expected near '{self._next[1]}'")
        return block

    def block(self) -> Statement:
        steps: list[Statement] = []
        while self._next[0] != "end" and not self._is("end", "else", "elseif", "until"):
            if not self._take(";"):
                steps.append(self.statement())

        def act(scope: Scope) -> None:
            for step in steps:
                step(scope)

        return act

    def statement(self) -> Statement:
        if self._is("if", "while", "repeat", "for", "do", "return", "break", "local"):
            self._at += 1
            word = self._tokens[self._at - 1][1]
            made: Statement = getattr(self, f"_{word}")()
            return made
        return self._assignment_or_call()

    def _if(self) -> Statement:
        branches: list[tuple[Expression, Statement]] = []
        while True:
            condition = self.expression()
            self._must("then")
            branches.append((condition, self.block()))
            if not self._take("elseif"):
                break
        otherwise = self.block() if self._take("else") else (lambda scope: None)
        self._must("end")

        def act(scope: Scope) -> None:
            for condition, block in branches:
                if true(first(condition(scope))):
                    block(Scope(scope))
                    return
            otherwise(Scope(scope))

        return act

    def _while(self) -> Statement:
        condition = self.expression()
        self._must("do")
        body = self._do()
        return loop(lambda scope: true(first(condition(scope))), body, lambda inner: False)

    def _repeat(self) -> Statement:
        body = self.block()
        self._must("until")
        condition = self.expression()
        return loop(lambda scope: True, body, lambda inner: true(first(condition(inner))))

    def _do(self) -> Statement:
        body = self.block()
        self._must("end")
        return lambda scope: body(Scope(scope))

    def _for(self) -> Statement:
        names = [self._name()]
        while self._take(","):
            names.append(self._name())
        numeric = len(names) == 1 and self._take("=")
        if not numeric:
            self._must("in")
        bounds = self.expressions()
        self._must("do")
        body = self.block()
        self._must("end")

        def act(scope: Scope) -> None:
            given = bounds(scope)
            rounds = numbers(given) if numeric else first(given)
            if not isinstance(rounds, Iterable):
                raise LuaError("'for' needs numbers, ipairs or pairs")
            try:
                for values in few(rounds):
                    padded = [*values, *[None] * len(names)]
                    body(Scope(scope, dict(zip(names, padded, strict=False))))
            except Break:
                pass

        return act

    def _return(self) -> Statement:
        ends = self._next[0] == "end" or self._is("end", "else", "elseif", "until", ";")
        values = (lambda scope: []) if ends else self.expressions()

        def act(scope: Scope) -> None:
            raise Return(values(scope))

        return act

    def _break(self) -> Statement:
        def act(scope: Scope) -> None:
            raise Break

        return act

    def _local(self) -> Statement:
        names = [self._name()]
        while self._take(","):
            names.append(self._name())
        values = self.expressions() if self._take("=") else (lambda scope: [])

        def act(scope: Scope) -> None:
            found = values(scope)
            scope.names.update(zip(names, [*found, *[None] * len(names)], strict=False))

        return act

    def _assignment_or_call(self) -> Statement:
        targets = [self._target()]
        while self._take(","):
            targets.append(self._target())
        if not self._take("="):
            call = targets[0][0]
            if len(targets) > 1 or targets[0][1] != "call":
                raise LuaError(f"'=' expected near '{self._next[1]}'")
            return lambda scope: (call(scope), None)[1]
        values = self.expressions()

        def act(scope: Scope) -> None:
            found = [*values(scope), *[None] * len(targets)]
            for (_, name, holder, key), value in zip(targets, found, strict=False):
                if holder is None or key is None:
                    scope.home(name).names[name] = value
                else:
                    put(first(holder(scope)), first(key(scope)), value)

        return act

    def _target(self) -> tuple[Expression, str, Expression | None, Expression | None]:
        """(its value, the name or what else it is, what holds it, under which key)"""
        if self._take("("):
            inside = self.expression()
            self._must(")")
            found: Expression = lambda scope: [first(inside(scope))]  # noqa: E731
            name = "group"
        else:
            name = self._name()
            found = self._variable(name)
        holder: Expression | None = None
        key: Expression | None = None
        while True:
            if self._take("."):
                holder, key = found, constant(self._name())
            elif self._take("["):
                holder, key = found, self.expression()
                self._must("]")
            elif self._is("(", "{") or self._next[0] == "string":
                found, name, holder, key = self._call(found), "call", None, None
                continue
            else:
                return found, name, holder, key
            found, name = indexed(holder, key), "item"

    def _variable(self, name: str) -> Expression:
        return lambda scope: [scope.home(name).names.get(name)]

    def _call(self, function: Expression) -> Expression:
        if self._take("("):
            given = (lambda scope: []) if self._is(")") else self.expressions()
            self._must(")")
        else:
            given = self._simple()

        def act(scope: Scope) -> Values:
            called = first(function(scope))
            if not callable(called):
                raise LuaError(f"attempt to call a {kind(called)} value")
            found: Values = called(*given(scope))
            return found

        return act

    def expressions(self) -> Expression:
        """Several, of which the last gives all its values."""
        parts = [self.expression()]
        while self._take(","):
            parts.append(self.expression())
        return lambda scope: [*(first(one(scope)) for one in parts[:-1]), *parts[-1](scope)]

    def expression(self, level: int = 0) -> Expression:
        if level == len(LEVELS):
            return self._unary()
        left = self.expression(level + 1)
        while self._is(*LEVELS[level]):
            sign = self._next[1]
            self._at += 1
            left = both(sign, left, self.expression(level if sign == ".." else level + 1))
        return left

    def _unary(self) -> Expression:
        for sign, act in (("not", lambda value: not true(value)), ("-", lambda value: -number(value)), ("#", length)):
            if self._take(sign):
                return applied(act, self._unary())
        base = self._simple()
        return both("^", base, self._unary()) if self._take("^") else base

    def _simple(self) -> Expression:
        sort, found = self._next
        constants = {"nil": None, "true": True, "false": False}
        if sort == "word" and found in constants:
            self._at += 1
            return constant(constants[found])
        if sort == "number":
            self._at += 1
            return constant(float(int(found, 16) if found[:2].lower() == "0x" else float(found)))
        if sort == "string":
            self._at += 1
            return constant(re.sub(r"\\(.)", lambda one: ESCAPES.get(one[1], one[1]), found[1:-1], flags=re.DOTALL))
        return self._table() if self._take("{") else self._target()[0]

    def _table(self) -> Expression:
        named: list[tuple[Expression, Expression]] = []
        listed: list[Expression] = []
        while not self._take("}"):
            ahead = self._tokens[self._at + 1 : self._at + 2]
            if self._take("["):
                key = self.expression()
                self._must("]")
                self._must("=")
                named.append((key, self.expression()))
            elif self._next[0] == "name" and ahead == [("sign", "=")]:
                key = constant(self._name())
                self._must("=")
                named.append((key, self.expression()))
            else:
                listed.append(self.expression())
            if not self._take(",", ";") and not self._is("}"):
                raise LuaError(f"'}}' expected near '{self._next[1]}'")

        def act(scope: Scope) -> Values:
            values = [first(one(scope)) for one in listed[:-1]] + (listed[-1](scope) if listed else [])
            made = Table.of(values)
            for key, value in named:
                put(made, first(key(scope)), first(value(scope)))
            return [made]

        return act
