"""Compares what `vercel pull` wrote for the build with what is set on Vercel now; no value leaves this module."""

import asyncio
import hmac
import itertools
import re
from pathlib import Path

from checks.environment import PUBLIC
from checks.evidence import PulledVariables
from checks.policy import BuildPolicy
from pipeline.clients.prebuilt import OUTPUT, holding
from pipeline.clients.pulled import STAND_IN, hidden_in, pulled_file, read_pulled
from pipeline.world.world import World

OF_THE_PLATFORM = re.compile(r"^(VERCEL|NX_|TURBO_|CI$)")  # given by Vercel or its CLI
MOST = 20  # files that are named


async def pulled_variables(world: World, policy: BuildPolicy) -> PulledVariables:
    target = world.vercel_target
    path = pulled_file(world.folder, target)
    if policy.by == "git" or not (world.folder / OUTPUT / "config.json").is_file():
        return PulledVariables("")
    if not path.is_file():
        others = sorted((world.folder / ".vercel").glob(".env.*.local"))
        return PulledVariables("", other=f".vercel/{others[0].name}" if others else "")
    pulled = await asyncio.to_thread(read_pulled, path)
    now = await world.vercel.pull(target)
    hidden = tuple(sorted(hidden_in(pulled)))
    built_in = await asyncio.to_thread(_holding_the_stand_in, world.folder) if hidden else ()
    return PulledVariables(
        f".vercel/{path.name}",
        tuple(sorted(name for name in pulled if name not in {*now, *hidden} and not OF_THE_PLATFORM.match(name))),
        tuple(
            sorted(
                name
                for name, value in now.items()
                if name.startswith(PUBLIC)
                and name not in hidden
                and not hmac.compare_digest(value.encode(), pulled.get(name, "").encode())
            )
        ),
        hidden,
        tuple(sorted(name for name, value in pulled.items() if '"' in value or "$" in value)),
        built_in,
    )


def _holding_the_stand_in(folder: Path) -> tuple[str, ...]:
    return tuple(itertools.islice(holding(folder, STAND_IN.encode()), MOST))


PROBES = (pulled_variables,)
