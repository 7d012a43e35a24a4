"""The sandbox of one's own app: nothing of the demo's is in it."""

import asyncio
import json

import psycopg
import pytest

from pipeline.sandbox import ownapp
from pipeline.sandbox.postgres import Database
from pipeline.sandbox.sandbox import Sandbox
from tests.sandbox.fixtures import services_of

GIVEN = {"COLOUR": "red", "DATABASE_URL": "{{DATABASE_URL}}", "NEXTAUTH_URL": "http://{{PRODUCTION}}"}


@pytest.fixture
def opened(postgres, sandbox, tmp_path, clock):
    """Open the same sandbox as often as asked, each time with the variables that the home names."""
    place = tmp_path / "own"
    place.mkdir()

    def open_it(health: str = "/", **values: str) -> Sandbox:
        (place / ownapp.FILE).write_text(json.dumps({"health": health, "variables": values}))
        named = ownapp.variables(place)
        database = ownapp.database(Database(sandbox.core.database_url))
        return Sandbox(place, database, now=clock.now, sleep=clock.sleep, own=named)

    yield open_it
    postgres.drop(ownapp.DATABASE)


def tables(url: str) -> list[str]:
    with psycopg.connect(url) as db:
        found = db.execute("select tablename from pg_tables where schemaname = 'public' order by 1").fetchall()
    return [name for (name,) in found]


def test_its_database_is_empty_and_what_is_in_it_stays(sandbox, opened):
    first = opened(**GIVEN)
    assert tables(first.core.database_url) == []
    with psycopg.connect(first.core.database_url) as db:
        db.execute('create table "User" (id text)')
    assert tables(opened(**GIVEN).core.database_url) == ["User"]
    assert "Course" in tables(sandbox.core.database_url)


def test_the_project_has_the_apps_variables_alone_and_keeps_what_was_changed(opened):
    first = opened(**GIVEN)
    assert {one.key: one.value for one in first.state.vercel.env} == GIVEN
    assert first.core.fill(GIVEN["DATABASE_URL"]).endswith(f"/{ownapp.DATABASE}")
    first.state.vercel.env[0].value = "blue"
    first.save()
    again = opened(**{**GIVEN, "COLOUR": "red", "NEW": "1"})
    assert {one.key: one.value for one in again.state.vercel.env} == {**GIVEN, "COLOUR": "blue", "NEW": "1"}
    assert len(again.state.vercel.deployments) == 1


def test_production_is_well_before_anything_was_deployed(opened):
    made = opened(**GIVEN)

    async def scenario():
        async with services_of(made) as services:
            for path in ("/", "/api/health/db"):
                answer = await services.at(made.core.ports.host("production")).get(path)
                assert (answer.status_code, answer.json()["database"]) == (200, "ok")
                assert answer.headers["x-deployment-id"] == made.state.vercel.production

    asyncio.run(scenario())


def test_its_monitor_watches_the_health_check_that_the_file_names(opened, tmp_path):
    def watched(made) -> list[str]:
        return [one.url for one in made.state.betterstack.monitors]

    made = opened(health="/api/health", **GIVEN)
    assert watched(made) == ["http://{{PRODUCTION}}/api/health"]
    made.save()
    made = opened(health="/healthz", **GIVEN)
    assert watched(made) == ["http://{{PRODUCTION}}/healthz"]
    made.state.betterstack.monitors[0].url = "https://status.example/up"
    made.save()
    assert watched(opened(health="/api/health", **GIVEN)) == ["https://status.example/up"]


def test_a_home_without_the_file_is_the_demo_apps(tmp_path):
    assert ownapp.variables(tmp_path) is None
