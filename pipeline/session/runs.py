"""Answers questions about runs, locks and plans without changing production."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from checks.policy import BuildPolicy, HealthPolicy, SourcePolicy
from pipeline.clock import SystemClock
from pipeline.config import Config
from pipeline.errors import Locked, Mistake
from pipeline.record.bounded import Store
from pipeline.record.history import Wanted, past
from pipeline.record.journal import events_of, known_bad, latest_runs
from pipeline.record.lock import Held, Lock
from pipeline.record.place import place_of, place_to_open
from pipeline.record.report import Report, report_of
from pipeline.record.store import open_store
from pipeline.session import status as looking
from pipeline.session.session import Session, whoami
from pipeline.session.status import TargetStatus

if TYPE_CHECKING:
    import httpx

    from pipeline.clients.github import GitHub
    from pipeline.clients.vercel import Vercel


def store_of(config: Config, root: Path) -> Store:
    """Open the record that deploy.yml names."""
    return open_store(place_to_open(config.file.state, root, config.file.unencrypted).address, root)


def past_runs(config: Config, root: Path, wanted: Wanted) -> list[Report]:
    """The reports of the runs that are wanted, newest first."""
    return list(past(store_of(config, root), wanted))


def one_run(config: Config, root: Path, run: str) -> Report:
    """The report of one run, by its id or ``latest``. Raises Mistake when there is none."""
    store = store_of(config, root)
    chosen = next(iter(latest_runs(store, 1)), "") if run == "latest" else run
    events = events_of(store, chosen)
    if not events or events[0].kind != "run begins":
        raise Mistake(f"report {run}: there is no such run; ./inv history lists them")
    return report_of(chosen, events)


@contextlib.asynccontextmanager
async def vercel_of(session: Session) -> AsyncIterator[tuple["Vercel", "httpx.AsyncClient"]]:
    """Open Vercel's client alone, and its connections: who only looks needs no other service."""
    from pipeline.clients.vercel import Vercel
    from pipeline.emergency.domain import client

    at = session.settings
    async with client(at.services.vercel) as http:
        yield Vercel(at.services.vercel, at.secrets["VERCEL_TOKEN"], at.team, at.project, http, session.clock), http


@contextlib.asynccontextmanager
async def github_of(session: Session) -> AsyncIterator["GitHub"]:
    """Open GitHub's client alone; without a token it is opened, too, and GitHub says no."""
    from pipeline.clients.github import GitHub
    from pipeline.emergency.domain import client

    at, repository = session.settings, session.settings.policies[SourcePolicy].repository
    async with client(at.services.github) as http:
        yield GitHub(at.services.github, at.secrets.get("GITHUB_TOKEN", ""), repository, http, session.clock)


def current_status(session: Session) -> TargetStatus:
    """Ask Vercel and the site what is true of the target now."""

    async def ask() -> TargetStatus:
        async with vercel_of(session) as (vercel, http):
            about = looking.StatusReading(
                session.settings.name,
                session.settings.domain,
                session.settings.policies[HealthPolicy].path,
                session.settings.policies[BuildPolicy],
                str(Lock(session.store, session.settings.name, "", session.clock).held() or ""),
                tuple((one.deployment, f"run {one.run}: {one.reason}") for one in known_bad(session.store)),
                str(session.place),
            )
            return await looking.look(vercel, http, about)

    return asyncio.run(ask())


@dataclass(frozen=True)
class LockAct:
    """What became of the lock of ``target``. ``held``: by whom it is held now, or was; None when nobody held it.

    ``goes_on``: the run that held it goes on, and takes it again. ``record``: which record says so.
    """

    target: str
    locked: bool
    held: Held | None
    goes_on: bool
    record: str

    def __str__(self) -> str:
        if self.locked:
            said = f"is locked by {self.held}"
        elif self.held is None:
            said = "is not locked"
        else:
            again = "\nThe run goes on where it is, and takes the lock again" if self.goes_on else ""
            said = f"was locked by {self.held}; it is free now{again}"
        return f"{self.target} {said}\n  record   {self.record}"


def lock_by_hand(config: Config, root: Path, target: str, reason: str, hours: float, by: str) -> LockAct:
    """Take the lock of ``target`` in a person's name."""
    name, _ = config.target(target)
    lock = _lock(config, root, name, f"{by or whoami()}@{socket.gethostname()}", lease=hours * 3600)
    lock.take(reason, by_hand=True)
    return LockAct(name, True, lock.held(), False, _in(config, root))


def release_lock(config: Config, root: Path, target: str, *, even_alive: bool = False) -> LockAct:
    """Release the lock of ``target``, whoever holds it. Raises Locked for a run that is under way, unless told."""
    name, _ = config.target(target)
    lock = _lock(config, root, name, "", lease=0)
    held, alive = lock.held(), lock.alive()
    if held is None:
        return LockAct(name, False, None, False, _in(config, root))
    if alive and not held.by_hand and not even_alive:
        raise Locked(
            f"{name} is locked by {held}\nThat run is under way, and unlock does not stop it: press Ctrl-C where it "
            "runs, or cancel its job; it goes back by itself. When its machine is gone wait until then, or --even-alive"
        )
    _lock(config, root, name, held.holder, lease=0).release()
    return LockAct(name, False, held, bool(alive) and not held.by_hand, _in(config, root))


def _in(config: Config, root: Path) -> str:
    """Which record says so: a lock that only this checkout knows keeps nobody else from deploying."""
    return str(place_of(config.file.state, root))


def _lock(config: Config, root: Path, target: str, holder: str, lease: float) -> Lock:
    return Lock(store_of(config, root), target, holder, SystemClock(), lease=lease)
