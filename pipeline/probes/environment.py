"""Reads which variables are set; looks at values only to describe them, and lets none of them out."""

import asyncio
import re
from urllib.parse import urlsplit

from checks.evidence import EnvironmentVariables, Variable
from checks.policy import EnvironmentPolicy
from pipeline.clients.vercel import EnvironmentVariable
from pipeline.world import World

PLACEHOLDER = re.compile(
    r"^(change.?me|todo|xxx+|your[-_ ].*|<.*>|example|placeholder|replace.?me|\.\.\.)$", re.IGNORECASE
)
EMAIL = re.compile(r"^[^@\s]+@[^@\s]+\.[^@\s]+$")
HIDDEN = ("sensitive", "secret")


async def environment_variables(world: World, policy: EnvironmentPolicy) -> EnvironmentVariables:
    required = {variable.name for variable in policy.required}
    found = [v for v in await world.vercel.variables() if world.vercel_target in v.targets and not v.branch]
    described = await asyncio.gather(*(_describe(world, v) for v in found if v.name in required))
    others = tuple(Variable(v.name, readable=False) for v in found if v.name not in required)
    return EnvironmentVariables(world.vercel_target, (*described, *others))


async def _describe(world: World, variable: EnvironmentVariable) -> Variable:
    if variable.kind in HIDDEN:
        return Variable(variable.name, readable=False)
    value = await world.vercel.value(variable.id)
    return Variable(variable.name, True, len(value), shapes(value))


def shapes(value: str) -> frozenset[str]:
    """What ``value`` looks like: ``url``, ``postgres``, ``email``, ``placeholder``."""
    looks = set()
    try:
        parts = urlsplit(value)
        if parts.scheme and parts.hostname:
            looks.add("url")
            if parts.scheme in ("postgres", "postgresql") and parts.path.strip("/"):
                looks.add("postgres")
    except ValueError:
        pass
    if EMAIL.match(value):
        looks.add("email")
    if PLACEHOLDER.match(value.strip()):
        looks.add("placeholder")
    return frozenset(looks)
