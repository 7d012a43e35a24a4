"""Mutes the monitor by a maintenance window while production moves."""

import datetime

from checks.policy import UptimePolicy
from pipeline.engine.plan import step
from pipeline.world.world import World


@step(owner="release manager", again=True)
async def open_window(world: World, policy: UptimePolicy) -> None:
    """Open a maintenance window on the monitor, when `uptime.window` says how long.

    Why: Somebody who is woken by a deployment that was announced will sleep through the next alarm. It ends by itself,
        at Better Stack, whatever becomes of this run. By default there is none: nothing here needs an outage.

    By hand: Better Stack → Monitors → the monitor → Edit → Maintenance: today, from now, for as long as you need.

    If it fails: Deploy anyway and tell whoever is on call; or set `uptime.window` to 0.
    """
    if policy.window:
        now = world.clock.now().astimezone(datetime.UTC)
        await world.betterstack.open_window(policy.monitor, now, now + datetime.timedelta(seconds=policy.window))


async def take_window_away(world: World, policy: UptimePolicy) -> None:
    """Takes the maintenance window away."""
    if policy.window:
        await world.betterstack.close_window(policy.monitor)


open_window.undone_by(take_window_away)


@step(owner="release manager")
async def close_window(world: World, policy: UptimePolicy) -> None:
    """Take the maintenance window away again: from now on every alarm is one.

    Why: Better Stack repeats a window every week, so one that is left mutes the same minutes of every week to come.

    By hand: Better Stack → Monitors → the monitor → Edit → Maintenance: none.

    If it fails: The window ends by itself; take it away by hand before the same day of next week.
    """
    await take_window_away(world, policy)
