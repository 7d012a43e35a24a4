"""``invoke load``: many users of a sandbox at once, by the journeys that ``deploy.yml`` declares."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

from checks.policy import SmokePolicy
from pipeline.clock import origin
from pipeline.config import Config
from pipeline.errors import Mistake
from pipeline.probes.load import LONGEST, Load, load
from pipeline.record.journal import plain
from pipeline.render.database import aligned
from pipeline.session.session import open_session
from pipeline.world.world import World

MOST_USERS = 200
WIDEST = 30
"""Characters of the longest bar."""


def put_load(
    config: Config,
    target: str,
    root: Path,
    out: Callable[[str], None],
    *,
    users: int,
    seconds: float,
    as_json: bool = False,
) -> bool:
    """Let ``users`` do the journeys for ``seconds`` and print the curve. True when one failed. Raises Mistake."""
    name, aimed = config.target(target)
    if aimed.kind != "sandbox":
        raise Mistake(f"--target {name}: load is put on a sandbox alone, never where your users are")
    if not 0 < seconds <= LONGEST or not 0 < users <= MOST_USERS:
        raise Mistake(
            f"--during up to {LONGEST / 3600:g}h, --users up to {MOST_USERS}: this is a sandbox on one machine"
        )
    with open_session(config, name, root) as session:
        policy: SmokePolicy = session.settings.policies[SmokePolicy]
        if not policy.journeys:
            raise Mistake("smoke.journeys: declares nothing in deploy.yml, so users would do nothing")

        async def during(world: World) -> Load:
            over = asyncio.Event()
            asyncio.get_running_loop().call_later(seconds, over.set)
            return await load(world, origin(world.domain), policy, users, over)

        found = session.in_world("by-hand", during)
        out(session.redactor(json.dumps(plain(found)) if as_json else load_text(found)))
        return bool(found.failed)


def load_text(found: Load) -> str:
    """The curve, a line a second, and why some journeys failed."""
    most = max((second.done for second in found.seconds), default=1)
    rows = [("second", "journeys", "failed", "p95", "")]
    rows += [
        (str(one.at), str(one.done), str(one.failed or ""), f"{one.p95_ms} ms", "█" * round(WIDEST * one.done / most))
        for one in found.seconds
    ]
    whys = dict.fromkeys(f"  {one.name} fails at {one.failed_at}: {one.says}" for one in found.failures)
    return "\n".join([*aligned(rows), f"{found.done} journeys, {found.failed} failed", *whys])
