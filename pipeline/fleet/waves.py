"""Who is deployed in which wave: a plan, made once when an order is given and written down with it."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pipeline.fleet.file import FleetFile, FleetWave, labels_of
from pipeline.fleet.selecting import selected

REST = "rest"


@dataclass(frozen=True)
class PlannedWave:
    """One wave of an order. ``pause``: seconds before it; ``approval``: somebody has to agree before it.

    ``gate``: what has to say yes before it, in words; empty: nothing has. What is run is what `fleet.yml` says of it.
    """

    name: str
    projects: tuple[str, ...]
    pause: float = 0
    approval: bool = False
    gate: str = ""


@dataclass(frozen=True)
class GroupBound:
    """How many of a group's projects, of those that an order is for, may be under way at the same time."""

    group: str
    at_once: int
    projects: tuple[str, ...]


def bounds_of(fleet: FleetFile, projects: Iterable[str]) -> tuple[GroupBound, ...]:
    """The bounds of the groups of ``projects``; none of a group that has none of its own."""
    members = defaultdict[str, list[str]](list)
    for name in projects:
        members[fleet.projects[name].group].append(name)
    bounds = ((name, group.at_once, members.get(name)) for name, group in fleet.groups.items())
    return tuple(GroupBound(name, at_once, tuple(found)) for name, at_once, found in bounds if at_once and found)


def plan_waves(fleet: FleetFile, projects: Iterable[str]) -> tuple[PlannedWave, ...]:
    """Divide ``projects`` into the waves of the file, each project into the first that wants it; none is empty."""
    labels = {name: labels_of(name, fleet.projects[name]) for name in projects}
    left, planned = list(labels), []
    for wave in (*fleet.waves, FleetWave(_unused(fleet))):
        taken = _taken(wave, left, labels)
        left = [name for name in left if name not in taken]
        if taken:
            planned.append(PlannedWave(wave.name, taken, wave.pause, wave.approval, str(wave.gate or "")))
    return tuple(planned)


def _taken(wave: FleetWave, left: list[str], labels: Mapping[str, Mapping[str, str]]) -> tuple[str, ...]:
    if wave.select:
        return selected(wave.select, {name: labels[name] for name in left})
    if wave.count:
        return tuple(left[: wave.count])
    if wave.percent:
        return tuple(left[: math.ceil(len(labels) * wave.percent / 100)])
    return tuple(left)


def _unused(fleet: FleetFile) -> str:
    """A name for the last wave that no wave of the file has."""
    used = {wave.name for wave in fleet.waves}
    return next(name for name in (REST, *(f"{REST}-{number}" for number in range(2, 99))) if name not in used)
