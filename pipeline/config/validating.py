"""Held against the types: each value that does not fit, and what is left of a file when those are set aside."""

import copy
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from checks import policy
from pipeline.config.document import dotted, in_words, line_of
from pipeline.config.renames import hint_of

ROUNDS = 8  # a stand-in may itself miss keys, so deep as types are nested
EMPTY: Mapping[str, Any] = {"dict_type": {}, "dataclass_type": {}, "tuple_type": []}
NAMED = ("missing", "string_type")

KeyPath = tuple[Any, ...]


@dataclass(frozen=True)
class Misfit:
    """A value that does not fit its type. ``kind``: pydantic's name for that."""

    path: KeyPath
    kind: str
    says: str


def misfits(kind: Any, raw: Any) -> tuple[Any, tuple[Misfit, ...]]:
    """``raw`` as ``kind``, or None and everything in it that does not fit."""
    from pydantic import ValidationError

    try:
        return _adapter(kind).validate_python(raw), ()
    except ValidationError as error:
        return None, _by_place(raw, error.errors(include_url=False))


def validated(kind: Any, raw: Any, tree: Any, name: str, mistakes: list[str], within: tuple[str, ...] = ()) -> Any:
    """``raw`` as ``kind``, or None after adding a line to ``mistakes`` for each thing that is wrong."""
    value, found = misfits(kind, raw)
    mistakes += (said_of(one, tree, name, within) for one in found)
    return value


def said_of(misfit: Misfit, tree: Any, name: str, within: KeyPath = ()) -> str:
    """A misfit as every mistake is written, with the line below ``within`` when it stands there."""
    line = line_of(tree, (*within, *misfit.path)) or line_of(tree, misfit.path)
    return f"{name}:{line}: {dotted(misfit.path)}: {misfit.says}{hint_of(misfit.path)}"


def as_far_as_it_fits(kind: Any, raw: Any) -> Any:
    """``raw`` as ``kind``, with stand-ins for what does not fit: for whoever asks what else is wrong. None: hopeless.

    What is asked about a stand-in has no meaning: its path is among the ``misfits``.
    """
    raw = copy.deepcopy(raw)
    for _ in range(ROUNDS):
        value, found = misfits(kind, raw)
        if value is not None:
            return value
        for one in found:
            _stand_in(raw, one.path, one.kind)
    return None


def _stand_in(raw: Any, path: KeyPath, kind: str) -> None:
    """Put something that fits to ``path``, or take away what is there. A text is its own path: no two are the same."""
    *above, last = path or ("",)
    node = raw
    for part in above:
        try:
            node = node[part]
        except (KeyError, IndexError, TypeError):
            return  # it went with what stood above it
    if kind in EMPTY:
        node[last] = copy.copy(EMPTY[kind])
    elif kind in NAMED:
        node[last] = dotted(path)
    elif isinstance(node, list):
        _stand_in(raw, tuple(above), "")
    elif isinstance(node, dict):
        node.pop(last, None)


def _by_place(raw: Any, items: Any) -> tuple[Misfit, ...]:
    """What pydantic says, once a place. Of a value that may be one thing or another: what is wrong inside of it, else
    all that it may be."""
    found: dict[KeyPath, list[tuple[Any, bool]]] = defaultdict(list)
    for item in items:
        path, among = _in_the_file(raw, item)
        found[path].append((item, among))
    misfits = []
    for path, said in found.items():
        deeper = any(other[: len(path)] == path and other != path for other in found)
        if deeper and all(among for _, among in said):
            continue
        first, *more = dict.fromkeys(in_words(item) for item, _ in said)
        expected = [one.removeprefix("expected ").partition(", got ")[0] for one in more]
        begin, got, given = first.partition(", got ")
        misfits.append(Misfit(path, said[0][0]["type"], " or ".join([begin, *expected]) + got + given))
    return tuple(misfits)


def _in_the_file(raw: Any, item: Mapping[str, Any]) -> tuple[KeyPath, bool]:
    """The path of a mistake as the file has it, and whether the last of pydantic's is a choice that the file lacks."""
    path: list[Any] = []
    node, loc = raw, item["loc"]
    there = True
    for number, part in enumerate(loc):
        there = False
        if (isinstance(node, dict) and part in node) or (isinstance(node, list) and part in range(len(node))):
            node, there = node[part], True
            path.append(part)
        elif item["type"] == "missing" and number == len(loc) - 1:
            path.append(part)
            there = True
    return tuple(path), not there


@cache
def _adapter(kind: type) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


@cache
def documented(kind: type) -> Any:
    """An adapter that knows what stands below each key. It reads sources, so nobody who only validates waits for it."""
    from pydantic import TypeAdapter

    plain = policy.Policy.__pydantic_config__
    policy.Policy.__pydantic_config__ = {**plain, "use_attribute_docstrings": True}
    try:
        return TypeAdapter(kind)
    finally:
        policy.Policy.__pydantic_config__ = plain
