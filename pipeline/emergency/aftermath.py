"""What else went back with a rollback: environment values that were changed since, and cron jobs."""

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass

from pipeline.clients.vercel import Vercel
from pipeline.clients.vercelshapes import Deployment, EnvironmentVariable


@dataclass(frozen=True)
class Aftermath:
    """What a rollback brought back unasked. ``variables``: names changed since; the deployment has their old values.

    ``crons``: what became of cron jobs, one sentence half each.
    """

    variables: tuple[str, ...] = ()
    crons: tuple[str, ...] = ()


async def aftermath(
    vercel: Vercel,
    live: Deployment,
    crons_before: Mapping[str, str] | None = None,
    variables: Awaitable[tuple[EnvironmentVariable, ...]] | None = None,
) -> Aftermath:
    """Ask Vercel. ``crons_before``: path → schedule before the rollback; without it today's jobs are named. A project
    that had none is not asked again: an emergency does not wait for that.

    ``variables``: when they are being read already.
    """
    seen, crons = await asyncio.gather(variables or vercel.variables(), _crons(vercel, crons_before))
    stale = {v.name for v in seen if v.updated > live.created and "production" in v.targets and not v.branch}
    return Aftermath(tuple(sorted(stale)), crons)


async def _crons(vercel: Vercel, before: Mapping[str, str] | None) -> tuple[str, ...]:
    if before is not None and not before:
        return ()
    now = (await vercel.project()).crons
    if before is None:
        return tuple(f"{path} runs at {schedule}" for path, schedule in sorted(now.items()))
    return tuple(_changes(before, now))


def _changes(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    gone = [f"{path} no longer runs" for path in sorted(before.keys() - now.keys())]
    new = [f"{path} runs again at {now[path]}" for path in sorted(now.keys() - before.keys())]
    both = sorted(before.keys() & now.keys())
    return gone + new + [f"{p} runs at {now[p]}, not at {before[p]}" for p in both if before[p] != now[p]]
