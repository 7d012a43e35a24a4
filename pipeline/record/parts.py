"""Parts of a run's report that are no step and no gate: its waiting for people, and its migrations."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class WaitForPeople:
    """A time in which a run waited for people. ``began`` is ISO 8601; ``ms`` 0: it still does, or was cut off."""

    stage: str
    began: str
    says: str
    ms: int = 0


@dataclass(frozen=True)
class MigrationReport:
    """One migration of a run. ``ms``: on the target, ``tried_ms``: on the copy, in milliseconds; 0 when unknown.

    ``lock``: the strongest that was seen on the copy, on a table that was there before. ``applied``: on the target.
    """

    name: str
    ms: int = 0
    tried_ms: int = 0
    lock: str = ""
    applied: bool = False


def with_tried(known: Sequence[MigrationReport], rehearsal: Mapping[str, Any]) -> list[MigrationReport]:
    """``known``, and what a rehearsal says of each migration that it tried."""
    told = {one["name"]: {"tried_ms": one["ms"], "lock": one.get("lock", "")} for one in rehearsal["tried"]}
    return _with(known, told)


def with_applied(known: Sequence[MigrationReport], applied: Mapping[str, Any]) -> list[MigrationReport]:
    """``known``, and what was applied to the target, with how long each took when that was measured."""
    names = applied["names"]
    took = applied.get("ms") or [0] * len(names)
    return _with(known, {name: {"ms": ms, "applied": True} for name, ms in zip(names, took, strict=False)})


def _with(known: Sequence[MigrationReport], told: Mapping[str, Mapping[str, Any]]) -> list[MigrationReport]:
    by_name = {one.name: one for one in known}
    for name, said in told.items():
        by_name[name] = dataclasses.replace(by_name.get(name, MigrationReport(name)), **said)
    return list(by_name.values())
