"""How the gates of ``checks.capacity`` are made to stop."""

import datetime

import psycopg

from checks import capacity
from pipeline.selftest.breakage import Breakage
from pipeline.selftest.hands import Act, later, together
from pipeline.selftest.lab import Lab
from pipeline.world.world import World

MANY = 85


def _hold_connections(lab: Lab) -> None:
    """Hold database connections as a release does that opens a pool in every function, past the pooler."""
    url = lab.settings.secrets["DIRECT_URL"]
    lab.kept["held"] = [psycopg.connect(url, autocommit=True, application_name="no pooler") for _ in range(MANY)]


def _terminated(lab: Lab) -> None:
    async def end(world: World) -> None:
        async with world.database.connection("by hand") as db:
            await db.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'no pooler'"
            )

    lab.call(end)
    for session in lab.kept["held"]:
        session.close()
    lab.call(until_gone)


async def until_gone(world: World) -> None:
    """Wait until a session is listed no more: it is until its process has ended."""
    async with world.database.connection("by hand") as db:
        for _ in range(50):
            cursor = await db.execute("select count(*) from pg_stat_activity where application_name = 'no pooler'")
            if await cursor.fetchone() == (0,):
                return
            await db.execute("select pg_sleep(0.1)")


def _compute(**said: bool) -> Act:
    """Turn a compute on or off, as the switch in the Neon console does."""

    async def change(world: World) -> None:
        branch = await world.neon.branch()
        (compute,) = (
            compute
            for compute in branch_computes(await world.neon.read(_computes(world), lambda body: body), branch.id)
        )
        await world.neon.once("PATCH", f"{_computes(world)}/{compute}", lambda body: body, json={"endpoint": said})

    return together(lambda lab: lab.call(change), later(5))


def _computes(world: World) -> str:
    return f"/projects/{world.neon.project_id}/endpoints"


def branch_computes(body: dict[str, list[dict[str, str]]], branch: str) -> list[str]:
    """List the ids of the computes of ``branch``, out of Neon's answer."""
    return [endpoint["id"] for endpoint in body["endpoints"] if endpoint["branch_id"] == branch]


async def _snapshot(world: World) -> None:
    branch = await world.neon.branch()
    await world.neon.create_snapshot("by-hand", branch.id, world.clock.now() + datetime.timedelta(days=7))


BREAKAGES = (
    Breakage(
        capacity.connections_are_left, "state", "somebody holds 85 of 100 connections", _hold_connections,
        "end what nobody needs with `select pg_terminate_backend(PID)`", _terminated,
    ),
    Breakage(
        capacity.compute_is_ready, "state", "somebody switches production's compute off in the Neon console",
        _compute(disabled=True), "enable it when it is disabled", _compute(disabled=False),
    ),
    Breakage(
        capacity.was_backed_up, "state", "somebody deletes last night's snapshot",
        lambda lab: lab.state(lambda state: state.neon.snapshots.clear()), "Make a snapshot now",
        lambda lab: lab.call(_snapshot),
    ),
)  # fmt: skip
