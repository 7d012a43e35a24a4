"""Reads the texts of the handbook: YAML in ``texts/``, made into frozen dataclasses by their own type hints."""

import dataclasses
import types
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import yaml

from pipeline.config.document import seconds
from pipeline.errors import Mistake

FOLDER = Path(__file__).parent / "texts"
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
WORDS = {str: "text", bool: "true or false", int: "a whole number", float: "a number or a duration such as 10m"}
T = TypeVar("T")
Known = Mapping[Any, Mapping[str, object]]
"""Type → the values of it that a text may name, by their names."""


def read(name: str) -> Any:
    """The content of one text. Raises Mistake for a file that is not there or is no YAML."""
    try:
        return yaml.load((FOLDER / name).read_text(encoding="utf-8"), LOADER)
    except (OSError, yaml.YAMLError) as error:
        raise Mistake(f"{name}: cannot be read: {error}") from error


def every(kind: type[T], raw: object, place: str, known: Known | None = None) -> tuple[T, ...]:
    """A value of ``kind`` for each entry of a list. Raises Mistake naming the place of what is wrong."""
    return tuple(made(kind, entry, f"{place}[{number}]", known) for number, entry in enumerate(_listed(raw, place)))


def made(kind: Any, raw: object, place: str, known: Known | None = None) -> Any:
    """A value of ``kind``, a type hint, from what a text has. Raises Mistake naming the place of what is wrong."""
    if known and kind in known and not isinstance(raw, Mapping):
        return _named(raw, known[kind], place)
    if isinstance(kind, types.UnionType):
        return None if raw is None else made(get_args(kind)[0], raw, place, known)
    if get_origin(kind) is tuple:
        return every(get_args(kind)[0], raw, place, known)
    if get_origin(kind) is Mapping:
        return {key: made(get_args(kind)[1], value, _at(place, key), known) for key, value in _mapped(raw, place)}
    if dataclasses.is_dataclass(kind):
        return _built(kind, dict(_mapped(raw, place)), place, known)
    if kind is float and isinstance(raw, str):
        return _seconds(raw, place)
    if kind is float and isinstance(raw, int) and not isinstance(raw, bool):
        return float(raw)
    if type(raw) is not kind:
        raise Mistake(f"{place}: {raw!r} is not {WORDS.get(kind, kind)}")
    return raw


def _built(kind: Any, raw: dict[str, object], place: str, known: Known | None) -> Any:
    hints = get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind)}
    for key in raw:
        if key not in fields:
            raise Mistake(f"{_at(place, key)}: there is no such key; there are {', '.join(fields)}")
    for name, field in fields.items():
        if name not in raw and field.default is dataclasses.MISSING:
            raise Mistake(f"{_at(place, name)}: is missing")
    return kind(**{key: made(hints[key], value, _at(place, key), known) for key, value in raw.items()})


def _at(place: str, key: str) -> str:
    """The place of a key: ``file.yml: key``, or ``file.yml: key[0].key`` below another one."""
    return f"{place}{key}" if place.endswith(": ") else f"{place}.{key}"


def _named(raw: object, values: Mapping[str, object], place: str) -> object:
    if raw not in values:
        raise Mistake(f"{place}: there is no {raw}; there are {', '.join(values)}")
    return values[str(raw)]


def _listed(raw: object, place: str) -> list[object]:
    if not isinstance(raw, list):
        raise Mistake(f"{place}: {raw!r} is not a list")
    return raw


def _mapped(raw: object, place: str) -> Iterable[tuple[str, object]]:
    if not isinstance(raw, Mapping):
        raise Mistake(f"{place}: {raw!r} has no keys")
    return raw.items()


def _seconds(raw: str, place: str) -> float:
    try:
        return seconds(raw)
    except ValueError as error:
        raise Mistake(f"{place}: {error}") from error
