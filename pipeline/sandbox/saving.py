"""Keeps the state in its file, and takes JSON apart into the dataclasses it is made of."""

import dataclasses
import json
import os
import types
import typing
from pathlib import Path
from typing import Any, Union

from pipeline.sandbox.state import State


class Saved:
    """The state in its file. ``save`` writes only when something changed."""

    def __init__(self, path: Path) -> None:
        self.path, self._last = path, ""

    def load(self) -> State | None:
        """What was saved last; None when nothing was. Raises ValueError when the file is not ours."""
        try:
            self._last = self.path.read_text()
        except FileNotFoundError:
            return None
        found: State = _decode(State, json.loads(self._last))
        return found

    def save(self, state: State) -> None:
        """Replace the file in one move: whoever is killed here leaves the old one or the new one."""
        text = json.dumps(state, default=vars, separators=(",", ":"))
        if text == self._last:
            return
        new = self.path.with_suffix(".new")
        with open(os.open(new, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
        new.replace(self.path)
        self._last = text


def patch(target: Any, changes: dict[str, Any]) -> None:
    """Set fields of a dataclass, nested ones by nested objects. Raises ValueError for an unknown field."""
    hints = typing.get_type_hints(type(target))
    for name, value in changes.items():
        if name not in hints:
            raise ValueError(f"{name}: {type(target).__name__} has {', '.join(sorted(hints))}")
        now = getattr(target, name)
        if dataclasses.is_dataclass(now) and isinstance(value, dict):
            patch(now, value)
        else:
            setattr(target, name, _decode(hints[name], value))


def _decode(kind: Any, value: Any) -> Any:
    """``value`` from JSON as the annotated type: dataclasses and the lists and dicts of them."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (Union, types.UnionType):
        return None if value is None else _decode(next(one for one in inner if one is not type(None)), value)
    if origin is list:
        return [_decode(inner[0], one) for one in value]
    if origin is dict:
        return {key: _decode(inner[1], one) for key, one in value.items()}
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        hints = typing.get_type_hints(kind)
        return kind(**{name: _decode(hints[name], one) for name, one in value.items() if name in hints})
    return value
