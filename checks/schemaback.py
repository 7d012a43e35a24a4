"""Judges whether an older release can live with the schema as it is now: what `rollback` says and does about it."""

import datetime
from dataclasses import dataclass
from typing import Literal

from checks.evidence import Change, LiveSchema
from checks.rules import does
from checks.sql import is_missed

Way = Literal["alias only", "fix forward", "restore"]


@dataclass(frozen=True)
class Point:
    """A restore point that was kept. ``made``: when; what was written since is lost by restoring it."""

    name: str
    made: datetime.datetime
    by_hand: str


@dataclass(frozen=True)
class SinceThen:
    """The migrations that were applied since the release to go back to. ``changes``: what they did, as far as known.

    ``unread``: those of which nobody has the file any more.
    """

    migrations: tuple[str, ...]
    changes: tuple[Change, ...] = ()
    unread: tuple[str, ...] = ()
    points: tuple[Point, ...] = ()


@dataclass(frozen=True)
class SchemaBack:
    """The verdict on going back.

    ``way``: whether moving the domain is enough. ``reasons``: why, one sentence each. ``remarks``: what else to know.

    ``loses_minutes``: how much a restore of ``point`` would lose.
    """

    way: Way
    reasons: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    point: Point | None = None
    loses_minutes: float = 0


def schema_back(since: SinceThen, target: LiveSchema, now: datetime.datetime) -> SchemaBack:
    """Judge whether a release can live with the schema.

    ``target``: what that release reads; what nobody knows, it reads.

    | since then | the old release | way |
    |---|---|---|
    | nothing, or only additive changes | works | alias only |
    | something was taken away that it does not read | works | alias only |
    | something was taken away that it reads, and a restore point is there | breaks | restore: says how much is lost |
    | something was taken away that it reads | breaks | fix forward |
    | rows were changed | works, with the new rows | alias only |
    | nobody knows what a migration did | nobody knows | alias only, and says so |
    """
    breaks = [change for change in since.changes if is_missed(change, target)]
    remarks = [
        f"{one.migration}:{one.line} {does(one)}; going back does not change that"
        for one in since.changes
        if one.kind == "data" and one.rule != "insert"
    ]
    remarks += [f"{name}: nobody can tell what it did" for name in since.unread]
    remarks += [f"{one.migration}:{one.line} {does(one)}" for one in since.changes if one.kind == "unknown"]
    if not breaks:
        return SchemaBack("alias only", (_harmless(since),), tuple(remarks))
    uses = "uses" if target.found else "may use: its schema.prisma is not to be had here"
    reasons = tuple(f"{one.migration}:{one.line} {does(one)}, which the old release {uses}" for one in breaks)
    first = min(one.migration for one in breaks)
    before = [point for point in since.points if point.made <= now]
    if not before:
        return SchemaBack("fix forward", reasons, tuple(remarks))
    point = max(before, key=lambda one: one.made)
    remarks.append(f"the restore point is from before {first}")
    return SchemaBack("restore", reasons, tuple(remarks), point, (now - point.made).total_seconds() / 60)


def _harmless(since: SinceThen) -> str:
    if not since.migrations:
        return "nothing was migrated since"
    if any(change.kind in ("contract", "unknown") for change in since.changes) or since.unread:
        return "nothing is known to be missing that the old release uses"
    return f"{len(since.migrations)} additive migration{'s' if len(since.migrations) > 1 else ''} since"
