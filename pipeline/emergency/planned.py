"""`rollback --plan`: where it would go back to. Touches nothing."""

import json
from collections.abc import Callable, Iterable
from typing import Any

from pipeline.clients.vercelshapes import Deployment
from pipeline.clock import SystemClock
from pipeline.emergency.access import Access, RollbackOrder
from pipeline.emergency.choice import ProductionSeen, choose, is_there, must_be_ours
from pipeline.emergency.memory import Memory
from pipeline.emergency.schema import Schema
from pipeline.emergency.steps import look_briefly


async def plan(
    to: Access,
    wanted: RollbackOrder,
    memory: Memory,
    schema: Schema,
    vercel: Any,
    http: Any,
    out: Callable[[str], None],
) -> None:
    """Say where it would go back to, what was not known, and whether the old release can live with the schema."""
    seen = await look_briefly(vercel, to.domain, wanted.to)
    await must_be_ours(seen, http, SystemClock(), to.health, to.bypass)
    live = seen.live.id if seen.live else "nothing"
    if wanted.json:
        there = is_there(seen, wanted.to, lambda: memory.bad()[0])
        aimed = seen.live if there and seen.live else choose(seen, wanted.to, memory.bad()[0], even_bad=wanted.even_bad)
        out(_planned(to, seen, aimed, memory.bad()[1], await schema.said(seen, aimed)))
        return
    if seen.project.moving:
        out(f"  waiting  a {seen.project.moving.kind} of {seen.project.moving.to} is under way; it would be waited for")
    bad, unknown = memory.bad()
    if is_there(seen, wanted.to, lambda: bad):
        out(f"{seen.domain} serves {live} already, after an earlier rollback; --to ID goes further back.")
        return
    target = choose(seen, wanted.to, bad, even_bad=wanted.even_bad)
    commit = target.commit[:12] or "commit unknown"
    out(f"{seen.domain} serves {live}; would go back to {target.id} ({commit}). Nothing was touched.")
    for sentence in unknown:
        out(f"  unknown  {sentence}")
    await schema.say(seen, target)


def _planned(to: Access, seen: ProductionSeen, aimed: Deployment, unknown: Iterable[str], schema: list[str]) -> str:
    """What a rollback would do, as one JSON document; ``schema``: whether the release can live with it, in words."""
    live, moving = seen.live.id if seen.live else "", seen.project.moving
    return json.dumps(
        {
            "outcome": "already there" if aimed.id == live else "planned",
            "target": to.name,
            "domain": seen.domain,
            "serves": live,
            "deployment": aimed.id,
            "commit": aimed.commit,
            "waits_for": f"a {moving.kind} of {moving.to}" if moving else "",
            "schema": schema,
            "unknown": list(unknown),
        }
    )
