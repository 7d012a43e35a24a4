"""What is judged is the right build, what fails is the release's fault, and what was bad stays bad."""

import asyncio
import dataclasses
import socket
from typing import Any

import httpx
import pytest

from checks.outcome import Outcome
from checks.policy import IdentityPolicy, JourneyStep, Route, SmokePolicy
from pipeline.record.journal import known_bad
from pipeline.render.report import summary_text
from tests.stage import InProcess


def require(inside: InProcess, policy: type, **changes: Any) -> None:
    """Another policy for this sandbox."""
    policies = dict(inside.settings.policies)
    policies[policy] = dataclasses.replace(policies[policy], **changes)
    inside.settings = dataclasses.replace(inside.settings, policies=policies)


def verdicts(inside: InProcess, gate: str, run: str = "r1") -> list[str]:
    events = inside.journal(run).events()
    return [event.body["verdict"] for event in events if (event.kind, event.subject) == ("gate answered", gate)]


def says(inside: InProcess, gate: str, run: str = "r1") -> str:
    events = inside.journal(run).events()
    found = [event for event in events if (event.kind, event.subject) == ("gate answered", gate)]
    return " ".join(finding["says"] for event in found for finding in event.body["findings"])


def test_protection_without_its_secret_stops_loudly_and_names_the_secret(inside: InProcess) -> None:
    before = inside.serves()
    inside.sandbox.patch({"vercel": {"protection": True, "bypass_secret": "s3cret-bypass"}})
    outcome, report = inside.deploy()
    assert outcome is Outcome.BLOCKED
    assert report.stages[-1].name == "preflight", "before anything is built or migrated"
    assert "VERCEL_AUTOMATION_BYPASS_SECRET is not set" in report.reason
    assert inside.serves() == before


@pytest.mark.parametrize("status", [403, 429])
def test_a_challenge_of_the_firewall_is_no_reason_to_take_a_release_back(inside: InProcess, status: int) -> None:
    inside.at_stage("validate", lambda: inside.sandbox.inject(f"app challenge status={status} where=production"))
    outcome, report = inside.deploy()
    assert outcome is Outcome.HELD
    assert "firewall challenged the request (Security Checkpoint)" in report.reason
    assert report.held == "unseen", "the words at the end say that nobody could look"
    assert summary_text(report).splitlines()[1] == (
        "HELD: the release is live, and nobody could look whether it is well; a person decides"
    )
    assert inside.sandbox.state.vercel.production == report.staged["id"]


def test_a_wrong_secret_is_named_before_anything_moves(inside: InProcess) -> None:
    inside.sandbox.patch({"vercel": {"protection": True, "bypass_secret": "s3cret-bypass"}})
    secrets = {**inside.settings.secrets, "VERCEL_AUTOMATION_BYPASS_SECRET": "another-projects"}
    inside.settings = dataclasses.replace(inside.settings, secrets=secrets)
    outcome, report = inside.deploy()
    assert outcome is Outcome.BLOCKED
    assert report.stages[-1].name == "preflight"
    assert "VERCEL_AUTOMATION_BYPASS_SECRET is wrong" in report.reason
    assert not inside.asked("POST", "/v13/deployments")


def test_protection_is_passed_with_its_secret(inside: InProcess) -> None:
    inside.sandbox.patch({"vercel": {"protection": True, "bypass_secret": "s3cret-bypass"}})
    secrets = {**inside.settings.secrets, "VERCEL_AUTOMATION_BYPASS_SECRET": "s3cret-bypass"}
    inside.settings = dataclasses.replace(inside.settings, secrets=secrets)
    outcome, report = inside.deploy()
    assert outcome is Outcome.DEPLOYED, report.reason


def test_an_address_that_does_not_say_which_build_it_is_is_not_judged(inside: InProcess) -> None:
    require(inside, IdentityPolicy, proof=("header",), header="x-nobody-sends-this")
    outcome, report = inside.deploy()
    assert outcome is Outcome.BLOCKED
    assert "does not say which build it is" in report.reason
    assert report.stages[-1].name == "wake"


def test_a_cold_start_is_patience_and_not_a_failure(inside: InProcess) -> None:
    """The first visits take 9 s, far beyond smoke's 2 s; they happen before anything is judged."""
    inside.at_stage("wake", lambda: inside.sandbox.inject("app slow-app seconds=9 where=staged times=4"))
    outcome, report = inside.deploy()
    assert outcome is Outcome.DEPLOYED, report.reason


@pytest.mark.parametrize("stage", ["validate", "watch"])
def test_a_fault_that_the_old_deployment_shares_is_held_and_not_rolled_back(inside: InProcess, stage: str) -> None:
    inside.at_stage(stage, lambda: inside.sandbox.inject("app answer status=503 /api/health/db"))
    outcome, report = inside.deploy()
    if outcome is Outcome.HELD:
        assert inside.serves() == report.staged["id"]
        assert report.exit_code == 5
    assert "the old deployment fails alike" in says(
        inside, {"validate": "health.production-is-well", "watch": "watch.stays-well"}[stage]
    )


def test_only_the_shared_fault_holds(inside: InProcess) -> None:
    inside.at_stage("watch", lambda: inside.sandbox.inject("app answer status=503 /api/health/db"))
    outcome, report = inside.deploy()
    assert outcome is Outcome.HELD, report.reason
    assert inside.serves() == report.staged["id"] != report.before["id"]
    assert not known_bad(inside.store), "a release that was not at fault is not bad"


def test_a_page_that_fails_on_the_new_release_alone_is_taken_back(inside: InProcess) -> None:
    before = inside.serves()
    inside.at_stage("validate", lambda: inside.sandbox.inject("app failing-route /login where=production times=40"))
    outcome, report = inside.deploy()
    assert outcome is Outcome.ROLLED_BACK, report.reason
    assert "the old deployment fails alike" not in says(inside, "smoke.production-routes-answer")
    assert inside.serves() == before


def test_an_advisory_route_warns_and_takes_nothing_back(inside: InProcess) -> None:
    routes = (*inside.settings.policies[SmokePolicy].routes, Route("/no-such-page", contains="x", advisory=True))
    require(inside, SmokePolicy, routes=routes)
    outcome, report = inside.deploy()
    assert outcome is Outcome.DEPLOYED, report.reason
    assert any("advisory" in finding["says"] for _, finding in report.warnings)


def test_an_advisory_journey_warns(inside: InProcess) -> None:
    *others, upload = inside.settings.policies[SmokePolicy].journeys
    lost = dataclasses.replace(upload, steps=(JourneyStep("/nothing", "upload", body="x"),), advisory=True)
    require(inside, SmokePolicy, journeys=(*others, lost))
    outcome, report = inside.deploy()
    assert outcome is Outcome.DEPLOYED, report.reason
    said = {finding["says"] for gate, finding in report.warnings if gate == "smoke.production-journeys-work"}
    assert any("fails at upload: answered 404" in one and "(advisory)" in one for one in said)


def test_a_name_that_does_not_resolve_is_unknown_and_no_verdict_on_the_release(inside: InProcess) -> None:
    class NoNames(httpx.AsyncBaseTransport):
        """The staged address stops resolving when smoke begins."""

        def __init__(self) -> None:
            self.inner, self.off = inside.wire, False

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if self.off and request.url.port in self.ports:
                raise httpx.ConnectError("nope", request=request) from socket.gaierror(-2, "Name or service not known")
            return await self.inner.handle_async_request(request)

        @property
        def ports(self) -> set[int | None]:
            staged = inside.report().staged
            return {httpx.URL(staged["url"]).port} if staged else set()

    wire = NoNames()
    inside.wire = wire  # type: ignore[assignment]
    inside.at_stage("smoke", lambda: setattr(wire, "off", True))
    outcome, _ = inside.deploy()
    assert outcome is Outcome.BLOCKED
    assert set(verdicts(inside, "smoke.routes-answer")) == {"unknown"}
    assert set(verdicts(inside, "smoke.journeys-work")) == {"unknown"}
    assert set(verdicts(inside, "health.staged-is-well")) == {"unknown"}


def test_the_budget_of_a_round_is_kept(inside: InProcess) -> None:
    """A route that never answers costs the budget, not the sum of all timeouts, and is named."""

    async def go() -> list[int]:
        async with inside.world(inside.release()) as world:
            site = f"http://{inside.settings.domain}"
            answers = await world.visitor.get_all([site + "/", site + "/login"], at_once=1, request=20, budget=0)
            return [answer.status for answer in answers]

    assert asyncio.run(go()) == [0, 0]


def test_a_bad_commit_is_not_shipped_again_and_its_deployment_is_no_target(inside: InProcess) -> None:
    outcome, report = inside.deploy("broken-health")
    assert outcome is Outcome.ROLLED_BACK
    (bad,) = known_bad(inside.store)
    assert bad.deployment == report.staged["id"]
    outcome, report = inside.deploy("broken-health", run="r2", over_rollback=True)
    assert outcome is Outcome.BLOCKED
    assert "was taken back" in report.reason


def test_an_interrupted_release_is_not_called_bad(inside: InProcess) -> None:
    class Killed(BaseException):
        pass

    def kill() -> None:
        raise Killed

    inside.at_stage("validate", kill)
    with pytest.raises(Killed):
        inside.deploy()
    inside.listeners.clear()
    assert inside.settle() is Outcome.ROLLED_BACK
    assert not known_bad(inside.store)


def test_an_older_commit_does_not_overwrite_a_newer_one(inside: InProcess) -> None:
    old = inside.release()
    inside.deploy()
    newer = dataclasses.replace(inside.release(), commit="f" * 40)
    inside.sandbox.commit("f" * 40, "newer")
    outcome, _ = inside.deploy(run="r2", release=newer)
    assert outcome is Outcome.DEPLOYED
    live = inside.serves()
    outcome, report = inside.deploy(run="r3", release=old)
    assert outcome is Outcome.BLOCKED
    assert "is older than ffffffffffff" in says(inside, "order.is-newer", "r3")
    assert inside.serves() == live
    outcome, report = inside.deploy(run="r4", release=dataclasses.replace(old, older=True))
    assert outcome is Outcome.DEPLOYED, report.reason
    assert any("--older" in finding["says"] for _, finding in report.warnings)


def test_a_colleague_who_released_something_newer_meanwhile_stops_us_right_before_promoting(inside: InProcess) -> None:
    mine = inside.release()
    inside.deploy(release=mine)
    theirs = dataclasses.replace(mine, commit="e" * 40)

    def colleague() -> None:
        inside.sandbox.commit("e" * 40, "theirs")
        live = inside.sandbox.state.vercel.deployments[inside.sandbox.state.vercel.production]
        live.meta = {**live.meta, "githubCommitSha": theirs.commit}

    inside.at_stage("smoke", colleague)
    outcome, report = inside.deploy(run="r2", release=mine)
    assert outcome is Outcome.BLOCKED
    assert report.stages[-1].name == "confirm"
    assert "is older than" in report.reason
