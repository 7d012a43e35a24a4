"""The emulators' answers against the vendors' own descriptions of their APIs, where those are at hand."""

import functools
import json
import os
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.sandbox.fixtures import create

SPECS = Path(os.environ.get("VENDOR_SPECS") or Path(__file__).parents[3] / "shared" / "specs")
pytestmark = pytest.mark.skipif(not SPECS.is_dir(), reason=f"the vendors' API descriptions are not in {SPECS}")

REPO, ORG = "/repos/{owner}/{repo}", "/api/0/organizations/{organization_id_or_slug}"
PROJECT = "/api/0/projects/{organization_id_or_slug}/{project_id_or_slug}"
REPORTS = "/api/v2/status-pages/{status_page_id}/status-reports"
GAPS: dict[tuple[str, str], str] = {}
"""(description, path) whose answer differs on purpose, and why. Empty: there is none now."""
READS = (
    ("vercel", "/v2/user", {}),
    ("vercel", "/v2/teams", {}),
    ("vercel", "/v2/teams/{teamId}", {}),
    ("vercel", "/v10/projects", {}),
    ("vercel", "/v9/projects/{idOrName}", {}),
    ("vercel", "/v9/projects/{idOrName}/domains", {}),
    ("vercel", "/v9/projects/{idOrName}/custom-environments", {}),
    ("vercel", "/v10/projects/{idOrName}/env", {}),
    ("vercel", "/v1/projects/{idOrName}/env/{id}", {}),
    ("vercel", "/v7/deployments", {}),
    ("vercel", "/v13/deployments/{idOrUrl}", {}),
    ("vercel", "/v3/deployments/{idOrUrl}/events", {}),
    ("vercel", "/v6/deployments/{id}/files", {}),
    ("vercel", "/v2/deployments/{id}/aliases", {}),
    ("vercel", "/v4/aliases", {}),
    ("vercel", "/v4/aliases/{idOrAlias}", {}),
    ("vercel", "/v1/projects/{projectId}/promote/aliases", {}),
    ("vercel", "/v1/projects/{idOrName}/rolling-release", {}),
    ("vercel", "/v1/projects/{idOrName}/rolling-release", {"state": "ACTIVE"}),
    ("vercel", "/v1/projects/{idOrName}/rolling-release/config", {}),
    ("vercel", "/v1/projects/{idOrName}/rolling-release/billing", {}),
    ("vercel", "/v1/query/web-analytics/visits/count", {"projectId": "{projectId}"}),
    ("vercel", "/v1/query/web-analytics/visits/aggregate", {"projectId": "{projectId}", "by": "day"}),
    ("vercel-cli", "/metrics/v1", {"limit": "250", "kind": "system"}),
    ("vercel-cli", "/teams/{teamId}", {}),
    ("vercel-cli", "/v1/teams", {}),
    ("vercel-cli", "/v9/projects/{projectId}/rollback/aliases", {}),
    ("vercel-cli", "/v9/projects/{projectId}/promote/aliases", {}),
    ("vercel-cli", "/projects/{projectId}/custom-environments", {}),
    ("vercel-cli", "/v11/deployments/{id}/builds", {}),
    ("vercel-cli", "/v3/env/pull/{projectIdOrDeploymentId}", {}),
    ("vercel-cli", "/v6/deployments", {}),
    ("github", REPO, {}),
    ("github", REPO + "/commits/{ref}", {}),
    ("github", REPO + "/commits/{ref}/check-runs", {}),
    ("github", REPO + "/commits/{ref}/status", {}),
    ("github", REPO + "/commits/{ref}/statuses", {}),
    ("github", REPO + "/commits/{commit_sha}/pulls", {}),
    ("github", REPO + "/pulls/{pull_number}", {}),
    ("github", REPO + "/pulls/{pull_number}/reviews", {}),
    ("github", REPO + "/compare/{basehead}", {}),
    ("github", REPO + "/code-scanning/alerts", {}),
    ("github", REPO + "/dependabot/alerts", {}),
    ("github", REPO + "/deployments", {}),
    ("github", REPO + "/deployments/{deployment_id}", {}),
    ("github", REPO + "/deployments/{deployment_id}/statuses", {}),
    ("sentry", ORG + "/projects/", {}),
    ("sentry", ORG + "/issues/", {}),
    ("sentry", ORG + "/releases/", {}),
    ("sentry", ORG + "/releases/{version}/", {}),
    ("sentry", ORG + "/releases/{version}/deploys/", {}),
    ("sentry", ORG + "/events-timeseries/", {}),
    ("sentry", ORG + "/", {}),
    ("sentry", ORG + "/environments/", {}),
    ("sentry", ORG + "/issues/", {"query": "is:unresolved firstSeen:-24h", "sort": "freq", "limit": "1"}),
    ("sentry", ORG + "/issues/{issue_id}/", {}),
    ("sentry", ORG + "/issues/{issue_id}/events/", {}),
    ("sentry", ORG + "/issues/{issue_id}/events/{event_id}/", {}),
    ("sentry", ORG + "/events/", {"field": "transaction", "dataset": "spans"}),
    ("sentry", ORG + "/events/", {"field": "count()"}),
    ("sentry", ORG + "/events-timeseries/", {"dataset": "spans", "yAxis": "failure_rate()", "comparisonDelta": "3600"}),
    ("sentry", ORG + "/sessions/", {"field": "crash_free_rate(session)", "groupBy": "release"}),
    ("sentry", ORG + "/releases/{version}/", {"health": "1"}),
    ("sentry", ORG + "/releases/{version}/commits/", {}),
    ("sentry", PROJECT + "/", {}),
    ("sentry", PROJECT + "/environments/", {}),
    ("sentry", PROJECT + "/issues/", {}),
    ("sentry", PROJECT + "/releases/", {}),
    ("betterstack-uptime", "/api/v2/monitors", {}),
    ("betterstack-uptime", "/api/v2/monitors/{monitor_id}", {}),
    ("betterstack-uptime", "/api/v2/monitors/{monitor_id}/sla", {}),
    ("betterstack-uptime", "/api/v2/monitors/{monitor_id}/response-times", {}),
    ("betterstack-uptime", "/api/v3/incidents", {}),
    ("betterstack-uptime", "/api/v3/incidents/{incident_id}", {}),
    ("betterstack-uptime", "/api/v2/heartbeats", {}),
    ("betterstack-uptime", "/api/v2/heartbeats/{heartbeat_id}", {}),
    ("betterstack-uptime", "/api/v2/heartbeats/{heartbeat_id}/availability", {}),
    ("betterstack-uptime", "/api/v2/status-pages", {}),
    ("betterstack-uptime", "/api/v2/status-pages/{status_page_id}", {}),
    ("betterstack-uptime", REPORTS, {}),
    ("betterstack-uptime", REPORTS + "/{status_report_id}", {}),
    ("betterstack-uptime", REPORTS + "/{status_report_id}/status-updates", {}),
    ("neon", "/projects/{project_id}", {}),
    ("neon", "/projects/{project_id}/branches", {}),
    ("neon", "/projects/{project_id}/branches/{branch_id}", {}),
    ("neon", "/projects/{project_id}/branches", {"search": "main", "limit": "1", "sort_by": "name"}),
    ("neon", "/projects/{project_id}/branches/{branch_id}/endpoints", {}),
    ("neon", "/projects/{project_id}/branches/{branch_id}/databases", {}),
    ("neon", "/projects/{project_id}/branches/{branch_id}/roles", {}),
    ("neon", "/projects/{project_id}/branches/{branch_id}/backup_schedule", {}),
    ("neon", "/projects/{project_id}/connection_uri", {"database_name": "{database}", "role_name": "postgres"}),
    ("neon", "/projects/{project_id}/snapshots", {}),
    ("neon", "/projects/{project_id}/operations", {}),
    ("neon", "/projects/{project_id}/endpoints", {}),
    ("neon", "/projects/{project_id}/endpoints/{endpoint_id}", {}),
    ("statuspage", "/api/v2/summary.json", {}),
    ("statuspage", "/api/v2/status.json", {}),
    ("statuspage", "/api/v2/incidents/unresolved.json", {}),
    ("statuspage", "/api/v2/components.json", {}),
    ("statuspage", "/api/v2/incidents.json", {}),
    ("statuspage", "/api/v2/scheduled-maintenances/active.json", {}),
    ("statuspage", "/api/v2/scheduled-maintenances/upcoming.json", {}),
    ("incidentio-status", "/api/v1/summary", {}),
    ("incidentio-status", "/{subpage}/api/v1/summary", {}),
)
SERVICES = {
    "vercel-cli": "vercel", "betterstack-uptime": "betterstack", "statuspage": "vercel-status",
    "incidentio-status": "neon-status", "crux": "google", "pagespeed": "google",
}  # fmt: skip


@functools.cache
def spec(name: str) -> dict[str, Any]:
    return meant(json.loads((SPECS / f"{name}.openapi.json").read_text()))


def meant(schema: Any) -> Any:
    """The same with ``nullable`` spelt out where OpenAPI 3.0 validators overlook it: beside allOf, anyOf and enum."""
    if isinstance(schema, list):
        return [meant(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: meant(value) for key, value in schema.items()}
    if found.get("nullable") is True:
        if "enum" in found:
            found["enum"] = [*found["enum"], None]
        if "anyOf" in found:
            found["anyOf"] = [*found["anyOf"], {"nullable": True, "enum": [None]}]
        if "allOf" in found:
            found["anyOf"] = [{"allOf": found.pop("allOf")}, {"nullable": True, "enum": [None]}]
    return found


def mistakes(name: str, method: str, path: str, status: int | str, body: Any) -> list[str]:
    """Where ``body`` is not what the description says."""
    from openapi_schema_validator import OAS30ReadValidator

    answers = spec(name)["paths"][path][method]["responses"]
    assert str(status) in answers, f"{name} {path} does not describe {status}"
    escaped = path.replace("~", "~0").replace("/", "~1")
    pointer = f"#/paths/{escaped}/{method}/responses/{status}"
    if "$ref" in answers[str(status)]:
        pointer = answers[str(status)]["$ref"]
    if "content" not in answers[str(status)] and "$ref" not in answers[str(status)]:
        return []  # described without a body
    validator = OAS30ReadValidator({**spec(name), "$ref": f"{pointer}/content/application~1json/schema"})
    return [f"{one.json_path}: {one.message[:200]}" for error in validator.iter_errors(body) for one in nearest(error)]


def misasked(name: str, method: str, path: str, body: Any) -> list[str]:
    """Where a request's ``body`` is not what the description says."""
    from openapi_schema_validator import OAS30WriteValidator

    escaped = path.replace("~", "~0").replace("/", "~1")
    pointer = f"#/paths/{escaped}/{method}/requestBody/content/application~1json/schema"
    validator = OAS30WriteValidator({**spec(name), "$ref": pointer})
    return [f"{one.json_path}: {one.message[:200]}" for error in validator.iter_errors(body) for one in nearest(error)]


def nearest(error: Any) -> list[Any]:
    """Of alternatives that all fail, the mistakes in the one that fails least."""
    branches: dict[Any, list[Any]] = {}
    for one in error.context or ():
        branches.setdefault(one.schema_path[0], []).append(one)
    if not branches:
        return [error]
    return [deeper for one in min(branches.values(), key=len) for deeper in nearest(one)]


@pytest.fixture
def busy(sandbox, clock, play):
    """A sandbox in which everything has happened once, so that no list is empty."""

    async def scenario(services):
        from pipeline.sandbox import errortracking
        from pipeline.sandbox.githubstate import Alert

        made = await create(services, sandbox)
        clock.tick(1)
        await services["production"].get("/")
        await services["vercel"].post(f"/v10/projects/{sandbox.state.vercel.project}/promote/{made['id']}")
        clock.tick(1)
        errortracking.capture(sandbox.core, "KeyError: 'x'", "GET /", made["meta"]["githubCommitSha"], "production")
        better = services["betterstack"]
        await better.post("/api/v2/heartbeats", json={"name": "Nightly backup", "period": 3600, "grace": 300})
        await better.get("/api/v1/heartbeat/" + sandbox.state.betterstack.heartbeats[0].token)
        affected = [{"status_page_resource_id": "1", "status": "degraded"}]
        report = {"title": "Slow", "message": "We look into it.", "affected_resources": affected}
        await better.post("/api/v2/status-pages/200/status-reports", json=report)
        github = sandbox.state.github
        github.code_scanning = [Alert(1, "high", "SQL injection", clock.time)]
        github.dependabot = [Alert(1, "critical", "Prototype pollution", clock.time)]
        sent = await services["github"].post("/repos/acme/lms/deployments", json={"ref": github.head})
        status = {"state": "success", "environment_url": "http://127.0.0.1/", "log_url": "http://127.0.0.1/"}
        await services["github"].post(f"/repos/acme/lms/deployments/{sent.json()['id']}/statuses", json=status)
        releases = "/api/0/organizations/acme/releases/"
        refs = [{"repository": "acme/lms", "commit": github.head}]
        await services["sentry"].post(releases, json={"version": github.head, "projects": ["lms"], "refs": refs})
        await services["sentry"].post(f"{releases}{github.head}/deploys/", json={"environment": "production"})
        sandbox.patch({"status_pages": {"vercel": "minor", "vercel_incidents": ["Slow builds"], "neon": "major"}})
        neon = sandbox.state.neon
        await services["neon"].post(f"/projects/{neon.project}/branches/{neon.branch}/snapshot?name=before")

    play(scenario)
    return sandbox


def values(sandbox) -> dict[str, str]:
    state = sandbox.state
    vercel, github, neon = state.vercel, state.github, state.neon
    first = next(iter(github.commits))
    return {
        "teamId": vercel.team,
        "idOrName": vercel.project,
        "projectId": vercel.project,
        "idOrUrl": vercel.production,
        "projectIdOrDeploymentId": vercel.project,
        "idOrAlias": sandbox.core.ports.host("production"),
        "owner": "acme",
        "repo": "lms",
        "ref": github.head,
        "commit_sha": github.head,
        "pull_number": "1",
        "basehead": f"{first}...main",
        "deployment_id": str(github.deployments[0].id),
        "version": github.head,
        "organization_id_or_slug": "acme",
        "monitor_id": state.betterstack.monitor,
        "project_id": neon.project,
        "incident_id": str(state.betterstack.incidents[0].id),
        "branch_id": neon.branch,
        "endpoint_id": neon.endpoint,
        "project_id_or_slug": "lms",
        "issue_id": str(state.sentry.issues[0].id),
        "event_id": state.sentry.issues[0].events[0].id,
        "status_page_id": "200",
        "heartbeat_id": state.betterstack.heartbeats[0].id,
        "status_report_id": str(state.betterstack.reports[0].id),
        "subpage": "aws-us-east-n-virginia",
        "database": sandbox.core.database_url.rpartition("/")[2],
    }


def test_every_answer_is_what_its_vendor_describes(busy, play):
    wrong: dict[str, list[str]] = {}

    async def scenario(services):
        known = values(busy)
        for name, path, query in READS:
            known["id"] = busy.state.vercel.env[0].id if "/env/" in path else busy.state.vercel.production
            params = {key: value.format(**known) for key, value in query.items()}
            answer = await services[SERVICES.get(name, name)].get(path.format(**known), params=params)
            assert answer.status_code == 200, f"{name} {path}: {answer.status_code} {answer.text}"
            found = mistakes(name, "get", path, 200, answer.json())
            if (name, path) in GAPS:
                assert found, f"{name} {path} is no gap any more"
            elif found:
                wrong[f"{name} {path}"] = found

    play(scenario)
    assert not wrong, json.dumps(wrong, indent=2)


def test_writes_answer_what_their_vendors_describe(sandbox, clock, play):
    wrong: dict[str, list[str]] = {}

    async def scenario(services):
        pid, neon = sandbox.state.vercel.project, sandbox.state.neon

        def look(name: str, method: str, path: str, answer, status: int) -> None:
            assert answer.status_code == status, f"{path}: {answer.status_code} {answer.text}"
            found = mistakes(name, method, path, status, answer.json())
            if found:
                wrong[f"{name} {method} {path}"] = found

        made = await create(services, sandbox)
        seen = await services["vercel"].get(f"/v13/deployments/{made['id']}")
        look("vercel", "post", "/v13/deployments", seen, 200)
        cancelled = await services["vercel"].patch(f"/v12/deployments/{made['id']}/cancel")
        look("vercel", "patch", "/v12/deployments/{id}/cancel", cancelled, 200)
        deleted = await services["vercel"].delete(f"/v13/deployments/{made['id']}")
        look("vercel", "delete", "/v13/deployments/{id}", deleted, 200)
        variable = {"key": "A", "value": "b", "type": "encrypted", "target": ["production"]}
        added = await services["vercel"].post(f"/v10/projects/{pid}/env", json=variable)
        look("vercel", "post", "/v10/projects/{idOrName}/env", added, 201)
        id = added.json()["created"]["id"]
        changed = await services["vercel"].patch(f"/v9/projects/{pid}/env/{id}", json={"value": "c"})
        look("vercel", "patch", "/v9/projects/{idOrName}/env/{id}", changed, 200)
        gone = await services["vercel"].delete(f"/v9/projects/{pid}/env/{id}")
        look("vercel", "delete", "/v9/projects/{idOrName}/env/{id}", gone, 200)
        one = await services["github"].post("/repos/acme/lms/deployments", json={"ref": "main"})
        look("github", "post", "/repos/{owner}/{repo}/deployments", one, 201)
        path = "/repos/{owner}/{repo}/deployments/{deployment_id}/statuses"
        status = await services["github"].post(
            f"/repos/acme/lms/deployments/{one.json()['id']}/statuses",
            json={"state": "success", "log_url": "http://127.0.0.1/"},
        )
        look("github", "post", path, status, 201)
        run = "/repos/{owner}/{repo}/actions/runs/{run_id}"
        dispatched = await services["github"].post(
            "/repos/acme/lms/actions/workflows/deploy.yml/dispatches", json={"ref": "main"}
        )
        assert dispatched.status_code == 204
        began = await services["github"].get(f"/repos/acme/lms/actions/runs/{sandbox.state.github.runs[-1].id}")
        look("github", "get", run, began, 200)
        said = await services["github"].post("/repos/acme/lms/issues/1/comments", json={"body": "works"})
        look("github", "post", "/repos/{owner}/{repo}/issues/{issue_number}/comments", said, 201)
        releases = f"{ORG}/releases/"
        body = {"version": "1.0", "projects": ["lms"]}
        for expected in (201, 208):
            release = await services["sentry"].post("/api/0/organizations/acme/releases/", json=body)
            look("sentry", "post", releases, release, expected)
        incident = {"summary": "It burns", "requester_email": "dana@lms.example.com"}
        opened = await services["betterstack"].post("/api/v3/incidents", json=incident)
        look("betterstack-uptime", "post", "/api/v3/incidents", opened, 201)
        snapshot = await services["neon"].post(f"/projects/{neon.project}/branches/{neon.branch}/snapshot")
        look("neon", "post", "/projects/{project_id}/branches/{branch_id}/snapshot", snapshot, 200)

    play(scenario)
    assert not wrong, json.dumps(wrong, indent=2)


ROLLING, CONFIG = "/v1/projects/{idOrName}/rolling-release", {"enabled": True, "advancementType": "manual-approval"}
STAGES = [{"targetPercentage": 10}, {"targetPercentage": 50}, {"targetPercentage": 100}]
LOG_QUERY = {
    "event": "vercel.log", "timeRange": {"start": "2026-01-01T00:00:00Z", "end": "2026-12-31T00:00:00Z"},
    "select": ["level", "message"], "order": "desc", "limit": 10,
}  # fmt: skip


def test_rolling_releases_and_commits_are_asked_for_and_answered_as_vercel_describes(sandbox, clock, play):
    wrong: dict[str, list[str]] = {}

    async def scenario(services):
        vercel, pid, team = services["vercel"], sandbox.state.vercel.project, sandbox.state.vercel.team

        async def ask(name: str, method: str, path: str, body: Any = None, query: dict[str, str] | None = None) -> Any:
            url = path.format(idOrName=pid, idOrUrl=sandbox.state.vercel.production)
            answer = await vercel.request(method, url, json=body, params=query)
            assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
            found = mistakes(name, method, path, 200, answer.json())
            if body is not None and "requestBody" in spec(name)["paths"][path][method]:
                found += misasked(name, method, path, body)
            if found:
                wrong[f"{name} {method} {path} {body}"] = found
            return answer.json()

        made = await create(services, sandbox)
        other = await create(services, sandbox)
        clock.tick(1)
        config = {**CONFIG, "stages": STAGES}
        await ask("vercel-cli", "patch", ROLLING + "/config", config)
        await ask("vercel", "get", ROLLING + "/config")
        await ask("vercel", "patch", ROLLING + "/config", config)
        canary = {"canaryDeploymentId": made["id"]}
        await ask("vercel", "post", ROLLING + "/start", canary)
        await vercel.post(f"/v10/projects/{pid}/promote/{other['id']}")
        await ask("vercel", "get", ROLLING, query={"state": "ACTIVE"})
        await ask("vercel", "get", "/v9/projects/{idOrName}")
        await ask("vercel", "get", "/v7/deployments")
        await ask("vercel", "post", ROLLING + "/approve-stage", {**canary, "activeStageIndex": 0, "nextStageIndex": 1})
        await ask("vercel", "post", ROLLING + "/complete", canary)
        await ask("vercel", "get", ROLLING)
        await ask("vercel", "delete", ROLLING + "/config")
        await ask("vercel", "get", ROLLING, query={"state": "COMPLETE"})
        _, commit = sandbox.release("good")
        source = {"type": "github", "org": "acme", "repo": "lms", "ref": "main", "sha": commit}
        await ask("vercel", "post", "/v13/deployments", {"name": "lms", "gitSource": source, "target": "production"})
        again = {"name": "lms", "deploymentId": made["id"], "target": "production", "meta": {"action": "redeploy"}}
        await ask("vercel", "post", "/v13/deployments", again)
        clock.tick(1)
        await services["production"].get("/")
        scope = {"ownerId": team, "projectIds": [pid]}
        await ask("vercel-cli", "post", "/v1/observability/events", {**LOG_QUERY, "scope": scope})
        path = "/v1/projects/{projectId}/deployments/{deploymentId}/runtime-logs"
        url = path.format(projectId=pid, deploymentId=sandbox.state.vercel.production)
        lines = (await vercel.get(url)).text.splitlines()
        assert lines
        for line in lines:
            if found := mistakes("vercel", "get", path, 200, json.loads(line)):
                wrong[path] = found

    play(scenario)
    assert not wrong, json.dumps(wrong, indent=2)


def test_neon_is_asked_and_answers_as_it_describes(sandbox, clock, play):
    wrong: dict[str, list[str]] = {}

    async def scenario(services):
        state, root = sandbox.state.neon, "/projects/{project_id}"
        branches, snapshots = root + "/branches", root + "/snapshots/{snapshot_id}"
        branch = branches + "/{branch_id}"
        known = {"project_id": state.project}

        async def ask(method: str, path: str, status: int, body: Any = None, described: str = "", **named: str) -> Any:
            """``described`` is the response that the description means, where that is not the status."""
            clock.tick(1)
            url, query = path.format(**known, **named), {k: v for k, v in named.items() if not k.endswith("_id")}
            answer = await services["neon"].request(method, url, json=body, params=query)
            assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
            found = mistakes("neon", method, path, described or status, answer.json()) if answer.content else []
            found += misasked("neon", method, path, body) if body is not None else []
            if found:
                wrong[f"{method} {path} {status}"] = found
            return answer.json() if answer.content else None

        main, soon = state.branch, "2026-09-22T00:00:00Z"
        wanted = {"name": "a", "parent_id": main, "expires_at": soon, "init_source": "parent-data"}
        made = await ask("post", branches, 201, {"branch": wanted, "endpoints": [{"type": "read_write"}]})
        assert made["connection_uris"]
        await ask("post", branches, 201, {"branch": {"name": "b", "init_source": "schema-only"}})
        await ask("post", branches, 201)
        one = made["branch"]["id"]
        await ask("get", branch, 200, branch_id=one)
        await ask("get", branches, 200)
        await ask("get", branches, 200, limit="1")
        await ask("patch", branch, 200, {"branch": {"name": "c", "expires_at": None}}, branch_id=one)
        snapshot = (await ask("post", branch + "/snapshot", 200, branch_id=main, name="s", expires_at=soon))["snapshot"]
        await ask("patch", snapshots, 200, {"snapshot": {"name": "t"}}, snapshot_id=snapshot["id"])
        looked = await ask("post", snapshots + "/restore", 200, {"name": "look"}, snapshot_id=snapshot["id"])
        await ask("get", branch, 200, branch_id=looked["branch"]["id"])
        compute = {"endpoint": {"branch_id": looked["branch"]["id"], "type": "read_write"}}
        started = await ask("post", root + "/endpoints", 201, compute)
        again = root + "/endpoints/{endpoint_id}/restart"
        await ask("post", again, 200, endpoint_id=started["endpoint"]["id"])
        await ask("post", branch + "/finalize_restore", 200, {"name": "old"}, branch_id=looked["branch"]["id"])
        at_once = {"target_branch_id": state.branch, "finalize_restore": True}
        await ask("post", snapshots + "/restore", 200, at_once, snapshot_id=snapshot["id"])
        reset = {"source_branch_id": one, "preserve_under_name": "before"}
        await ask("post", branch + "/restore", 200, reset, branch_id=state.branch)
        await ask("get", branches, 200)
        await ask("delete", snapshots, 202, snapshot_id=snapshot["id"])
        await ask("delete", branch, 200, branch_id=one)
        await ask("delete", branch, 204, branch_id=one)
        operations = (await ask("get", root + "/operations", 200, limit="1"))["operations"]
        await ask("get", root + "/operations/{operation_id}", 200, operation_id=operations[0]["id"])
        await ask("delete", branch, 422, described="default", branch_id=state.branch)
        await ask("get", branch, 404, described="default", branch_id=one)
        await ask("post", branches, 409, {"branch": {"name": "b"}}, described="default")
        await services["neon"].post(f"/projects/{state.project}/branches")
        locked = await services["neon"].post(f"/projects/{state.project}/branches")
        assert (locked.status_code, mistakes("neon", "post", branches, "default", locked.json())) == (423, [])

    play(scenario)
    assert not wrong, json.dumps(wrong, indent=2)


def test_the_witnesses_are_asked_and_answer_as_their_vendors_describe(busy, clock, play):
    wrong: dict[str, list[str]] = {}
    host = busy.core.ports.host("production")
    busy.patch({"google": {"crux": {"largest_contentful_paint": 1900, "cumulative_layout_shift": 0.05}}})

    async def scenario(services):
        known = values(busy)

        async def ask(name: str, method: str, path: str, status: int, body: Any = None, described: str = "", **named):
            """``described`` is the path in the description, where that is not the one that is asked."""
            query = {key: value for key, value in named.items() if not key.endswith("_id")}
            url = path.format(**{**known, **named})
            service = named.pop("service", SERVICES.get(name, name))
            query.pop("service", None)
            answer = await services[service].request(method, url, json=body, params=query)
            assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
            where = described or path
            says = status if str(status) in spec(name)["paths"][where][method]["responses"] else "default"
            found = mistakes(name, method, where, says, answer.json()) if answer.content else []
            found += misasked(name, method, where, body) if body is not None else []
            if found:
                wrong[f"{name} {method} {path} {status}"] = found
            return answer.json() if answer.content else None

        monitors, heartbeats, incidents = "/api/v2/monitors", "/api/v2/heartbeats", "/api/v3/incidents"
        monitor = {"url": f"http://{host}/", "monitor_type": "keyword", "required_keyword": "course"}
        made = await ask("betterstack-uptime", "post", monitors, 201, monitor)
        one = monitors + "/{monitor_id}"
        window = {"maintenance_from": "01:00:00", "maintenance_to": "02:00:00", "maintenance_days": ["mon"]}
        await ask("betterstack-uptime", "patch", one, 200, {**window, "paused": True}, monitor_id=made["data"]["id"])
        await ask("betterstack-uptime", "get", one + "/response-times", 200, monitor_id=made["data"]["id"])
        await ask("betterstack-uptime", "delete", one, 204, monitor_id=made["data"]["id"])
        await ask("betterstack-uptime", "get", one, 404, monitor_id=made["data"]["id"])
        await ask("betterstack-uptime", "get", monitors, 200, per_page="1")
        wrongly = await services["betterstack"].post(monitors, json={"url": "", "regions": ["mars"]})
        assert (wrongly.status_code, set(wrongly.json()["errors"])) == (422, {"url", "regions"})
        assert not mistakes("betterstack-uptime", "post", monitors, 422, wrongly.json())
        await ask("betterstack-uptime", "post", heartbeats, 201, {"name": "Cron", "period": 60, "grace": 30})
        incident = {"summary": "It burns", "requester_email": "dana@lms.example.com", "call": True, "push": False}
        opened = await ask("betterstack-uptime", "post", incidents, 201, incident)
        for verb, body in (("acknowledge", {"acknowledged_by": "dana"}), ("resolve", {"resolved_by": "dana"})):
            path = incidents + "/{incident_id}/" + verb
            await ask("betterstack-uptime", "post", path, 200, body, incident_id=opened["data"]["id"])
        soon = "2026-09-23T00:00:00Z"
        maintenance = {"message": "New disks", "report_type": "maintenance", "starts_at": soon, "ends_at": soon,
                       "affected_resources": []}  # fmt: skip
        await ask("betterstack-uptime", "post", REPORTS, 201, maintenance)
        report = REPORTS + "/{status_report_id}"
        await ask("betterstack-uptime", "patch", report, 200, {"title": "Slower", "ends_at": soon})
        update = {"message": "Better", "affected_resources": [{"status_page_resource_id": "1", "status": "resolved"}]}
        await ask("betterstack-uptime", "post", report + "/status-updates", 201, update)
        await ask("betterstack-uptime", "get", report + "/status-updates", 200)
        await ask("betterstack-uptime", "delete", report, 204)

        issue = f"/api/0/organizations/acme/issues/{known['issue_id']}/"
        resolved = await services["sentry"].put(issue, json={"status": "resolved"})  # it describes all as required
        assert not mistakes("sentry", "put", ORG + "/issues/{issue_id}/", 200, resolved.json())
        release = ORG + "/releases/{version}/"
        commits = [{"id": "a" * 40, "repository": "acme/lms", "author_email": "kim@lms.example.com"}]
        await ask("sentry", "put", release, 200, {"dateReleased": soon, "commits": commits})
        await ask("sentry", "get", release + "commits/", 200)
        deploy = {"environment": "production", "name": "one", "dateStarted": soon, "dateFinished": soon}
        await ask("sentry", "post", release + "deploys/", 201, deploy)

        scope = {"ownerId": busy.state.vercel.team, "projectIds": [busy.state.vercel.project]}
        selection = {"limit": 2, "mode": "exact", "rankBy": [{"metric": "value", "direction": "desc"}]}
        metrics = {"value": {"metric": "vercel.speed_insights.lcp_ms", "aggregation": "p75"}}
        span = {"start": "2026-09-20T00:00:00Z", "end": "2026-09-22T00:00:00Z"}
        query = {"scope": scope, "timeRange": span, "bucketSeconds": 3600, "metrics": metrics, "outputs": ["value"]}
        found = await ask("vercel-cli", "post", "/metrics/v1", 200, query)
        assert found["summary"][0]["values"]["value"] > 0
        by_route = {**query, "groupBy": ["route"], "seriesSelection": selection, "filter": "environment:production"}
        assert len((await ask("vercel-cli", "post", "/metrics/v1", 200, by_route))["summary"]) == 2

        key = busy.state.tokens["google"]
        for path in ("/v1/records:queryRecord", "/v1/records:queryHistoryRecord"):
            await ask("crux", "post", path, 200, {"origin": f"http://{host}", "formFactor": "PHONE"}, key=key)
            await ask("crux", "post", path, 404, {"origin": "https://elsewhere.example"}, key=key)
            await ask("crux", "post", path, 400, {"origin": f"http://{host}"}, key="wrong")
        page = {"url": f"http://{host}/", "strategy": "mobile", "category": "performance"}
        await ask("pagespeed", "get", "/pagespeedonline/v5/runPagespeed", 200, key=key, **page)
        await ask("pagespeed", "get", "/pagespeedonline/v5/runPagespeed", 400, key="wrong", **page)
        for vendor in ("cloudflare", "github", "sentry"):
            busy.patch({"status_pages": {vendor: "critical", f"{vendor}_incidents": ["Down"]}})
            for part in ("summary", "status", "components", "incidents", "incidents/unresolved"):
                path = f"/api/v2/{part}.json"
                await ask("statuspage", "get", f"/{vendor}{path}", 200, described=path, service="statuspages")

    play(scenario)
    assert not wrong, json.dumps(wrong, indent=2)


def test_the_stores_answer_as_their_vendors_describe(sandbox, clock, play):
    wrong: dict[str, list[str]] = {}
    known = sandbox.description()
    account, database = known["cloudflare"]["account"], known["upstash"]["database"]
    basic = httpx.BasicAuth(known["upstash"]["email"], known["upstash"]["api_key"])
    bearer = {"authorization": f"Bearer {known['upstash']['token']}"}

    async def scenario(services):
        async def ask(
            name: str, method: str, path: str, status: int, body: Any = None, described: str = "", **more: Any
        ) -> Any:
            """``described`` is the response that the description means, where that is not the status."""
            service, prefix = STORES[name]
            url = prefix + path.format(
                account_id=account, bucket_name=more.pop("bucket", "lms-uploads"), id=database, **more.pop("named", {})
            )
            answer = await services[service].request(method, url, json=body, **more)
            assert answer.status_code == status, f"{name} {path}: {answer.status_code} {answer.text}"
            found = mistakes(name, method, path, described or status, answer.json())
            found += misasked(name, method, path, body) if body is not None else []
            if found:
                wrong[f"{name} {method} {path} {status} {body}"] = found
            return answer.json()

        r2 = "/accounts/{account_id}/r2"
        one = r2 + "/buckets/{bucket_name}"
        for path in (r2 + "/metrics", r2 + "/buckets", one, one + "/cors"):
            found = await ask("cloudflare-r2", "get", path, 200)
            assert found["result"]
            await ask("cloudflare-r2", "get", path, 403, described="4XX", headers={"authorization": "Bearer no"})
        await ask("cloudflare-r2", "get", one, 404, described="4XX", bucket="other")
        groups = "r2StorageAdaptiveGroups(limit: 1) { max { objectCount uploadCount payloadSize metadataSize }"
        groups += " dimensions { datetime date bucketName } } r2OperationsAdaptiveGroups(limit: 9) { sum { requests }"
        groups += " dimensions { actionType actionStatus bucketName responseStatusCode datetime } }"
        query = "query($a: String!) { viewer { accounts(filter: {accountTag: $a}) { %s } } }"
        await services["r2"].get("/")
        sent = {"query": query % groups, "variables": {"a": account}}
        answer = await ask("cloudflare-r2", "post", "/graphql", 200, sent)
        assert all(answer["data"]["viewer"]["accounts"][0].values())
        refused = await ask("cloudflare-r2", "post", "/graphql", 200, {"query": query % "nothing"})
        assert refused["errors"]

        redis = "upstash-redis-rest"
        for words in (["SET", "a", 1], ["GET", "a"], ["GET", "none"], ["INCR", "a"], ["MGET", "a", "none"], ["PING"]):
            assert "result" in await ask(redis, "post", "/", 200, words, headers=bearer)
        assert "error" in await ask(redis, "post", "/", 400, ["NOPE"], headers=bearer)
        assert "error" in await ask(redis, "post", "/", 401, ["PING"])
        for path in ("/pipeline", "/multi-exec"):
            assert len(await ask(redis, "post", path, 200, [["SET", "a", "x"], ["INCR", "a"]], headers=bearer)) == 2
            assert "error" in await ask(redis, "post", path, 401, [["PING"]])
        assert "error" in await ask(redis, "post", "/multi-exec", 400, [["NOPE"]], headers=bearer)
        by_path = {"named": {"command": "get", "args": "a"}, "headers": bearer}
        assert "result" in await ask(redis, "get", "/{command}/{args}", 200, **by_path)
        assert "error" in await ask(redis, "get", "/{command}/{args}", 400, **by_path | {"named": WRONG_COMMAND})

        clock.tick(1)
        for path in ("/redis/databases", "/redis/database/{id}", "/redis/stats/{id}", "/redis/list-backup/{id}"):
            assert await ask("upstash-management", "get", path, 200, auth=basic)

    play(scenario)
    assert not wrong, json.dumps(wrong, indent=2)


STORES = {
    "cloudflare-r2": ("cloudflare", "/client/v4"), "upstash-redis-rest": ("upstash", ""),
    "upstash-management": ("upstash-api", "/v2"),
}  # fmt: skip
WRONG_COMMAND = {"command": "nope", "args": "a"}
