"""Uses, before anything is touched, the secrets that later stages use."""

import secrets
from collections.abc import Awaitable, Callable, Mapping

from checks.evidence import (
    ChannelAccess,
    DeploymentAccess,
    MonitorAccess,
    Production,
    RedisAccess,
    SentryAccess,
    SignInBefore,
    StorageAccess,
    TriedAddress,
)
from checks.policy import HealthPolicy, SmokePolicy, StoragePolicy, UptimePolicy
from pipeline.clients.storage import plain_key
from pipeline.clock import origin
from pipeline.errors import Refused, ServiceError, Unreachable
from pipeline.probes.journeys import done_at, nothing_live_yet
from pipeline.probes.stores import OWN
from pipeline.world.secrets import CHANNELS
from pipeline.world.world import World


async def deployment_access(world: World, health: HealthPolicy, live: Production) -> DeploymentAccess:
    """Ask the live deployment at its own address. Raises Unreachable when that gives no answer at all."""
    if not live.url:
        return DeploymentAccess("")
    answer = await world.visitor.get(live.url + health.path)
    if not answer.status:
        raise Unreachable("site", f"GET {live.url}", answer.failure)
    return DeploymentAccess(live.url, answer.protected, world.visitor.may_pass)


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
    site, signs_in = origin(world.domain), policy.sign_in
    if not signs_in or await nothing_live_yet(world, site):
        return SignInBefore(site, "")
    (tried,) = await done_at(world, site, policy, (signs_in,))
    return SignInBefore(site, tried.failed_at, tried.says)


async def storage_access(world: World, policy: StoragePolicy) -> StorageAccess:
    """List one page, then write, read and delete one small object of its own."""
    store = world.storage
    if store.missing:
        return StorageAccess(off=store.missing)
    key = plain_key(policy.prefix, f"{world.run}-{secrets.token_hex(4)}", world.clock.now())
    asked: Mapping[str, Callable[[], Awaitable[object]]] = {
        "list": store.look,
        "write": lambda: store.write(key, b"may it be written?"),
        "read": lambda: store.read(key),
        "delete": lambda: store.delete(key),
    }
    for action, ask in asked.items():
        try:
            await ask()
        except ServiceError as error:
            return StorageAccess("", action, _code(error), error.came)
    return StorageAccess()


async def redis_access(world: World) -> RedisAccess:
    """Ask with the app's own token, and count once in a key of its own, which is gone after a minute."""
    if world.redis.missing:
        return RedisAccess(off=world.redis.missing)
    try:
        await world.redis.ping(1)
        await world.redis.count(f"{OWN}:{world.run}-{secrets.token_hex(4)}")
    except ServiceError as error:
        return RedisAccess("", _code(error), error.came)
    return RedisAccess()


def _code(error: ServiceError) -> str:
    return error.code if isinstance(error, Refused) else ""


async def channel_access(world: World) -> ChannelAccess:
    """Ask every address whether it would take a message; none is left there."""
    tried = await world.channels.tried()
    return ChannelAccess(tuple(TriedAddress(CHANNELS[one.audience], one.kind, one.takes, one.says) for one in tried))


PROBES = (
    storage_access,
    redis_access,
    channel_access,
    deployment_access,
    sentry_access,
    monitor_access,
    sign_in_before,
)
