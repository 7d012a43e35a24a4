"""Parses the text of a Prisma schema into blocks, fields and attributes. What it does not understand, it refuses.

The language: https://www.prisma.io/docs/orm/prisma-schema/overview
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

KINDS = ("model", "view", "enum", "type", "datasource", "generator")
TOKEN = re.compile(
    r"""(?P<space>[ \t\r\ufeff]+|//[^\n]*)|(?P<line>\n)|"(?P<text>(?:[^"\\\n]|\\.)*)"|(?P<name>\w[\w-]*(?:\.\d+)?)"""
    r"""|(?P<mark>@@|[{}()\[\]:,=@?.!-])"""
)


class SchemaUnread(Exception):
    """Raised when a schema is not understood. ``line`` counts from 1."""

    def __init__(self, line: int, why: str) -> None:
        super().__init__(f"line {line}: {why}")
        self.line, self.why = line, why


@dataclass(frozen=True)
class Token:
    """A token. ``kind``: ``line``, ``text``, ``name`` or ``mark``; ``end`` comes last."""

    kind: str
    value: str
    line: int


@dataclass(frozen=True)
class Value:
    """A value: a text, a name, or a call or list with its ``parts``. ``label``: the name before its colon."""

    kind: str
    value: str
    parts: tuple["Value", ...] = ()
    label: str = ""


@dataclass(frozen=True)
class Attribute:
    """``@name(args)`` or ``@@name(args)``; ``name`` is ``map``, ``db.VarChar`` and so on."""

    name: str
    args: tuple[Value, ...] = ()

    def given(self, label: str) -> Value | None:
        """Find the argument of that name, or else the first one without any."""
        named = next((one for one in self.args if one.label == label), None)
        return named or next((one for one in self.args if not one.label), None)


@dataclass(frozen=True)
class Field:
    """A field of a model, or a value of an enum, which has no ``type``."""

    name: str
    type: str
    many: bool
    optional: bool
    attributes: tuple[Attribute, ...]
    line: int

    def attribute(self, name: str) -> Attribute | None:
        return next((one for one in self.attributes if one.name == name), None)


@dataclass(frozen=True)
class Block:
    """A block. Of datasources and generators only the name is kept."""

    kind: str
    name: str
    fields: tuple[Field, ...] = ()
    attributes: tuple[Attribute, ...] = ()

    def attribute(self, name: str) -> Attribute | None:
        return next((one for one in self.attributes if one.name == name), None)


def tokens(text: str) -> Iterator[Token]:
    """Cut a schema into tokens. Raises SchemaUnread."""
    at, line = 0, 1
    while at < len(text):
        found = TOKEN.match(text, at)
        if not found:
            raise SchemaUnread(line, f"{text[at]!r} is nothing that a schema has")
        at = found.end()
        kind = str(found.lastgroup)
        if kind != "space":
            yield Token(kind, found[kind], line)
        line += kind == "line"
    yield Token("end", "", line)


def blocks_of(text: str) -> tuple[Block, ...]:
    """Parse a schema. Raises SchemaUnread."""
    return tuple(_Parser(list(tokens(text))).blocks())


class _Parser:
    def __init__(self, found: list[Token]) -> None:
        self._tokens, self._at = found, 0

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self, kind: str, value: str = "") -> Token:
        token = self._next
        if token.kind != kind or (value and token.value != value):
            raise SchemaUnread(token.line, f"{value or kind} was expected, not {token.value.strip() or token.kind!r}")
        self._at += 1
        return token

    def _is(self, value: str) -> bool:
        return self._next.kind == "mark" and self._next.value == value

    def _took(self, value: str) -> bool:
        taken = self._is(value)
        self._at += taken
        return taken

    def _lines(self) -> None:
        while self._next.kind == "line":
            self._at += 1

    def blocks(self) -> Iterator[Block]:
        self._lines()
        while self._next.kind != "end":
            kind = self._take("name")
            if kind.value not in KINDS:
                raise SchemaUnread(kind.line, f"nobody knows what a {kind.value} is")
            name = self._take("name").value
            self._take("mark", "{")
            if kind.value in ("datasource", "generator"):
                self._skip()
                yield Block(kind.value, name)
            else:
                yield self._body(kind.value, name)
            self._lines()

    def _skip(self) -> None:
        """Read past the settings of a datasource or a generator, up to its brace."""
        while not self._took("}"):
            if self._next.kind == "end":
                raise SchemaUnread(self._next.line, "a block does not end")
            self._at += 1

    def _body(self, kind: str, name: str) -> Block:
        fields: list[Field] = []
        attributes: list[Attribute] = []
        self._lines()
        while not self._took("}"):
            if self._took("@@"):
                attributes.append(self._attribute())
            else:
                fields.append(self._field(kind))
            if not self._is("}"):
                self._take("line")
            self._lines()
        return Block(kind, name, tuple(fields), tuple(attributes))

    def _field(self, kind: str) -> Field:
        name, what = self._take("name"), ""
        many = optional = False
        if kind != "enum":
            what = self._take("name").value
            if what == "Unsupported":
                self._take("mark", "(")
                self._take("text")
                self._take("mark", ")")
            if self._took("["):
                self._take("mark", "]")
                many = True
            optional = self._took("?")
        attributes = []
        while self._took("@"):
            attributes.append(self._attribute())
        return Field(name.value, what, many, optional, tuple(attributes), name.line)

    def _attribute(self) -> Attribute:
        name = self._take("name").value
        while self._took("."):
            name += "." + self._take("name").value
        return Attribute(name, self._list(")") if self._took("(") else ())

    def _list(self, end: str) -> tuple[Value, ...]:
        found: list[Value] = []
        self._lines()
        while not self._took(end):
            found.append(self._value())
            self._lines()
            if not self._is(end):
                self._take("mark", ",")
                self._lines()
        return tuple(found)

    def _value(self) -> Value:
        if self._next.kind == "text":
            return Value("text", self._text())
        if self._took("["):
            return Value("list", "", self._list("]"))
        if self._took("{"):
            return Value("object", "", self._list("}"))
        sign = "-" if self._took("-") else ""
        name = sign + self._take("name").value
        while self._took("."):
            name += "." + self._take("name").value
        if self._took(":"):
            self._lines()
            inner = self._value()
            return Value(inner.kind, inner.value, inner.parts, name)
        if self._took("("):
            return Value("call", name, self._list(")"))
        return Value("name", name)

    def _text(self) -> str:
        return re.sub(r"\\(.)", lambda found: {"n": "\n", "t": "\t"}.get(found[1], found[1]), self._take("text").value)
