"""Those who watch the app from outside: monitors, heartbeats, errors, sessions, vitals, and the vendors' own pages."""

import gzip
import json

import pytest

from pipeline.sandbox import errortracking
from pipeline.sandbox.core import from_iso, iso
from pipeline.sandbox.postgres import Database
from pipeline.sandbox.sandbox import Sandbox
from tests.sandbox import fixtures
from tests.sandbox.fixtures import START, create

ORG, ISSUES = "/api/0/organizations/acme", "/api/0/organizations/acme/issues/"
MONITORS, HEARTBEATS, INCIDENTS = "/api/v2/monitors", "/api/v2/heartbeats", "/api/v3/incidents"
REPORTS = "/api/v2/status-pages/200/status-reports"


def attributes(answer) -> dict:
    assert answer.is_success, answer.text
    return answer.json()["data"]["attributes"]


async def status(better, id: str) -> str:
    return attributes(await better.get(f"{MONITORS}/{id}"))["status"]


def test_a_monitor_is_made_changed_and_deleted(sandbox, play):
    production = sandbox.core.ports.host("production")

    async def scenario(services):
        better = services["betterstack"]
        made = await better.post(MONITORS, json={"url": f"http://{production}/login", "pronounceable_name": "Login"})
        id = made.json()["data"]["id"]
        assert (made.status_code, await status(better, id)) == (201, "up")
        changes = {"check_frequency": 60, "regions": ["eu", "as"], "confirmation_period": 5, "sms": True}
        changed = attributes(await better.patch(f"{MONITORS}/{id}", json=changes))
        assert {name: changed[name] for name in changes} == changes
        assert changed["pronounceable_name"] == "Login"
        assert len((await better.get(MONITORS)).json()["data"]) == 2
        assert (await better.get(MONITORS, params={"pronounceable_name": "Login"})).json()["data"][0]["id"] == id
        wrong = await better.patch(
            f"{MONITORS}/{id}", json={"check_frequency": "often", "maintenance_days": ["someday"]}
        )
        assert (wrong.status_code, set(wrong.json()["errors"])) == (422, {"check_frequency", "maintenance_days"})
        assert (await better.post(MONITORS, json={"monitor_type": "keyword", "url": "x"})).status_code == 422
        assert (await better.delete(f"{MONITORS}/{id}")).status_code == 204
        assert (await better.get(f"{MONITORS}/{id}")).status_code == 404

    play(scenario)


def test_every_monitor_asks_its_own_path_and_has_its_own_incidents(sandbox, play):
    production = sandbox.core.ports.host("production")

    async def scenario(services):
        better = services["betterstack"]

        async def monitor(path: str, **more) -> str:
            made = await better.post(MONITORS, json={"url": f"http://{production}{path}", **more})
            return made.json()["data"]["id"]

        login = await monitor("/login")
        lost = await monitor("/no-such-page")
        expected = await monitor("/gone", monitor_type="expected_status_code", expected_status_codes=[404])
        keyword = await monitor("/login", monitor_type="keyword", required_keyword="no such word on it")
        elsewhere = (await better.post(MONITORS, json={"url": "https://elsewhere.example"})).json()["data"]["id"]
        found = [await status(better, id) for id in ("100", login, lost, expected, keyword, elsewhere)]
        assert found == ["up", "up", "down", "up", "down", "pending"]
        sandbox.inject("app failing-route /login where=production")
        opened = (await better.get(INCIDENTS, params={"resolved": "false", "monitor_id": login})).json()["data"]
        assert [(one["attributes"]["cause"], one["attributes"]["monitor_id"]) for one in opened] == [
            ("Status 500", login)
        ]
        assert opened[0]["attributes"]["url"] == f"http://{production}/login"
        assert (await better.get(INCIDENTS, params={"resolved": "false", "monitor_id": "100"})).json()["data"] == []
        sandbox.faults.clear()
        assert (await better.get(INCIDENTS, params={"resolved": "false", "monitor_id": login})).json()["data"] == []
        sla = attributes(await better.get(f"{MONITORS}/{login}/sla"))
        assert sla["number_of_incidents"] == 0, "it began and ended at one moment"

    play(scenario)


@pytest.mark.parametrize(
    ("window", "minutes", "expected"),
    [
        # The clock begins on a Monday at 14:13:20 UTC
        (("14:00:00", "15:00:00", [], "UTC"), 0, "maintenance"),
        (("14:00:00", "15:00:00", [], "UTC"), 60, "up"),
        (("14:00:00", "15:00:00", ["tue"], "UTC"), 0, "up"),
        (("14:00:00", "15:00:00", ["tue"], "UTC"), 1440, "maintenance"),
        (("16:00:00", "17:00:00", [], "Europe/Berlin"), 0, "maintenance"),
        (("23:00:00", "01:00:00", ["mon"], "UTC"), 600, "maintenance"),
        (("23:00:00", "01:00:00", ["tue"], "UTC"), 600, "up"),
    ],
)
def test_a_monitor_is_in_maintenance_within_its_window(sandbox, clock, play, window, minutes, expected):
    names = ("maintenance_from", "maintenance_to", "maintenance_days", "maintenance_timezone")

    async def scenario(services):
        assert (
            await services["betterstack"].patch(f"{MONITORS}/100", json=dict(zip(names, window, strict=True)))
        ).status_code == 200
        clock.tick(60 * minutes)
        assert await status(services["betterstack"], "100") == expected

    play(scenario)


def test_every_region_of_a_monitor_has_a_reading_after_a_promotion(sandbox, clock, play):
    async def scenario(services):
        better = services["betterstack"]
        await better.patch(f"{MONITORS}/100", json={"check_frequency": 60, "regions": ["us", "eu", "au"]})
        promoted = clock.time
        clock.tick(120)

        async def fresh() -> dict[str, list[float]]:
            regions = attributes(await better.get(f"{MONITORS}/100/response-times"))["regions"]
            return {
                one["region"]: [
                    each["response_time"] for each in one["response_times"] if from_iso(each["at"]) > promoted
                ]
                for one in regions
            }

        assert {name: len(found) for name, found in (await fresh()).items()} == {"us": 2, "eu": 2, "au": 2}
        assert all(0 < seconds < 0.5 for found in (await fresh()).values() for seconds in found)
        sandbox.patch({"betterstack": {"blind_regions": ["eu"]}})
        assert {name: len(found) for name, found in (await fresh()).items()} == {"us": 2, "eu": 0, "au": 2}
        sandbox.inject("app slow-app seconds=2 where=production")
        await services["production"].get("/login")
        clock.tick(60)
        assert max((await fresh())["us"]) >= 2

    play(scenario)


def test_a_heartbeat_is_pending_up_down_and_paused(sandbox, clock, play):
    async def scenario(services):
        better = services["betterstack"]
        made = await better.post(HEARTBEATS, json={"name": "Nightly", "period": 60, "grace": 30})
        id, url = made.json()["data"]["id"], attributes(made)["url"]

        async def now() -> str:
            return attributes(await better.get(f"{HEARTBEATS}/{id}"))["status"]

        async def incidents() -> list[str]:
            query = {"heartbeat_id": id, "resolved": "false"}
            found = (await better.get(INCIDENTS, params=query)).json()["data"]
            return [one["attributes"]["cause"] for one in found]

        assert await now() == "pending"
        for method in ("GET", "POST", "HEAD"):
            assert (await better.request(method, url, headers={"authorization": ""})).status_code == 200
        assert (await now(), await incidents()) == ("up", [])
        clock.tick(89)
        assert await now() == "up"
        clock.tick(31)
        assert (await now(), await incidents()) == ("down", ["Missed heartbeat"])
        await better.get(url)
        assert (await now(), await incidents()) == ("up", [])
        clock.tick(60)
        said = attributes(await better.get(f"{HEARTBEATS}/{id}/availability"))
        assert (said["total_downtime"], said["number_of_incidents"]) == (30, 1)
        assert said["availability"] == pytest.approx(100 * (1 - 30 / 180), abs=0.001)
        await better.patch(f"{HEARTBEATS}/{id}", json={"paused": True})
        assert await now() == "paused"
        assert (await better.post(HEARTBEATS, json={"name": "x", "period": 1})).status_code == 422
        assert (await better.get("/api/v1/heartbeat/wrong")).status_code == 404
        assert (await better.delete(f"{HEARTBEATS}/{id}")).status_code == 204
        assert (await better.get(url)).status_code == 404

    play(scenario)


def test_a_created_incident_keeps_whom_it_wakes_and_a_deaf_vendor_has_none(sandbox, play):
    sent = {"summary": "It burns", "requester_email": "dana@lms.example.com", "call": True, "email": False}

    async def scenario(services):
        better = services["betterstack"]
        made = attributes(await better.post(INCIDENTS, json=sent))
        assert [made[kind] for kind in ("call", "sms", "email", "push")] == [True, False, False, True]
        sandbox.patch({"betterstack": {"deaf": True}})
        lost = await better.post(INCIDENTS, json={**sent, "summary": "Nobody hears"})
        assert (lost.status_code, lost.json()["data"]["attributes"]["cause"]) == (201, "Nobody hears")
        assert (await better.get(f"{INCIDENTS}/{lost.json()['data']['id']}")).status_code == 404
        seen = (await better.get(INCIDENTS, params={"resolved": "false"})).json()["data"]
        assert [one["attributes"]["cause"] for one in seen] == ["It burns"]

    play(scenario)


def test_the_status_page_says_what_its_reports_say(sandbox, clock, play):
    async def scenario(services):
        better = services["betterstack"]

        async def page() -> str:
            return attributes(await better.get("/api/v2/status-pages/200"))["aggregate_state"]

        def affected(state: str) -> list[dict]:
            return [{"status_page_resource_id": "1", "status": state}]

        assert await page() == "operational"
        report = {"title": "Slow", "message": "We look.", "affected_resources": affected("degraded")}
        id = (await better.post(REPORTS, json=report)).json()["data"]["id"]
        assert await page() == "degraded"
        update = {"message": "Worse.", "affected_resources": affected("downtime")}
        assert (await better.post(f"{REPORTS}/{id}/status-updates", json=update)).status_code == 201
        said = (await better.get(f"{REPORTS}/{id}/status-updates", params={"per_page": 1})).json()
        assert [one["attributes"]["message"] for one in said["data"]] == ["Worse."]
        assert (said["pagination"]["next"] is None, await page()) == (False, "downtime")
        await better.patch(f"{REPORTS}/{id}", json={"ends_at": iso(clock.time)})
        assert await page() == "operational"
        assert (await better.post(REPORTS, json={"title": "No message"})).status_code == 422
        assert (await better.get("/api/v2/status-pages/201")).status_code == 404

    play(scenario)


def capture(sandbox, title: str, release: str = "one", environment: str = "production", level: str = "error") -> None:
    errortracking.capture(sandbox.core, title, f"GET /{title}", release, environment, level)


def test_issues_are_found_sorted_and_read_page_by_page(sandbox, clock, play):
    async def scenario(services):
        sentry = services["sentry"]
        sandbox.state.sentry.most_listed = 100

        async def titles(query: str = "", **more) -> list[str]:
            answer = await sentry.get(ISSUES, params={"query": query, **more})
            assert answer.status_code == 200, answer.text
            return [one["title"] for one in answer.json()]

        for title, times in (("old", 2), ("often", 5), ("new", 1)):
            for _ in range(times):
                capture(sandbox, title)
            clock.tick(26 * 3600)
        clock.tick(-25 * 3600)
        capture(sandbox, "old", release="two", environment="preview", level="error")
        capture(sandbox, "warning", level="warning")
        assert await titles(sort="freq") == ["often", "old", "new", "warning"]
        assert await titles(sort="new") == ["warning", "new", "often", "old"]
        assert (await titles(sort="date"))[2:] == ["new", "often"]
        assert await titles("firstSeen:-24h") == ["warning", "new"]
        assert set(await titles("first_seen:+24h")) == {"old", "often"}
        assert set(await titles("lastSeen:-24h")) == {"old", "warning", "new"}
        assert await titles("level:[warning,fatal]") == ["warning"]
        assert await titles("release:two") == ["old"]
        assert await titles("firstRelease:two") == []
        assert await titles("release:two", environment="production") == []
        assert set(await titles("", environment="preview")) == {"old"}
        assert set(await titles("transaction:GET*ew")) == {"new"}
        seen, url = [], ISSUES + "?limit=3&query="
        for _ in range(2):
            answer = await sentry.get(url)
            seen.append([one["title"] for one in answer.json()])
            after = answer.headers["link"].split(", ")[1]
            url = after[1 : after.index(">")]
        assert [len(page) for page in seen] == [3, 1]
        assert {title for page in seen for title in page} == {"new", "often", "old", "warning"}
        assert 'results="false"' in after
        assert (await sentry.get(ISSUES, params={"sort": "smell"})).status_code == 400
        assert (await sentry.get(ISSUES, params={"cursor": "far"})).status_code == 400

    play(scenario)


def test_a_resolved_issue_is_gone_until_it_comes_back(sandbox, play):
    async def scenario(services):
        sentry = services["sentry"]
        capture(sandbox, "bug")
        (issue,) = (await sentry.get(ISSUES)).json()
        resolved = await sentry.put(f"{ISSUES}{issue['id']}/", json={"status": "resolved"})
        assert (resolved.status_code, resolved.json()["status"]) == (200, "resolved")
        assert (await sentry.get(ISSUES)).json() == []
        assert len((await sentry.get(ISSUES, params={"query": "is:resolved"})).json()) == 1
        assert (await sentry.put(f"{ISSUES}{issue['id']}/", json={"status": "gone"})).status_code == 400
        capture(sandbox, "bug", release="two")
        assert [one["count"] for one in (await sentry.get(ISSUES)).json()] == ["2"]
        events = (await sentry.get(f"{ISSUES}{issue['id']}/events/")).json()
        assert [{tag["key"]: tag["value"] for tag in one["tags"]}["release"] for one in events] == ["two", "one"]
        latest = (await sentry.get(f"{ISSUES}{issue['id']}/events/latest/")).json()
        assert latest["eventID"] == events[0]["eventID"]
        assert (await sentry.get(f"{ISSUES}7/")).status_code == 404

    play(scenario)


def test_the_events_of_an_old_issue_count_for_the_release_they_happened_in(sandbox, clock, play):
    async def scenario(services):
        for release, times in (("one", 4), ("two", 2)):
            for _ in range(times):
                capture(sandbox, "bug", release)
        query = {"statsPeriod": "1h", "interval": 3600}

        async def total(release: str) -> float:
            answer = await services["sentry"].get(
                f"{ORG}/events-timeseries/", params={**query, "query": f"release:{release}"}
            )
            return sum(point["value"] for point in answer.json()["timeSeries"][0]["values"])

        assert (await total("one"), await total("two")) == (4, 2)

    play(scenario)


def test_errors_are_told_by_endpoint(sandbox, play):
    async def scenario(services):
        sandbox.inject("app failing-route /login")
        sandbox.inject("app failing-route /courses")
        for path in ("/login", "/login", "/courses"):
            await services["production"].get(path)
        query = {"field": ["transaction", "count()"], "sort": "-count()", "dataset": "errors", "statsPeriod": "1h",
                 "query": "!transaction:\"\""}  # fmt: skip
        answer = (await services["sentry"].get(f"{ORG}/events/", params=query)).json()
        assert answer["data"] == [
            {"transaction": "GET /login", "count()": 2},
            {"transaction": "GET /courses", "count()": 1},
        ]
        assert answer["meta"]["fields"] == {"transaction": "string", "count()": "integer"}
        first = await services["sentry"].get(f"{ORG}/events/", params={**query, "per_page": 1})
        assert (len(first.json()["data"]), first.headers["link"].count('results="true"')) == (1, 1)
        for wrong in ({"field": "smell()"}, {"field": "count()", "sort": "title"}, {"dataset": "smells"}, {}):
            assert (await services["sentry"].get(f"{ORG}/events/", params=wrong)).status_code == 400

    play(scenario)


def test_failures_and_durations_are_those_of_real_visits_of_a_release(sandbox, clock, play):
    async def scenario(services):
        made = await create(services, sandbox)
        clock.tick(1)
        old = sandbox.state.vercel.deployments[sandbox.state.vercel.production].meta["githubCommitSha"]
        new = made["meta"]["githubCommitSha"]
        await services["production"].get("/login")
        await services["vercel"].post(f"/v10/projects/{sandbox.state.vercel.project}/promote/{made['id']}")
        clock.tick(1)
        await services["production"].get("/login")
        sandbox.inject("app slow-app seconds=2 times=1 /login")
        await services["production"].get("/login")
        sandbox.inject("app failing-route /login times=2")
        for _ in range(2):
            await services["production"].get("/login")

        async def row(release: str) -> dict:
            fields = ["transaction", "count()", "failure_rate()", "p95(span.duration)"]
            query = {"dataset": "spans", "field": fields, "query": f"release:{release}", "environment": "production"}
            (found,) = (await services["sentry"].get(f"{ORG}/events/", params=query)).json()["data"]
            assert found["transaction"] == "GET /login"
            return found

        assert ((await row(old))["count()"], (await row(old))["failure_rate()"]) == (1, 0)
        assert ((await row(new))["count()"], (await row(new))["failure_rate()"]) == (4, 0.5)
        assert (await row(new))["p95(span.duration)"] >= 2000 > (await row(old))["p95(span.duration)"] > 0
        axes = ["count()", "failure_rate()", "p95(span.duration)"]
        query = {"dataset": "spans", "yAxis": axes, "query": f"release:{new}", "interval": 3600, "statsPeriod": "1h"}
        lines = (await services["sentry"].get(f"{ORG}/events-timeseries/", params=query)).json()["timeSeries"]
        found = {one["yAxis"]: max(point["value"] for point in one["values"]) for one in lines}
        assert (found["count()"], found["failure_rate()"], found["p95(span.duration)"] >= 2000) == (4, 0.5, True)
        elsewhere = {**query, "environment": "preview"}
        lines = (await services["sentry"].get(f"{ORG}/events-timeseries/", params=elsewhere)).json()["timeSeries"]
        assert {point["value"] for one in lines for point in one["values"]} == {0.0}

        fields = ["crash_free_rate(session)", "crash_free_rate(user)", "sum(session)"]
        query = {"field": fields, "groupBy": "release", "interval": "1h", "statsPeriod": "24h"}
        said = (await services["sentry"].get(f"{ORG}/sessions/", params=query)).json()
        totals = {group["by"]["release"]: group["totals"] for group in said["groups"]}
        assert (totals[old]["sum(session)"], totals[old]["crash_free_rate(session)"]) == (1, 1)
        assert (totals[new]["sum(session)"], totals[new]["crash_free_rate(session)"]) == (4, 0.5)
        assert totals[new]["crash_free_rate(user)"] < 1
        assert all(len(group["series"]["sum(session)"]) == len(said["intervals"]) for group in said["groups"])
        too_fine = await services["sentry"].get(f"{ORG}/sessions/", params={**query, "interval": "10m"})
        assert too_fine.status_code == 400

    play(scenario)


def test_a_release_has_health_and_what_is_new_in_it(sandbox, play):
    async def scenario(services):
        sentry, release = services["sentry"], next(reversed(sandbox.state.sentry.releases))
        for path in ("/login", "/login", "/login"):
            await services["production"].get(path)
        sandbox.inject("app failing-route /login times=1")
        await services["production"].get("/login")
        seen = (await sentry.get(f"{ORG}/releases/{release}/", params={"health": "1"})).json()
        assert seen["newGroups"] == seen["projects"][0]["newGroups"] == 1
        assert seen["projects"][0]["healthData"]["crashFreeSessions"] == 75
        assert "healthData" not in (await sentry.get(f"{ORG}/releases/{release}/")).json()["projects"][0]

    play(scenario)


def envelope(title: str, **more: object) -> bytes:
    event = {
        "event_id": "e" * 32, "level": "fatal", "release": "one", "environment": "production",
        "exception": {"values": [{"type": "TypeError", "value": title}]}, "transaction": "GET /x", **more,
    }  # fmt: skip
    payload = json.dumps(event).encode()
    head = {"type": "event", "length": len(payload)}
    session = b'{"type":"session"}\n{"sid":"1"}\n'
    return b'{"event_id":"' + b"e" * 32 + b'"}\n' + session + json.dumps(head).encode() + b"\n" + payload + b"\n"


def test_events_come_in_by_the_dsn_and_by_no_other_key(sandbox, play):
    key, project = sandbox.state.sentry.key, sandbox.state.sentry.project_id
    sandbox.state.sentry.most_listed = 100
    auth = {"x-sentry-auth": f"Sentry sentry_version=7, sentry_client=test/1, sentry_key={key}", "authorization": ""}

    async def scenario(services):
        sentry, path = services["sentry"], f"/api/{project}/envelope/"
        done = await sentry.post(path, content=envelope("in the header"), headers=auth)
        assert (done.status_code, done.json()) == (200, {"id": "e" * 32})
        nobody = {"authorization": ""}
        done = await sentry.post(f"{path}?sentry_key={key}", content=envelope("in the query"), headers=nobody)
        assert done.status_code == 200
        packed = gzip.compress(envelope("packed"))
        await sentry.post(path, content=packed, headers={**auth, "content-encoding": "gzip"})
        found = (await sentry.get(ISSUES, params={"query": "level:fatal"})).json()
        assert {one["title"] for one in found} == {
            "TypeError: in the header",
            "TypeError: in the query",
            "TypeError: packed",
        }
        assert {one["culprit"] for one in found} == {"GET /x"}
        wrong = await sentry.post(f"{path}?sentry_key=other", content=envelope("x"), headers=nobody)
        other = await sentry.post("/api/1/envelope/", content=envelope("x"), headers=auth)
        none = await sentry.post(path, content=envelope("x"), headers=nobody)
        broken = await sentry.post(path, content=b"not json", headers=auth)
        assert [each.status_code for each in (wrong, other, none, broken)] == [403, 403, 401, 400]
        assert len((await sentry.get(ISSUES)).json()) == 3
        (shown,) = (await sentry.get("/api/0/projects/acme/lms/keys/")).json()
        dsn = next(one.value for one in sandbox.state.vercel.env if one.key == "SENTRY_DSN")
        assert shown["dsn"]["public"] == sandbox.core.fill(dsn)

    play(scenario)


def test_sentry_can_be_blind_and_slow(sandbox, clock, play):
    auth = {"x-sentry-auth": f"Sentry sentry_key={sandbox.state.sentry.key}"}

    async def scenario(services):
        sentry = services["sentry"]

        async def count() -> int:
            return len((await sentry.get(ISSUES)).json())

        sandbox.patch({"sentry": {"blind": True}})
        sandbox.inject("app failing-route /login")
        assert (await services["production"].get("/login")).status_code == 500
        done = await sentry.post("/api/4508/envelope/", content=envelope("x"), headers=auth)
        assert (done.status_code, await count()) == (200, 0)
        sandbox.patch({"sentry": {"blind": False, "lag_seconds": 90}})
        await services["production"].get("/login")
        assert await count() == 0
        clock.tick(89)
        assert await count() == 0
        clock.tick(1)
        assert await count() == 1

    play(scenario)


def test_what_sentry_allows_is_in_its_headers(sandbox, clock, play):
    async def scenario(services):
        for left in (39, 38):
            headers = (await services["sentry"].get(ISSUES)).headers
            assert headers["x-sentry-rate-limit-limit"] == "40"
            assert headers["x-sentry-rate-limit-remaining"] == str(left)
            assert float(headers["x-sentry-rate-limit-reset"]) > clock.time
        clock.tick(1)
        assert (await services["sentry"].get(ISSUES)).headers["x-sentry-rate-limit-remaining"] == "39"

    play(scenario)


def test_page_views_are_counted_by_day_and_path(sandbox, clock, play):
    project = sandbox.state.vercel.project

    async def scenario(services):
        for path in ("/login", "/login", "/", "/api/health/db", "/no-such-page"):
            await services["production"].get(path)
        await services.at(sandbox.core.ports.slot_host(0)).get("/login")
        query = {"projectId": project, "since": iso(START - 86400), "until": iso(START + 86400)}
        path = "/v1/query/web-analytics/visits/aggregate"

        async def rows(**more) -> list[dict]:
            answer = await services["vercel"].get(path, params={**query, **more})
            assert answer.status_code == 200, answer.text
            return answer.json()["data"]

        assert [(one["requestPath"], one["pageviews"]) for one in await rows(by="requestPath")] == [
            ("/login", 2),
            ("/", 1),
        ]
        assert [(one["timestamp"][:10], one["pageviews"]) for one in await rows(by="day")] == [("2026-09-21", 3)]
        assert [one["requestPath"] for one in await rows(by="requestPath", limit=1)] == ["/login", "Others"]
        assert [one["pageviews"] for one in await rows(by="day", filter="requestPath eq '/'")] == [1]
        count = await services["vercel"].get("/v1/query/web-analytics/visits/count", params=query)
        assert count.json()["data"]["pageviews"] == 3
        assert (await services["vercel"].get(path, params={**query, "by": "smell"})).status_code == 400
        assert (await services["vercel"].get(path, params={**query, "by": "day", "filter": "x"})).status_code == 400

    play(scenario)


def test_a_quiet_day_of_vitals_is_good_and_a_bad_one_can_be_set(sandbox, clock, play):
    vercel = sandbox.state.vercel
    good = {"lcp_ms": 2500, "inp_ms": 200, "fcp_ms": 1800, "ttfb_ms": 800, "cls": 0.1}

    async def scenario(services):
        async def values(**more) -> list[dict]:
            metrics = {
                f"{metric}_{how}": {"metric": f"vercel.speed_insights.{metric}", "aggregation": how}
                for metric in good
                for how in ("p75", "count")
            }
            body = {"scope": {"ownerId": vercel.team, "projectIds": [vercel.project]}, "bucketSeconds": 86400,
                    "timeRange": {"start": iso(START - 86400), "end": iso(START + 1)}, "metrics": metrics,
                    "outputs": list(metrics), **more}  # fmt: skip
            answer = await services["vercel"].post("/metrics/v1", json=body)
            assert answer.status_code == 200, answer.text
            return answer.json()["summary"]

        (whole,) = await values()
        for metric, most in good.items():
            assert 0 < whole["values"][f"{metric}_p75"] <= most
            assert whole["values"][f"{metric}_count"] == 120
        by_route = await values(groupBy=["route"])
        assert {one["dimensions"]["route"] for one in by_route} == {"/", "/courses", "/courses/[id]", "/login"}
        assert {one["values"]["lcp_ms_count"] for one in by_route} == {30}
        (mine,) = await values(filter=f"deploymentId:{vercel.production} AND environment:production")
        assert mine["values"] == whole["values"]
        (login,) = await values(filter='route:"/login"')
        assert login["values"]["lcp_ms_count"] == 30
        (before,) = await values(timeRange={"start": iso(START - 2 * 86400), "end": iso(START - 86400)})
        assert (before["values"]["lcp_ms_count"], before["values"]["lcp_ms_p75"]) == (0, None)
        bad = {"at": START, "metric": "lcp_ms", "value": 9000, "route": "/", "country": "DE",
               "deployment": vercel.production}  # fmt: skip
        sandbox.patch({"vercel": {"vitals": [bad]}})
        (seen,) = await values()
        assert (seen["values"]["lcp_ms_p75"], seen["values"]["inp_ms_p75"]) == (9000, None)
        catalog = (await services["vercel"].get("/metrics/v1", params={"kind": "system", "limit": "2"})).json()
        assert (len(catalog["metrics"]), catalog["pagination"]["nextCursor"]) == (2, "2")

    play(scenario)


def test_chrome_has_nothing_to_say_until_there_is_traffic_enough(sandbox, play):
    origin = {"origin": sandbox.core.ports.url("production")}

    async def scenario(services):
        google, key = services["google"], {"key": sandbox.description()["tokens"]["google"]}
        path = "/v1/records:queryRecord"
        low = await google.post(path, json=origin, params=key)
        assert (low.status_code, low.json()["error"]["status"]) == (404, "NOT_FOUND")
        sandbox.patch({"google": {"crux": {"largest_contentful_paint": 4800, "cumulative_layout_shift": 0.05}}})
        record = (await google.post(path, json=origin, params=key)).json()["record"]
        assert record["metrics"]["largest_contentful_paint"]["percentiles"] == {"p75": 4800}
        assert record["metrics"]["largest_contentful_paint"]["histogram"][0]["density"] < 0.5
        assert record["metrics"]["cumulative_layout_shift"]["percentiles"] == {"p75": "0.05"}
        assert record["collectionPeriod"]["lastDate"] == {"year": 2026, "month": 9, "day": 19}
        few = await google.post(path, json={**origin, "metrics": ["cumulative_layout_shift"]}, params=key)
        assert set(few.json()["record"]["metrics"]) == {"cumulative_layout_shift"}
        body = {**origin, "collectionPeriodCount": 3}
        history = (await google.post("/v1/records:queryHistoryRecord", json=body, params=key)).json()["record"]
        assert len(history["collectionPeriods"]) == 3
        assert history["metrics"]["largest_contentful_paint"]["percentilesTimeseries"] == {"p75s": [4800] * 3}
        assert (await google.post(path, json=origin)).status_code == 403
        assert (await google.post(path, json=origin, params={"key": "wrong"})).status_code == 400
        assert (await google.post(path, json={}, params=key)).status_code == 400

    play(scenario)


def test_pagespeed_really_asks_the_page_once(sandbox, play):
    async def scenario(services):
        google, path = services["google"], "/pagespeedonline/v5/runPagespeed"
        key = {"key": sandbox.description()["tokens"]["google"]}

        async def audits(url: str, **more) -> dict[str, float]:
            answer = await google.get(path, params={"url": url, **key, **more})
            assert answer.status_code == 200, answer.text
            return {id: one["numericValue"] for id, one in answer.json()["lighthouseResult"]["audits"].items()}

        page, before = sandbox.core.ports.url("production") + "/login", len(sandbox.asked["production"])
        found = await audits(page)
        assert set(found) == {
            "largest-contentful-paint",
            "cumulative-layout-shift",
            "total-blocking-time",
            "first-contentful-paint",
            "server-response-time",
        }
        assert len([one for one in sandbox.core.traffic if one.path == "/login"]) == 1
        assert len(sandbox.asked["production"]) == before, "it came from outside"
        assert (await audits(page, strategy="mobile"))["largest-contentful-paint"] > found["largest-contentful-paint"]
        staged = f"http://{sandbox.core.ports.slot_host(0)}/login"
        assert (await audits(staged))["server-response-time"] >= 0
        lost = await google.get(path, params={"url": page + "/lost", **key})
        assert (lost.status_code, "404" in lost.json()["error"]["message"]) == (400, True)
        assert (await google.get(path, params={"url": "http://127.0.0.1:1/", **key})).status_code == 400
        assert (await google.get(path, params={"url": page, "key": "wrong"})).status_code == 400
        sandbox.patch({"google": {"limited": True}})
        assert (await google.get(path, params={"url": page, **key})).status_code == 429

    play(scenario)


@pytest.mark.parametrize("vendor", ["cloudflare", "github", "sentry"])
def test_a_vendors_page_of_atlassian_can_be_loud(sandbox, play, vendor):
    async def scenario(services):
        async def summary() -> dict:
            return (await services["statuspages"].get(f"/{vendor}/api/v2/summary.json")).json()

        quiet = await summary()
        assert (quiet["status"]["indicator"], quiet["incidents"]) == ("none", [])
        assert {one["status"] for one in quiet["components"]} == {"operational"}
        sandbox.patch({"status_pages": {vendor: "major", f"{vendor}_incidents": ["All is slow"]}})
        loud = await summary()
        assert (loud["status"]["indicator"], [one["name"] for one in loud["incidents"]]) == ("major", ["All is slow"])
        assert {one["status"] for one in loud["components"]} == {"partial_outage"}
        assert (await services["statuspages"].get("/elsewhere/api/v2/summary.json")).status_code == 404
        assert (await services["statuspages"].get(f"/{vendor}/api/v2/smell.json")).status_code == 404

    play(scenario)


@pytest.mark.parametrize("vendor", ["upstash", "betterstack"])
def test_a_vendors_page_of_better_stack_can_be_loud(sandbox, play, vendor):
    async def scenario(services):
        async def page() -> dict:
            return (await services["statuspages"].get(f"/{vendor}/index.json")).json()

        assert (await page())["data"]["attributes"]["aggregate_state"] == "operational"
        sandbox.patch({"status_pages": {vendor: "critical", f"{vendor}_incidents": ["All is down"]}})
        loud = await page()
        assert loud["data"]["attributes"]["aggregate_state"] == "downtime"
        reports = [one for one in loud["included"] if one["type"] == "status_report"]
        assert [one["attributes"]["title"] for one in reports] == ["All is down"]
        assert (await services["statuspages"].get("/github/index.json")).status_code == 404

    play(scenario)


def test_a_state_that_was_saved_before_there_were_witnesses_is_opened(sandbox, clock, play):
    file = sandbox.core.home / "state.json"
    old = json.loads(file.read_text())
    for part, names in {
        "betterstack": ("monitors", "heartbeats", "reports", "deaf", "blind_regions"),
        "sentry": ("blind", "lag_seconds", "artifacts", "key", "project_id"),
        "vercel": ("vitals",),
        "tokens": ("google",),
    }.items():
        for name in names:
            del old[part][name]
    del old["google"]
    old["sentry"]["issues"] = [
        {
            "id": 7,
            "title": "KeyError: 'x'",
            "culprit": "GET /",
            "level": "error",
            "first_release": "one",
            "environment": "production",
            "first": START - 60,
            "seen": [START - 60, START - 30],
            "releases": ["one", "two"],
            "count": 2,
        }
    ]
    file.write_text(json.dumps(old))
    opened = Sandbox(sandbox.core.home, Database(sandbox.core.database_url), now=clock.now, sleep=clock.sleep)

    async def scenario(services):
        async with fixtures.services_of(opened) as theirs:
            assert await status(theirs["betterstack"], "100") == "up"
            (issue,) = (await theirs["sentry"].get(ISSUES, params={"query": "release:two"})).json()
            assert (issue["count"], issue["title"]) == ("2", "KeyError: 'x'")
            assert len((await theirs["sentry"].get(f"{ISSUES}7/events/")).json()) == 2
            assert opened.description()["tokens"]["google"]

    play(scenario)
