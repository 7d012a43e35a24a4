"""Values of the small Lua, and what its operators do with them. Numbers are floats, as in Redis' Lua 5.1."""

import math
import operator
from collections.abc import Iterator
from typing import Any

Values = list[Any]
ARITHMETIC = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "%": operator.mod,
              "^": operator.pow}  # fmt: skip


class LuaError(Exception):
    """The script cannot be read, or went wrong."""


class Return(Exception):
    def __init__(self, values: Values) -> None:
        self.values = values


class Break(Exception):
    pass


class Table(dict[Any, Any]):
    """``nil`` is what is not there; whole numbers are the same key however they are written."""

    @classmethod
    def of(cls, values: Values) -> "Table":
        return cls({float(at): one for at, one in enumerate(values, 1) if one is not None})

    def items_in_order(self) -> Values:
        found: Values = []
        while self.get(float(len(found) + 1)) is not None:
            found.append(self[float(len(found) + 1)])
        return found


class Scope:
    def __init__(self, parent: "Scope | None" = None, names: dict[str, Any] | None = None) -> None:
        self.parent, self.names = parent, names or {}

    def home(self, name: str) -> "Scope":
        """Where the name is known; the outermost scope when it is not."""
        scope = self
        while name not in scope.names and scope.parent:
            scope = scope.parent
        return scope


def first(values: Values) -> Any:
    return values[0] if values else None


def true(value: Any) -> bool:
    return value is not None and value is not False


def number(value: Any) -> float:
    """Raises LuaError for what is neither a number nor the text of one."""
    found = as_number(value)
    if found is None:
        raise LuaError(f"attempt to perform arithmetic on a {kind(value)} value")
    return found


def as_number(value: Any) -> float | None:
    try:
        return float(value) if isinstance(value, str | float | int) and not isinstance(value, bool) else None
    except ValueError:
        return None


def kind(value: Any) -> str:
    kinds = ((bool, "boolean"), (float, "number"), (str, "string"), (dict, "table"))
    return "nil" if value is None else next((name for type, name in kinds if isinstance(value, type)), "function")


def text(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {None: "nil", True: "true", False: "false"}[value]
    return f"{value:.14g}" if isinstance(value, float) else str(value)


def operate(sign: str, a: Any, b: Any) -> Any:
    if sign in ("==", "~="):
        return (a == b and kind(a) == kind(b) if not isinstance(a, dict) else a is b) == (sign == "==")
    if sign in ("<", ">", "<=", ">="):
        if kind(a) != kind(b) or kind(a) not in ("number", "string"):
            raise LuaError(f"attempt to compare {kind(a)} with {kind(b)}")
        return {"<": a < b, ">": a > b, "<=": a <= b, ">=": a >= b}[sign]
    if sign == "..":
        if not all(isinstance(one, str | float) for one in (a, b)):
            raise LuaError("attempt to concatenate a value that is neither a string nor a number")
        return text(a) + text(b)
    left, right = number(a), number(b)
    if sign in "/%" and not right:
        return math.nan if sign == "%" or not left else math.copysign(math.inf, left)
    return float(ARITHMETIC[sign](left, right))


def index(holder: Any, key: Any) -> Any:
    if not isinstance(holder, dict):
        raise LuaError(f"attempt to index a {kind(holder)} value")
    return holder.get(key)


def put(holder: Any, key: Any, value: Any) -> None:
    if not isinstance(holder, dict) or key is None:
        raise LuaError(f"attempt to index a {kind(holder)} value")
    if value is None:
        holder.pop(key, None)
    else:
        holder[key] = value


def length(value: Any) -> float:
    if not isinstance(value, str | Table):
        raise LuaError(f"attempt to get length of a {kind(value)} value")
    return float(len(value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value.items_in_order()))


def numbers(bounds: Values) -> Iterator[Values]:
    """The rounds of ``for i = first, last, step``."""
    at, last, step = (number(one) for one in [*bounds, 1.0][:3])
    if not step:
        raise LuaError("'for' step is zero")
    while at <= last if step > 0 else at >= last:
        yield [at]
        at += step
