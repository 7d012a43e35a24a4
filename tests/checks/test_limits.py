"""What of a build goes past a plan, in Vercel's words."""

from dataclasses import replace

import pytest

from checks.evidence import BuildOutput, BuiltFunction
from checks.gate import Verdict
from checks.limits import past_limits, refusals
from checks.policy import BuildPolicy
from checks.release import output_is_whole

WHOLE = BuildOutput("prebuilt", "", 1)


def said(plan: str, **built: object) -> list[str]:
    return [words for _, words in refusals(plan, replace(WHOLE, **built))]


@pytest.mark.parametrize(
    ("schedule", "hobby", "pro"),
    [
        ("0 3 * * *", "", ""),
        ("0 3 * * 1-5", "", ""),
        ("*/10 * * * *", "would run more than once per day", ""),
        ("0 * * * *", "would run more than once per day", ""),
        ("0,30 3 * * *", "would run more than once per day", ""),
        ("0 3 1 * 1", "only one of day of month and day of week", "only one of day of month and day of week"),
        ("0 3 * *", "it has 4 fields and not 5", "it has 4 fields and not 5"),
        ("60 3 * * *", "'60' is no minute (0 to 59)", "'60' is no minute (0 to 59)"),
        ("0 3 * * MON", "'MON' is no day of week (0 to 6)", "'MON' is no day of week (0 to 6)"),
        ("0 3 9-2 * *", "'9-2' is no day of month", "'9-2' is no day of month"),
        ("0 */0 * * *", "'*/0' is no hour", "'*/0' is no hour"),
        ("@daily", "it has 1 fields", "it has 1 fields"),
    ],
)
def test_a_cron_expression_is_what_vercel_takes_and_as_often_as_the_plan_has_it(schedule, hobby, pro):
    for plan, wanted in (("hobby", hobby), ("pro", pro)):
        found = said(plan, crons=(("/api/cron", schedule),))
        assert bool(found) == bool(wanted)
        assert wanted in "".join(found)


def test_the_words_about_a_frequent_cron_job_are_those_of_a_failed_deployment():
    (words,) = said("hobby", crons=(("/api/cron", "* * * * *"),))
    assert words == (
        "Hobby accounts are limited to daily cron jobs. This cron expression (* * * * *) would run more than once per "
        "day. Upgrade to the Pro plan to unlock all Cron Jobs features on Vercel."
    )


def test_how_many_cron_jobs_and_routes_there_may_be():
    jobs = tuple((f"/api/{number}", "0 3 * * *") for number in range(101))
    assert said("hobby", crons=jobs[:100], routes=2048) == []
    assert len(said("enterprise", crons=jobs, routes=2049)) == 2
    assert said("pro", crons=(("api/cron", "0 3 * * *"),))[0].startswith("its path must begin with /")


@pytest.mark.parametrize(
    ("function", "refused_by"),
    [
        (BuiltFunction("api/a", "nodejs22.x", 1, seconds=300), ()),
        (BuiltFunction("api/a", "nodejs22.x", 1, seconds=301), ("hobby",)),
        (BuiltFunction("api/a", "nodejs22.x", 1, seconds=801), ("hobby", "pro", "enterprise")),
        (BuiltFunction("api/a", "nodejs22.x", 1, memory=3008), ("hobby",)),
        (BuiltFunction("middleware", "edge", 5_000_000, packed=1_020_000), ("hobby",)),
        (BuiltFunction("middleware", "edge", 5_000_000, packed=2_100_000), ("hobby", "pro")),
    ],
)
def test_a_function_asks_for_no_more_than_the_plan_has(function, refused_by):
    assert tuple(plan for plan in ("hobby", "pro", "enterprise") if said(plan, functions=(function,))) == refused_by


def test_the_words_about_functions_are_those_of_failed_deployments():
    edge = BuiltFunction("middleware", "edge", 1, packed=1_020_000)
    slow = BuiltFunction("webapi/chat/[provider]", "nodejs22.x", 1, seconds=900)
    assert said("hobby", functions=(edge, slow)) == [
        'The Edge Function "middleware" size is 1.02 MB and your plan size limit is 1 MB.',
        'Builder returned invalid maxDuration value for Serverless Function "webapi/chat/[provider]". Serverless '
        "Functions must have a maxDuration between 1 and 300 for plan hobby.",
    ]


@pytest.mark.parametrize(
    ("runtime", "size", "large"),
    [("nodejs22.x", 251, True), ("python3.12", 251, False), ("python3.12", 501, True)],
)
def test_a_large_function_is_a_warning_as_a_team_may_have_switched_that_on(runtime, size, large):
    seen = replace(WHOLE, functions=(BuiltFunction("api/a", runtime, size * 1_000_000),))
    found = list(past_limits("pro", seen))
    assert [one.verdict for one in found] == ([Verdict.WARN] if large else [])
    assert list(output_is_whole.judge(BuildPolicy(), seen)) == found
