"""Better Stack's monitors, made as deploy.yml declares them."""

from checks.evidence import MonitorChange
from checks.policy import UptimePolicy
from pipeline.probes.uptime import attributes_of, monitor_changes
from pipeline.world.world import World


async def synchronise(world: World, policy: UptimePolicy, *, apply: bool) -> tuple[tuple[MonitorChange, ...], str]:
    """The changes, and a maintenance window that somebody left; with ``apply`` carried out one after the other."""
    changes = (await monitor_changes(world, policy)).changes
    window = (await world.betterstack.monitor(policy.monitor)).window
    declared = {one.name: one for one in policy.monitors}
    if apply:
        for one in changes:
            attributes = attributes_of(declared[one.name], world.domain)
            if one.action == "create":
                await world.betterstack.create_monitor(attributes)
            else:
                await world.betterstack.change_monitor(one.id, attributes)
        if window:
            await world.betterstack.close_window(policy.monitor)
    return changes, window
