"""Keeps the state in its file, and takes JSON apart into the dataclasses it is made of."""

import dataclasses
import json
import os
import types
import typing
from pathlib import Path
from typing import Any, Union

from pipeline.sandbox.state import State
from pipeline.sandbox.vercelstate import Deployment, FileEntry


class Saved:
    """Keeps the state in its file. ``save`` writes only when something changed.

    The files of a deployment never change, and may be thousands: each list has a file of its own, written once.
    """

    def __init__(self, path: Path) -> None:
        self.path, self._last = path, ""
        self._lists = path.parent / "deployments"
        self._lists.mkdir(parents=True, exist_ok=True)
        self._written: set[str] = set()

    def load(self) -> State | None:
        """Load the state that was saved last; None when none was. Raises ValueError when the file is not ours."""
        try:
            self._last = self.path.read_text()
        except FileNotFoundError:
            return None
        found: State = _decode(State, json.loads(self._last))
        for deployment in found.vercel.deployments.values():
            if self._list_of(deployment.id).exists():
                entries = json.loads(self._list_of(deployment.id).read_text())
                deployment.files = [FileEntry(*entry) for entry in entries]
                self._written.add(deployment.id)
        return found

    def save(self, state: State) -> None:
        """Replace the file in one move: whoever is killed here leaves the old one or the new one."""
        deployments = state.vercel.deployments
        for id in deployments.keys() - self._written:
            entries = [(file.file, file.sha, file.size, file.mode) for file in deployments[id].files]
            self._list_of(id).write_text(json.dumps(entries, separators=(",", ":")))
        self._write(json.dumps(state, default=_plain, separators=(",", ":")))
        for id in self._written - deployments.keys():
            self._list_of(id).unlink(missing_ok=True)
        self._written = set(deployments)

    def _list_of(self, deployment: str) -> Path:
        return self._lists / f"{deployment}.json"

    def _write(self, text: str) -> None:
        if text == self._last:
            return
        new = self.path.with_suffix(".new")
        with open(os.open(new, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
        new.replace(self.path)
        self._last = text


def _plain(value: Any) -> dict[str, Any]:
    return {**vars(value), "files": []} if isinstance(value, Deployment) else vars(value)


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
    """Decode ``value`` from JSON as the annotated type: dataclasses and the lists and dicts of them."""
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
