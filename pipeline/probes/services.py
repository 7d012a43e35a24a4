"""Reads the vendors' status pages."""

import asyncio

from checks.evidence import NeonStatus, OtherStatuses, VendorStatus, VercelStatus
from checks.policy import StatusPage, VendorsPolicy
from pipeline.errors import ServiceError
from pipeline.world.world import World


async def vercel_status(world: World) -> VercelStatus:
    seen = await world.status_pages.vercel()
    return VercelStatus("Vercel", seen.indicator, seen.incidents)


async def neon_status(world: World) -> NeonStatus:
    seen = await world.status_pages.neon()
    return NeonStatus("Neon", seen.indicator, seen.incidents)


async def other_statuses(world: World, policy: VendorsPolicy) -> OtherStatuses:
    """Read the other vendors' status pages; one that cannot be read is said to be unread, not hidden."""

    async def one(page: StatusPage) -> VendorStatus:
        try:
            seen = await world.status_pages.page(page.vendor, page.url, page.format)
        except ServiceError as error:
            return VendorStatus(page.vendor, "unread", (error.came,))
        return VendorStatus(page.vendor, seen.indicator, seen.incidents)

    return OtherStatuses(tuple(await asyncio.gather(*map(one, policy.pages))))


PROBES = (
    vercel_status,
    neon_status,
    other_statuses,
)
