"""Previews made of a live deployment that are pointed at another database."""

import psycopg

from pipeline.sandbox.saving import Saved
from tests.sandbox.test_releases import sign_in

NAME = "update \"User\" set name = 'Branch Lee' where id = 'usr_student'"


async def pointed_at(services, sandbox, clock, url: str):
    """A client of a preview of what is live, with its database at ``url``; what Vercel answered too."""
    body = {
        "name": "lms", "project": sandbox.state.vercel.project, "deploymentId": sandbox.state.vercel.production,
        "env": {"DATABASE_URL": url, "DIRECT_URL": url}, "meta": {"purpose": "rehearsal"},
    }  # fmt: skip
    made = await services["vercel"].post("/v13/deployments", json=body)
    assert made.status_code == 200, made.text
    clock.tick(1)
    return made.json(), services.at(made.json()["url"])


async def branch(services, sandbox, clock) -> str:
    """The URL of a new branch on which the student has another name."""
    body = {"branch": {"name": "rehearsal"}, "endpoints": [{"type": "read_write"}]}
    made = await services["neon"].post(f"/projects/{sandbox.state.neon.project}/branches", json=body)
    clock.tick(1)
    url: str = made.json()["connection_uris"][0]["connection_uri"]
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(NAME)
        db.execute("update _prisma_migrations set migration_name = 'rehearsed' where migration_name like '%enrolment'")
    return url


def test_a_preview_works_on_the_database_it_was_pointed_at_and_production_does_not(sandbox, clock, play):
    async def scenario(services):
        url, live = await branch(services, sandbox, clock), sandbox.state.vercel.production
        made, site = await pointed_at(services, sandbox, clock, url)
        assert (made["target"], made["meta"]["purpose"], sandbox.state.vercel.production) == (None, "rehearsal", live)
        for client, schema, name in (
            (site, "rehearsed", "Branch Lee"),
            (services["production"], "20260201000000_enrolment", "Sam Lee"),
        ):
            assert (await client.get("/api/health/db")).json()["schema"] == schema
            assert await sign_in(client, sandbox) == 302
            assert (await client.get("/api/auth/session")).json()["user"]["name"] == name

    play(scenario)


def test_a_platform_can_be_told_to_ignore_the_variables_of_a_redeployment(sandbox, clock, play):
    async def scenario(services):
        sandbox.patch({"vercel": {"ignores_env": True}})
        made, site = await pointed_at(services, sandbox, clock, await branch(services, sandbox, clock))
        assert made["readyState"] != "ERROR"
        assert (await site.get("/api/health/db")).json()["schema"] == "20260201000000_enrolment"
        kept = Saved(sandbox.core.home / "state.json").load()
        assert kept is not None
        assert kept.vercel.ignores_env

    play(scenario)
