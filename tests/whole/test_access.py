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

WHY = ("because", "Because", "going back")  # the lines that give the reason once more

PLACES = Places("https://github.com", "acme/lms", "https://us.sentry.io", "acme", kept=True)


def wrong(inside: InProcess, **secrets: str) -> None:
    known: Mapping[str, str] = inside.settings.secrets
    inside.settings = replace(inside.settings, secrets={**known, **secrets})


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
