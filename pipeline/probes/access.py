"""Uses, before anything is touched, the secrets that later stages use."""

from checks.evidence import MonitorAccess, SentryAccess, SignInBefore
from checks.policy import SmokePolicy, UptimePolicy
from pipeline.clock import origin
from pipeline.errors import Refused, Unreachable
from pipeline.world.world import World


async def sentry_access(world: World) -> SentryAccess:
    return SentryAccess(await world.sentry.scopes())


async def monitor_access(world: World, policy: UptimePolicy) -> MonitorAccess:
    try:
        await world.betterstack.monitor(policy.monitor)
    except Refused as error:
        if error.status == 404:
            return MonitorAccess(policy.monitor, False)
        raise
    return MonitorAccess(policy.monitor, True)


async def sign_in_before(world: World, policy: SmokePolicy) -> SignInBefore:
    """Sign in at the live site. Raises Unreachable when names, certificates or a firewall kept us away from it."""
    site = origin(world.domain)
    if not policy.journeys.login:
        return SignInBefore(site, "")
    (tried,) = await world.visitor.journeys(
        site, login=True, course="", course_contains="", upload="", request=policy.request, budget=policy.budget
    )
    if tried.unseen:
        raise Unreachable("site", f"sign in at {site}", tried.says)
    return SignInBefore(site, tried.failed_at, tried.says)


PROBES = (
    sentry_access,
    monitor_access,
    sign_in_before,
)
