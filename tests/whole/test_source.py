"""GitHub as it is: several suites, our own runs, people who may not write, tokens that may not read, moved names."""

import datetime
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from checks.outcome import Outcome
from checks.policy import ContinuousIntegrationPolicy, IgnoredCheck
from pipeline.errors import Refused
from pipeline.record.report import Report
from pipeline.render.report import summary_text
from pipeline.sandbox.githubstate import ActionRun, Alert, Commit
from tests.stage import InProcess

NOW, EARLIER = 7001, 6900


class Edited(httpx.AsyncBaseTransport):
    """Answers as the sandbox does, after ``edit(path, body)`` has changed the JSON of what ends in ``path``."""

    def __init__(self, inner: httpx.AsyncBaseTransport, path: str, edit: Callable[[Any], None]) -> None:
        self._inner, self._path, self._edit = inner, path, edit

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._inner.handle_async_request(request)
        if not request.url.path.endswith(self._path):
            return response
        body = json.loads(await response.aread())
        self._edit(body)
        return httpx.Response(response.status_code, json=body)


def warned(report: Report) -> str:
    return "\n".join(f"{finding['subject']} {finding['says']}" for _, finding in report.warnings)


def runs_on(inside: InProcess, *runs: ActionRun) -> None:
    inside.sandbox.state.github.runs.extend(runs)


def run_of(inside: InProcess, commit: str, workflow: str, id: int, conclusion: str, takes: float = 0) -> ActionRun:
    return ActionRun(id, workflow, commit, "push", inside.clock.now().timestamp(), takes, conclusion)


@pytest.fixture
def in_actions(inside: InProcess, monkeypatch: pytest.MonkeyPatch) -> InProcess:
    """A run of ours that is a job of GitHub Actions."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_RUN_ID", str(NOW))
    monkeypatch.setenv("GITHUB_WORKFLOW_REF", "acme/lms/.github/workflows/deploy.yml@refs/heads/main")
    return inside


def test_the_deploy_job_does_not_wait_for_its_own_check_run(in_actions: InProcess) -> None:
    release = in_actions.release()
    runs_on(in_actions, run_of(in_actions, release.commit, "deploy.yml", NOW, "", takes=1e6))
    outcome, report = in_actions.deploy(release=release)
    assert outcome is Outcome.DEPLOYED, report.reason


@pytest.mark.parametrize("ended", ["failure", "cancelled"])
@pytest.mark.parametrize("workflow", ["deploy.yml", "monitor.yml", "rollback.yml"])
def test_an_earlier_run_of_a_workflow_of_ours_is_no_check_on_the_code(
    inside: InProcess, workflow: str, ended: str
) -> None:
    release = inside.release()
    runs_on(inside, run_of(inside, release.commit, workflow, EARLIER, ended))
    outcome, report = inside.deploy(release=release)
    assert outcome is Outcome.DEPLOYED, report.reason


def test_without_the_right_to_read_actions_a_red_run_stops_and_says_why(inside: InProcess) -> None:
    inside.sandbox.inject("github answer status=403 GET */actions/runs/*")
    release = inside.release()
    runs_on(inside, run_of(inside, release.commit, "deploy.yml", EARLIER, "failure"))
    outcome, report = inside.deploy(release=release)
    assert outcome is Outcome.BLOCKED
    assert "Actions: Read" in report.reason


@pytest.mark.parametrize("older", ["failure", "cancelled"])
def test_an_older_red_run_in_another_suite_does_not_stop_a_green_one(inside: InProcess, older: str) -> None:
    def add(body: Any) -> None:
        new = next(one for one in body["check_runs"] if one["name"] == "test")
        began = {"started_at": "2026-01-01T08:00:00Z", "completed_at": "2026-01-01T08:01:00Z"}
        body["check_runs"].insert(0, {**new, "id": 1, "conclusion": older, "check_suite": {"id": 2}, **began})

    inside.wire = Edited(inside.wire, "/check-runs", add)
    outcome, report = inside.deploy()
    assert outcome is Outcome.DEPLOYED, report.reason


def test_a_red_check_on_the_third_page_is_seen(inside: InProcess) -> None:
    release = inside.release()
    inside.sandbox.state.github.most_listed = 100
    checks = inside.sandbox.state.github.commits[release.commit].checks
    checks.update({f"shard {number:03}": "success" for number in range(240)}, **{"the last one": "failure"})
    outcome, report = inside.deploy(release=release)
    assert outcome is Outcome.BLOCKED
    assert "the last one is failure" in report.reason


@pytest.mark.parametrize(
    ("where", "name", "state"),
    [("statuses", "Vercel – docs", "failure"), ("checks", "dependency-bot", "pending")],
)
def test_a_foreign_check_is_left_out_for_good_by_the_file(inside: InProcess, where: str, name: str, state: str) -> None:
    release = inside.release()
    getattr(inside.sandbox.state.github.commits[release.commit], where)[name] = state
    outcome, report = inside.deploy(release=release)
    assert outcome is Outcome.BLOCKED
    assert name in report.reason
    known = inside.settings.policies[ContinuousIntegrationPolicy]
    more = replace(known, ignore=(*known.ignore, IgnoredCheck(name, "says nothing about this project")))
    inside.settings.policies[ContinuousIntegrationPolicy] = more  # type: ignore[index]
    outcome, report = inside.deploy(release=release, run="r2")
    assert outcome is Outcome.DEPLOYED, report.reason


@pytest.mark.parametrize("by", ["passer-by", "approve-all[bot]", "github-actions[bot]"])
def test_the_approval_of_somebody_who_may_not_write_is_none(inside: InProcess, by: str) -> None:
    release = inside.release()
    for review in inside.sandbox.state.github.pulls[-1].reviews:
        review.by = by
    outcome, report = inside.deploy(release=release)
    assert outcome is Outcome.BLOCKED
    assert by in report.reason


def test_a_passer_by_who_asks_for_changes_stops_nothing(inside: InProcess) -> None:
    release = inside.release()
    pull = inside.sandbox.state.github.pulls[-1]
    pull.reviews.append(type(pull.reviews[0])("passer-by", "CHANGES_REQUESTED", pull.head, 0))
    outcome, report = inside.deploy(release=release)
    assert outcome is Outcome.DEPLOYED, report.reason


@pytest.mark.parametrize(("association", "ends"), [("MEMBER", Outcome.DEPLOYED), ("NONE", Outcome.BLOCKED)])
def test_when_nobody_may_ask_for_permissions_the_review_itself_says_who_is_let_in(
    inside: InProcess, association: str, ends: Outcome
) -> None:
    inside.sandbox.inject("github answer status=403 GET */permission")

    def edit(body: Any) -> None:
        for one in body:
            one["author_association"] = association

    inside.wire = Edited(inside.wire, "/reviews", edit)
    assert inside.deploy()[0] is ends


@pytest.mark.parametrize("said", ["kim-dev", "Kim-Dev", "kim-dev@lms.example.com"])
def test_whoever_wrote_the_change_cannot_be_named_as_approving_it(inside: InProcess, said: str) -> None:
    outcome, report = inside.deploy(approved_by=said)
    assert outcome is Outcome.BLOCKED
    assert "who wrote it" in report.reason


def test_a_token_that_may_not_read_alerts_is_no_scanner_that_is_off(inside: InProcess) -> None:
    inside.sandbox.state.github.job_token = True
    outcome, report = inside.deploy()
    text = summary_text(report)
    assert outcome is Outcome.BLOCKED
    assert "switched off" not in text
    assert "Resource not accessible by integration" in text
    fixes = [finding["fix"] for stage in report.stages for line in stage.lines for finding in line.findings]
    assert any("DEPLOY_GITHUB_TOKEN" in fix and "Dependabot alerts: Read-only" in fix for fix in fixes)


def test_a_scanner_that_is_off_is_still_called_off(inside: InProcess) -> None:
    inside.sandbox.state.github.dependabot = None
    outcome, report = inside.deploy()
    assert outcome is Outcome.BLOCKED
    assert "dependabot is switched off" in report.reason


def test_an_alert_on_the_second_page_stops(inside: InProcess) -> None:
    inside.sandbox.state.github.most_listed = 100
    mild = [Alert(number, "low", "something mild", 0) for number in range(1, 120)]
    inside.sandbox.state.github.dependabot = [*mild, Alert(120, "critical", "the grave one", 0)]
    outcome, report = inside.deploy()
    assert outcome is Outcome.BLOCKED
    assert "the grave one" in report.reason


def rename(inside: InProcess, name: str = "acme/learning") -> None:
    github = inside.sandbox.state.github
    github.former, github.repository = [github.repository], name


def test_a_renamed_repository_is_followed_and_its_new_name_is_said(inside: InProcess) -> None:
    rename(inside)
    outcome, report = inside.deploy()
    assert outcome is Outcome.DEPLOYED, report.reason
    assert any("acme/learning now" in finding["says"] for _, finding in report.warnings)
    assert inside.sandbox.state.github.deployments, "a write goes to the new name, too"


def test_a_repository_that_has_moved_to_nowhere_is_said(inside: InProcess) -> None:
    rename(inside)

    def lost(request: httpx.Request, response: httpx.Response) -> httpx.Response | None:
        if response.status_code != 301:
            return None
        away = {"message": "Moved Permanently", "url": "https://elsewhere.example.com/repositories/1"}
        return httpx.Response(301, json=away, request=request)

    inside.tap(after=lost)
    outcome, report = inside.deploy()
    assert outcome is Outcome.BLOCKED
    assert "the repository has moved to https://elsewhere.example.com" in report.reason
    assert not any("elsewhere" in asked["path"] for asked in inside.sandbox.asked["github"])


def test_a_rate_limit_names_the_time_at_which_it_ends(inside: InProcess) -> None:
    reset = inside.clock.now() + datetime.timedelta(minutes=40)

    def spent(request: httpx.Request, response: httpx.Response) -> httpx.Response | None:
        if not request.url.path.startswith("/repos/"):
            return None
        limits = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(reset.timestamp()))}
        return httpx.Response(403, json={"message": "API rate limit exceeded"}, headers=limits, request=request)

    inside.tap(after=spent)
    outcome, report = inside.deploy()
    assert outcome is Outcome.BLOCKED
    assert f"{reset:%H:%M} UTC" in report.reason
    assert "switched off" not in summary_text(report)


def test_a_refusal_without_a_wait_names_no_time() -> None:
    assert "UTC" not in str(Refused("github", "GET /", 403, "", "no"))


def test_a_commit_of_the_merge_queue_is_judged_by_its_newest_checks(inside: InProcess) -> None:
    """The queue tests the very commit that main gets; the push of it tests it again, in a suite of its own."""
    release = inside.release()
    commit: Commit = inside.sandbox.state.github.commits[release.commit]

    def queued(state: str) -> Callable[[Any], None]:
        def add(body: Any) -> None:
            new = next(one for one in body["check_runs"] if one["name"] == "test")
            again = {"status": "completed" if state else "queued", "conclusion": state or None}
            body["check_runs"].append(
                {**new, "id": new["id"] + 5, "check_suite": {"id": 5}, "started_at": None, **again}
            )

        return add

    wire = inside.wire
    inside.wire = Edited(wire, f"/{commit.sha}/check-runs", queued(""))
    outcome, report = inside.deploy(release=release)
    assert outcome is Outcome.BLOCKED
    assert "test is still running" in report.reason
    inside.wire = Edited(wire, f"/{commit.sha}/check-runs", queued("success"))
    assert inside.deploy(release=release, run="r2")[0] is Outcome.DEPLOYED


REQUIRED = pytest.mark.parametrize("where", ["protection", "rulesets"])


@REQUIRED
def test_what_github_requires_is_waited_for_wherever_it_is_written(inside: InProcess, where: str) -> None:
    inside.sandbox.patch({"github": {where: ["e2e"]}})
    release = inside.release()
    commit = inside.sandbox.state.github.commits[release.commit]
    outcome, report = inside.deploy(release=release)
    assert outcome is Outcome.BLOCKED
    assert "e2e is required by GitHub and has not reported on this commit" in report.reason
    inside.clock.at[inside.clock.seconds + 1] = lambda: commit.checks.update(e2e="success")
    assert inside.deploy(release=release, run="r2")[0] is Outcome.DEPLOYED


@REQUIRED
def test_a_required_check_that_runs_on_pull_requests_only_is_said_and_stops_nothing(
    inside: InProcess, where: str
) -> None:
    inside.sandbox.patch({"github": {where: ["preview"]}})
    release = inside.release()
    inside.sandbox.state.github.pulls[-1].checks = {"preview": "success"}
    outcome, report = inside.deploy(release=release)
    assert outcome is Outcome.DEPLOYED, report.reason
    assert "preview is required by GitHub, and ran on the pull request only" in warned(report)
    inside.sandbox.state.github.pulls[-1].checks = {"preview": "failure"}
    assert inside.deploy(release=release, run="r2")[0] is Outcome.BLOCKED


@REQUIRED
def test_a_check_that_github_requires_and_that_was_skipped_is_said(inside: InProcess, where: str) -> None:
    inside.sandbox.patch({"github": {where: ["docs"]}})
    release = inside.release()
    inside.sandbox.state.github.commits[release.commit].checks["docs"] = "skipped"
    outcome, report = inside.deploy(release=release)
    assert outcome is Outcome.DEPLOYED, report.reason
    assert "docs is required by GitHub and was skipped, which GitHub counts as success" in warned(report)
    inside.require(replace(inside.settings.policies[ContinuousIntegrationPolicy], required=("docs",)))
    outcome, report = inside.deploy(release=release, run="r2")
    assert outcome is Outcome.BLOCKED
    assert "docs is required and was skipped" in report.reason


def test_a_plan_without_rulesets_and_a_check_that_is_left_out_stop_nothing(inside: InProcess) -> None:
    inside.sandbox.patch({"github": {"rulesets": None, "protection": ["Vercel – marketing"]}})
    outcome, report = inside.deploy()
    assert outcome is Outcome.DEPLOYED, report.reason


def test_a_rule_that_requires_a_job_of_our_own_workflow_is_not_waited_for(inside: InProcess) -> None:
    inside.sandbox.patch({"github": {"rulesets": ["deploy"]}})
    release = inside.release()
    runs_on(inside, run_of(inside, release.commit, "deploy.yml", EARLIER, "failure"))
    assert inside.deploy(release=release)[0] is Outcome.DEPLOYED
