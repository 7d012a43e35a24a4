"""Parses as much of GraphQL as a query for analytics uses: one query with variables, fields, arguments and aliases."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

TOKEN = re.compile(
    r"(?P<space>[\s,\ufeff]+|#[^\n]*)|(?P<name>[_A-Za-z]\w*)|(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)"
    r'|(?P<string>"(?:\\.|[^"\\\n])*")|(?P<sign>\.\.\.|[!$():=\[\]{}])'
)
CONSTANTS = {"true": True, "false": False, "null": None}


class QueryError(Exception):
    """Raised for what GraphQL answers beside its data, with HTTP status 200."""


@dataclass(frozen=True)
class Field:
    """A field that a query asks for. ``key`` is the name in the answer: the alias, where there is one."""

    key: str
    name: str
    arguments: dict[str, Any]
    fields: tuple["Field", ...] = ()


def parsed(query: str, variables: Mapping[str, Any]) -> tuple[Field, ...]:
    """Parse a query into the fields that are asked for. Raises QueryError."""
    return _Reader(query, variables).document()


class _Reader:
    def __init__(self, query: str, variables: Mapping[str, Any]) -> None:
        self._variables, self._tokens, offset = dict(variables), list[tuple[str, str]](), 0
        while offset < len(query):
            found = TOKEN.match(query, offset)
            if not found:
                raise QueryError(f"syntax error: unexpected character {query[offset]!r} at {offset}")
            if found.lastgroup != "space":
                self._tokens.append((str(found.lastgroup), found[0]))
            offset = found.end()
        self._at = 0

    def _next(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("end", "the end")

    def _take(self, sign: str) -> bool:
        taken = self._next() == ("sign", sign)
        self._at += taken
        return taken

    def _must(self, sign: str) -> None:
        if not self._take(sign):
            raise QueryError(f"syntax error: expected {sign}, found {self._next()[1]}")

    def _name(self) -> str:
        sort, text = self._next()
        if sort != "name":
            raise QueryError(f"syntax error: expected a name, found {text}")
        self._at += 1
        return text

    def document(self) -> tuple[Field, ...]:
        if self._next()[0] == "name":
            if self._name() != "query":
                raise QueryError("only queries are answered here")
            if self._next()[0] == "name":
                self._name()
            if self._take("("):
                self._declared()
        found = self._selection()
        if self._next()[0] != "end":
            raise QueryError(f"syntax error: unexpected {self._next()[1]}")
        return found

    def _declared(self) -> None:
        """Read the variables that a query declares: those without a value get their default, or must be given."""
        while not self._take(")"):
            self._must("$")
            name = self._name()
            self._must(":")
            needed = self._type()
            default = self._value() if self._take("=") else None
            if self._variables.get(name) is None:
                if needed and default is None:
                    raise QueryError(f'variable "{name}" of required type was not provided')
                self._variables[name] = default

    def _type(self) -> bool:
        """Read the type of a variable; gives whether a value must be given."""
        if self._take("["):
            self._type()
            self._must("]")
        else:
            self._name()
        return self._take("!")

    def _selection(self) -> tuple[Field, ...]:
        self._must("{")
        found = []
        while not self._take("}"):
            found.append(self._field())
        if not found:
            raise QueryError("syntax error: an empty selection")
        return tuple(found)

    def _field(self) -> Field:
        key = name = self._name()
        if self._take(":"):
            name = self._name()
        arguments = self._pairs(")") if self._take("(") else {}
        fields = self._selection() if self._next() == ("sign", "{") else ()
        return Field(key, name, arguments, fields)

    def _pairs(self, end: str) -> dict[str, Any]:
        found = {}
        while not self._take(end):
            name = self._name()
            self._must(":")
            found[name] = self._value()
        return found

    def _value(self) -> Any:
        if self._take("$"):
            name = self._name()
            if name not in self._variables:
                raise QueryError(f'variable "{name}" is not defined')
            return self._variables[name]
        if self._take("{"):
            return self._pairs("}")
        if self._take("["):
            found = []
            while not self._take("]"):
                found.append(self._value())
            return found
        sort, text = self._next()
        self._at += 1
        if sort == "string" or sort == "number":
            return json.loads(text)
        if sort != "name":
            raise QueryError(f"syntax error: expected a value, found {text}")
        return CONSTANTS.get(text, text)
