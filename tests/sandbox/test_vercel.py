import hashlib
import json

import pytest

from pipeline.sandbox.ports import SLOTS
from tests.sandbox.fixtures import Services, create


def production(services: Services, sandbox) -> str:
    return sandbox.description()["urls"]["production"].removeprefix("http://")


async def live(services: Services, sandbox) -> str:
    found = await services["vercel"].get(f"/v4/aliases/{production(services, sandbox)}")
    return found.json()["deploymentId"]


async def project(services: Services, sandbox) -> dict:
    return (await services["vercel"].get(f"/v9/projects/{sandbox.state.vercel.project}?rollbackInfo=true")).json()


def test_a_deployment_names_the_files_that_are_missing_until_they_are_uploaded(sandbox, play):
    async def scenario(services):
        content = b"hello"
        sha = hashlib.sha1(content).hexdigest()
        body = {"name": "lms", "files": [{"file": "a.txt", "sha": sha, "size": 5}, {"file": "b.txt", "data": "b"}]}
        refused = await services["vercel"].post("/v13/deployments", json=body)
        assert refused.status_code == 400
        assert refused.json()["error"]["code"] == "missing_files"
        assert refused.json()["error"]["missing"] == [sha]
        for header in ("x-now-digest", "x-vercel-digest"):
            sent = await services["vercel"].post("/v2/files", content=content, headers={header: sha})
            assert (sent.status_code, sent.json()) == (200, {"urls": []})
        assert (await services["vercel"].post("/v13/deployments", json=body)).status_code == 200

    play(scenario)


@pytest.mark.parametrize("headers", [{}, {"x-now-digest": "0" * 40}, {"x-now-digest": "SHA", "x-now-size": "9"}])
def test_an_upload_that_is_not_what_it_says_is_refused(play, headers):
    headers = {k: v.replace("SHA", hashlib.sha1(b"hello").hexdigest()) for k, v in headers.items()}

    async def scenario(services):
        assert (await services["vercel"].post("/v2/files", content=b"hello", headers=headers)).status_code == 400

    play(scenario)


def test_a_build_passes_through_its_states_and_is_staged_without_moving_production(sandbox, clock, play):
    async def scenario(services):
        before = await live(services, sandbox)
        made = await create(services, sandbox)
        states = []
        for _ in range(10):
            seen = (await services["vercel"].get(f"/v13/deployments/{made['id']}")).json()
            states.append(seen["readyState"])
            clock.tick(0.1)
        assert list(dict.fromkeys(states)) == ["QUEUED", "INITIALIZING", "BUILDING", "READY"]
        assert (seen["readySubstate"], seen["aliasAssigned"], seen["alias"]) == ("STAGED", True, [])
        assert await live(services, sandbox) == before
        assert (await services.at(made["url"]).get("/api/health/db")).json()["deployment"] == made["id"]

    play(scenario)


def test_without_skip_domain_production_moves_when_the_build_is_ready(sandbox, clock, play):
    async def scenario(services):
        made = await create(services, sandbox, autoAssignCustomDomains=True)
        assert await live(services, sandbox) != made["id"]
        clock.tick(1)
        assert await live(services, sandbox) == made["id"]

    play(scenario)


def test_a_promotion_is_accepted_first_and_done_later(sandbox, clock, play):
    async def scenario(services):
        made = await create(services, sandbox)
        id, path = made["id"], f"/v10/projects/{sandbox.state.vercel.project}/promote/{made['id']}"
        assert (await services["vercel"].post(path, json={})).status_code == 422, "it is still building"
        clock.tick(1)
        before = await live(services, sandbox)
        accepted = await services["vercel"].post(path, json={})
        assert (accepted.status_code, accepted.content, "content-type" in accepted.headers) == (201, b"", False)
        job = (await project(services, sandbox))["lastAliasRequest"]
        assert (job["type"], job["toDeploymentId"], job["fromDeploymentId"]) == ("promote", id, before)
        assert (job["jobStatus"], job["requestedAt"]) == ("pending", round(clock.time * 1000))
        clock.tick(0.2)
        assert (await project(services, sandbox))["lastAliasRequest"]["jobStatus"] == "in-progress"
        clock.tick(0.2)
        assert (await project(services, sandbox))["lastAliasRequest"]["jobStatus"] == "succeeded"
        assert await live(services, sandbox) == id
        assert (await services["production"].get("/api/health/db")).json()["deployment"] == id
        assert (await services["vercel"].post(path, json={})).status_code == 409

    play(scenario)


@pytest.mark.parametrize("version", ["v1", "v9"])
def test_a_rollback_pins_production_until_something_is_promoted(sandbox, clock, play, version):
    async def scenario(services):
        pid, vercel = sandbox.state.vercel.project, services["vercel"]
        now = await live(services, sandbox)
        found = (await vercel.get(f"/v6/deployments?projectId={pid}&rollbackCandidate=true")).json()["deployments"]
        older = found[0]["uid"]
        assert older != now
        assert (await vercel.post(f"/{version}/projects/{pid}/rollback/{older}?description=oops")).status_code == 201
        assert (await project(services, sandbox))["lastRollbackTarget"] == {"id": older, "description": "oops"}
        clock.tick(0.4)
        after = await project(services, sandbox)
        assert (after["autoAssignCustomDomains"], after.get("lastRollbackTarget")) == (False, None)
        assert await live(services, sandbox) == older
        pushed = await create(services, sandbox, autoAssignCustomDomains=True)
        clock.tick(1)
        assert await live(services, sandbox) == older, "a pinned project does not move by itself"
        assert (await vercel.get(f"/v13/deployments/{pushed['id']}")).json()["readySubstate"] == "STAGED"
        await vercel.post(f"/v10/projects/{pid}/promote/{pushed['id']}")
        clock.tick(0.4)
        assert (await project(services, sandbox))["autoAssignCustomDomains"] is True
        assert await live(services, sandbox) == pushed["id"]

    play(scenario)


def test_only_what_was_production_can_be_rolled_back_to(sandbox, clock, play):
    async def scenario(services):
        made = await create(services, sandbox)
        clock.tick(1)
        pid = sandbox.state.vercel.project
        refused = await services["vercel"].post(f"/v1/projects/{pid}/rollback/{made['id']}")
        assert refused.status_code == 422

    play(scenario)


def test_a_rollback_brings_the_old_environment_back(sandbox, clock, play):
    async def scenario(services):
        pid, vercel = sandbox.state.vercel.project, services["vercel"]
        old = sandbox.state.vercel.deployments[await live(services, sandbox)]
        new = {"key": "FEATURE", "value": "on", "type": "plain", "target": ["production"]}
        assert (await vercel.post(f"/v10/projects/{pid}/env", json=new)).status_code == 201
        made = await create(services, sandbox)
        assert sandbox.state.vercel.deployments[made["id"]].env["FEATURE"] == "on"
        assert "FEATURE" not in old.env

    play(scenario)


def test_a_build_without_its_output_fails_and_the_log_says_why(sandbox, clock, play):
    async def scenario(services):
        files = [{"file": "index.html", "data": "hello"}]
        made = await create(services, sandbox, files=files)
        clock.tick(1)
        seen = (await services["vercel"].get(f"/v13/deployments/{made['id']}")).json()
        assert (seen["readyState"], seen["errorCode"]) == ("ERROR", "BUILD_FAILED")
        events = (await services["vercel"].get(f"/v3/deployments/{made['id']}/events")).json()
        assert "config.json is missing" in events[-1]["text"]
        assert (await services.at(made["url"]).get("/")).status_code == 500

    play(scenario)


def test_build_events_are_followed_until_the_end(sandbox, play):
    async def scenario(services):
        made = await create(services, sandbox)
        path = f"/v3/now/deployments/{made['id']}/events?direction=forward&follow=1&format=lines"
        answer = await services["vercel"].get(path)
        lines = [json.loads(line) for line in answer.text.splitlines()]
        assert any("functions" in line.get("text", "") for line in lines)
        assert lines[-1]["type"] == "alias-assigned"

    play(scenario)


def test_the_list_filters_as_the_real_one(sandbox, clock, play):
    async def scenario(services):
        sandbox.state.vercel.most_listed = 100
        pid, vercel = sandbox.state.vercel.project, services["vercel"]
        made = await create(services, sandbox, meta={"deployRun": "run-1", "githubCommitSha": "f" * 40})

        async def ids(**query) -> list[str]:
            found = await vercel.get("/v6/deployments", params={"projectId": pid, **query})
            return [one["uid"] for one in found.json()["deployments"]]

        assert await ids(**{"meta-deployRun": "run-1"}) == [made["id"]]
        assert await ids(**{"meta-deployRun": "run-2"}) == []
        assert await ids(state="BUILDING,QUEUED,INITIALIZING") == [made["id"]]
        assert await ids(sha="f" * 40) == [made["id"]]
        assert await ids(projectId="prj_other") == []
        assert len(await ids(target="production")) == 3
        first = (await vercel.get("/v7/deployments", params={"projectId": pid, "limit": 2})).json()
        rest = (await vercel.get("/v7/deployments", params={"until": first["pagination"]["next"]})).json()
        assert first["pagination"]["count"] == 2
        assert len(rest["deployments"]) == 1
        assert rest["pagination"]["next"] is None

    play(scenario)


def test_a_build_can_be_cancelled_and_a_deployment_deleted(sandbox, clock, play):
    async def scenario(services):
        made, vercel = await create(services, sandbox), services["vercel"]
        cancelled = await vercel.patch(f"/v12/deployments/{made['id']}/cancel")
        assert cancelled.json()["readyState"] == "CANCELED"
        clock.tick(5)
        assert (await vercel.get(f"/v13/deployments/{made['id']}")).json()["readyState"] == "CANCELED"
        assert (await vercel.patch(f"/v12/deployments/{made['id']}/cancel")).status_code == 400
        assert (await vercel.delete(f"/v13/deployments/{made['id']}")).json()["state"] == "DELETED"
        assert (await vercel.get(f"/v13/deployments/{made['id']}")).status_code == 404

    play(scenario)


def test_old_deployments_make_room_but_production_and_its_way_back_stay(sandbox, clock, play):
    async def scenario(services):
        before = set(sandbox.state.vercel.deployments)
        files = [{"file": ".vercel/output/config.json", "data": '{"version": 3}'}]
        body = {"name": "lms", "target": "production", "autoAssignCustomDomains": False, "files": files}
        for _ in range(SLOTS + 3):
            assert (await services["vercel"].post("/v13/deployments", json=body)).status_code == 200
            clock.tick(1)
        kept = sandbox.state.vercel.deployments
        assert len(kept) == SLOTS
        assert before <= set(kept)
        assert len({one.slot for one in kept.values()}) == SLOTS

    play(scenario)


def test_values_are_hidden_in_the_list_and_sensitive_ones_everywhere(sandbox, play):
    async def scenario(services):
        pid, vercel = sandbox.state.vercel.project, services["vercel"]
        secret = {"key": "KEY", "value": "hunter2", "type": "sensitive", "target": ["production"]}
        await vercel.post(f"/v10/projects/{pid}/env", json=secret)
        assert (await vercel.post(f"/v10/projects/{pid}/env", json=secret)).status_code == 400
        assert (await vercel.post(f"/v10/projects/{pid}/env?upsert=true", json=secret)).status_code == 201
        listed = await vercel.get(f"/v10/projects/{pid}/env")
        by_key = {one["key"]: one for one in listed.json()["envs"]}
        assert sandbox.core.database_url not in listed.text
        url = await vercel.get(f"/v1/projects/{pid}/env/{by_key['DATABASE_URL']['id']}")
        assert (url.json()["value"], url.json()["decrypted"]) == (sandbox.core.database_url, True)
        hidden = await vercel.get(f"/v1/projects/{pid}/env/{by_key['KEY']['id']}")
        assert "hunter2" not in hidden.text
        pulled = await vercel.get(f"/v3/env/pull/{pid}/production?source=vercel-cli:env:pull")
        assert pulled.json()["env"]["KEY"] == "", "Vercel keeps it to itself"
        assert pulled.json()["env"]["DATABASE_URL"] == sandbox.core.database_url
        changed = await vercel.patch(f"/v9/projects/{pid}/env/{by_key['KEY']['id']}", json={"gitBranch": "beta"})
        assert changed.json()["gitBranch"] == "beta"
        assert (await vercel.delete(f"/v10/projects/{pid}/env/{by_key['KEY']['id']}")).status_code == 200

    play(scenario)


def test_a_wrong_token_and_a_wrong_team_are_refused_in_vercels_shape(sandbox, play):
    async def scenario(services):
        wrong = await services["vercel"].get("/v2/user", headers={"authorization": "Bearer no"})
        assert (wrong.status_code, wrong.json()["error"]["invalidToken"]) == (403, True)
        assert (await services["vercel"].get("/v2/user?teamId=team_other")).status_code == 403
        missing = await services["vercel"].get("/v13/deployments/dpl_nothing")
        assert (missing.status_code, missing.json()["error"]["code"]) == (404, "not_found")

    play(scenario)


def test_protection_hides_all_but_production(sandbox, play):
    async def scenario(services):
        sandbox.patch({"vercel": {"protection": True, "bypass_secret": "s3cret"}})
        one = sandbox.state.vercel.deployments[sandbox.state.vercel.production]
        own = services.at(sandbox.core.host_of(one))
        assert (await services["production"].get("/")).status_code == 200
        assert (await own.get("/")).status_code == 401
        assert (await own.get("/", headers={"accept": "text/html"})).status_code == 302
        assert (await own.get("/", headers={"x-vercel-protection-bypass": "s3cret"})).status_code == 200

    play(scenario)


def test_visits_and_runtime_logs_come_from_real_requests(sandbox, play):
    async def scenario(services):
        for path in ("/", "/login", "/api/health/db"):
            await services["production"].get(path)
        pid, vercel = sandbox.state.vercel.project, services["vercel"]
        count = await vercel.get(f"/v1/query/web-analytics/visits/count?projectId={pid}")
        assert count.json()["data"]["pageviews"] == 2
        id = sandbox.state.vercel.production
        logs = await vercel.get(f"/v1/projects/{pid}/deployments/{id}/runtime-logs?format=lines")
        assert [json.loads(line)["requestPath"] for line in logs.text.splitlines()] == ["/", "/login", "/api/health/db"]

    play(scenario)
