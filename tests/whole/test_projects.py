"""Vercel's projects as they are: connected to Git, several domains, a wildcard, the team's variables, colleagues."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from checks.outcome import Outcome
from checks.policy import BuildPolicy, PromotionPolicy
from pipeline.definitions.deploy import rolling_out
from pipeline.record.report import Report
from pipeline.render.report import summary_text
from pipeline.sandbox import rollout
from pipeline.sandbox.state import State
from tests.reports.answers import answering
from tests.stage import InProcess


def vercel(inside: InProcess, **changes: object) -> None:
    inside.sandbox.patch({"vercel": changes})


def warned(report: Report) -> str:
    return "\n".join(f"{finding['subject']} {finding['says']}" for _, finding in report.warnings)


SHIPS = "ships every push to the production branch by itself"


def test_a_push_that_goes_live_past_the_gates_is_said_and_nothing_else_is_claimed(inside: InProcess) -> None:
    vercel(inside, auto_assign=True, switched_off=False)
    before = inside.serves()
    inside.sandbox.state.github.approved = False
    release = inside.release()  # the push, which Vercel builds
    outcome, report = inside.deploy(release=release)
    assert outcome is Outcome.BLOCKED
    said = summary_text(report)
    assert SHIPS in said
    assert "was not looked at again" in said
    inside.clock.seconds += 600
    assert inside.serves() != before, "it is live, whatever the gates said"
    assert "traffic never moved" not in said
    assert "what it served before" not in said


def test_a_project_whose_pushes_build_nothing_is_not_warned_of(inside: InProcess) -> None:
    outcome, report = inside.deploy()
    assert outcome is Outcome.DEPLOYED
    assert SHIPS not in warned(report)


@pytest.mark.parametrize(
    ("enabled", "warns"),
    [(False, False), ({"**": False}, False), ({"dev": False}, True), ({"**": False, "m*": True}, True)],
)
def test_the_file_that_tells_vercel_to_leave_pushes_alone_is_read(
    inside: InProcess, enabled: object, warns: bool
) -> None:
    release = inside.release()
    settings = Path(release.folder) / "vercel.json"
    known = json.loads(settings.read_text()) if settings.exists() else {}
    settings.write_text(json.dumps({**known, "git": {"deploymentEnabled": enabled}}))
    outcome, report = inside.deploy(release=release)
    assert outcome is Outcome.DEPLOYED, report.reason
    assert (SHIPS in warned(report)) is warns


OTHER = "learn.example.org"


def test_every_domain_that_serves_production_is_moved_and_proved(inside: InProcess) -> None:
    vercel(inside, domains={OTHER: "", "www": "PRODUCTION"})
    outcome, report = inside.deploy()
    assert outcome is Outcome.DEPLOYED, report.reason
    assert report.before["domains"] == [OTHER], "what redirects serves nothing"


def test_a_domain_that_stays_behind_is_no_release_and_the_rest_goes_back(inside: InProcess) -> None:
    vercel(inside, domains={OTHER: ""})
    before = inside.serves()
    inside.before_step("promote", lambda: vercel(inside, behind={OTHER: before}))
    outcome, report = inside.deploy()
    assert outcome is Outcome.ROLLED_BACK
    assert f"{OTHER} still points to {before}" in report.reason
    assert inside.serves() == before


@pytest.mark.parametrize(("branch", "warns"), [("main", False), ("live", True)])
def test_the_branch_that_vercel_takes_for_production_is_the_one_that_has_to_be_left_alone(
    inside: InProcess, branch: str, warns: bool
) -> None:
    """The release's ``vercel.json`` speaks of main, which is ours; Vercel ships another one."""
    vercel(inside, production_branch=branch)
    outcome, report = inside.deploy()
    assert outcome is Outcome.DEPLOYED, report.reason
    assert (SHIPS in warned(report)) is warns


@pytest.mark.parametrize(("auto_assign", "warns"), [(True, True), (False, False)])
def test_a_deploy_hook_ships_whatever_the_file_says_of_pushes(
    inside: InProcess, auto_assign: bool, warns: bool
) -> None:
    """A content system calls it when an editor publishes."""
    vercel(inside, deploy_hooks={"editors": "main", "drafts": "drafts"}, auto_assign=auto_assign)
    _, report = inside.deploy()
    assert ("deploy hook editors ships the production branch" in warned(report)) is warns
    assert "drafts" not in warned(report)


def test_not_telling_github_of_deployments_keeps_vercel_from_nothing(inside: InProcess) -> None:
    vercel(inside, switched_off=False, settings={"gitProviderOptions": {"createDeployments": "disabled"}})
    _, report = inside.deploy()
    assert SHIPS in warned(report)


def test_a_project_that_is_not_connected_to_git_is_not_warned_of(inside: InProcess) -> None:
    vercel(inside, switched_off=False, git=False)
    _, report = inside.deploy()
    assert SHIPS not in warned(report)


def test_a_domain_that_nobody_has_proved_to_own_is_not_waited_for(inside: InProcess) -> None:
    """Vercel lists it, and neither serves it nor has an alias of its name."""
    vercel(inside, domains={OTHER: "", "www": "PRODUCTION"}, unverified=[OTHER])
    outcome, report = inside.deploy()
    assert outcome is Outcome.DEPLOYED, report.reason
    assert report.before["domains"] == []
    assert f"{OTHER} is a domain of the project that nobody has proved to own" in warned(report)


def test_a_domain_that_vercels_answer_about_the_project_leaves_out_is_moved_and_proved(inside: InProcess) -> None:
    """It stands on a later page of the project's domains."""
    vercel(inside, domains={OTHER: "", "www": "PRODUCTION"}, hidden=["alias"])
    before = inside.serves()
    inside.before_step("promote", lambda: vercel(inside, behind={OTHER: before}))
    outcome, report = inside.deploy()
    assert outcome is Outcome.ROLLED_BACK
    assert f"{OTHER} still points to {before}" in report.reason


def test_a_site_of_two_hundred_domains_does_not_ask_for_each_of_them_again_and_again(inside: InProcess) -> None:
    schools = {f"school-{number}.example.org": "" for number in range(200)}
    vercel(inside, domains=schools, most_listed=100)
    outcome, report = inside.deploy()
    assert outcome is Outcome.DEPLOYED, report.reason
    assert len(report.before["domains"]) == 200
    assert len(inside.asked("GET", "/v4/aliases/school-*")) == 0
    assert len(inside.asked("GET", "*/domains")) % 3 == 0, "three pages each time"


def learn(inside: InProcess) -> str:
    """A further domain that serves production, and answers on this machine."""
    vercel(inside, domains={"learn": "", "www": "PRODUCTION"})
    return inside.sandbox.core.ports.host("learn")


def old_for(inside: InProcess, host: str, after: str) -> None:
    """From the beginning of ``after`` on, whatever its alias says, ``host`` answers as what was live before."""
    before, since = inside.serves(), [False]
    inside.at_stage(after, lambda: since.append(True))

    def instead(request: httpx.Request, answer: httpx.Response) -> httpx.Response | None:
        if request.url.netloc.decode() != host or not since[-1]:
            return None
        return httpx.Response(200, json={"status": "ok"}, headers={"x-deployment-id": before}, request=request)

    answering(inside, instead)


def test_every_domain_is_asked_which_build_it_serves_and_where_it_leads(inside: InProcess) -> None:
    host, main = learn(inside), inside.settings.domain
    www, asked = inside.sandbox.core.ports.host("www"), []
    inside.tap(before=lambda request: asked.append(request.url.netloc.decode()))
    outcome, report = inside.deploy()
    assert outcome is Outcome.DEPLOYED, report.reason
    assert report.before["answered"] == [host, www]
    assert asked.count(host) >= 3, "as often as the first one"
    assert {host, www, main} <= set(asked)


def test_a_domain_whose_alias_moved_and_whose_answers_did_not_takes_the_release_back(inside: InProcess) -> None:
    host, before = learn(inside), inside.serves()
    old_for(inside, host, "promote")
    outcome, report = inside.deploy()
    assert outcome is Outcome.ROLLED_BACK
    assert f"{host}/api/health/db answers as another build" in report.reason
    assert inside.serves() == before


def test_a_redirect_that_leads_to_no_domain_that_was_proved_is_said(inside: InProcess) -> None:
    old = next(iter(inside.sandbox.state.vercel.deployments.values()))
    elsewhere = inside.sandbox.core.host_of(old)
    vercel(inside, domains={"www": elsewhere})
    outcome, report = inside.deploy()
    assert outcome is Outcome.DEPLOYED, report.reason
    www = inside.sandbox.core.ports.host("www")
    assert f"{www} leads to {elsewhere}, which is no domain that was proved" in warned(report)


def test_a_domain_that_answered_nobody_before_is_named_and_holds_up_nothing(inside: InProcess) -> None:
    vercel(inside, domains={OTHER: "", "www": "PRODUCTION"})
    outcome, report = inside.deploy()
    assert outcome is Outcome.DEPLOYED, report.reason
    assert warned(report).count(f"{OTHER} gave no answer from here before either") == 1


def test_a_rollback_is_proved_on_every_domain(inside: InProcess) -> None:
    vercel(inside, domains={OTHER: ""})

    def ill_and_stuck() -> None:
        inside.sandbox.inject("app failing-route /api/auth/session where=production")
        vercel(inside, behind={OTHER: inside.report().staged["id"]})

    inside.at_stage("watch", ill_and_stuck)
    outcome, report = inside.deploy()
    assert outcome is Outcome.STRANDED
    assert OTHER in report.by_hand[0]


def test_a_domain_that_served_something_else_before_is_said_and_stops_nothing(inside: InProcess) -> None:
    old = next(iter(inside.sandbox.state.vercel.deployments))
    vercel(inside, domains={OTHER: ""}, behind={OTHER: old})
    outcome, report = inside.deploy()
    assert outcome is Outcome.DEPLOYED, report.reason
    assert f"{OTHER} serves {old}" in warned(report)


def test_a_domain_of_the_file_that_only_redirects_is_named_with_where_it_leads(inside: InProcess) -> None:
    host = inside.settings.domain
    www = inside.sandbox.core.ports.host("www")
    inside.settings = type(inside.settings)(**{**vars(inside.settings), "domain": www})
    outcome, report = inside.deploy()
    assert outcome is Outcome.BLOCKED
    answers = {line.name: line.findings for stage in report.stages for line in stage.lines}
    assert f"only redirects to {host}" in str(answers["release.can-go-back"])
    assert f"domain: {host} in deploy.yml" in str(answers["release.can-go-back"])


def test_a_rolling_release_of_somebody_else_is_found_before_anything_is_touched(inside: InProcess) -> None:
    stages = [{"targetPercentage": 10, "requireApproval": True}, {"targetPercentage": 100}]
    vercel(inside, rolling_config={"target": "production", "stages": stages})
    inside.settings.policies[PromotionPolicy] = PromotionPolicy((10,), 3)  # type: ignore[index]
    inside.pipeline = rolling_out(inside.pipeline, PromotionPolicy((10,), 3)).at_pace({"preflight": {"patience": 1}})
    theirs = next(iter(inside.sandbox.state.vercel.deployments))
    rollout.begin(inside.sandbox.state.vercel, theirs, inside.clock.now().timestamp(), 99)
    outcome, report = inside.deploy()
    assert outcome is Outcome.BLOCKED
    assert f"{theirs} gets 10 % of the visitors" in report.reason
    assert [stage.name for stage in report.stages] == ["preflight"]


def theirs_newer(inside: InProcess) -> str:
    """A colleague ships something newer while we watch; its id."""
    state: State = inside.sandbox.state
    ours = state.vercel.deployments[inside.report().staged["id"]]
    id = "dpl_colleagues"
    meta = {**ours.meta, "githubCommitSha": "c" * 40, "deployRun": "theirs"}
    made = type(ours)(**{**vars(ours), "id": id, "slot": len(state.vercel.deployments), "meta": meta})
    made.created, made.takes = inside.clock.now().timestamp(), 0
    state.vercel.deployments[id] = made
    inside.colleague_promotes(id)
    return id


@pytest.mark.parametrize("stage", ["validate", "watch"])
def test_a_newer_release_that_a_colleague_promotes_meanwhile_is_theirs(inside: InProcess, stage: str) -> None:
    made: list[str] = []
    inside.at_stage(stage, lambda: made.append(theirs_newer(inside)))
    outcome, report = inside.deploy()
    assert outcome is Outcome.SUPERSEDED, report.reason
    assert inside.serves() == made[0]
    assert not report.by_hand
    said = summary_text(report)
    assert f"serves {made[0]}: somebody else promoted it" in said
    assert "SUPERSEDED" in said
    assert inside.asked("POST", "*/rollback/*") == []


def test_a_teams_variable_that_is_linked_to_the_project_is_set(inside: InProcess) -> None:
    state = inside.sandbox.state.vercel
    mine = next(one for one in state.env if one.key == "NEXTAUTH_SECRET")
    state.env.remove(mine)
    outcome, report = inside.deploy()
    assert outcome is Outcome.BLOCKED
    assert "NEXTAUTH_SECRET" in report.reason
    state.shared.append(mine)
    outcome, report = inside.deploy(run="r2")
    assert outcome is Outcome.DEPLOYED, report.reason


def test_a_teams_variable_is_read_as_closely_as_the_projects_own(inside: InProcess) -> None:
    state = inside.sandbox.state.vercel
    mine = next(one for one in state.env if one.key == "NEXTAUTH_SECRET")
    state.env.remove(mine)
    mine.value = "too short"
    state.shared.append(mine)
    outcome, report = inside.deploy()
    assert outcome is Outcome.BLOCKED
    assert "NEXTAUTH_SECRET" in report.reason
    state.env.append(type(mine)(**{**vars(mine), "id": "env_own", "value": "x7" * 20}))
    outcome, report = inside.deploy(run="r2")
    assert outcome is Outcome.DEPLOYED, "the project's own wins over the team's"


def test_a_name_below_a_wildcard_domain_is_production(inside: InProcess) -> None:
    vercel(inside, wildcard="*.lms.example.com")

    async def ask() -> tuple[str, str]:
        async with inside.world(inside.release()) as world:
            below = await world.vercel.production("algebra.lms.example.com")
            foreign = await world.vercel.production("algebra.example.org")
            return below.id if below else "", foreign.id if foreign else ""

    assert asyncio.run(ask()) == (inside.serves(), "")


# -- kinds of projects


def test_a_project_of_a_person_without_a_team_is_deployed_and_taken_back(inside: InProcess) -> None:
    vercel(inside, personal=True)
    inside.settings = replace(inside.settings, team="")
    outcome, report = inside.deploy()
    assert outcome is Outcome.DEPLOYED, report.reason
    inside.at_stage("watch", lambda: inside.sandbox.inject("app failing-route /api/auth/session where=production"))
    outcome, report = inside.deploy(run="r2")
    assert outcome is Outcome.ROLLED_BACK, report.reason


@pytest.mark.parametrize("known", [True, False])
def test_a_project_that_was_transferred_is_said_with_the_team_that_has_it(inside: InProcess, known: bool) -> None:
    vercel(inside, moved_to="team_new")
    if not known:  # a token that is made for one project may not ask for teams
        inside.sandbox.inject("vercel answer status=403 GET */v2/teams")
    outcome, report = inside.deploy()
    assert outcome is Outcome.BLOCKED
    assert ("is in the team acme-new (team_new) now" in report.reason) is known
    assert ("was it renamed, deleted or transferred?" in report.reason) is not known
    assert "VERCEL_PROJECT_ID, VERCEL_ORG_ID" in report.reason
    inside.settings = replace(inside.settings, team="team_new")
    assert inside.deploy(run="r2")[0] is Outcome.DEPLOYED


def test_a_variable_of_a_custom_environment_alone_is_not_set_on_production(inside: InProcess) -> None:
    secret = next(one for one in inside.sandbox.state.vercel.env if one.key == "NEXTAUTH_SECRET")
    secret.target, secret.custom = [], ["staging"]
    outcome, report = inside.deploy()
    assert outcome is Outcome.BLOCKED
    assert "NEXTAUTH_SECRET is not set on production, only on the custom environment staging" in report.reason


def staged_for(inside: InProcess, environment: str, commit: str) -> dict[str, Any]:
    """Somebody deploys the commit to a custom environment; Vercel's answer."""
    meta = {"githubCommitSha": commit}
    body = {"name": "lms", "deploymentId": inside.serves(), "customEnvironmentSlugOrId": environment, "meta": meta}
    headers = {"authorization": f"Bearer {inside.settings.secrets['VERCEL_TOKEN']}"}

    async def go() -> dict[str, Any]:
        async with httpx.AsyncClient(transport=inside.wire, headers=headers) as http:
            answer = await http.post(f"{inside.settings.services.vercel}/v13/deployments", json=body)
            return dict(answer.raise_for_status().json())

    return asyncio.run(go())


def test_a_release_beside_a_custom_environment_leaves_it_alone_and_takes_nothing_of_it(inside: InProcess) -> None:
    """Its deployment is newer, of the same commit, and its domain and variables are no business of production's."""
    state = inside.sandbox.state.vercel
    release = inside.release()
    made = staged_for(inside, "staging", release.commit)
    inside.clock.seconds += 300
    assert made["customEnvironment"]["slug"] == "staging"
    assert state.deployments[made["id"]].env["NEXTAUTH_URL"] == "https://staging.lms.example.com"
    outcome, report = inside.deploy(release=release)
    assert outcome is Outcome.DEPLOYED, report.reason
    assert state.aliases["staging.lms.example.com"] == made["id"]
    assert report.before["domains"] == [], "its domain is not production's"
    live = state.deployments[inside.serves()]
    assert live.env["NEXTAUTH_URL"] != "https://staging.lms.example.com"
    inside.at_stage("watch", lambda: inside.sandbox.inject("app failing-route /api/auth/session where=production"))
    outcome, report = inside.deploy(run="r2")
    assert outcome is Outcome.ROLLED_BACK, report.reason
    assert inside.serves() == live.id, "and not what was built after it for staging"


def keeps(inside: InProcess, days: int, least: int) -> None:
    inside.sandbox.state.vercel.settings["deploymentExpiration"] = {
        "expirationDaysProduction": days,
        "deploymentsToKeep": least,
    }


def test_what_the_live_release_replaced_and_retention_deleted_is_no_way_back(inside: InProcess) -> None:
    first = inside.serves()
    assert inside.deploy()[0] is Outcome.DEPLOYED
    inside.sandbox.state.vercel.deployments[first].created -= 40 * 86_400
    keeps(inside, 30, 0)
    outcome, report = inside.deploy(run="r2")
    assert outcome is Outcome.DEPLOYED, report.reason
    assert f"{first} is what" in warned(report)
    assert "was it deleted by retention?" in warned(report)


@pytest.mark.parametrize(("least", "warns"), [(0, True), (1, True), (10, False)])
def test_a_live_deployment_that_retention_deletes_once_it_is_replaced_is_said(
    inside: InProcess, least: int, warns: bool
) -> None:
    live = inside.serves()
    inside.sandbox.state.vercel.deployments[live].created -= 40 * 86_400
    keeps(inside, 30, least)
    _, report = inside.deploy()
    assert (f"{live} may be deleted by retention soon after" in warned(report)) is warns


def test_open_tabs_that_skew_protection_keeps_on_a_release_are_said_and_do_not_blind_the_proof(
    inside: InProcess,
) -> None:
    inside.sandbox.state.vercel.settings["skewProtectionMaxAge"] = 43_200
    before = inside.serves()
    inside.at_stage("watch", lambda: inside.sandbox.inject("app failing-route /api/auth/session where=production"))
    outcome, report = inside.deploy()
    assert outcome is Outcome.ROLLED_BACK
    assert inside.serves() == before
    assert "open tabs stay on the release they were opened with for 12 h" in warned(report)
    bad, url = report.staged["id"], f"http://{inside.settings.domain}/api/health/db"
    assert inside.get(f"{url}?dpl={bad}").headers["x-deployment-id"] == bad
    inside.clock.seconds += 50_000
    assert inside.get(f"{url}?dpl={bad}").headers["x-deployment-id"] == before


def test_a_push_that_vercel_ignores_is_said_by_the_setting_that_did_it(inside: InProcess) -> None:
    inside.require(BuildPolicy("git"))
    vercel(inside, switched_off=False, auto_assign=False)
    inside.sandbox.state.vercel.settings["commandForIgnoringBuildStep"] = "git diff --quiet HEAD^ HEAD ."
    before = inside.serves()
    outcome, report = inside.deploy()
    assert outcome is Outcome.BLOCKED
    assert 'the command defined in the "Ignored Build Step" setting' in report.reason
    assert inside.serves() == before
