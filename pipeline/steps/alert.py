"""Sets off a test alert on every way there is, and sees it arrive."""

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable

import httpx

from checks.evidence import Arrival, FiredAlert
from pipeline.engine.plan import step
from pipeline.errors import ServiceError, Unset
from pipeline.world.world import World

PATIENCE = 60.0
WHOLE = 120.0  # seconds of real time for one way, from the first request to the alert that is resolved again
EVERY = 2.0
BY = "deploy-pipeline"


@step(owner="on-call")
async def fire_test_alert(world: World) -> FiredAlert:
    """Set off a test alert: an incident in Better Stack, an error in Sentry, a line in the team's channel.

    Why: An alarm that nobody has tried is a hope. It notifies by e-mail and push, calls nobody, says that it is a test,
        and is resolved again as soon as it was seen.

    By hand: Better Stack → the monitor → Send test alert; Sentry → Alerts → the rule → Send test notification; write a
        line to the channel. Does somebody's phone show it?

    If it fails: Look at that service's integration: token, escalation policy, the DSN, the webhook's address.
    """
    mark = uuid.uuid4().hex[:12]
    ways = (("Better Stack", _better_stack), ("Sentry", _sentry), ("the channel", _channel))
    return FiredAlert(tuple(await asyncio.gather(*(_time(world, way, send, mark) for way, send in ways))))


Send = Callable[[World, str], Awaitable[str]]


async def _time(world: World, way: str, send: Send, mark: str) -> Arrival:
    began = world.clock.monotonic()
    try:
        async with asyncio.timeout(WHOLE):
            failure = await send(world, mark)
    except Unset as error:
        return Arrival(way, None, error.came, unset=True)
    except ServiceError as error:
        failure = f"{error.asked}: {error.came}"
    except TimeoutError:
        failure = f"it did not end within {WHOLE:g} s"
    return Arrival(way, None if failure else round(world.clock.monotonic() - began, 1), failure)


async def _better_stack(world: World, mark: str) -> str:
    """Raise a test incident and see it under its own id and among the open ones; then it is resolved."""
    id = await world.betterstack.raise_incident(f"TEST ALERT {mark}, nothing is wrong", "test-alert@example.com")
    try:
        found = await _until(world, lambda: _among_open(world, id))
        return "" if found else f"the incident {id} did not show up within {PATIENCE:.0f} s"
    finally:
        if await world.betterstack.incident(id):
            await world.betterstack.resolve_incident(id, BY)


async def _among_open(world: World, id: str) -> bool:
    return id in {incident.id for incident in await world.betterstack.incidents(open_only=True)}


async def _sentry(world: World, mark: str) -> str:
    """Send a test event the way the app's SDK does and find it the way we look for errors; then it is resolved."""
    dsn = await world.sentry.public_key()
    if not dsn:
        return "the project has no active DSN"
    await send_event(world, dsn, f"TEST ALERT {mark}, nothing is wrong")
    seen: list[str] = []

    async def there() -> bool:
        found = await world.sentry.issues("is:unresolved firstSeen:-24h", (), sort="new")
        seen[:] = [one.id for one in found if mark in one.title]
        return bool(seen)

    if not await _until(world, there):
        return f"the error did not show up within {PATIENCE:.0f} s"
    for id in seen:
        await world.sentry.resolve(id)
    return ""


async def send_event(world: World, dsn: str, message: str) -> None:
    """Send one event of level warning, so that no gate takes it for a critical error. POST /api/{project}/envelope/"""
    address = httpx.URL(dsn)
    project = address.path.strip("/")
    event = {
        "event_id": uuid.uuid4().hex, "level": "warning", "message": message, "platform": "other",
        "environment": world.vercel_target, "timestamp": world.clock.now().timestamp(), "logger": BY,
    }  # fmt: skip
    lines = ({"event_id": event["event_id"], "dsn": dsn}, {"type": "event"}, event)
    auth = f"Sentry sentry_version=7, sentry_client={BY}/1, sentry_key={address.username}"
    origin = f"{address.scheme}://{address.netloc.decode().rpartition('@')[2]}"
    await world.sentry.ingest(f"{origin}/api/{project}/envelope/", "\n".join(map(json.dumps, lines)), auth)


async def _channel(world: World, mark: str) -> str:
    """Send a test line to a channel, which says only that it took it; whether somebody reads it, a person must say."""
    if not world.team.has("team"):
        raise Unset("team", "the channel", "NOTIFY_WEBHOOK_URL is not set")
    says = f"TEST ALERT {mark}: nothing is wrong. Whoever reads this: the channel works."
    _, failed = await world.team.tell("team", "TEST ALERT", says)
    return "; ".join(failed)


async def _until(world: World, ask: Callable[[], Awaitable[bool]]) -> bool:
    end = world.clock.monotonic() + PATIENCE
    while not await ask():
        if world.clock.monotonic() >= end:
            return False
        await world.clock.sleep(EVERY)
    return True
