import time
from email.utils import parsedate_to_datetime

import pytest

from pipeline.sandbox.faults import KINDS, Cut, parse
from tests.processes import slowness
from tests.sandbox.fixtures import create

EXAMPLES = {
    "answer": "vercel answer status=503 retry_after=2 times=2 GET /v2/user",
    "delay": "vercel delay seconds=4 GET /v2/user",
    "cut": "github cut",
    "garbage": "sentry garbage",
    "half-done": "vercel half-done POST */promote/*",
    "never-finishes": "vercel never-finishes POST /v13/deployments",
    "never": "vercel never GET /v2/user",
    "trickle": "app trickle /api/health/db",
    "endless": "sentry endless",
    "huge": "github huge times=1",
    "slow-app": "app slow-app seconds=6",
    "failing-route": "app failing-route /api/health/db where=production after=3",
    "challenge": "app challenge status=429 where=production",
    "latency": "all latency ms=50",
    "clock": "vercel clock seconds=-3600",
}


def test_every_kind_has_an_example_that_parses():
    assert {kind: parse(text).kind for kind, text in EXAMPLES.items()} == {kind: kind for kind in KINDS}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("vercel", "SERVICE KIND"),
        ("verzel cut", "no service 'verzel'"),
        ("vercel explode", "no kind 'explode'"),
        ("vercel answer status=many", "not a number"),
        ("vercel answer colour=red", "neither key=value"),
        ("app failing-route", "needs a PATH"),
        ("app failing-route /x where=mars", "where is one of"),
        ("github failing-route /x", "fault of the service app"),
        ("github answer json={", "not JSON"),
    ],
)
def test_what_cannot_be_read_is_named(text, says):
    with pytest.raises(ValueError, match=says):
        parse(text)


def test_answers_as_often_as_told_and_then_truthfully(sandbox, play):
    async def scenario(services):
        sandbox.inject(EXAMPLES["answer"])
        answers = [await services["vercel"].get("/v2/user") for _ in range(3)]
        assert [one.status_code for one in answers] == [503, 503, 200]
        assert answers[0].headers["retry-after"] == "2"
        assert (await services["github"].get("/rate_limit")).status_code == 200

    play(scenario)


def test_delays_on_the_clock_of_the_sandbox(sandbox, clock, play):
    async def scenario(services):
        for text in (EXAMPLES["delay"], EXAMPLES["latency"]):
            sandbox.inject(text)
        before, really = clock.time, time.monotonic()
        assert (await services["vercel"].get("/v2/user")).status_code == 200
        assert clock.time - before == pytest.approx(4.05)
        assert time.monotonic() - really < 2 * slowness()

    play(scenario)


def test_every_answer_is_dated_by_the_clock_of_the_sandbox_or_by_the_fault(sandbox, clock, play):
    async def scenario(services):
        def date(answer):
            return parsedate_to_datetime(answer.headers["date"]).timestamp()

        for answer in (await services["vercel"].get("/v2/user"), await services["production"].get("/api/health/db")):
            assert len(answer.headers.get_list("date")) == 1
            assert date(answer) == pytest.approx(clock.time, abs=1)
        sandbox.inject(EXAMPLES["clock"])
        answer = await services["vercel"].get("/v2/user")
        assert answer.status_code == 200
        assert date(answer) == pytest.approx(clock.time - 3600, abs=1)

    play(scenario)


def test_cut_is_a_connection_error_and_garbage_is_no_json(sandbox, play):
    async def scenario(services):
        sandbox.inject(EXAMPLES["cut"])
        with pytest.raises(Cut):
            await services["github"].get("/rate_limit")
        sandbox.inject(EXAMPLES["garbage"])
        answer = await services["sentry"].get("/api/0/organizations/acme/releases/")
        assert answer.status_code == 200
        with pytest.raises(ValueError, match="Expecting value"):
            answer.json()

    play(scenario)


@pytest.mark.parametrize("text", ["vercel half-done POST */promote/*", "vercel cut done=yes POST */promote/*"])
def test_a_half_done_act_happens_although_the_answer_says_otherwise(sandbox, clock, play, text):
    async def scenario(services):
        made = await create(services, sandbox)
        clock.tick(1)
        sandbox.inject(text)
        path = f"/v10/projects/{sandbox.state.vercel.project}/promote/{made['id']}"
        try:
            assert (await services["vercel"].post(path)).status_code == 500
        except ConnectionError:
            pass
        clock.tick(1)
        await services["vercel"].get("/v2/user")
        assert sandbox.state.vercel.production == made["id"]

    play(scenario)


def test_builds_and_promotions_that_never_finish(sandbox, clock, play):
    async def scenario(services):
        sandbox.inject(EXAMPLES["never-finishes"])
        stuck = await create(services, sandbox)
        clock.tick(3600)
        assert (await services["vercel"].get(f"/v13/deployments/{stuck['id']}")).json()["readyState"] == "BUILDING"
        sandbox.faults.clear()
        made = await create(services, sandbox)
        clock.tick(1)
        before = sandbox.state.vercel.production
        sandbox.inject("vercel never-finishes POST */promote/*")
        pid = sandbox.state.vercel.project
        assert (await services["vercel"].post(f"/v10/projects/{pid}/promote/{made['id']}")).status_code == 201
        clock.tick(3600)
        seen = (await services["vercel"].get(f"/v9/projects/{pid}")).json()
        assert seen["lastAliasRequest"]["jobStatus"] == "in-progress"
        assert sandbox.state.vercel.production == before

    play(scenario)


def test_elsewhere_never_finishes_means_that_no_answer_comes(sandbox, clock, play):
    async def scenario(services):
        sandbox.inject("sentry never-finishes")
        before = clock.time
        assert (await services["sentry"].get("/api/0/organizations/acme/")).status_code == 504
        assert clock.time - before >= 3600

    play(scenario)


def test_the_firewall_answers_in_the_place_of_the_app_and_the_monitor_meets_it_too(sandbox, play):
    async def scenario(services):
        sandbox.inject(EXAMPLES["challenge"])
        answer = await services["production"].get("/")
        assert (answer.status_code, answer.headers["x-vercel-mitigated"]) == (429, "challenge")
        down = (await services["betterstack"].get("/api/v3/incidents?resolved=false")).json()["data"]
        assert down[0]["attributes"]["cause"] == "Status 429", "the monitor meets it, too"
        sandbox.faults.clear()
        sandbox.inject("app challenge status=500")
        assert (await services["production"].get("/")).status_code == 403, "500 is no challenge"

    play(scenario)


def test_a_failing_route_fails_where_and_when_it_was_told(sandbox, clock, play):
    async def scenario(services):
        sandbox.inject(EXAMPLES["failing-route"])
        one = sandbox.state.vercel.deployments[sandbox.state.vercel.production]
        old = next(d for d in sandbox.state.vercel.deployments.values() if d.id != one.id)

        async def status(client) -> int:
            return (await client.get("/api/health/db")).status_code

        assert await status(services["production"]) == 200
        clock.tick(3)
        assert await status(services["production"]) == 500
        assert (await services["production"].get("/")).status_code == 200
        assert await status(services.at(sandbox.core.host_of(old))) == 200
        issues = await services["sentry"].get("/api/0/organizations/acme/issues/")
        assert issues.json()[0]["culprit"] == "GET /api/health/db"
        down = await services["betterstack"].get("/api/v3/incidents?resolved=false")
        assert down.json()["data"][0]["attributes"]["cause"] == "Status 500"
        sandbox.faults.clear()
        assert (await services["betterstack"].get("/api/v3/incidents?resolved=false")).json()["data"] == []

    play(scenario)


def test_a_slow_app_is_slow_everywhere_it_is_served(sandbox, clock, play):
    async def scenario(services):
        sandbox.inject(EXAMPLES["slow-app"])
        before = clock.time
        await services["production"].get("/login")
        assert clock.time - before == pytest.approx(6)

    play(scenario)


def test_control_is_never_touched_by_a_fault(sandbox, play):
    async def scenario(services):
        sandbox.inject("all answer status=500")
        assert (await services["control"].get("/health")).status_code == 200
        assert (await services["neon-status"].get("/api/v1/summary")).status_code == 500

    play(scenario)
