"""Looks at production once, for whoever has to choose a remedy."""

import asyncio
import contextlib
import datetime
from collections.abc import Mapping
from pathlib import Path

from checks.evidence import Release
from checks.policy import DatabasePolicy
from pipeline.clients import relief
from pipeline.errors import ServiceError
from pipeline.handbook.situation import Situation
from pipeline.record.incidents import Incident
from pipeline.record.journal import events_of, latest_runs
from pipeline.record.lock import Lock
from pipeline.record.report import report_of
from pipeline.session.restoring import restorable
from pipeline.session.session import NOTHING, Session
from pipeline.world.world import World

LOOKS, PAUSE = 3, 0.4
DRIFT = "database.has-not-drifted"


async def situation(world: World, session: Session, incident: Incident, noes: Mapping[str, str]) -> Situation:
    """Read the situation as it is now. A service that does not answer leaves its part as if it were well."""
    (released, pinned), database = await asyncio.gather(_vercel(world, session), _database(world))
    idle, blockers, crowded, silent, failed = database
    cut_off, stranded, went_back = _runs(session, incident)
    return Situation(
        no=noes,
        released=released,
        went_back=went_back,
        pinned=pinned,
        failed_migration=failed,
        idle=idle,
        restorable=restorable(session) if DRIFT in noes else "",
        locked=bool(Lock(session.store, session.settings.name, "", session.clock).held()),
        cut_off=cut_off,
        stranded=stranded,
        blockers=blockers,
        crowded=crowded,
        database_silent=silent or any("503" in says for gate, says in noes.items() if gate.startswith("health.")),
    )


async def _vercel(world: World, session: Session) -> tuple[float | None, bool]:
    released, pinned = None, False
    with contextlib.suppress(ServiceError):
        live, project = await asyncio.gather(world.vercel.production(world.domain), world.vercel.project())
        if live:
            moved = project.move.at if project.move and project.move.to == live.id else live.created
            released = session.clock.now().timestamp() - max(moved, live.created) / 1000
        pinned = project.auto_assign is False and project.move is not None and project.move.kind == "rollback"
    return released, pinned


async def _database(world: World) -> tuple[int, int, bool, bool, str]:
    try:
        idle, there, most = await relief.crowd(world.database)
        pids = await relief.blockers(world.database)
        for _ in range(LOOKS if not pids else 0):  # a queue comes and goes
            await world.clock.sleep(PAUSE)
            pids = pids or await relief.blockers(world.database)
        failed = await relief.failed_migration(world.database)
    except ServiceError as error:
        return 0, 0, "too many" in error.came or "53300" in error.came, True, ""
    return idle, len(pids), there >= 0.9 * most, False, failed


def _runs(session: Session, incident: Incident) -> tuple[str, bool, bool]:
    """The run that was cut off after promoting, whether the last run is stranded, and whether somebody went back."""
    cut_off, stranded, went_back = "", False, False
    alive = Lock(session.store, session.settings.name, "", session.clock).alive()
    for index, run in enumerate(latest_runs(session.store, 10)):
        report = report_of(run, events_of(session.store, run))
        if report.target != session.settings.name:
            continue
        busy = alive is not None and alive.holder == run
        if index == 0 and not report.outcome and not busy and session.past(run).moved_production:
            cut_off = run
        stranded |= index == 0 and report.outcome == "stranded"
        went_back |= report.outcome == "rolled back" and bool(incident.opened) and report.ended >= incident.opened
    return cut_off, stranded, went_back


def release_here(session: Session) -> Release:
    """The newest release that was deployed to the target, when its folder is still here: it holds the migrations."""
    migrations = session.settings.policies[DatabasePolicy].migrations
    for run in latest_runs(session.store, 10):
        report = report_of(run, events := events_of(session.store, run))
        folder = str(events[0].body.get("folder", ""))
        if (report.target, report.outcome) == (session.settings.name, "deployed"):
            return Release("", folder) if folder and (Path(folder) / migrations).is_dir() else NOTHING
    return NOTHING


def since(incident: Incident, now: datetime.datetime) -> float:
    """Count the seconds since the first harm of an incident."""
    return (now - datetime.datetime.fromisoformat(incident.since or incident.opened)).total_seconds()
