"""Which project lacks which variable, and whose value is not the group's: by fingerprints; values never leave.

A fingerprint is a digest under a key that is made for one comparison and thrown away; it is worth nothing afterwards.
"""

import asyncio
import hmac
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from checks.policy import EnvironmentPolicy
from pipeline.probes.environment import HIDDEN
from pipeline.world.world import World

KEY = "FLEET_KEY"
"""The variable with the key, in hexadecimal."""
LACKS, DIFFERS = "is not set", "has another value than most of the group"


@dataclass(frozen=True)
class ProjectVariables:
    """The variables of one project. ``known``: name → fingerprint, empty when nobody can read the value back."""

    required: frozenset[str]
    known: Mapping[str, str]


@dataclass(frozen=True)
class VariableFinding:
    """One thing that is so with one variable in several projects of a group."""

    group: str
    variable: str
    says: str
    projects: tuple[str, ...]


async def fingerprints(world: World, policy: EnvironmentPolicy, key: bytes) -> dict[str, Any]:
    """The variables of the world's target that every branch gets, by name, as ``variables_from`` reads them."""
    own, project = await asyncio.gather(world.vercel.variables(), world.vercel.project())
    shared = await world.vercel.shared_variables(project.id)
    here = [one for one in own if world.vercel_target in one.targets and not one.branch]
    readable = [one for one in here if one.kind not in HIDDEN and one.kind != "system"]
    values = await asyncio.gather(*(world.vercel.value(one.id) for one in readable))
    known = dict.fromkeys((one.name for one in (*shared, *here) if world.vercel_target in one.targets), "")
    for one, value in zip(readable, values, strict=True):
        known[one.name] = hmac.new(key, value.encode(), "sha256").hexdigest()[:16]
    return {"required": [wanted.name for wanted in policy.required], "known": known}


def variables_from(body: Mapping[str, Any]) -> ProjectVariables:
    """What a project has answered. Raises KeyError for another shape."""
    return ProjectVariables(frozenset(body["required"]), dict(body["known"]))


def compared(seen: Mapping[str, ProjectVariables], groups: Mapping[str, str]) -> tuple[VariableFinding, ...]:
    """What differs within each group: ``seen`` by project, ``groups``: project → its group, empty for none.

    A project lacks what its own ``deploy.yml`` requires, or most of its group has. Of a variable whose values all
    differ (an address, a database) nothing is said: only who differs from more than half of those that can be read.
    """
    members: dict[str, dict[str, ProjectVariables]] = defaultdict(dict)
    for name, variables in seen.items():
        members[groups.get(name, "")][name] = variables
    return tuple(found for group, projects in members.items() for found in _within(group, projects))


def _within(group: str, projects: Mapping[str, ProjectVariables]) -> Iterator[VariableFinding]:
    has = Counter(name for one in projects.values() for name in one.known)
    for variable in sorted({*has, *(name for one in projects.values() for name in one.required)}):
        usual = bool(group) and 2 * has[variable] > len(projects)
        lack = tuple(
            name for name, one in projects.items() if variable not in one.known and (usual or variable in one.required)
        )
        if lack:
            yield VariableFinding(group, variable, LACKS, lack)
        read = {name: one.known[variable] for name, one in projects.items() if one.known.get(variable)}
        value, many = next(iter(Counter(read.values()).most_common(1)), ("", 0))
        astray = tuple(name for name, other in read.items() if other != value)
        if group and astray and many > 1 and 2 * many > len(read):
            yield VariableFinding(group, variable, DIFFERS, astray)
