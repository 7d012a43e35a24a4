"""Whole processes, as a person or a CI job starts them: real sockets, real signals, real exit codes."""

import contextlib
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.steps.made import RUN
from tests.processes import LONGEST, running

ROOT = Path(__file__).resolve().parent.parent.parent
COPIED = (
    "inv",
    "tasks.py",
    "deploy.yml",
    "requirements.lock",
    "requirements-rollback.lock",
    "checks",
    "pipeline",
    "runbooks",
    ".github",
)
pytestmark = pytest.mark.process


class Checkout:
    """A checkout of its own, with its own sandbox and journal; the installed packages are shared."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in COPIED:
            (folder / name).symlink_to(ROOT / name) if (ROOT / name).is_dir() else (folder / name).write_bytes(
                (ROOT / name).read_bytes()
            )
        (folder / "inv").chmod(0o755)
        (folder / ".venv").symlink_to(Path(sys.prefix))
        self.pace(watch={"during": 1.5, "patience": 1, "every": 0.2}, validate={"patience": 1, "every": 0.2})

    def pace(self, *, lab: bool = False, **stages: Mapping[str, float]) -> None:
        """Other times for stages; and no browser, which costs a processor for seconds."""
        file = self.folder / "deploy.yml"
        raw = yaml.safe_load(file.read_text(encoding="utf-8"))
        raw["targets"]["sandbox"]["pace"].update(stages)
        raw["targets"]["sandbox"]["override"]["vitals"]["lab"] = lab
        file.write_text(yaml.safe_dump(raw), encoding="utf-8")

    def start(self, *words: str, **env: str) -> "subprocess.Popen[str]":
        hidden = ("VERCEL_", "GITHUB_", "SENTRY_", "DEPLOY_")
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(hidden)}
        return subprocess.Popen(
            [str(self.folder / "inv"), *words],
            env={**inherited, **env},
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )

    def run(self, *words: str, expect: int = 0, **env: str) -> str:
        started = self.start(*words, **env)
        out, err = started.communicate(timeout=LONGEST)
        assert started.returncode == expect, f"{words} exited {started.returncode}\n{out}\n{err}"
        return out + err

    def processes(self) -> list[str]:
        """Command lines of everything that belongs to this checkout's sandbox."""
        marks = [str(self.folder / ".sandbox")]
        known = self.folder / ".sandbox" / "postgres.json"
        if known.exists():
            marks.append(f"-p {json.loads(known.read_text())['port']} ")
        return [one.command for one in running() if any(mark in one.command for mark in marks)]


@pytest.fixture
def checkout(tmp_path: Path, cluster: Path) -> Iterator[Checkout]:
    made = Checkout(tmp_path)
    yield made
    made.run("sandbox", "--reset")


class Up:
    """``./inv sandbox`` kept running beside the commands under test."""

    def __init__(self, checkout: Checkout) -> None:
        self.process = checkout.start("sandbox", "--json")
        assert self.process.stdout
        self.said: dict[str, Any] = json.loads(self.process.stdout.readline())

    def ask(self, service: str, path: str, method: str = "GET", body: object = None) -> Any:
        at = self.said[service]
        headers = {"authorization": f"Bearer {at.get('token', '')}", "content-type": "application/json"}
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(at["url"] + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=LONGEST) as answer:
            return json.loads(answer.read() or b"null")

    def serves(self) -> str:
        with urllib.request.urlopen(self.said["production"]["url"] + "/api/health/db", timeout=LONGEST) as answer:
            return str(answer.headers["x-deployment-id"])

    def fault(self, text: str) -> None:
        self.ask("control", "/faults", "POST", {"fault": text})


@pytest.fixture
def up(checkout: Checkout) -> Iterator[Up]:
    made = Up(checkout)
    yield made
    made.process.send_signal(signal.SIGINT)
    made.process.wait(LONGEST)


def outcome(out: str) -> str:
    return str(json.loads(out.splitlines()[0])["outcome"])


def gone(checkout: Checkout) -> None:
    """Everything has stopped; a moment is allowed, as long as this machine makes it."""
    until = time.monotonic() + LONGEST
    while checkout.processes() and time.monotonic() < until:
        time.sleep(0.05)
    assert checkout.processes() == []


def until_line(process: "subprocess.Popen[str]", says: str) -> None:
    assert process.stdout
    assert any(says in line for line in process.stdout), f"never said {says}"


def until_stage(process: "subprocess.Popen[str]", stage: str) -> None:
    assert process.stdout
    for line in process.stdout:
        if line.strip() == stage:
            return
    raise AssertionError(f"never came to {stage}: {process.stderr.read() if process.stderr else ''}")


@contextlib.contextmanager
def standing_still(process: "subprocess.Popen[str]") -> Iterator[None]:
    """It is alive and does nothing: whatever happens meanwhile happens before it goes on, however long that takes."""
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


def test_deploy_status_history_rollback_see_the_same_world_and_leave_nothing_behind(checkout: Checkout) -> None:
    said = checkout.run("deploy")
    assert "DEPLOYED" in said
    gone(checkout)
    state = json.loads(checkout.run("status", "--json").splitlines()[0])
    assert state["pinned"] is False
    assert state["well"] is True
    said = checkout.run("rollback", "--target", "sandbox")
    assert "ROLLED BACK" in said
    after = json.loads(checkout.run("status", "--json").splitlines()[0])
    assert after["pinned"] is True
    assert after["live"]["id"] != state["live"]["id"]
    assert "ALREADY THERE" in checkout.run("rollback", "--target", "sandbox")
    said = checkout.run("history")
    assert "deployed" in said
    assert "rolled back" in said
    said = checkout.run("deploy", expect=1)
    assert "pinned by an earlier rollback" in said
    leads_on = re.findall(r"^  next     \./inv (.+?)(?:   |$)", said, re.MULTILINE)
    assert len(leads_on) == 1
    assert "DEPLOYED" in checkout.run(*leads_on[0].split())
    gone(checkout)


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted_while_watching_goes_back(checkout: Checkout, up: Up, by: signal.Signals) -> None:
    checkout.pace(watch={"during": LONGEST, "patience": 1, "every": 0.2})
    before = up.serves()
    process = checkout.start("deploy")
    until_stage(process, "watch")
    assert up.serves() != before
    process.send_signal(by)
    out, err = process.communicate(timeout=LONGEST)
    assert process.returncode == 3, out + err
    assert f"interrupted by {by.name}" in out
    assert up.serves() == before


def test_killed_while_watching_is_settled_by_the_next_person(checkout: Checkout, up: Up) -> None:
    checkout.pace(watch={"during": LONGEST, "patience": 1, "every": 0.2})
    before = up.serves()
    process = checkout.start("deploy")
    until_stage(process, "watch")
    process.kill()
    process.communicate(timeout=LONGEST)
    assert up.serves() != before
    said = checkout.run("deploy", expect=1)
    assert "was cut off after it had promoted" in said
    said = checkout.run("settle", expect=3)
    assert "ROLLED BACK" in said
    assert up.serves() == before
    checkout.run("settle")


def test_killed_in_the_rehearsal_it_leaves_nothing_that_costs_money_once_it_is_settled(
    checkout: Checkout, up: Up
) -> None:
    process = checkout.start("deploy")
    until_line(process, "rehearsing on branch")
    process.kill()
    process.communicate(timeout=LONGEST)
    left = copies(up)
    assert [name.partition("-")[0] for name in left] == ["rehearsal", "preview"], left
    assert "BLOCKED" in checkout.run("settle", expect=1)
    assert copies(up) == []


def copies(up: Up) -> list[str]:
    """The branches beside production's own, and the previews that somebody made."""
    neon, vercel = up.said["neon"], up.said["vercel"]
    branches = up.ask("neon", f"/projects/{neon['project']}/branches")["branches"]
    made = up.ask("vercel", f"/v6/deployments?projectId={vercel['project']}&target=preview")["deployments"]
    marked = [f"preview-{one['uid']}" for one in made if one["meta"].get(RUN, "").startswith("rehearsal-")]
    return [*(one["name"] for one in branches if not one["default"]), *marked]


def test_a_killed_deploy_takes_its_sandbox_along(checkout: Checkout) -> None:
    process = checkout.start("deploy")
    until_stage(process, "build")
    process.kill()
    process.communicate(timeout=LONGEST)
    gone(checkout)


def test_two_deploys_at_once_one_waits_for_nobody(checkout: Checkout, up: Up) -> None:
    checkout.pace(preflight={"patience": LONGEST}, watch={"during": 1, "patience": LONGEST, "every": 0.2})
    first = checkout.start("deploy")
    until_stage(first, "preflight")
    with standing_still(first):
        said = checkout.run("deploy", expect=1)
        assert "sandbox is locked by" in said
    out, err = first.communicate(timeout=LONGEST)
    assert first.returncode == 0, out + err


def test_rollback_needs_nothing_but_vercel(checkout: Checkout, up: Up) -> None:
    """No deploy.yml, then a broken one, a journal that cannot be written, and every other service down."""
    before = up.serves()
    checkout.run("deploy")
    released = up.serves()
    for service in ("github", "sentry", "betterstack", "neon", "vercel-status", "neon-status", "notify"):
        up.fault(f"{service} cut")
    vercel = up.said["vercel"]
    flags = ("--project", vercel["project"], "--team", vercel["team"], "--api", vercel["url"])
    (checkout.folder / "deploy.yml").unlink()
    said = checkout.run("rollback", *flags, "--plan", VERCEL_TOKEN=vercel["token"])
    assert before in said
    assert "Nothing was touched" in said
    assert up.serves() == released
    journal = checkout.folder / ".runs"
    for file in journal.iterdir():
        file.unlink()
    journal.rmdir()
    journal.write_text("a file where the folder should be")
    said = checkout.run("rollback", *flags, VERCEL_TOKEN=vercel["token"])
    assert f"serves   {before}" in said
    assert "no longer points production at new deployments" in said
    assert f"vercel promote {released}" in said
    assert up.serves() == before
    (checkout.folder / "deploy.yml").write_text("targets: [broken\n")
    said = checkout.run("rollback", *flags, "--to", released, VERCEL_TOKEN=vercel["token"])
    assert up.serves() == released
    said = checkout.run("rollback", *flags, "--to", "dpl_nobody", VERCEL_TOKEN=vercel["token"], expect=2)
    assert "is no deployment that" in said
    said = checkout.run("rollback", "--project", vercel["project"], expect=2)
    assert "VERCEL_TOKEN: is not set" in said


def test_a_rollback_never_picks_a_release_that_was_itself_rolled_back_from(checkout: Checkout, up: Up) -> None:
    before = up.serves()
    checkout.run("deploy", "--from", "broken-health", expect=3)
    checkout.run("deploy", "--over-rollback")
    assert up.serves() != before
    checkout.run("rollback", "--target", "sandbox")
    assert up.serves() == before, "not the one that was taken back in between, though it is newer"


def test_a_rollback_that_is_refused_is_stranded(checkout: Checkout, up: Up) -> None:
    checkout.run("deploy")
    up.fault("vercel answer status=403 POST */rollback/*")  # what may pass is asked again for a minute
    said = checkout.run("rollback", "--target", "sandbox", expect=4)
    assert "STRANDED" in said
    assert "vercel rollback dpl_" in said


def test_a_rollback_that_happened_but_answered_500_is_proved_all_the_same(checkout: Checkout, up: Up) -> None:
    before = up.serves()
    checkout.run("deploy")
    up.fault("vercel half-done POST */rollback/*")
    checkout.run("rollback", "--target", "sandbox")
    assert up.serves() == before


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("deploy", "--from", "excellent"), "broken-login"),
        (("deploy", "--from", "/no/such/folder"), "--from /no/such/folder: there is no such folder"),
        (("deploy", "--target", "mars"), "--target mars: is no target"),
        (("deploy", "--run", "../x"), "--run ../x: use letters"),
        (("deploy", "--stage", "smoke", "--run", "new"), "has not passed in run new"),
        (("deploy", "--target", "production"), "GITHUB_TOKEN: is not set; get it from"),
        (("report", "nobody"), "report nobody: there is no such run"),
        (("settle", "--run", "nobody"), "settle nobody: there is no such run"),
        (("check.smoke.routes-answer",), "needs StagedDeployment"),
        (("fault", "github explode"), "no kind 'explode'"),
        (("fault", "mars cut"), "no service 'mars'"),
    ],
)
def test_bad_input_says_what_was_wrong_and_exits_2(checkout: Checkout, words: tuple[str, ...], says: str) -> None:
    assert says in checkout.run(*words, expect=2)


def test_a_broken_file_names_every_line_and_loses_nothing(checkout: Checkout) -> None:
    file = checkout.folder / "deploy.yml"
    file.write_text(file.read_text() + "\nhelth: {}\n")
    said = checkout.run("deploy", expect=2)
    assert "helth: is no key that this file knows" in said
    assert not (checkout.folder / ".sandbox").exists(), "nothing was started"


def test_plan_shows_every_stage_and_touches_nothing(checkout: Checkout) -> None:
    said = checkout.run("deploy", "--plan")
    for word in ("preflight", "announce", "note-production", "undone by", "errors.no-new-critical"):
        assert word in said
    assert not (checkout.folder / ".sandbox").exists()
    assert not (checkout.folder / ".runs").exists()


def test_json_is_one_document_and_the_same_as_report(checkout: Checkout) -> None:
    started = checkout.start("deploy", "--from", "error-page", "--json")
    out, _ = started.communicate(timeout=LONGEST)
    assert started.returncode == 1
    found = json.loads(out)
    assert found["outcome"] == "blocked"
    again = json.loads(checkout.run("report", found["run"], "--json").splitlines()[0])
    assert again == found


def steps(checkout: Checkout) -> list[tuple[str, str]]:
    made = yaml.safe_load((checkout.folder / ".github/workflows/deploy.yml").read_text(encoding="utf-8"))
    return [
        (step["name"], step["run"])
        for step in made["jobs"]["deploy"]["steps"]
        if re.match("exec ./inv (deploy|settle)", step.get("run", ""))
    ]


def step(checkout: Checkout, command: str, summary: Path) -> "subprocess.CompletedProcess[str]":
    """One step as the runner starts it: a shell of its own, the job's environment, the checkout as its folder."""
    env = {
        **{key: value for key, value in os.environ.items() if not key.startswith(("VERCEL_", "GITHUB_"))},
        "TARGET": "sandbox", "RUN": "gh-1-1",
        "GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary),
    }  # fmt: skip
    command = command.replace("--from=. ", "")  # the sandbox's example stands in for the build output
    return subprocess.run(
        ["bash", "-e", "-c", command],
        env=env,
        cwd=checkout.folder,
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=False,
    )


needs_bash = pytest.mark.skipif(
    not shutil.which("bash"), reason="there is no bash: a workflow's steps are typed into it"
)


def test_a_build_that_was_made_anew_between_two_steps_is_not_uploaded(checkout: Checkout, up: Up) -> None:
    before = up.serves()
    checkout.run("deploy", "--run", "anew", "--stage", "preflight")
    with contextlib.closing(sqlite3.connect(checkout.folder / ".runs/journal.db")) as journal:
        ((body,),) = journal.execute("select body from deploy_events where run = 'anew' and kind = 'run begins'")
    (Path(json.loads(body)["release"]["folder"]) / ".vercel/output/static/new.txt").write_text("from another build")
    said = checkout.run("deploy", "--run", "anew", "--stage", "build", expect=1)
    assert "are not those that the run began with" in said
    assert up.serves() == before


@needs_bash
def test_the_workflows_steps_in_order_as_separate_processes(checkout: Checkout, up: Up, tmp_path: Path) -> None:
    before, summary = up.serves(), tmp_path / "summary.md"
    for name, command in steps(checkout):
        done = step(checkout, command, summary)
        assert done.returncode == 0, f"{name}\n{done.stdout}\n{done.stderr}"
    assert up.serves() != before
    assert "DEPLOYED" in summary.read_text()
    assert "::group::" not in summary.read_text()


@needs_bash
def test_a_job_that_is_cut_off_in_the_middle_is_settled_by_its_last_step(
    checkout: Checkout, up: Up, tmp_path: Path
) -> None:
    before, summary, all_steps = up.serves(), tmp_path / "summary.md", dict(steps(checkout))
    for name in ("preflight", "build", "rehearse", "safeguard", "migrate", "wake", "smoke", "confirm", "promote"):
        assert step(checkout, all_steps[name], summary).returncode == 0
    assert up.serves() != before
    done = step(checkout, all_steps["settle"], summary)
    assert done.returncode == 3, done.stdout + done.stderr
    assert up.serves() == before
    assert "ROLLED BACK" in summary.read_text()
    assert "::error title=" in done.stdout


@needs_bash
def test_a_release_that_is_stopped_fails_its_step_and_settle_has_nothing_to_do(
    checkout: Checkout, up: Up, tmp_path: Path
) -> None:
    before, summary, all_steps = up.serves(), tmp_path / "summary.md", dict(steps(checkout))
    first = all_steps["preflight"].replace("--from=.", "--from=broken-login ")
    assert step(checkout, first, summary).returncode == 0
    for name in ("build", "rehearse", "safeguard", "migrate", "wake"):
        assert step(checkout, all_steps[name], summary).returncode == 0
    done = step(checkout, all_steps["smoke"], summary)
    assert done.returncode == 1
    assert "::error title=BLOCKED%3A this run moved no traffic::" in done.stdout
    assert step(checkout, all_steps["settle"], summary).returncode == 0
    assert up.serves() == before


def test_an_emergency_rollback_says_how_far_it_is_and_what_else_went_back(checkout: Checkout, up: Up) -> None:
    before = up.serves()
    assert outcome(checkout.run("deploy", "--json")) == "deployed"
    vercel = up.said["vercel"]
    env = f"/v10/projects/{vercel['project']}/env"
    secret = next(one for one in up.ask("vercel", env)["envs"] if one["key"] == "NEXTAUTH_SECRET")
    up.ask("vercel", f"{env}/{secret['id']}", "PATCH", {"value": "a-new-secret-that-must-not-be-shown-0123456789"})
    told = checkout.run("rollback", "--target", "sandbox")
    states = [line.split()[0] for line in told.splitlines() if line.startswith("  ") and line.endswith(" s")]
    assert states[0] == "requested"
    assert states[-1] == "recovered"
    assert up.serves() == before
    assert "stale    NEXTAUTH_SECRET" in told
    assert "a-new-secret" not in told
    assert "was rolled back from before" in checkout.run(
        "rollback", "--target", "sandbox", "--to", up_newest(up), expect=2
    )


def up_newest(up: Up) -> str:
    vercel = up.said["vercel"]
    found = up.ask("vercel", f"/v6/deployments?projectId={vercel['project']}&target=production&limit=1")
    return str(found["deployments"][0]["uid"])


def test_looking_closer_changes_nothing(checkout: Checkout, up: Up) -> None:
    checkout.run("deploy", "--json")
    before = up.serves()
    assert "Deployment completed" in checkout.run("logs", "--build")
    assert "GET /api/health/db 200" in checkout.run("logs", "--path", "/api/*", "--status", "2xx", "--since", "10m")
    assert "--level loud" in checkout.run("logs", "--level", "loud", expect=2)
    table = checkout.run("env.check")
    assert "NEXTAUTH_SECRET" in table
    assert "environment.required-variables" in table
    found = checkout.run("bisect", "--run", f'test "$DEPLOYMENT" != {before}')
    assert f"FIRST BAD  {before}" in found
    assert up.serves() == before


def test_a_terminal_that_is_gone_stops_no_rollback(checkout: Checkout, up: Up) -> None:
    before = up.serves()
    checkout.pace(watch={"during": LONGEST, "patience": 1, "every": 0.2})  # the fault ends it, and nothing else
    started = checkout.start("deploy")
    until_stage(started, "watch")
    assert started.stdout
    started.stdout.close()
    up.fault("app answer status=500 /api/auth/session where=production")
    assert started.wait(LONGEST) == 3
    assert up.serves() == before


def test_a_run_that_is_alive_is_neither_settled_nor_resumed(checkout: Checkout, up: Up) -> None:
    checkout.pace(watch={"during": 6, "patience": LONGEST, "every": 0.2})
    started = checkout.start("deploy", "--run", "mine")
    until_stage(started, "watch")
    with standing_still(started):
        live = up.serves()
        assert "is locked by" in checkout.run("settle", "--run", "mine", expect=1)
        assert "is locked by" in checkout.run("deploy", "--resume", "mine", expect=1)
    assert started.wait(LONGEST) == 0
    assert up.serves() == live


def test_a_stage_that_is_under_way_in_another_process_is_not_settled(checkout: Checkout, up: Up) -> None:
    """As steps of a job: its clean-up, or somebody's laptop, must not go back while the watch itself may do so."""
    up.fault("all latency ms=300")
    started = checkout.start("deploy", "--run", "mine", "--stage", "preflight")
    until_stage(started, "preflight")
    with standing_still(started):
        assert "is locked by" in checkout.run("settle", "--run", "mine", expect=1)
    started.communicate(timeout=LONGEST)
    assert started.returncode == 0
    checkout.run("deploy", "--run", "mine", "--stage", "build")


def lapsed(checkout: Checkout) -> None:
    """Time has passed, more of it than the lease is long: nobody has renewed it."""
    with contextlib.closing(sqlite3.connect(checkout.folder / ".runs/journal.db", isolation_level=None)) as db:
        changed = db.execute("update deploy_locks set expires = '2020-01-01T00:00:00+00:00'").rowcount
    assert changed == 1


@pytest.mark.parametrize("wakes", ["to a release that is well", "to one that is ill", "and is interrupted"])
def test_a_run_that_slept_for_longer_than_its_lease_touches_nothing_when_it_wakes(
    checkout: Checkout, up: Up, wakes: str
) -> None:
    """A laptop's lid: meanwhile a colleague has resumed the run and finished it."""
    before = up.serves()
    checkout.pace(watch={"during": 8, "patience": 1, "every": 0.2})
    started = checkout.start("deploy", "--run", "mine")
    until_stage(started, "watch")
    with standing_still(started):
        lapsed(checkout)
        checkout.pace(watch={"during": 1, "patience": 1, "every": 0.2})
        assert "DEPLOYED" in checkout.run("deploy", "--resume", "mine")
        live, events = up.serves(), checkout.run("report", "mine", "--json")
        if wakes == "to one that is ill":
            up.fault("app answer status=500 /api/auth/session where=production")
        if wakes == "and is interrupted":
            started.send_signal(signal.SIGTERM)
    out, err = started.communicate(timeout=LONGEST)
    assert "somebody else's now; nothing was touched since; it ended as deployed" in out + err
    assert started.returncode == 0, "as the run itself ended"
    assert up.serves() == live != before
    assert checkout.run("report", "mine", "--json") == events, "and it has written nothing into the colleague's record"
    assert json.loads(checkout.run("status", "--json").splitlines()[0])["pinned"] is False


def test_a_run_that_is_not_there_is_not_resumed(checkout: Checkout, up: Up) -> None:
    assert "there is no such run" in checkout.run("deploy", "--resume", "typo", expect=2)


def test_an_emergency_goes_back_although_auto_assignment_is_kept_off(checkout: Checkout, up: Up) -> None:
    before = up.serves()
    checkout.run("deploy")
    vercel = up.said["vercel"]
    up.ask("vercel", f"/v9/projects/{vercel['project']}", "PATCH", {"autoAssignCustomDomains": False})
    assert "ROLLED BACK" in checkout.run("rollback", "--target", "sandbox")
    assert up.serves() == before
    assert "ALREADY THERE" in checkout.run("rollback", "--target", "sandbox"), (
        "a second, nervous call does not go back twice"
    )
    assert up.serves() == before


def test_a_token_is_never_printed(checkout: Checkout, up: Up) -> None:
    vercel = up.said["vercel"]
    words = ("rollback", "--project", vercel["project"], "--team", vercel["team"], "--api", vercel["url"])
    checkout.run("deploy")
    assert "ROLLED BACK" in checkout.run(*words, VERCEL_TOKEN=vercel["token"] + "\n")
    said = checkout.run(*words, expect=2, VERCEL_TOKEN="s3cret\x01Token")
    assert "s3cret" not in said


def test_a_sandbox_that_a_script_started_in_the_background_ends_when_told(checkout: Checkout) -> None:
    words = ["sh", "-c", f"trap '' INT; exec {checkout.folder}/inv sandbox --json"]
    started = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd="/")
    assert started.stdout
    assert started.stdout.readline()
    started.terminate()
    started.wait(10)
    gone(checkout)


def test_a_restore_is_planned_asked_for_by_name_and_carried_out(checkout: Checkout, up: Up) -> None:
    deployed = json.loads(checkout.run("deploy", "--from", "contract-after", "--json").splitlines()[0])
    again = ("database.restore", "--to", deployed["run"])
    plan = checkout.run(*again, expect=1)
    assert f"RESTORE branch main to before-{deployed['run']}" in plan
    assert "loses" in plan
    assert "--yes-restore sandbox" in plan
    assert "nothing was changed" in plan
    checkout.run(*again, "--yes-restore", "main", expect=2)
    done = checkout.run(*again, "--yes-restore", "sandbox")
    assert f"RESTORED to before-{deployed['run']}" in done
    kept = re.search(r"kept as (before-restore-\S+)", done)
    assert kept
    assert "RESTORED to before-restore" in checkout.run("database.restore", "--to", kept[1], "--yes-restore", "sandbox")
    assert "is not locked" in checkout.run("unlock")
    checkout.run("database.restore", "--to", "nothing", expect=2)
