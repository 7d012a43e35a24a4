"""Vercel as it behaved for others: pins that hardly show, builds that hang or are not allowed, quotas, teams."""

import json

import httpx
import pytest

from checks.outcome import Outcome
from pipeline.clients.vercelshapes import deployment_of
from pipeline.render.report import summary_text
from tests.reports.answers import answering, said, saying
from tests.stage import InProcess
from tests.whole.test_deploy import with_a_new_file

TODAY = "api-deployments-free-per-day"
USED_UP = {"error": {"code": TODAY, "message": f'Resource is limited - try again in 24 hours (code: "{TODAY}").'}}


@pytest.mark.parametrize("assigns", [False, None], ids=["the switch is off", "the switch is not in the answer"])
def test_a_rollback_that_has_settled_still_pins(inside: InProcess, assigns: bool | None) -> None:
    """The project names its rollback only while it happens; afterwards just the auto-assignment stays off.

    https://github.com/boardsesh/boardsesh/pull/2411
    """
    before = inside.serves()

    def settled(request: httpx.Request, answer: httpx.Response) -> httpx.Response | None:
        if request.method != "GET" or request.url.path.rpartition("/")[0] != "/v9/projects":
            return None
        hidden = ("lastAliasRequest", "autoAssignCustomDomains")
        body = {name: value for name, value in answer.json().items() if name not in hidden}
        switch = {} if assigns is None else {"autoAssignCustomDomains": assigns}
        return said(answer, json.dumps({**body, **switch, "lastRollbackTarget": None}).encode())

    answering(inside, settled)
    outcome, report = inside.deploy()
    assert outcome is Outcome.BLOCKED
    says = "does not say whether a rollback pinned it" if assigns is None else "is pinned by an earlier rollback"
    assert says in report.reason
    assert inside.serves() == before


def test_a_build_that_never_ends_ends_the_run(inside: InProcess) -> None:
    """The upload is done and the build says BUILDING until the job's own limit of hours kills it.

    https://github.com/vm0-ai/vm0/pull/13912
    """
    before = inside.serves()
    inside.sandbox.inject("vercel never-finishes")
    outcome, report = inside.deploy()
    assert outcome is Outcome.BLOCKED
    assert report.reason.endswith("is BUILDING")
    assert inside.clock.seconds < 60, "the sandbox's patience for a build is 30 s, production's 15 min"
    assert inside.serves() == before


def test_a_deployment_that_vercel_does_not_allow_is_not_waited_for(inside: InProcess) -> None:
    """On the Hobby plan a colleague's commit is BLOCKED at once, and the action waited for it until its time was up.

    https://github.com/amondnet/vercel-action/issues/374
    """
    before = inside.serves()

    def not_allowed(request: httpx.Request, answer: httpx.Response) -> httpx.Response | None:
        one = request.method == "GET" and request.url.path.startswith("/v13/deployments/")
        return saying(answer, readyState="BLOCKED") if one and answer.json().get("readyState") != "READY" else None

    answering(inside, not_allowed)
    outcome, report = inside.deploy()
    assert outcome is Outcome.BLOCKED
    assert "ended as BLOCKED" in report.reason
    assert inside.clock.seconds < 5
    assert inside.serves() == before


def test_a_days_deployments_that_are_used_up_are_said_in_vercels_words(inside: InProcess) -> None:
    """A hundred previews have used up the day's deployments, and production has none left.

    https://github.com/kitokoh/leopardo-hr/issues/4868
    """
    before = inside.serves()
    inside.sandbox.inject(f"vercel answer status=402 json='{json.dumps(USED_UP)}' POST /v13/deployments")
    outcome, report = inside.deploy()
    assert outcome is Outcome.BLOCKED
    assert "answered 402" in report.reason
    assert TODAY in report.reason
    assert len(inside.asked("POST", "/v13/deployments")) == 1, "asking again would not help"
    assert inside.serves() == before


def test_a_days_uploads_that_are_used_up_are_not_waited_for(inside: InProcess) -> None:
    """Thousands of files, one request each: the day's uploads are used up, "try again in 24 hours".

    https://github.com/colophon-group/jobseek/pull/6802
    """
    before = inside.serves()
    used_up = {"error": {"code": "api-upload-free", "message": "Too many requests - try again in 24 hours"}}
    fault = f"vercel answer status=429 retry_after=86400 json='{json.dumps(used_up)}' POST /v2/files"
    inside.sandbox.inject(fault)
    outcome, report = inside.deploy(release=with_a_new_file(inside))
    assert outcome is Outcome.BLOCKED
    assert "answered 429: Too many requests - try again in 24 hours" in report.reason
    assert inside.clock.seconds < 60
    assert inside.serves() == before


def test_every_request_names_the_team(inside: InProcess) -> None:
    """A promotion without the team goes to the token's own one: everything was green, and nothing was ever live.

    https://github.com/cacheplane/threadplane/pull/982
    """
    asked: list[tuple[str, str, str | None]] = []

    def note(request: httpx.Request) -> None:
        if str(request.url).startswith(inside.settings.services.vercel):
            asked.append((request.method, request.url.path, request.url.params.get("teamId")))

    inside.tap(before=note)
    outcome, report = inside.deploy("broken-health")
    assert outcome is Outcome.ROLLED_BACK, report.reason
    assert {"promote", "rollback"} <= {part for _, path, _ in asked for part in path.split("/")}
    assert [one for one in asked if one[2] != inside.settings.team] == []


def test_a_variable_that_another_tool_has_taken_from_production_is_said_with_where_it_is_still(
    inside: InProcess,
) -> None:
    """It was shared by all environments; setting it anew for development left it to that one alone.

    https://github.com/HiDeoo/vercel-env-push/issues/23
    """
    variable = next(one for one in inside.sandbox.state.vercel.env if one.key == "NEXTAUTH_SECRET")
    variable.target = ["development"]
    outcome, report = inside.deploy()
    assert outcome is Outcome.BLOCKED
    assert "NEXTAUTH_SECRET is not set on production, only on development" in report.reason


def test_a_value_that_came_to_nothing_on_its_way_is_no_value(inside: InProcess) -> None:
    """What was meant to take a newline off it was piped into the command line, which stored an empty text.

    https://github.com/Embassy-of-the-Free-Mind/sourcelibrary-v2/issues/3001
    """
    variable = next(one for one in inside.sandbox.state.vercel.env if one.key == "NEXTAUTH_SECRET")
    variable.value = ""
    outcome, report = inside.deploy()
    assert outcome is Outcome.BLOCKED
    assert "NEXTAUTH_SECRET is set to an empty string" in report.reason


PAUSED = {"server": "Vercel", "x-vercel-error": "DEPLOYMENT_PAUSED"}


def test_a_project_that_is_paused_while_we_watch_is_no_reason_to_take_a_release_back(inside: InProcess) -> None:
    """A limit of spending was reached: 503 for everything that no edge has kept, whatever was deployed.

    https://github.com/jsonresume/jsonresume.org/issues/373
    """
    domain, since = inside.settings.domain, list[bool]()
    inside.at_stage("watch", lambda: since.append(True))

    def paused(request: httpx.Request, answer: httpx.Response) -> httpx.Response | None:
        if not since or request.url.netloc.decode() != domain:
            return None
        return httpx.Response(503, headers=PAUSED, text="This deployment is temporarily paused", request=request)

    answering(inside, paused)
    outcome, report = inside.deploy()
    assert outcome is Outcome.HELD, report.reason
    assert "Vercel has paused the project" in summary_text(report)
    assert report.staged["id"] == inside.sandbox.state.vercel.production, "going back would change nothing"


def test_a_project_that_is_paused_already_is_found_before_anything_is_touched(inside: InProcess) -> None:
    inside.sandbox.patch({"vercel": {"settings": {"paused": True}}})
    outcome, report = inside.deploy()
    assert outcome is Outcome.BLOCKED
    assert "is paused, so nothing of it is served" in report.reason
    assert [stage.name for stage in report.stages] == ["preflight"]


@pytest.mark.parametrize("name", ["githubCommitSha", "gitCommitSha"])
def test_the_commit_of_what_a_command_line_deployed_is_known_by_either_name(name: str) -> None:
    """Somebody deployed from a laptop: Vercel calls the commit otherwise, and nobody knew what was live.

    https://github.com/programmablehq/PROGRAMMABLE/pull/167
    """
    made = {"id": "dpl_1", "url": "a.vercel.app", "readyState": "READY", "createdAt": 1, "meta": {name: "c" * 40}}
    assert deployment_of(made).commit == "c" * 40
