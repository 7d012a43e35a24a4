"""The real command line of Vercel against the sandbox: what it says, how it ends, and what production serves then."""

import json
import os
import re
import time
from pathlib import Path

import pytest

from pipeline.clients.pulled import STAND_IN, read_pulled
from tests.vendors.world import Ran, World, lines_of, needs_npm

pytestmark = [pytest.mark.wide, pytest.mark.process, needs_npm]
STAGED = ("deploy", "--prebuilt", "--prod", "--skip-domain", "--yes")


def made(world: World, ran: Ran) -> dict:
    """The deployment whose address the command printed, which must be all that it printed."""
    assert ran.code == 0, ran.err
    assert re.fullmatch(r"https://127\.0\.0\.1:\d+", ran.out)
    return world.deployment(ran.out.removeprefix("https://"))


def again(world: World, **more: object) -> str:
    """A staged copy of what is live, without the command line."""
    body = {"name": "lms", "deploymentId": world.alias(), "target": "production", "autoAssignCustomDomains": False}
    id = str(world.vercel("POST", "/v13/deployments", json={**body, **more}).json()["id"])
    world.until(lambda: world.deployment(id)["readyState"] == "READY")
    return id


def files_of(world: World, id: str) -> list[tuple[str, str, int, str]]:
    found = world.vercel("GET", f"/v6/deployments/{id}/files").json()
    return sorted((one["name"], one["uid"], one["mode"], one["type"]) for one in found)


def source(world: World, folder: Path, into: Path, **files: str) -> Path:
    """A folder without a build, linked to the same project."""
    (into / ".vercel").mkdir(parents=True)
    (into / ".vercel/project.json").write_bytes((folder / ".vercel/project.json").read_bytes())
    for name, content in files.items():
        (into / name.replace("_", ".")).write_text(content)
    return into


def answer(code: str) -> str:
    return "json='" + json.dumps({"error": {"code": code, "message": f"says {code}"}}) + "'"


def test_whoami(world, folder):
    assert world.run("whoami", folder=folder).out == "dana"


def test_a_wrong_token_is_no_user(world, folder):
    world.tokens = {**world.tokens, "vercel": "wrong"}
    try:
        assert world.run("whoami", folder=folder).code == 1
    finally:
        world.tokens["vercel"] = world.web.get(
            world.urls["control"] + "/", headers={"authorization": f"Bearer {world.tokens['control']}"}
        ).json()["tokens"]["vercel"]


def test_a_staged_deployment_is_ready_and_production_stays(world, folder):
    before = world.alias()
    one = made(world, world.run(*STAGED, folder=folder))
    assert (one["readyState"], one["readySubstate"], one["source"]) == ("READY", "STAGED", "cli")
    assert one["autoAssignCustomDomains"] is False
    assert (world.alias(), world.visited()) == (before, before)
    own = world.web.get(f"http://{one['url']}/api/health/db")
    assert own.headers["x-deployment-id"] == one["id"]


def test_an_archive_holds_the_same_files_as_an_upload_one_by_one(world, folder):
    output = folder / ".vercel/output/static"
    (output / "link.css").symlink_to("app.css")
    (output / "run.sh").write_text("true")
    (output / "run.sh").chmod(0o755)
    plain = made(world, world.run(*STAGED, folder=folder))
    before = len(world.requests("POST", "/files"))
    packed = made(world, world.run(*STAGED, "--archive=tgz", folder=folder))
    assert len(world.requests("POST", "/files")) - before == 1, "one part"
    assert files_of(world, packed["id"]) == files_of(world, plain["id"])
    kinds = {name: (mode, kind) for name, _, mode, kind in files_of(world, packed["id"])}
    assert kinds[".vercel/output/static/link.css"] == (0o120777, "symlink")
    assert kinds[".vercel/output/static/run.sh"] == (0o100755, "file")
    assert world.web.get(f"http://{packed['url']}/api/health/db").status_code == 200


def test_a_source_without_a_framework_is_built_and_served(world, folder, tmp_path):
    cron = {"path": "/api/nightly", "schedule": "0 5 * * *"}
    place = source(
        world, folder, tmp_path / "site", index_html="<h1>plain</h1>", vercel_json=json.dumps({"crons": [cron]})
    )
    before = world.alias()
    one = made(world, world.run("deploy", "--prod", "--yes", folder=place))
    assert (world.alias(), world.served("/").text) == (one["id"], "<h1>plain</h1>")
    crons = world.vercel("GET", f"/v9/projects/{world.project}").json()["crons"]
    assert crons["deploymentId"] == one["id"]
    assert [(found["path"], found["schedule"]) for found in crons["definitions"]] == [tuple(cron.values())]
    assert world.run("rollback", before, "--yes", folder=place).code == 0
    crons = world.vercel("GET", f"/v9/projects/{world.project}").json()["crons"]
    assert (crons["deploymentId"], crons["definitions"]) == (before, [])


def test_promote_moves_production_and_says_so(world, folder):
    id = again(world)
    ran = world.run("promote", id, "--yes", folder=folder)
    assert (ran.code, "Success! lms was promoted" in ran.err) == (0, True), ran.err
    assert (world.alias(), world.visited(), world.deployment(id)["readySubstate"]) == (id, id, "PROMOTED")


def test_promoting_what_is_live_is_refused(world, folder):
    ran = world.run("promote", world.alias(), "--yes", folder=folder)
    assert (ran.code, "(409)" in ran.err) == (1, True), ran.err


def test_promoting_a_preview_builds_it_again_for_production(world, folder, tmp_path):
    place = source(world, folder, tmp_path / "site", index_html="<h1>preview</h1>")
    preview = made(world, world.run("deploy", "--yes", folder=place))
    assert preview["target"] is None
    ran = world.run("promote", preview["id"], "--yes", folder=place)
    assert (ran.code, "Successfully created new deployment" in ran.err) == (0, True), ran.err
    newest = world.vercel("GET", "/v6/deployments?limit=1").json()["deployments"][0]
    assert (newest["target"], newest["meta"]["action"]) == ("production", "promote")
    world.until(lambda: world.alias() == newest["uid"])
    assert (world.alias(), world.served("/").text) == (newest["uid"], "<h1>preview</h1>")


def test_rollback_moves_production_back_and_pins_it(world, folder):
    before = world.alias()
    world.run("promote", again(world), "--yes", folder=folder)
    ran = world.run("rollback", before, "--yes", folder=folder)
    assert (ran.code, "Success! lms was rolled back" in ran.err) == (0, True), ran.err
    assert (world.alias(), world.visited()) == (before, before)
    assert world.vercel("GET", f"/v9/projects/{world.project}").json()["autoAssignCustomDomains"] is False
    pushed = made(world, world.run("deploy", "--prebuilt", "--prod", "--yes", folder=folder))
    assert (pushed["readySubstate"], world.alias()) == ("STAGED", before)


def test_rolling_back_to_what_never_was_production_is_refused(world, folder):
    before = world.alias()
    assert world.run("rollback", again(world), "--yes", folder=folder).code == 1
    assert world.alias() == before


def test_redeploy_makes_the_same_again_and_takes_production(world, folder):
    id = again(world)
    one = made(world, world.run("redeploy", id, folder=folder))
    assert (one["source"], one["meta"]["action"], world.alias()) == ("redeploy", "redeploy", one["id"])
    assert files_of(world, one["id"]) == files_of(world, id)


def test_inspect_shows_waits_and_prints_the_log(world, folder):
    id = again(world)
    shown = world.run("inspect", id, folder=folder)
    assert (shown.code, id in shown.err, "● Ready" in shown.err) == (0, True, True)
    log = world.run("inspect", id, "--logs", folder=folder)
    assert (log.code, "Deployment completed" in log.err) == (0, True)
    world.control("/state", {"timing": {"build": 1.5}})
    body = {"name": "lms", "deploymentId": id, "target": "production", "autoAssignCustomDomains": False}
    building = world.vercel("POST", "/v13/deployments", json=body).json()["id"]
    assert world.run("inspect", building, "--wait", folder=folder).code == 0
    assert world.deployment(building)["readyState"] == "READY"


def test_inspect_gives_up_on_a_build_that_hangs(world, folder):
    world.fault("vercel never-finishes POST /v13/deployments")
    body = {"name": "lms", "deploymentId": world.alias(), "target": "production"}
    id = world.vercel("POST", "/v13/deployments", json=body).json()["id"]
    ran = world.run("inspect", id, "--wait", "--timeout", "1s", folder=folder)
    assert (ran.code, "● Building" in ran.err) == (124, True)
    assert world.vercel("PATCH", f"/v12/deployments/{id}/cancel").json()["readyState"] == "CANCELED"
    assert world.run("inspect", id, folder=folder).code == 1


def test_ls_lists_what_there_is(world, folder):
    listed = world.run("ls", folder=folder)
    assert listed.code == 0
    found = world.vercel("GET", "/v6/deployments?limit=20").json()["deployments"]
    assert listed.out.splitlines() == [f"https://{one['url']}" for one in found]


def test_variables_are_added_listed_pulled_and_removed(world, folder):
    def held() -> list[str]:
        found = world.vercel("GET", f"/v10/projects/{world.project}/env").json()["envs"]
        return [one["type"] for one in found if one["key"] == "GREETING"]

    add = ("env", "add", "GREETING", "production", "--value", "good day", "--yes")
    assert world.run(*add, "--type", "config", folder=folder).code == 0
    assert held() == ["encrypted"]
    assert world.run(*add, folder=folder).code == 1, "it is there already"
    assert "GREETING" in world.run("env", "ls", "production", folder=folder).out
    pulled = world.run("env", "pull", "pulled.env", "--environment=production", "--yes", folder=folder)
    assert pulled.code == 0
    assert 'GREETING="good day"' in (folder / "pulled.env").read_text()
    assert world.run("env", "rm", "GREETING", "production", "--yes", folder=folder).code == 0
    assert held() == []
    assert world.run("env", "rm", "GREETING", "production", "--yes", folder=folder).code == 1


def test_what_a_pull_leaves_in_a_file_is_what_the_gate_reads_out_of_it(world, folder):
    """A sensitive value is a text, only line breaks are escaped, and what was removed stays in the file."""
    for name, value, kind in (
        ("OLD_KEY", "leaked", "config"),
        ("CMS", "t0ken", "secret"),
        ("SAYS", 'a "b" $c', "config"),
    ):
        added = ("env", "add", name, "production", "--value", value, "--yes", "--type", kind)
        assert world.run(*added, folder=folder).code == 0
    pull = ("pull", "--yes", "--environment=production")
    assert world.run(*pull, folder=folder).code == 0
    assert world.run("env", "rm", "OLD_KEY", "production", "--yes", folder=folder).code == 0
    assert world.run(*pull, folder=folder).code == 0
    pulled = read_pulled(folder / ".vercel/.env.production.local")
    assert (pulled["OLD_KEY"], pulled["CMS"], pulled["SAYS"]) == ("leaked", STAND_IN, 'a "b" $c')
    (folder / ".vercel/.env.production.local").unlink()
    assert world.run(*pull, folder=folder).code == 0
    assert "OLD_KEY" not in read_pulled(folder / ".vercel/.env.production.local")
    for name in ("CMS", "SAYS"):
        assert world.run("env", "rm", name, "production", "--yes", folder=folder).code == 0


def test_logs_are_of_real_requests(world, folder):
    mark = f"/no-such-page-{os.getpid()}-{time.monotonic_ns()}"
    world.served(mark)
    time.sleep(1.1)  # the command asks for whole seconds that are over
    asked = world.run("logs", "requests", "--json", "--query", f"requestPath:{mark}", folder=folder)
    *rows, summary = lines_of(asked.out)
    assert (asked.code, summary["recordsReturned"]) == (0, 1)
    row = rows[0]["data"]
    assert (row["httpStatus"], row["requestMethod"], row["deploymentId"]) == (404, "GET", world.alias())
    log = world.run("logs", "--json", "--limit", "1", folder=folder)
    assert (log.code, lines_of(log.out)[-1]["type"], log.out.count("\n")) == (0, "summary", 1)


def test_an_errors_text_is_in_the_log(world, folder):
    world.fault("app failing-route /api/health/db")
    assert world.served().status_code == 500
    ran = world.run("logs", "--json", "--query", "level:error", "--deployment", world.alias(), folder=folder)
    assert "/api/health/db failed" in lines_of(ran.out)[0]["data"]["message"]


def test_a_rolling_release_goes_by_its_stages(world, folder):
    def rolling(*words: str) -> Ran:
        ran = world.run("rolling-release", *words, folder=folder)
        assert ran.code == 0, ran.err
        return ran

    rolling("configure", "--enable", "--advancement-type=manual-approval", "--stage=10", "--stage=50")
    before = world.alias()
    one = made(world, world.run(*STAGED, folder=folder))["id"]
    rolling("start", "--dpl", one)
    assert [world.visited() for _ in range(20)].count(one) == 2
    assert (world.alias(), world.deployment(one)["readySubstate"]) == (before, "ROLLING")
    assert '"state": "ACTIVE"' in rolling("fetch").err or one in rolling("fetch").err
    rolling("approve", "--dpl", one, "--currentStageIndex", "0")
    assert [world.visited() for _ in range(20)].count(one) == 10
    assert world.alias() == before
    rolling("complete", "--dpl", one)
    assert (world.alias(), world.deployment(one)["readySubstate"]) == (one, "PROMOTED")
    assert {world.visited() for _ in range(10)} == {one}


def test_a_promotion_rolls_the_next_one_waits_and_an_abort_goes_back(world, folder):
    before, first, second = world.alias(), again(world), again(world)
    config = {"enabled": True, "advancementType": "manual-approval",
              "stages": [{"targetPercentage": 50}, {"targetPercentage": 100}]}  # fmt: skip
    path = f"/v1/projects/{world.project}/rolling-release"
    assert world.vercel("PATCH", path + "/config", json=config).status_code == 200
    ran = world.run("promote", first, "--yes", folder=folder)
    assert (ran.code, "initial percentage 50" in ran.err) == (0, True), ran.err
    ran = world.run("promote", second, "--yes", folder=folder)
    assert (ran.code, "has been queued" in ran.err) == (0, True), ran.err
    seen = world.vercel("GET", path).json()["rollingRelease"]
    assert (seen["state"], seen["queuedDeploymentId"]) == ("ACTIVE", second)
    assert world.run("rolling-release", "abort", "--dpl", before, folder=folder).code == 0
    assert world.vercel("GET", path).json()["rollingRelease"]["state"] == "ABORTED"
    assert (world.alias(), {world.visited() for _ in range(6)}) == (before, {before})
    assert world.run("rolling-release", "configure", "--disable", folder=folder).code == 0
    assert world.vercel("GET", path + "/config").json() == {"rollingRelease": None}


def test_a_build_that_fails_ends_with_1_and_its_log(world, folder):
    before = world.alias()
    (folder / ".vercel/output/config.json").write_text('{"version": 2}')
    ran = world.run("deploy", "--prebuilt", "--prod", "--yes", folder=folder)
    assert (ran.code, "the Build Output API needs 3" in ran.err) == (1, True), ran.err
    assert world.deployment(ran.out.removeprefix("https://"))["errorCode"] == "BUILD_FAILED"
    assert (world.alias(), world.visited()) == (before, before)


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (f"vercel answer status=402 {answer('payment_required')} POST /v13/deployments", "says payment_required"),
        (f"vercel answer status=429 {answer('rate_limited')} POST /v13/deployments", "at a very fast pace"),
        (f"vercel answer status=429 retry_after=30 {answer('rate_limited')} POST /v13/deployments", "fast pace"),
        (f"vercel answer status=500 times=1 {answer('internal_server_error')} POST /v13/deployments", "server_error"),
    ],
    ids=["402", "429", "429 with Retry-After", "500 once"],
)
def test_a_deployment_that_is_refused_is_not_tried_again(world, folder, fault, says):
    before = world.vercel("GET", "/v6/deployments?limit=1").json()["deployments"][0]["uid"]
    world.fault(fault)
    ran = world.run(*STAGED, folder=folder)
    assert (ran.code, ran.out) == (1, "")
    assert says in ran.err
    world.calm()
    assert world.vercel("GET", "/v6/deployments?limit=1").json()["deployments"][0]["uid"] == before


@pytest.mark.parametrize("more", ["", "retry_after=1 "], ids=["without Retry-After", "with Retry-After"])
def test_a_promotion_that_was_asked_too_fast_is_asked_again(world, folder, more):
    id = again(world)
    world.fault(f"vercel answer status=429 times=1 {more}{answer('rate_limited')} POST */promote/*")
    began = time.monotonic()
    assert world.run("promote", id, "--yes", folder=folder).code == 0
    assert time.monotonic() - began > (2 if more else 1)
    assert world.alias() == id


@pytest.mark.parametrize("fault", ["vercel half-done times=1", "vercel cut done=yes times=1"])
def test_a_rollback_whose_answer_is_lost_is_asked_for_twice_and_lands(world, folder, fault):
    before = world.alias()
    world.run("promote", again(world), "--yes", folder=folder)
    world.control("/state", {"timing": {"alias": 4}})
    asked = len(world.requests("POST", f"/rollback/{before}"))
    world.fault(f"{fault} POST */rollback/*")
    assert world.run("rollback", before, "--yes", folder=folder).code == 0
    assert len(world.requests("POST", f"/rollback/{before}")) == asked + 2
    assert (world.alias(), world.visited()) == (before, before)


def test_a_rollback_can_land_although_the_command_says_that_it_failed(world, folder):
    before = world.alias()
    world.run("promote", again(world), "--yes", folder=folder)
    world.fault("vercel half-done times=1 POST */rollback/*")
    ran = world.run("rollback", before, "--yes", folder=folder)
    assert (ran.code, "(409)" in ran.err) == (1, True), "its second try came after the rollback was done"
    assert (world.alias(), world.visited()) == (before, before)


def test_a_promotion_that_never_ends_is_given_up(world, folder):
    before, id = world.alias(), again(world)
    world.fault("vercel never-finishes POST */promote/*")
    assert world.run("promote", id, "--yes", "--timeout", "1s", folder=folder).code == 1
    assert world.alias() == before
    world.control("/state", {"vercel": {"job": None}})


def test_a_file_that_is_too_large_is_refused(world, folder):
    with (folder / ".vercel/output/static/large.bin").open("wb") as file:
        file.truncate(100_000_001)
    ran = world.run(*STAGED, folder=folder)
    assert (ran.code, "File size limit exceeded" in ran.err) == (1, True), ran.err
