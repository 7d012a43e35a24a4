"""GitHub, Sentry, Better Stack, Neon, the status pages, the webhook sink and the control door."""

import pytest

from pipeline.sandbox.githubstate import Alert

REPO, ORG = "/repos/acme/lms", "/api/0/organizations/acme"


def test_a_pushed_commit_is_green_reviewed_and_the_head_of_main(sandbox, play):
    async def scenario(services):
        sha, github = "a" * 40, services["github"]
        sandbox.commit(sha, "Add a page")
        sandbox.state.github.most_listed = 100
        assert (await github.get(f"{REPO}/branches/main")).json()["commit"]["sha"] == sha
        runs = (await github.get(f"{REPO}/commits/{sha}/check-runs?filter=latest")).json()["check_runs"]
        assert {run["name"]: run["conclusion"] for run in runs} == {
            "test": "success",
            "lint": "success",
            "monitor": "failure",  # it found something in production, which is no check on the code
        }
        assert (await github.get(f"{REPO}/commits/main/status")).json()["state"] == "pending", "a bot never ends"
        (pull,) = (await github.get(f"{REPO}/commits/{sha}/pulls")).json()
        (review,) = (await github.get(f"{REPO}/pulls/{pull['number']}/reviews")).json()
        assert (pull["merge_commit_sha"], review["state"], review["commit_id"]) == (
            sha,
            "APPROVED",
            pull["head"]["sha"],
        )
        assert review["user"]["login"] != pull["user"]["login"]
        base = next(iter(sandbox.state.github.commits))
        compared = (await github.get(f"{REPO}/compare/{base}...{sha}")).json()
        assert (compared["status"], compared["ahead_by"], compared["commits"][-1]["sha"]) == ("ahead", 2, sha)

    play(scenario)


def test_github_says_in_its_own_words_what_it_does_not_know(sandbox, play):
    async def scenario(services):
        github = services["github"]
        assert (await github.get(f"{REPO}/commits/{'0' * 40}")).status_code == 422
        assert (await github.get(f"{REPO}/branches/none")).json()["message"] == "Branch not found"
        assert (await github.get("/repos/acme/other")).status_code == 404
        wrong = await github.get(REPO, headers={"authorization": "Bearer no"})
        assert (wrong.status_code, wrong.json()["message"]) == (401, "Bad credentials")

    play(scenario)


def test_checks_can_be_red_and_reviews_missing(sandbox, play):
    async def scenario(services):
        sandbox.patch({"github": {"check_conclusion": "failure", "approved": False}})
        sandbox.commit("b" * 40)
        runs = (await services["github"].get(f"{REPO}/commits/main/check-runs")).json()["check_runs"]
        assert {run["conclusion"] for run in runs} == {"failure"}
        assert (await services["github"].get(f"{REPO}/commits/main/status")).json()["state"] == "failure"
        assert (await services["github"].get(f"{REPO}/pulls/3/reviews")).json() == []

    play(scenario)


@pytest.mark.parametrize("scanner", ["code-scanning", "dependabot"])
def test_alerts_are_filtered_paged_and_can_be_switched_off(sandbox, play, scanner):
    field = scanner.replace("-", "_")

    async def scenario(services):
        alerts = [Alert(n, "critical" if n % 2 else "low", f"bug {n}", 0.0) for n in range(1, 8)]
        setattr(sandbox.state.github, field, [*alerts, Alert(8, "high", "old", 0.0, "fixed")])
        path = f"{REPO}/{scanner}/alerts"
        sandbox.state.github.most_listed = 100
        found = await services["github"].get(f"{path}?state=open&severity=critical,high&per_page=3")
        assert len(found.json()) == 3
        assert 'rel="next"' in found.headers["link"]
        assert len((await services["github"].get(found.links["next"]["url"])).json()) == 1
        numbered = await services["github"].get(f"{path}?state=open&per_page=3&page=2")
        assert numbered.status_code == (400 if scanner == "dependabot" else 200), "GitHub took its numbers away"
        sandbox.patch({"github": {field: None}})
        assert (await services["github"].get(path)).status_code == 403

    play(scenario)


def test_deployments_are_recorded_with_their_statuses(sandbox, play):
    async def scenario(services):
        github = services["github"]
        made = await github.post(f"{REPO}/deployments", json={"ref": "main", "environment": "production"})
        assert made.status_code == 201
        path = f"{REPO}/deployments/{made.json()['id']}/statuses"
        assert (await github.post(path, json={"state": "success"})).status_code == 201
        assert (await github.post(path, json={"state": "great"})).status_code == 422
        assert [one["state"] for one in (await github.get(path)).json()] == ["success"]
        assert (await github.post(f"{REPO}/deployments", json={"ref": "nowhere"})).status_code == 422

    play(scenario)


def test_sentry_counts_what_happened_beside_what_always_did(sandbox, clock, play):
    async def scenario(services):
        sentry = services["sentry"]
        query = {"dataset": "errors", "yAxis": "count()", "interval": 900, "statsPeriod": "24h"}

        async def total() -> float:
            series = (await sentry.get(f"{ORG}/events-timeseries/", params=query)).json()["timeSeries"]
            return sum(point["value"] for point in series[0]["values"])

        usual = await total()
        assert 143 <= usual <= 145
        sandbox.inject("app failing-route /login")
        for _ in range(5):
            await services["production"].get("/login")
        assert await total() == usual + 5
        known = await sentry.get(f"{ORG}/issues/", params={"query": "is:unresolved level:[error,fatal]"})
        assert [one["count"] for one in known.json()] == ["5"]
        for query_text in ("is:resolved", 'firstRelease:"x"', "!level:error", "level:fatal"):
            assert (await sentry.get(f"{ORG}/issues/", params={"query": query_text})).json() == []
        assert (await sentry.get(f"{ORG}/issues/", params={"query": "free words"})).status_code == 400
        clock.tick(3600)
        assert (await sentry.get(f"{ORG}/issues/?statsPeriod=15m")).json() == []

    play(scenario)


def test_a_release_is_new_once_and_knows_its_deploys(sandbox, play):
    async def scenario(services):
        sentry, body = services["sentry"], {"version": "abc", "projects": ["lms"]}
        assert (await sentry.post(f"{ORG}/releases/", json=body)).status_code == 201
        assert (await sentry.post(f"{ORG}/releases/", json=body)).status_code == 208
        assert (await sentry.post(f"{ORG}/releases/", json={"version": "abc"})).status_code == 400
        deploy = {"environment": "production", "url": "http://127.0.0.1"}
        assert (await sentry.post(f"{ORG}/releases/abc/deploys/", json=deploy)).status_code == 201
        await sentry.put(f"{ORG}/releases/abc/", json={"dateReleased": "2026-01-01T00:00:00Z"})
        seen = (await sentry.get(f"{ORG}/releases/abc/")).json()
        assert (seen["deployCount"], seen["dateReleased"]) == (1, "2026-01-01T00:00:00Z")
        assert (await sentry.get(f"{ORG}/releases/none/")).json() == {"detail": "The requested resource does not exist"}
        wrong = await sentry.get(f"{ORG}/releases/", headers={"authorization": "Bearer no"})
        assert (wrong.status_code, wrong.json()) == (401, {"detail": "Invalid token"})

    play(scenario)


def test_the_monitor_is_up_paused_and_its_numbers_are_of_a_healthy_app(sandbox, play):
    async def scenario(services):
        better = services["betterstack"]
        attributes = (await better.get("/api/v2/monitors/100")).json()["data"]["attributes"]
        assert attributes["status"] == "up"
        sla = (await better.get("/api/v2/monitors/100/sla?from=2026-09-01&to=2026-09-30")).json()["data"]["attributes"]
        assert 99.9 < sla["availability"] < 100
        bad = await better.get("/api/v2/monitors/100/sla?from=2026-09-30&to=2026-09-01")
        assert (bad.status_code, "errors" in bad.json()) == (400, True)
        times = (await better.get("/api/v2/monitors/100/response-times")).json()["data"]["attributes"]["regions"]
        assert {one["region"] for one in times} == {"us", "eu"}
        assert all(0 < point["response_time"] < 0.5 for one in times for point in one["response_times"])
        await better.patch("/api/v2/monitors/100", json={"paused": True})
        assert (await better.get("/api/v2/monitors")).json()["data"][0]["attributes"]["status"] == "paused"
        assert (await better.get("/api/v2/monitors/7")).status_code == 404
        assert (await better.get("/api/v2/monitors", headers={"authorization": ""})).status_code == 401

    play(scenario)


def test_an_incident_is_opened_acknowledged_and_resolved(sandbox, play):
    async def scenario(services):
        better, root = services["betterstack"], "/api/v3/incidents"
        assert (await better.post(root, json={"summary": "It burns"})).status_code == 422
        made = await better.post(root, json={"summary": "It burns", "requester_email": "dana@lms.example.com"})
        id = made.json()["data"]["id"]
        open_now = await better.get(root, params={"resolved": "false"})
        assert [one["id"] for one in open_now.json()["data"]] == [id]
        await better.post(f"{root}/{id}/acknowledge", json={"acknowledged_by": "dana"})
        done = await better.post(f"{root}/{id}/resolve", json={"resolved_by": "dana"})
        assert done.json()["data"]["attributes"]["status"] == "Resolved"
        page = (await better.get(root, params={"per_page": 1})).json()
        assert (len(page["data"]), page["pagination"]["next"] is None) == (1, False)

    play(scenario)


def test_a_snapshot_is_there_at_once_and_its_operation_finishes(sandbox, clock, play):
    async def scenario(services):
        neon, name = services["neon"], sandbox.state.neon
        root = f"/projects/{name.project}"
        assert (await neon.get(root)).json()["project"]["history_retention_seconds"] == 604800
        made = (await neon.post(f"{root}/branches/{name.branch}/snapshot?name=before")).json()
        operation = made["operations"][0]
        assert operation["status"] == "running"
        clock.tick(1)
        seen = (await neon.get(f"{root}/operations/{operation['id']}")).json()["operation"]
        assert seen["status"] == "finished"
        snapshots = (await neon.get(f"/api/v2{root}/snapshots")).json()["snapshots"]
        assert [one["name"] for one in snapshots] == ["nightly", "before"]
        assert (await neon.get("/projects/other")).json()["message"] == "project not found"

    play(scenario)


def test_status_pages_are_quiet_until_told_otherwise(sandbox, play):
    async def scenario(services):
        quiet = (await services["vercel-status"].get("/api/v2/summary.json")).json()
        assert (quiet["status"]["indicator"], quiet["incidents"]) == ("none", [])
        sandbox.patch({"status_pages": {"vercel": "major", "vercel_incidents": ["Builds fail"], "neon": "critical"}})
        loud = (await services["vercel-status"].get("/api/v2/summary.json")).json()
        assert (loud["status"]["indicator"], loud["incidents"][0]["name"]) == ("major", "Builds fail")
        neon = (await services["neon-status"].get("/api/v1/summary")).json()
        assert neon["subpages"][0]["summary"]["ongoing_incidents"][0]["current_worst_impact"] == "full_outage"

    play(scenario)


def test_notices_are_kept(sandbox, play):
    async def scenario(services):
        await services["notify"].post("/hook", json={"text": "deployed"})
        assert (await services["notify"].post("/hook", content=b"no json")).status_code == 400
        assert [one["body"] for one in (await services["notify"].get("/")).json()] == [{"text": "deployed"}]

    play(scenario)


def test_control_needs_its_token_for_all_but_looking(sandbox, play):
    async def scenario(services):
        control = services["control"]
        nobody = {"authorization": ""}
        seen = (await control.get("/", headers=nobody)).json()
        assert "tokens" not in seen
        assert "student" not in seen
        assert (await control.get("/")).json() == sandbox.description()
        assert (await control.post("/faults", json={"fault": "github cut"}, headers=nobody)).status_code == 401
        made = await control.post("/releases", json={"name": "slow"})
        assert (made.status_code, made.json()["commit"]) == (201, sandbox.state.github.head)
        unknown = await control.post("/releases", json={"name": "perfect"})
        assert (unknown.status_code, "there are good" in unknown.json()["error"]) == (400, True)
        assert (await control.post("/commits", json={"sha": "c" * 40, "message": "mine"})).status_code == 201
        assert (await control.post("/commits", json={"sha": "short"})).status_code == 400
        fault = (await control.post("/faults", json={"fault": "github cut"})).json()
        assert (await control.get("/faults")).json()["faults"] == [fault]
        assert (await control.delete(f"/faults/{fault['id']}")).json() == {"cleared": 1}
        assert (await control.post("/state", json={"github": {"colour": "red"}})).status_code == 400
        await services["github"].get(REPO)
        asked = (await control.get("/requests?service=github")).json()
        assert asked == {"github": [{"method": "GET", "path": REPO, "status": 200}]}

    play(scenario)
