"""The generated workflows, run by a real runner (``act``) against the sandbox: the good day and the bad ones.

A deployment takes half a minute there, so each test is a story with several promises.
"""

import base64
import re
import signal

import pytest

from pipeline.world.secrets import OPTIONAL, SECRETS, STATE
from tests.processes import LONGEST
from tests.workflows.runner import lost, needs_act, needs_tools
from tests.workflows.shop import BUILD, Shop

pytestmark = [pytest.mark.wide, pytest.mark.process, needs_act, needs_tools]
CURIOUS = f"(env; tr '\\0' '\\n' < /proc/$PPID/environ; cat /proc/[0-9]*/cmdline) | base64 -w0; {BUILD}"
"""A build script that prints its environment, its parent's, and every command line; encoded, or the runner hides it."""


def long_watch(shop: Shop) -> str:
    """A release that is watched until somebody stops it; what is served before."""
    shop.config["targets"]["production"]["pace"]["watch"] = {"during": LONGEST, "patience": 1, "every": 0.3}
    shop.configure()
    shop.push("a long watch")
    return shop.serves()


def test_a_release_goes_out_and_a_person_takes_it_back(shop: Shop) -> None:
    who = "Dana $(touch pwned) `touch pwned`; touch pwned; * --over-rollback"
    before = shop.serves()
    ran = shop.act.run("deploy.yml", inputs={"target": "production", "approved_by": who})
    assert ran.code == 0, ran.log[-5000:]
    assert set(ran.ended.values()) == {"success"}
    out, commit = shop.serves(), shop.head()
    assert out != before

    assert "## DEPLOYED" in ran.summary
    for link in (
        f"[what changed](https://github.com/nektos/act/compare/{shop.commit_of(before)}...{commit})",
        f"/organizations/acme/releases/{commit}/)",
        "/actions/workflows/rollback.yml)",
        f"/blob/{commit}/runbooks/deployment-runbook.md#rollback-procedure)",
        f"`{out}`",
    ):
        assert link in ran.summary, link
    assert "\x1b[" not in ran.said["watch"], "a job's log is no terminal"

    assert shop.approvals() == [who], "what is typed into the form is one word, and no command"
    asked = shop.asked("vercel")
    assert not [path for method, path in asked if method == "POST" and path.endswith("/projects")]
    assert not [path for _, path in asked if "learning-app" in path or "hostexecutor" in path], "the folder is no name"

    ran = shop.act.run("rollback.yml", inputs={"target": "production", "to": ""})
    assert ran.code == 0, ran.log[-3000:]
    assert shop.serves() == before
    assert re.search(r"## Rollback: production is back\n\n```text\n.*" + before, ran.summary, re.DOTALL)

    again = shop.act.run("deploy.yml", GITHUB_RUN_ATTEMPT="2")
    assert again.ended["preflight"] == "failure", "it was taken back, and a re-run does not bring it again"
    assert "run      gh-1-2" in again.said["preflight"], "a re-run is a run of its own"
    assert shop.serves() == before


def test_a_bad_release_is_stopped_before_anybody_sees_it(shop: Shop) -> None:
    shop.release("broken-login")
    before = shop.serves()
    ran = shop.act.run("deploy.yml")
    assert ran.code == 1
    assert {name: how for name, how in ran.ended.items() if how != "success"} == {"smoke": "failure"}
    assert "promote" not in ran.ended
    assert ran.ended["settle"] == "success", "there is nothing to settle"
    assert "## BLOCKED" in ran.summary
    assert shop.serves() == before


def test_no_secret_reaches_the_install_and_build_of_the_app(shop: Shop) -> None:
    shop.app(CURIOUS)
    shop.push("a curious build")
    names = (*SECRETS, *OPTIONAL, STATE, "DEPLOY_GITHUB_TOKEN")
    shop.act.secrets = {**{name: f"canary-{name}" for name in names}, "VERCEL_TOKEN": shop.act.secrets["VERCEL_TOKEN"]}
    ran = shop.act.run("deploy.yml")
    assert (ran.ended["output"], ran.ended["preflight"]) == ("success", "failure"), "no token is right, after that"
    parts = re.findall(r"[A-Za-z0-9+/=]{400,}", ran.said["output"])  # a runner parts very long lines
    said = base64.b64decode("".join(parts)).decode(errors="replace")
    assert "__VERCEL_BUILD_RUNNING=1" in said
    assert "canary-" not in said
    assert shop.act.secrets["VERCEL_TOKEN"] not in said
    assert not re.search(r"^(VERCEL_TOKEN|GITHUB_TOKEN|GITHUB_ENV|GITHUB_PATH)=", said, re.MULTILINE)
    assert f"DIRECT_URL={shop.sandbox['database_url']}" in said, "what the app is built with is Vercel's"


def test_a_job_that_is_cancelled_while_it_watches_goes_back(shop: Shop) -> None:
    before = long_watch(shop)
    running = shop.act.start("deploy.yml")
    running.until("watching for another", "watch")
    assert shop.serves() != before
    running.process.send_signal(signal.SIGINT)
    ran = running.end()
    assert ran.code != 0
    assert shop.serves() == before, ran.log[-3000:]


def test_a_runner_that_is_lost_while_it_watches_is_known_to_the_next_run(shop: Shop) -> None:
    before = long_watch(shop)
    assert shop.act.run("deploy.yml", event="push").ended == {}, "nobody has said yet that a push deploys"
    shop.act.variables["DEPLOY"] = "on"
    running = shop.act.start("deploy.yml", event="push", GITHUB_RUN_ID="41")
    running.until("watching for another", "watch")
    lost(running, shop.act)
    running.end()
    left = shop.serves()
    assert left != before
    shop.lease_is_over()  # of a machine that is another one than ours, which nobody can ask
    ran = shop.act.run("deploy.yml", GITHUB_RUN_ID="42")
    assert ran.ended["preflight"] == "failure"
    assert "./inv settle --target production --run gh-41-1" in ran.summary
    assert shop.serves() == left
    shop.inv("settle", "--run", "gh-41-1", expect=3)
    assert shop.serves() == before


def test_secrets_that_nobody_has_set_are_named_before_anything_is_touched(shop: Shop) -> None:
    shop.app(f"exit 1 # no build is needed to find that out; {BUILD}")
    shop.config["build"] = {"by": "git"}
    shop.configure()
    shop.push("no secrets")
    for name in ("SENTRY_AUTH_TOKEN", "DIRECT_URL"):
        del shop.act.secrets[name]  # and arrive as empty text
    ran = shop.act.run("deploy.yml")
    assert ran.ended["preflight"] == "failure"
    for name in ("SENTRY_AUTH_TOKEN", "DIRECT_URL"):
        assert f"{name}: is not set; get it from" in ran.summary
    assert "## Refused: nothing was touched" in ran.summary
    assert not [path for method, path in shop.asked("vercel") if method == "POST"]


def test_the_monitor_answers_its_checklist_on_the_page_of_the_job(shop: Shop) -> None:
    ran = shop.act.run("monitor.yml", inputs={"checklist": "daily"})
    assert "Daily check of production" in ran.summary
    assert "| line | evidence |" in ran.summary
    assert ran.ended["ask"] == ("success" if ran.code == 0 else "failure")
    assert "is not set" not in ran.summary.replace("GOOGLE_API_KEY is not set", ""), ran.summary


def test_a_drill_is_played_and_scored_on_the_page_of_the_job(shop: Shop) -> None:
    shop.act.secrets = {}
    ran = shop.act.run("drill.yml", inputs={"drill": "github-down"})
    assert ran.code == 0, ran.log[-3000:]
    assert ran.ended["play"] == "success"
    assert "100 %" in ran.summary
    assert shop.act.run("drill.yml", inputs={"drill": "all; touch pwned"}).ended["play"] == "failure"
