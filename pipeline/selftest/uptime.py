"""How the gates of ``checks.uptime`` are made to stop."""

import datetime

from checks import uptime
from checks.policy import UptimePolicy
from pipeline.sandbox.state import Incident, State
from pipeline.sandbox.witnessstate import Heartbeat
from pipeline.selftest.breakage import Breakage
from pipeline.selftest.hands import Act, later, patch, sql
from pipeline.selftest.health import FOUND, LOST
from pipeline.selftest.lab import Lab
from pipeline.session.monitors import synchronise
from pipeline.world.world import World

HOUR = 3600.0
DAY = 24 * HOUR


def _outages(*ago: float, minutes: float = 2) -> Act:
    """Make outages of production that were over after ``minutes``; each so many seconds ago."""

    def act(lab: Lab) -> None:
        now = lab.clock.now().timestamp()

        def add(state: State) -> None:
            for seconds in ago:
                found = Incident(state.next_id(), "Status 502", now - seconds, state.betterstack.monitor, "LMS health")
                found.resolved, found.resolved_by = found.started + minutes * 60, "Better Stack"
                state.betterstack.incidents.append(found)

        lab.state(add)

    return act


def _a_nightly_job(lab: Lab) -> None:
    now = lab.clock.now().timestamp()
    job = Heartbeat("hb1", "token-of-the-job", "nightly report", 3600, 60, now - DAY, beats=[now])
    lab.state(lambda state: state.betterstack.heartbeats.append(job))


def _the_job_runs(lab: Lab) -> None:
    lab.call(lambda world: world.betterstack.once("POST", "/api/v1/heartbeat/token-of-the-job", lambda body: body))


def synced(lab: Lab) -> None:
    """Sync the monitors as ``./inv monitor.sync --apply`` does."""
    policy = lab.settings.policies[UptimePolicy]
    lab.call(lambda world: synchronise(world, policy, apply=True))


def _pointed_elsewhere(lab: Lab) -> None:
    async def change(world: World) -> None:
        name = lab.settings.policies[UptimePolicy].monitors[0].name
        monitor = next(monitor for monitor in await world.betterstack.monitors() if monitor.name == name)
        await world.betterstack.change_monitor(monitor.id, {"check_frequency": 1800})

    lab.call(change)


def _a_window_is_left(lab: Lab) -> None:
    """Leave the maintenance window of a deployment that was killed."""

    async def leave(world: World) -> None:
        now = world.clock.now().astimezone(datetime.UTC)
        monitor = lab.settings.policies[UptimePolicy].monitor
        await world.betterstack.open_window(monitor, now, now + datetime.timedelta(minutes=5))

    lab.call(leave)
    lab.clock.move(HOUR)


BREAKAGES = (
    Breakage(
        uptime.is_well_now, "state", "production's health check misses a table, and the monitor sees it", sql(LOST),
        "Follow the playbook *Site Down* when it is down", sql(FOUND),
    ),
    Breakage(
        uptime.day_was_well, "state", "production was down for two minutes an hour ago", _outages(HOUR),
        "It stays listed until it is a day old", later(DAY),
    ),
    Breakage(
        uptime.incidents_are_rare, "state", "the same outage came twice in a week", _outages(3 * DAY, 2 * DAY),
        "the others stay listed for a week", later(7 * DAY),
    ),
    Breakage(
        uptime.jobs_report, "state", "the nightly job does not report", later(3 * HOUR),
        "it is well again when the job has reported", _the_job_runs, rests=_a_nightly_job,
    ),
    Breakage(
        uptime.monitors_are_as_declared, "state", "somebody lets a monitor ask every half hour only",
        _pointed_elsewhere, "`./inv monitor.sync --apply` changes it", synced, rests=synced,
    ),
    Breakage(
        uptime.nothing_is_muted, "state", "a killed deployment has left its maintenance window", _a_window_is_left,
        "`./inv monitor.sync --apply` takes the window away", synced,
    ),
    Breakage(
        uptime.nothing_is_muted, "state", "somebody has paused the monitor", patch(betterstack={"paused": True}),
        "a pause only a person lifts", patch(betterstack={"paused": False}),
    ),
)  # fmt: skip
