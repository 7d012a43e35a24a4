"""Asks R2, Upstash, NextAuth, the database's connections and Neon's compute."""

import asyncio
import collections
import datetime
import json
import secrets

import httpx

from checks.evidence import (
    AuthEndpoints,
    BrowserUploads,
    Bucket,
    Compute,
    Connections,
    Limit,
    LimitedRequests,
    ProbeObject,
    Redis,
    RedisUsage,
    VercelProject,
)
from checks.policy import AuthPolicy, DatabasePolicy, RedisPolicy, StoragePolicy
from pipeline.clients.storage import plain_key
from pipeline.clock import origin
from pipeline.errors import Refused, ServiceError, Unreachable
from pipeline.world.world import World

HOUR = datetime.timedelta(hours=1)
OWN = "deploy-probe"
"""Before the keys that are written to Redis to see whether it can be done."""


async def bucket(world: World) -> Bucket:
    """List the bucket; one that cannot be listed is evidence, and only who cannot ask at all sees nothing."""
    store = world.storage
    if store.missing:
        return Bucket(store.bucket, off=store.missing)
    try:
        ms = await store.look()
        size, objects, whole = await _size(world)
    except ServiceError as error:
        return Bucket(store.bucket, failure=_why(error))
    return Bucket(store.bucket, ms=ms, bytes=size, objects=objects, whole=whole)


async def _size(world: World) -> tuple[int, int, bool]:
    """Read (bytes, objects, whether that is all) of the bucket.

    It is Cloudflare's figure of the last two days, else counted by listing.
    """
    if not world.cloudflare.missing:
        since = (world.clock.now() - datetime.timedelta(days=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
        try:
            found = await world.cloudflare.bucket_size(world.storage.bucket, since)
        except ServiceError:
            found = None
        if found:
            return *found, True
    listed = await world.storage.contents()
    return listed.bytes, listed.objects, listed.whole


async def probe_object(world: World, policy: StoragePolicy) -> ProbeObject:
    """Write one small object of its own, read it and delete it; no other object is touched."""
    store = world.storage
    if store.missing:
        return ProbeObject(off=store.missing)
    key = plain_key(policy.prefix, f"{world.run}-{secrets.token_hex(4)}", world.clock.now())
    content = secrets.token_bytes(64)
    began = world.clock.monotonic()
    action = "write"
    try:
        await store.write(key, content)
        action = "read"
        try:
            same = await store.read(key) == content
        finally:
            action, failed = "delete", action
            await store.delete(key)
            action = failed
    except ServiceError as error:
        return ProbeObject(failed_at=action, says=_why(error))
    if not same:
        return ProbeObject(failed_at="compare", says="other bytes came back")
    return ProbeObject(ms=round((world.clock.monotonic() - began) * 1000))


async def browser_uploads(world: World, policy: StoragePolicy, project: VercelProject) -> BrowserUploads:
    """Ask R2 what a browser asks before an upload, for each domain that serves visitors; nothing is uploaded."""
    off = "" if policy.browser_uploads else "`storage.browser_uploads` is off"
    if off or world.storage.missing:
        return BrowserUploads(off=off or world.storage.missing)
    address = await world.storage.upload_address(f"{policy.prefix.rstrip('/')}/browser")
    origins = [origin(name) for name in dict.fromkeys((world.domain, *project.domains))]
    answers = await asyncio.gather(*(world.visitor.may_send(address, one) for one in origins))
    refused = []
    for one, answer in zip(origins, answers, strict=True):
        if answer.unseen or not answer.status:
            raise Unreachable("r2", f"OPTIONS for {one}", answer.failure)
        allowed = answer.headers.get("access-control-allow-origin", "")
        methods = answer.headers.get("access-control-allow-methods", "")
        if allowed not in (one, "*") or ("PUT" not in methods and methods != "*"):
            refused.append((one, f"answered {answer.status}, allows {methods or 'nothing'} to {allowed or 'nobody'}"))
    return BrowserUploads(refused=tuple(refused))


async def redis(world: World, policy: RedisPolicy) -> Redis:
    """Ask Redis with the app's own token, and let it count once in a key of its own, which is gone after a minute."""
    if world.redis.missing:
        return Redis(off=world.redis.missing)
    try:
        ms = await world.redis.ping()
        await world.redis.count(f"{OWN}:{world.run}-{secrets.token_hex(4)}")
        keys, limiter = await asyncio.gather(world.redis.size(), world.redis.keys(policy.prefix))
    except ServiceError as error:
        return Redis(failure=_why(error))
    return Redis(ms=ms, keys=keys, limiter_keys=len(limiter))


async def redis_usage(world: World) -> RedisUsage:
    if world.upstash.missing:
        return RedisUsage(off=world.upstash.missing)
    id = await world.upstash.database_of(world.redis.base)
    if not id:
        return RedisUsage(off="the account has no database with that address")
    seen = await world.upstash.usage(id)
    limits = tuple(Limit(name, *one) for name, one in seen.limits.items())
    return RedisUsage("", seen.state, seen.hits, seen.misses, seen.p99_ms, limits)


async def limited_requests(world: World) -> LimitedRequests:
    now = world.clock.now()
    every, limited = await asyncio.gather(
        world.analytics.requests(now - HOUR, now), world.analytics.requests(now - HOUR, now, only="httpStatus:429")
    )
    return LimitedRequests(len(every), len(limited), tuple(collections.Counter(limited).most_common(5)))


async def auth_endpoints(world: World, policy: AuthPolicy) -> AuthEndpoints:
    """Ask NextAuth's endpoints. Raises Unreachable when names or certificates fail: that may be us."""
    site = origin(world.domain)
    session, providers = await asyncio.gather(
        world.visitor.get(f"{site}{policy.path}/session"), world.visitor.get(f"{site}{policy.path}/providers")
    )
    for answer in (session, providers):
        if answer.unseen:
            raise Unreachable("site", f"GET {answer.url}", answer.failure)
    offered = providers.json
    back = (one.get("callbackUrl") or "" for one in offered.values() if isinstance(one, dict))
    ours = {_origin(site)}
    if world.own:  # Next.js gives a machine's own address the one name, whatever it was called by
        ours.add(_origin(site).replace("127.0.0.1", "localhost"))
    elsewhere = {_origin(url) for url in back if "://" in url} - ours
    return AuthEndpoints(
        session.status,
        session.failure or ("" if _is_json(session.body) else "did not answer with JSON"),
        providers.status,
        tuple(offered),
        tuple(sorted(elsewhere)),
    )


async def connections(world: World) -> Connections:
    sql = "select count(*)::int, current_setting('max_connections')::int from pg_stat_activity"
    _, rows = await world.database.query(sql, asked="count the connections")
    return Connections(*rows[0])


async def compute(world: World, policy: DatabasePolicy) -> Compute:
    if world.neon.missing:
        return Compute(off=world.neon.missing)
    branch, every = await asyncio.gather(world.neon.branch(policy.neon_branch), world.neon.computes())
    compute_state = next(
        (
            compute_state
            for compute_state in every
            if compute_state.branch == branch.id and compute_state.kind == "read_write"
        ),
        None,
    )
    if compute_state is None:
        return Compute(state="missing")
    return Compute(
        "",
        compute_state.state,
        compute_state.least_cu,
        compute_state.most_cu,
        compute_state.disabled,
        compute_state.pending,
    )


def _why(error: ServiceError) -> str:
    """Say what error came, without the address it was asked at: that is the reader's own."""
    return f"{error.status} {error.code}".strip() if isinstance(error, Refused) and error.code else error.came


def _origin(url: str) -> str:
    found = httpx.URL(url)
    return f"{found.scheme}://{found.netloc.decode()}"


def _is_json(body: str) -> bool:
    try:
        json.loads(body)
    except ValueError:
        return False
    return True


PROBES = (
    bucket,
    probe_object,
    browser_uploads,
    redis,
    redis_usage,
    limited_requests,
    auth_endpoints,
    connections,
    compute,
)
