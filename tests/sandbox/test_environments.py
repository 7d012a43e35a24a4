"""Custom environments beside production and preview, and the pages of the project's domains and aliases."""

from pipeline.sandbox.vercelstate import CustomEnvironment
from tests.sandbox.fixtures import create
from tests.sandbox.test_vercel import live, production

STAGING = "staging.lms.example.com"


def test_a_custom_environment_is_deployed_to_by_its_slug_or_id_and_takes_its_own_domains_alone(sandbox, clock, play):
    async def scenario(services):
        vercel, before = services["vercel"], await live(services, sandbox)
        for named in ({"customEnvironmentSlugOrId": "env_staging"}, {"target": "staging"}):
            made = await create(services, sandbox, **{"target": None, **named})
            assert (made["target"], made["customEnvironment"]["slug"]) == (None, "staging")
            assert (await vercel.get(f"/v4/aliases/{STAGING}")).json().get("deploymentId") != made["id"], (
                "not built yet"
            )
            clock.tick(2)
            assert (await vercel.get(f"/v4/aliases/{STAGING}")).json()["deploymentId"] == made["id"]
        listed = (await vercel.get("/v6/deployments?target=staging&limit=1")).json()["deployments"]
        assert (listed[0]["uid"], listed[0]["customEnvironment"]["id"]) == (made["id"], "env_staging")
        for other in ("production", "preview"):
            found = (await vercel.get(f"/v6/deployments?target={other}&limit=100")).json()["deployments"]
            assert made["id"] not in {one["uid"] for one in found}
        assert await live(services, sandbox) == before
        root = f"/v10/projects/{sandbox.state.vercel.project}"
        assert (await vercel.post(f"{root}/promote/{made['id']}")).status_code == 422
        body = {"name": "lms", "deploymentId": before, "customEnvironmentSlugOrId": "qa"}
        assert (await vercel.post("/v13/deployments", json=body)).status_code == 404

    play(scenario)


def test_a_variable_of_a_custom_environment_reaches_what_is_deployed_to_it_and_nothing_else(sandbox, play):
    async def scenario(services):
        vercel, project = services["vercel"], sandbox.state.vercel.project
        made = {"key": "CMS", "value": "draft", "type": "plain", "customEnvironmentIds": ["env_staging"]}
        created = (await vercel.post(f"/v10/projects/{project}/env", json=made)).json()["created"]
        assert (created["target"], created["customEnvironmentIds"]) == ([], ["env_staging"])
        pulled = {
            target: (await vercel.get(f"/v3/env/pull/{project}/{target}")).json()["env"]
            for target in ("staging", "production", "preview", "development")
        }
        assert {target for target, env in pulled.items() if env.get("CMS") == "draft"} == {"staging"}
        assert "DATABASE_URL" not in pulled["staging"], "it inherits nothing"
        assert (await vercel.post(f"/v10/projects/{project}/env", json=made)).json()["error"]["code"] == "ENV_CONFLICT"
        unknown = {**made, "key": "OTHER", "customEnvironmentIds": ["env_qa"]}
        assert (await vercel.post(f"/v10/projects/{project}/env", json=unknown)).status_code == 400

    play(scenario)


async def paged(vercel, path: str, name: str) -> tuple[list[dict], int]:
    """Every item of a list, and how many pages it has."""
    found, pages, until = [], 0, ""
    while True:
        body = (await vercel.get(f"{path}{until}")).json()
        found, pages = [*found, *body[name]], pages + 1
        if body["pagination"]["next"] is None:
            return found, pages
        until = f"{'&' if '?' in path else '?'}until={body['pagination']['next']}"


def test_domains_and_aliases_have_pages_and_filters(sandbox, play):
    async def scenario(services):
        vercel, state = services["vercel"], sandbox.state.vercel
        state.domains = {"learn.example.org": "", "old.example.org": "learn.example.org", "later.example.org": ""}
        state.unverified = ["later.example.org"]
        state.custom.append(CustomEnvironment("qa", ["qa.example.org"]))
        host, root = production(services, sandbox), f"/v9/projects/{state.project}/domains"
        every, pages = await paged(vercel, root, "domains")
        names = [one["name"] for one in every]
        assert pages == len(names) == len(set(names)) == 6
        assert {one["name"]: one["customEnvironmentId"] for one in every}["qa.example.org"] == "env_qa"
        asked = {
            "production=true": {host, "learn.example.org", "old.example.org", "later.example.org"},
            "target=preview": {STAGING, "qa.example.org"},
            "customEnvironmentId=env_qa": {"qa.example.org"},
            "production=true&redirects=false&verified=true": {host, "learn.example.org"},
        }
        for query, wanted in asked.items():
            found, _ = await paged(vercel, f"{root}?{query}", "domains")
            assert {one["name"] for one in found} == wanted, query
        aliases, pages = await paged(vercel, "/v4/aliases", "aliases")
        served = [one["alias"] for one in aliases]
        assert pages > 1
        assert len(served) == len(set(served))
        assert {host, "learn.example.org"} <= set(served)
        assert not {"later.example.org", "old.example.org", STAGING} & set(served), "they point to no deployment"

    play(scenario)
