"""A wrong token or password is found before anything is touched, once, by the name of its variable."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

import pytest

from checks.outcome import Outcome
from checks.policy import ErrorsPolicy, UptimePolicy
from pipeline.cli.progress import Progress
from pipeline.commands.check import show
from pipeline.engine.plan import probes_by_type
from pipeline.engine.readings import Round
from pipeline.probes.every import PROBES
from pipeline.record.report import Report
from pipeline.redact import Redactor
from pipeline.render.links import Places
from pipeline.render.report import report_text, summary_markdown
from pipeline.world.secrets import TOKENS
from tests.stage import InProcess

WHY = ("because", "Because", "going back", "stopping, there is nothing")  # the lines that give the reason once more

PLACES = Places("https://github.com", "acme/lms", "https://us.sentry.io", "acme", kept=True)


def wrong(inside: InProcess, **secrets: str) -> None:
    known: Mapping[str, str] = inside.settings.secrets
    inside.settings = replace(inside.settings, secrets={**known, **secrets})


def warned(report: Report) -> str:
    return "\n".join(f"{finding['subject']} {finding['says']}" for _, finding in report.warnings)


def stopped_in_preflight(inside: InProcess, report: Report, before: str) -> None:
    assert [stage.name for stage in report.stages] == ["preflight"]
    assert inside.serves() == before
    assert inside.asked("POST", "*") == []


@pytest.mark.parametrize("name", ["VERCEL_TOKEN", "GITHUB_TOKEN", "SENTRY_AUTH_TOKEN", "BETTERSTACK_API_TOKEN"])
def test_a_wrong_token_stops_before_anything_moves_and_is_one_finding(inside: InProcess, name: str) -> None:
    wrong(inside, **{name: "mistyped"})
    shown: list[str] = []
    inside.listeners.append(Progress("r1", shown.append, lambda line: None))
    before = inside.serves()
    outcome, report = inside.deploy()
    assert outcome is Outcome.BLOCKED
    stopped_in_preflight(inside, report, before)
    assert name in report.reason
    for text in (report_text(report), summary_markdown(report, PLACES), "\n".join(shown)):
        body = "\n".join(line for line in text.splitlines() if not line.strip(" *").startswith(WHY))
        assert body.count(f"{name} is refused by") == 1, body
    assert "a new one:" in "\n".join(shown), "and where to make it"


def test_the_check_of_everything_names_a_wrong_token_once(inside: InProcess) -> None:
    wrong(inside, VERCEL_TOKEN="mistyped")

    async def ask() -> list[tuple[object, object, int]]:
        async with (
            inside.world(inside.release()) as world,
            Round(world, inside.settings.policies, probes_by_type(PROBES)) as look,
        ):
            gates = inside.pipeline.stages[0].asks
            return [(gate, (await look.ask(gate))[0], 0) for gate in gates]

    class Quiet:
        redactor = Redactor(())

    out: list[str] = []
    assert show(Quiet(), asyncio.run(ask()), out.append)  # type: ignore[arg-type]
    said = "\n".join(out)
    assert said.count("VERCEL_TOKEN") == 1
    assert "of the team that owns the project" in said
    assert "answered 403:" not in said


def test_a_wrong_password_of_the_student_is_found_on_the_live_site(inside: InProcess) -> None:
    wrong(inside, SMOKE_PASSWORD="mistyped")
    before = inside.serves()
    outcome, report = inside.deploy()
    assert outcome is Outcome.BLOCKED
    stopped_in_preflight(inside, report, before)
    assert "SMOKE_PASSWORD does not sign in" in report.reason
    assert "mistyped" not in str(report)


@pytest.mark.parametrize(
    ("scopes", "lacks"),
    [
        (["event:read", "org:read"], "project:releases"),
        (["org:read", "project:releases"], "event:read"),
        (["org:ci"], "event:read, org:read"),
    ],
)
def test_a_token_for_sentry_that_may_not_do_all_of_it_is_named_with_what_it_lacks(
    inside: InProcess, scopes: list[str], lacks: str
) -> None:
    inside.sandbox.patch({"sentry": {"scopes": scopes}})
    outcome, report = inside.deploy()
    assert outcome is Outcome.BLOCKED
    assert f"SENTRY_AUTH_TOKEN may not {lacks}" in report.reason


def test_a_sentry_that_does_not_tell_scopes_stops_nothing(inside: InProcess) -> None:
    inside.sandbox.patch({"sentry": {"scopes": []}})
    assert inside.deploy()[0] is Outcome.DEPLOYED


def test_a_monitor_that_the_tokens_team_has_not_is_named(inside: InProcess) -> None:
    known = inside.settings.policies[UptimePolicy]
    inside.settings.policies[UptimePolicy] = replace(known, monitor="424242")  # type: ignore[index]
    outcome, report = inside.deploy()
    assert outcome is Outcome.BLOCKED
    assert "monitor 424242 is not known to the team of BETTERSTACK_API_TOKEN" in report.reason


def test_a_project_that_sentry_does_not_know_stops_before_anything_moves(inside: InProcess) -> None:
    known = inside.settings.policies[ErrorsPolicy]
    inside.settings.policies[ErrorsPolicy] = replace(known, project="misspelt")  # type: ignore[index]
    before = inside.serves()
    outcome, report = inside.deploy()
    assert outcome is Outcome.BLOCKED
    stopped_in_preflight(inside, report, before)


def test_a_missing_permission_of_one_path_is_no_wrong_token(inside: InProcess) -> None:
    inside.sandbox.inject("github answer status=403 GET */branches/*")
    outcome, report = inside.deploy()
    assert outcome is Outcome.BLOCKED
    assert "GITHUB_TOKEN is refused" not in report.reason
    assert TOKENS["github"][1] == (401,)


def test_a_person_who_may_not_promote_is_found_before_the_database_is_touched(inside: InProcess) -> None:
    inside.sandbox.patch({"vercel": {"role": "DEVELOPER"}})
    before = inside.serves()
    outcome, report = inside.deploy()
    assert outcome is Outcome.BLOCKED
    stopped_in_preflight(inside, report, before)
    assert "VERCEL_TOKEN may not promote or roll back" in report.reason


def test_when_vercel_does_not_say_who_may_promote_that_is_said_once(inside: InProcess) -> None:
    inside.sandbox.patch({"vercel": {"tells_permissions": False}})
    outcome, report = inside.deploy()
    assert outcome is Outcome.DEPLOYED
    assert warned(report).count("Vercel does not say, and trying is doing") == 1


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("R2_ACCESS_KEY_ID", "0" * 32, "R2_ACCESS_KEY_ID is refused by R2 (list): InvalidAccessKeyId"),
        ("R2_ACCESS_KEY_ID", "the-secret-in-the-wrong-field", "R2_ACCESS_KEY_ID is refused by R2 (list): Invalid"),
        ("R2_SECRET_ACCESS_KEY", "0" * 64, "R2_SECRET_ACCESS_KEY is refused by R2 (list): SignatureDoesNotMatch"),
        ("R2_BUCKET", "lms-old", "R2_BUCKET is refused by R2 (list): NoSuchBucket"),
        ("UPSTASH_REDIS_REST_TOKEN", "another", "UPSTASH_REDIS_REST_TOKEN is refused by Upstash: WRONGPASS"),
    ],
)
def test_a_wrong_key_of_a_store_is_named_before_anything_moves(
    inside: InProcess, name: str, value: str, says: str
) -> None:
    wrong(inside, **{name: value})
    before = inside.serves()
    outcome, report = inside.deploy()
    assert outcome is Outcome.BLOCKED
    stopped_in_preflight(inside, report, before)
    assert says in report.reason


@pytest.mark.parametrize(
    ("store", "says"),
    [
        ("r2", "R2_ACCESS_KEY_ID may not write in R2_BUCKET"),
        ("upstash", "UPSTASH_REDIS_REST_TOKEN may only read"),
    ],
)
def test_a_token_that_may_only_read_a_store_is_told_from_a_wrong_one(inside: InProcess, store: str, says: str) -> None:
    inside.sandbox.patch({store: {"read_only": True}})
    before = inside.serves()
    outcome, report = inside.deploy()
    assert outcome is Outcome.BLOCKED
    stopped_in_preflight(inside, report, before)
    assert says in report.reason


@pytest.mark.parametrize("missing", ["R2_BUCKET", "UPSTASH_REDIS_REST_TOKEN", "NOTIFY_WEBHOOK_URL"])
def test_what_is_not_used_from_here_stops_nothing(inside: InProcess, missing: str) -> None:
    wrong(inside, **{missing: ""})
    assert inside.deploy()[0] is Outcome.DEPLOYED


def test_a_store_that_is_down_is_no_wrong_key(inside: InProcess) -> None:
    inside.sandbox.inject("upstash answer status=500")
    outcome, report = inside.deploy()
    assert outcome is Outcome.DEPLOYED
    assert "Redis could not be tried: answered 500" in warned(report)


def test_a_webhook_that_is_gone_is_found_and_no_message_is_left_in_one_that_is_not(inside: InProcess) -> None:
    path = inside.settings.secrets["NOTIFY_ONCALL_URL"].partition("/services")[2]
    inside.sandbox.state.gone_webhooks.append(f"/services{path}")
    before = inside.serves()
    outcome, report = inside.deploy()
    assert outcome is Outcome.BLOCKED
    stopped_in_preflight(inside, report, before)
    assert "NOTIFY_ONCALL_URL (webhook) takes no message: answered 404: no_service" in report.reason
    assert [one["body"]["text"] for one in inside.sandbox.state.notices if not one["body"]["text"]] == []


def test_an_address_that_cannot_be_asked_without_a_message_is_said_once(inside: InProcess) -> None:
    mail, other = "mailto://a:b@example.com", inside.settings.secrets["NOTIFY_WEBHOOK_URL"].partition("/services")[0]
    wrong(inside, NOTIFY_ONCALL_URL=mail, NOTIFY_STAKEHOLDERS_URL=f"{other}/hook")
    outcome, report = inside.deploy()
    assert outcome is Outcome.DEPLOYED
    says = "NOTIFY_ONCALL_URL (e-mail), NOTIFY_STAKEHOLDERS_URL (webhook) cannot be tried without sending a message"
    assert warned(report).count(says) == 1
