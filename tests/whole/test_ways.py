"""Three ways to a staged deployment: none moves a domain before it is asked to, none makes a second."""

import asyncio
import dataclasses
import os
import stat
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from checks.evidence import Release
from checks.outcome import Outcome
from checks.policy import ApprovalPolicy, BuildPolicy, PromotionPolicy, SourcePolicy
from pipeline.clients import command as vendor_command
from pipeline.clients.vercelcli import VercelCommand
from pipeline.clients.visitor import Visitor
from pipeline.config.tools import pinned_vercel
from pipeline.definitions.deploy import DEPLOY, rolling_out
from pipeline.emergency.steps import return_to_previous
from pipeline.errors import Unreachable
from pipeline.sandbox.vercel import making
from pipeline.steps.build import build
from tests.stage import InProcess
from tests.vendors.world import CLI, needs_npm
from tests.whole.test_process import Checkout, Up, checkout, outcome, up

SAYS_VERSION = f'[ "$1" = --version ] && echo {pinned_vercel()} && exit'

__all__ = ["checkout", "up"]  # fixtures
OFF = {"vercel": {"auto_assign": False}}
SHARES = PromotionPolicy((10, 50), rolling_watch=2)


class Killed(BaseException):
    pass


def kill() -> None:
    raise Killed


def by(inside: InProcess, way: str, **more: Any) -> None:
    policies = {**inside.settings.policies, BuildPolicy: BuildPolicy(way, version=pinned_vercel(), **more)}  # type: ignore[arg-type]
    inside.settings = dataclasses.replace(inside.settings, policies=policies)


def mine(inside: InProcess) -> int:
    """How many deployments runs of ours have made."""
    return sum("deployRun" in one.meta for one in inside.sandbox.state.vercel.deployments.values())


def push(inside: InProcess, release: Release) -> str:
    """A push to main becomes a deployment by itself."""
    sha, folder = release.commit, Path(release.folder)
    made = inside.sandbox.commit(sha, "pushed", str(folder), deploy=True)
    return made.id if made else ""


def test_git_takes_the_deployment_of_the_push_and_makes_none(inside: InProcess) -> None:
    by(inside, "git")
    inside.sandbox.patch(OFF)
    before, release = inside.serves(), inside.release()
    pushed = push(inside, release)
    assert inside.serves() == before
    result, report = inside.deploy(release=release)
    assert result is Outcome.DEPLOYED, report.reason
    assert inside.serves() == pushed == report.staged["id"]
    assert mine(inside) == 0
    assert inside.sandbox.state.vercel.auto_assign is False, "promoting switched it on; the run switched it off again"


def test_git_has_one_made_from_the_source_when_no_push_became_one(inside: InProcess) -> None:
    by(inside, "git", appears=10)
    inside.sandbox.patch(OFF)
    release = inside.release()
    result, report = inside.deploy(release=release)
    assert result is Outcome.DEPLOYED, report.reason
    assert mine(inside) == 1
    assert inside.serves() == report.staged["id"]


def test_git_waits_for_a_push_that_appears_late(inside: InProcess) -> None:
    by(inside, "git", appears=60)
    inside.sandbox.patch(OFF)
    release = inside.release()
    pushed: list[str] = []
    inside.before_step("build", lambda: inside.clock.at.update({inside.clock.seconds + 20: late}))

    def late() -> None:
        pushed.append(push(inside, release))

    result, report = inside.deploy(release=release)
    assert result is Outcome.DEPLOYED, report.reason
    assert [report.staged["id"]] == pushed


@pytest.mark.parametrize(
    ("switch", "says"),
    [
        ({"vercel": {"auto_assign": True}}, "gives production domains to every push"),
        ({"vercel": {"hidden": ["autoAssignCustomDomains"]}}, "gives production domains to every push"),
    ],
)
def test_git_does_not_start_while_a_push_would_move_production(
    inside: InProcess, switch: dict[str, Any], says: str
) -> None:
    by(inside, "git")
    inside.sandbox.patch(switch)
    result, _ = inside.deploy()
    assert result is Outcome.BLOCKED
    events = [event for event in inside.journal("r1").events() if event.subject == "release.builds-move-nothing"]
    assert any(says in finding["says"] for event in events for finding in event.body["findings"])
    assert mine(inside) == 0


def test_kept_off_on_purpose_is_not_pinned_and_a_rollback_is(inside: InProcess) -> None:
    by(inside, "git", appears=0)
    inside.sandbox.patch(OFF)
    result, report = inside.deploy("broken-health")
    assert result is Outcome.ROLLED_BACK, report.reason
    result, report = inside.deploy(run="r2")
    assert result is Outcome.BLOCKED
    assert "pinned by an earlier rollback" in report.reason


@pytest.mark.parametrize("way", ["prebuilt", "git"])
def test_a_creation_that_answered_500_but_happened_makes_no_second(inside: InProcess, way: str) -> None:
    by(inside, way, **({"appears": 0} if way == "git" else {}))
    if way == "git":
        inside.sandbox.patch(OFF)
    inside.at_stage("build", lambda: inside.sandbox.inject("vercel half-done POST /v13/deployments times=2"))
    result, report = inside.deploy()
    assert result is Outcome.DEPLOYED, report.reason
    assert mine(inside) == 1


def script(folder: Path, text: str) -> str:
    path = folder / "vercel"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("echo 63.0.0", f"would be deployed with vercel 63.0.0; deploy.yml pins {pinned_vercel()}"),
        (SAYS_VERSION + '; echo "no such project" >&2; exit 1', "ended with 1"),
        (SAYS_VERSION + "; echo done", "printed no address"),
    ],
)
def test_a_command_that_does_not_do_it_is_said_and_moves_nothing(
    inside: InProcess, tmp_path: Path, text: str, says: str
) -> None:
    before = inside.serves()
    by(inside, "cli", command=script(tmp_path, text))
    result, report = inside.deploy()
    assert result is Outcome.BLOCKED
    assert says in report.reason
    assert inside.serves() == before


def test_a_command_that_is_not_there_is_named_with_what_to_do(inside: InProcess) -> None:
    by(inside, "cli", command="/no/such/vercel")
    result, report = inside.deploy()
    assert result is Outcome.BLOCKED
    assert "install it, or set `build.command`" in report.reason


def test_the_token_is_in_no_argument_and_the_command_dies_with_us(inside: InProcess, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    command = script(
        tmp_path, f'echo "$@" > {seen}; echo "$VERCEL_TOKEN" > {seen}.env; echo $$ > {seen}.pid; exec sleep 60'
    )

    async def go() -> None:
        async with inside.world(inside.release()) as world:
            running = asyncio.ensure_future(
                world.vercel_command.run(command, ["deploy"], tmp_path, {}, lambda line: None)
            )
            while not Path(f"{seen}.pid").exists() or not Path(f"{seen}.pid").read_text():
                await asyncio.sleep(0.01)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            with pytest.raises(Unreachable):
                await world.vercel_command.version("/no/such/thing")

    asyncio.run(go())
    token = inside.settings.secrets["VERCEL_TOKEN"]
    assert token not in seen.read_text()
    assert token in Path(f"{seen}.env").read_text()
    pid = int(Path(f"{seen}.pid").read_text())
    for _ in range(200):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            break
        if "Z" in Path(f"/proc/{pid}/stat").read_text().split(")")[1][:3]:
            break
    else:
        pytest.fail("the command outlived the run")


@pytest.mark.wide
@pytest.mark.process
@needs_npm
def test_the_real_command_line_stages_and_we_promote(checkout: Checkout, up: Up) -> None:
    import yaml

    file = checkout.folder / "deploy.yml"
    raw = yaml.safe_load(file.read_text(encoding="utf-8"))
    raw["build"] = {"by": "cli", "command": f"node {CLI}"}
    file.write_text(yaml.safe_dump(raw), encoding="utf-8")
    before = up.serves()
    assert outcome(checkout.run("deploy", "--json")) == "deployed"
    assert up.serves() != before
    made = up.ask("vercel", f"/v13/deployments/{up.serves()}")
    assert made["source"] == "cli"
    assert "deployRun" in made["meta"]


# ── In shares ──────────────────────────────────────────────────────────────────────────────────────────────────────


def in_shares(inside: InProcess) -> None:
    """Vercel and the run agree on 10 %, 50 %, all."""
    stages = [{"targetPercentage": 10, "requireApproval": True}, {"targetPercentage": 50, "requireApproval": True},
              {"targetPercentage": 100}]  # fmt: skip
    inside.sandbox.patch({"vercel": {"rolling_config": {"target": "production", "stages": stages}}})
    policies = {**inside.settings.policies, PromotionPolicy: SHARES}
    inside.settings = dataclasses.replace(inside.settings, policies=policies)
    inside.pipeline = rolling_out(DEPLOY, SHARES).at_pace(inside.config.pace("sandbox"))


def share_of(inside: InProcess, id: str, of: int = 40) -> float:
    """How many of ``of`` visitors get that deployment."""
    url = f"http://{inside.settings.domain}/api/health/db"
    return sum(inside.get(url).headers["x-deployment-id"] == id for _ in range(of)) / of


def test_behind_a_colleagues_rolling_release_ours_is_not_yet(inside: InProcess) -> None:
    """A promotion that is answered 202 has not happened, whatever the exit code of the vendor's tool would be."""
    before = inside.serves()
    inside.before_step("promote", lambda: inside.sandbox.inject("vercel answer status=202 json='{}' POST */promote/*"))
    result, report = inside.deploy()
    assert result is Outcome.BLOCKED
    assert "queued behind a rolling release" in report.reason
    assert inside.serves() == before


@pytest.mark.parametrize("further", [{}, {"learn": ""}], ids=["one domain", "two domains"])
def test_an_emergency_during_a_rolling_release_ends_it_and_goes_no_further_back(
    inside: InProcess, further: dict[str, str]
) -> None:
    in_shares(inside)
    inside.sandbox.patch({"vercel": {"domains": further}})
    before = inside.serves()
    inside.at_stage("share-50", kill)
    with pytest.raises(Killed):
        inside.deploy()
    inside.listeners.clear()

    async def go() -> Any:
        async with inside.world(inside.release()) as world, httpx.AsyncClient(transport=inside.wire) as http:
            domain = inside.settings.domain
            return await return_to_previous(world.vercel, http, inside.clock, domain=domain, health="/api/health/db")

    returned = asyncio.run(go())
    assert returned.target.id == before
    assert share_of(inside, before) == 1


def test_a_rolling_release_that_cannot_be_ended_is_stranded(inside: InProcess) -> None:
    in_shares(inside)

    def break_it() -> None:
        inside.sandbox.inject("vercel answer status=500 POST */rollback/*")
        inside.sandbox.inject("app failing-route /api/health/db where=staged")

    inside.at_stage("share-50", break_it)
    result, _ = inside.deploy()
    assert result is Outcome.STRANDED


def test_nobody_promotes_over_a_rollback_that_happened_meanwhile(inside: InProcess) -> None:
    inside.deploy()
    live = inside.serves()

    def colleague() -> None:
        inside.sandbox.patch({"vercel": {"auto_assign": False}})

    inside.at_stage("smoke", colleague)
    result, report = inside.deploy(run="r2")
    assert result is Outcome.BLOCKED
    assert report.stages[-1].name == "confirm"
    assert inside.serves() == live


def test_the_bypass_secret_goes_to_the_site_alone(inside: InProcess) -> None:
    seen: dict[str, str | None] = {}

    class Redirecting(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            seen[request.url.host] = request.headers.get("x-vercel-protection-bypass")
            if request.url.host == "a.localhost":
                return httpx.Response(302, headers={"location": "http://b.localhost/"})
            return httpx.Response(200, text="elsewhere")

    visitor = Visitor(lambda: httpx.AsyncClient(transport=Redirecting()), inside.clock, bypass="s3cret")
    asyncio.run(visitor.get("http://a.localhost/"))
    assert seen == {"a.localhost": "s3cret", "b.localhost": None}


# ── The bad days of each way ───────────────────────────────────────────────────────────────────────────────────────

WAYS = ("prebuilt", "git", "cli")


def ready_for(inside: InProcess, way: str, folder: Path, patch: pytest.MonkeyPatch, then: str = "") -> Path:
    """Set up ``way``; for ``cli`` a command that deploys at Vercel, prints the address, and does ``then``.

    The file counts how often it deployed.
    """
    times = folder / "times"
    times.touch()
    if way == "git":
        inside.sandbox.patch(OFF)
        by(inside, way, appears=0)
    elif way == "cli":
        address = folder / "address"
        by(inside, way, command=script(folder, f"{SAYS_VERSION}; echo once >> {times}; cat {address}; {then}"))
        run = VercelCommand.run

        async def deploying(command: VercelCommand, *words: Any) -> str:
            address.write_text(elsewhere_made(inside))
            return await run(command, *words)

        patch.setattr(VercelCommand, "run", deploying)
    else:
        by(inside, way)
    return times


def elsewhere_made(inside: InProcess) -> str:
    """The address of a deployment as the command line makes it for run r1."""
    core, vercel = inside.sandbox.core, inside.sandbox.state.vercel
    meta = {"deployRun": "r1", "githubCommitSha": inside.sandbox.state.github.head}
    files = vercel.deployments[vercel.production].files
    made = making.make(core, making.Order(files, "production", meta, auto_assign=False, prebuilt=True))
    return f"https://{core.host_of(made)}\n"


@pytest.mark.parametrize("way", WAYS)
def test_no_way_moves_a_domain_before_it_is_promoted(
    inside: InProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    ready_for(inside, way, tmp_path, monkeypatch)
    before, served = inside.serves(), list[str]()
    inside.listeners.append(
        lambda e: served.append(inside.sandbox.state.vercel.production) if len(promoted(inside)) == 0 else None
    )
    result, report = inside.deploy()
    assert result is Outcome.DEPLOYED, report.reason
    assert len(served) > 10
    assert set(served) == {before}
    assert promoted(inside) == [report.staged["id"]]
    assert inside.serves() == report.staged["id"]


def promoted(inside: InProcess) -> list[str]:
    return [path.rpartition("/")[2] for path in inside.asked("POST", "*/promote/*")]


@pytest.mark.parametrize("moment", ["begins", "created", "done"])
@pytest.mark.parametrize("way", WAYS)
def test_killed_around_the_creation_and_resumed_there_is_one_deployment(
    inside: InProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str, moment: str
) -> None:
    wire, times = inside.wire, ready_for(inside, way, tmp_path, monkeypatch)
    kept = list(inside.listeners)
    if moment == "created":  # Vercel has it, and nobody has written that down; the command line asks for it last
        ends = ("GET", "/v13/deployments/") if way == "cli" else ("POST", "/v13/deployments")
        inside.tap(
            after=lambda request, response: (
                kill()
                if (request.method, request.url.path[: len(ends[1])]) == ends and response.is_success and mine(inside)
                else None
            )
        )
    else:
        inside.listeners.append(lambda e: kill() if (e.kind, e.subject) == (f"step {moment}", "build") else None)
    with pytest.raises(Killed):
        inside.deploy()
    inside.listeners[:], inside.wire = kept, wire
    result, report = inside.deploy(resume=True)
    assert result is Outcome.DEPLOYED, report.reason
    assert mine(inside) == 1
    assert way != "cli" or times.read_text().count("once") == 1
    assert inside.serves() == report.staged["id"]


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_git_does_not_take_a_push_that_came_to_nothing(inside: InProcess, state: str) -> None:
    by(inside, "git", appears=0)
    inside.sandbox.patch(OFF)
    release = inside.release()
    pushed = inside.sandbox.state.vercel.deployments[push(inside, release)]
    if state == "failed":
        pushed.error = ["BUILD_FAILED", "Type error"]
    else:
        pushed.canceled = inside.clock.now().timestamp()
    inside.clock.seconds += 5
    result, report = inside.deploy(release=release)
    assert result is Outcome.DEPLOYED, report.reason
    assert mine(inside) == 1
    assert inside.serves() == report.staged["id"] != pushed.id


def test_git_takes_the_good_push_although_a_newer_one_failed(inside: InProcess) -> None:
    by(inside, "git", appears=0)
    inside.sandbox.patch(OFF)
    release = inside.release()
    good = push(inside, release)
    inside.clock.seconds += 5
    inside.sandbox.state.vercel.deployments[push(inside, release)].error = ["BUILD_FAILED", "Type error"]
    inside.clock.seconds += 5
    result, report = inside.deploy(release=release)
    assert result is Outcome.DEPLOYED, report.reason
    assert inside.serves() == good == report.staged["id"]
    assert mine(inside) == 0


def test_git_finds_what_vercel_builds_of_every_push_by_itself(inside: InProcess) -> None:
    by(inside, "git")
    inside.sandbox.patch({"vercel": {"auto_assign": False, "switched_off": False}})
    before = inside.serves()
    result, report = inside.deploy()
    assert result is Outcome.DEPLOYED, report.reason
    assert mine(inside) == 0
    assert inside.sandbox.state.vercel.deployments[report.staged["id"]].source == "git"
    assert inside.serves() == report.staged["id"] != before


def test_git_does_not_take_a_push_that_is_older_than_a_variable_of_production(inside: InProcess) -> None:
    """A run was stopped because of the variable; the deployment of the push keeps what was set when it was made."""
    by(inside, "git", appears=0)
    inside.require(dataclasses.replace(inside.settings.policies[ApprovalPolicy], required=0))
    inside.sandbox.patch(OFF)
    release = inside.release()
    pushed = push(inside, release)
    inside.clock.seconds += 60
    secret = next(one for one in inside.sandbox.state.vercel.env if one.key == "NEXTAUTH_SECRET")
    secret.value, secret.updated = "n3w" * 15, inside.clock.now().timestamp()
    inside.clock.seconds += 5
    result, report = inside.deploy(release=release)
    assert result is Outcome.DEPLOYED, report.reason
    assert mine(inside) == 1
    live = inside.sandbox.state.vercel.deployments[inside.serves()]
    assert live.id != pushed
    assert live.env["NEXTAUTH_SECRET"] == "n3w" * 15


def test_git_builds_from_the_branch_that_deploy_yml_names(inside: InProcess) -> None:
    by(inside, "git", appears=0)
    inside.require(dataclasses.replace(inside.settings.policies[SourcePolicy], branch="trunk"))
    release = inside.release()

    async def go() -> str:
        async with inside.world(release) as world:
            staged = await build.act(world, inside.settings.policies[BuildPolicy], release)
            return str(staged.id)

    one = inside.sandbox.state.vercel.deployments[asyncio.run(go())]
    assert one.meta["githubCommitRef"] == "trunk"
    assert one.meta["githubCommitSha"] == release.commit


def test_git_whose_switch_cannot_be_put_back_keeps_the_release_and_stops_the_next_run(inside: InProcess) -> None:
    by(inside, "git", appears=0)
    inside.sandbox.patch(OFF)
    inside.sandbox.inject("vercel answer status=500 PATCH /v9/projects/*")
    result, report = inside.deploy()
    assert result is Outcome.DEPLOYED, report.reason
    live = inside.serves()
    assert live == report.staged["id"]
    result, report = inside.deploy(run="r2")
    assert result is Outcome.BLOCKED
    assert "gives production domains to every push" in report.reason
    assert inside.serves() == live


def test_a_command_that_failed_after_it_had_deployed_is_believed_by_its_deployment(
    inside: InProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = ready_for(inside, "cli", tmp_path, monkeypatch, then="echo 'socket hang up' >&2; exit 1")
    result, report = inside.deploy()
    assert result is Outcome.DEPLOYED, report.reason
    assert times.read_text().count("once") == 1
    assert mine(inside) == 1
    assert inside.serves() == report.staged["id"]


def test_a_command_that_says_too_much_in_one_line_is_heard_to_its_end(
    inside: InProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready_for(inside, "cli", tmp_path, monkeypatch, then="head -c 300000 /dev/zero | tr '\\0' x >&2")
    result, report = inside.deploy()
    assert result is Outcome.DEPLOYED, report.reason
    assert inside.serves() == report.staged["id"]


def test_a_command_that_cannot_be_read_is_said(inside: InProcess) -> None:
    before = inside.serves()
    by(inside, "cli", command="npx 'vercel@1.2.3")
    result, report = inside.deploy()
    assert result is Outcome.BLOCKED
    assert "No closing quotation; change `build.command`" in report.reason
    assert inside.serves() == before


@pytest.mark.parametrize("trap", ["", "trap '' TERM;"], ids=["obedient", "stubborn"])
def test_ctrl_c_while_the_command_runs_ends_it_and_moves_nothing(
    inside: InProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trap: str
) -> None:
    monkeypatch.setattr(vendor_command, "GRACE", 0.3)
    before, pid = inside.serves(), tmp_path / "pid"
    loop = f"echo $$ > {pid}.new; mv {pid}.new {pid}; while :; do sleep 0.05; done"
    by(inside, "cli", command=script(tmp_path, f"{SAYS_VERSION}; {trap} {loop}"))

    async def go() -> Outcome | None:
        release = inside.release()
        async with inside.world(release) as world:
            runner = inside.runner(world, inside.journal("r1"))
            running = asyncio.ensure_future(runner.run())
            while not pid.exists():
                await asyncio.sleep(0.01)
            runner.interrupt("interrupted by SIGINT")
            return await running

    assert asyncio.run(go()) is Outcome.BLOCKED
    assert "interrupted by SIGINT" in inside.report().reason
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)
    assert inside.serves() == before


def test_what_a_command_left_running_goes_with_it(inside: InProcess, tmp_path: Path) -> None:
    """The command itself has ended; a child of it holds the line, and would hold it for a minute."""
    pid = tmp_path / "pid"
    command = script(tmp_path, f"sleep 60 & echo $! > {pid}.new; mv {pid}.new {pid}; exit 0")

    async def go() -> None:
        async with inside.world(inside.release()) as world:
            running = asyncio.ensure_future(
                world.vercel_command.run(command, ["deploy"], tmp_path, {}, lambda line: None)
            )
            while not pid.exists():
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    asyncio.run(go())
    assert gone(int(pid.read_text()))


def gone(pid: int) -> bool:
    """Dead; somebody may still have to bury it."""
    for _ in range(100):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.01)
    return False
