"""Answers questions about runs, locks and plans without changing production."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pipeline.status as looking
from checks.policy import BuildPolicy, HealthPolicy
from pipeline.config import Config
from pipeline.definition import pipeline_for
from pipeline.errors import Mistake
from pipeline.execute import Session, whoami
from pipeline.journal import events_of, known_bad, latest_runs
from pipeline.lock import Lock
from pipeline.render.pipeline import plan_text
from pipeline.report import Report, report_of
from pipeline.status import Status
from pipeline.store import Store, open_store
from pipeline.world import SystemClock

if TYPE_CHECKING:
    import httpx

    from pipeline.clients.vercel import Vercel


def plan_of(config: Config, target: str) -> str:
    """What a deploy to ``target`` would do, without starting or asking anything."""
    name, aim = config.target(target)
    return plan_text(pipeline_for(aim.kind, config.policies[name].promotion).at_pace(config.pace(name)), name)


def past_runs(config: Config, root: Path, limit: int) -> list[Report]:
    """The newest runs, newest first."""
    store = open_store(config.state, root)
    return [report_of(run, events_of(store, run)) for run in latest_runs(store, limit)]


def one_run(config: Config, root: Path, run: str) -> Report:
    """One run, by its id or ``latest``. Raises Mistake when there is none."""
    store = open_store(config.state, root)
    chosen = next(iter(latest_runs(store, 1)), "") if run == "latest" else run
    events = events_of(store, chosen)
    if not events:
        raise Mistake(f"report {run}: there is no such run; ./inv history lists them")
    return report_of(chosen, events)


@contextlib.asynccontextmanager
async def vercel_of(it: Session) -> AsyncIterator[tuple["Vercel", "httpx.AsyncClient"]]:
    """Vercel alone, and its connections: who only looks needs no other service."""
    from pipeline.clients.vercel import Vercel
    from pipeline.emergency import client

    at = it.settings
    async with client(at.services.vercel) as http:
        yield Vercel(at.services.vercel, at.secrets["VERCEL_TOKEN"], at.team, at.project, http, it.clock), http


def current_status(it: Session) -> Status:
    """Ask Vercel and the site now."""

    async def ask() -> Status:
        async with vercel_of(it) as (vercel, http):
            about = looking.Asked(
                it.settings.name,
                it.settings.domain,
                it.settings.policies[HealthPolicy].path,
                it.settings.policies[BuildPolicy],
                str(Lock(it.store, it.settings.name, "", it.clock).held() or ""),
                tuple((one.deployment, f"run {one.run}: {one.reason}") for one in known_bad(it.store)),
            )
            return await looking.look(vercel, http, about)

    return asyncio.run(ask())


def lock_by_hand(config: Config, root: Path, target: str, reason: str, hours: float, by: str) -> str:
    """Lock ``target`` in a person's name."""
    name, _ = config.target(target)
    lock = _lock(config, root, name, f"{by or whoami()}@{socket.gethostname()}", lease=hours * 3600)
    lock.take(reason, by_hand=True)
    return f"{name} is locked by {lock.held()}"


def unlock(config: Config, root: Path, target: str) -> str:
    """Release whatever lock there is."""
    name, _ = config.target(target)
    held = _lock(config, root, name, "", lease=0).held()
    if held is None:
        return f"{name} is not locked"
    _lock(config, root, name, held.holder, lease=0).release()
    return f"{name} was locked by {held}; it is free now"


def _lock(config: Config, root: Path, target: str, holder: str, lease: float) -> Lock:
    store: Store = open_store(config.state, root)
    return Lock(store, target, holder, SystemClock(), lease=lease)
