"""Compares what `vercel pull` wrote for the build with what is set on Vercel now; no value leaves this module.

The Vercel CLI writes one `NAME="value"` a line, and escapes line breaks only.
"""

import asyncio
import hmac
import itertools
import re
from pathlib import Path

from checks.evidence import PulledVariables
from checks.policy import BuildPolicy
from pipeline.clients.prebuilt import OUTPUT, holding
from pipeline.errors import BadReleaseError
from pipeline.world.world import World

LINE = re.compile(r'^([A-Za-z_][A-Za-z0-9_]*)="(.*)"$')
STAND_IN = "[SENSITIVE]"
PUBLIC = "NEXT_PUBLIC_"
OF_THE_PLATFORM = re.compile(r"^(VERCEL|NX_|TURBO_|CI$)")  # given by Vercel or its CLI
MOST = 20  # files that are named


async def pulled_variables(world: World, policy: BuildPolicy) -> PulledVariables:
    target = world.vercel_target
    path = world.folder / f".vercel/.env.{target}.local"
    if policy.by == "git" or not (world.folder / OUTPUT / "config.json").is_file():
        return PulledVariables("")
    if not path.is_file():
        others = sorted((world.folder / ".vercel").glob(".env.*.local"))
        return PulledVariables("", other=f".vercel/{others[0].name}" if others else "")
    pulled = await asyncio.to_thread(_read, path)
    now = await world.vercel.pull(target)
    hidden = tuple(sorted(name for name, value in pulled.items() if value == STAND_IN))
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


def _read(path: Path) -> dict[str, str]:
    """Read name → value. Raises BadReleaseError when the file cannot be read."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadReleaseError(path.name, f"cannot be read: {type(error).__name__}") from error
    found = (match for match in map(LINE.match, lines) if match)
    return {match[1]: match[2].replace("\\n", "\n").replace("\\r", "\r") for match in found}


def _holding_the_stand_in(folder: Path) -> tuple[str, ...]:
    return tuple(itertools.islice(holding(folder, STAND_IN.encode()), MOST))


PROBES = (pulled_variables,)
