"""What else went back with a rollback: environment values that were changed since, and cron jobs."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.clients.vercel import Vercel
from pipeline.clients.vercelshapes import Deployment


@dataclass(frozen=True)
class Aftermath:
    """``variables``: names changed after the deployment that serves now was made; it has their old values.

    ``crons``: what became of cron jobs, one sentence half each.
    """

    variables: tuple[str, ...] = ()
    crons: tuple[str, ...] = ()


async def aftermath(vercel: Vercel, live: Deployment, crons_before: Mapping[str, str] | None = None) -> Aftermath:
    """Ask Vercel. ``crons_before``: path → schedule before the rollback; without it only today's jobs are named."""
    variables, project = await asyncio.gather(vercel.variables(), vercel.project())
    stale = {v.name for v in variables if v.updated > live.created and "production" in v.targets and not v.branch}
    if crons_before is None:
        said = [f"{path} runs at {schedule}" for path, schedule in sorted(project.crons.items())]
    else:
        said = list(_changes(crons_before, project.crons))
    return Aftermath(tuple(sorted(stale)), tuple(said))


def _changes(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    gone = [f"{path} no longer runs" for path in sorted(before.keys() - now.keys())]
    new = [f"{path} runs again at {now[path]}" for path in sorted(now.keys() - before.keys())]
    both = sorted(before.keys() & now.keys())
    return gone + new + [f"{p} runs at {now[p]}, not at {before[p]}" for p in both if before[p] != now[p]]
