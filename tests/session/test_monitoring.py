"""Production, looked at as every day and every week: in the sandbox, well and ill in every way that has a severity."""

import asyncio
import dataclasses
import datetime
import json
from typing import Any

import pytest

from checks.evidence import Release
from checks.gate import worst
from checks.outcome import Outcome
from checks.policy import DeclaredMonitor, ErrorsPolicy, UptimePolicy, VitalsPolicy
from pipeline.definitions.checklists import CHECKLISTS, DAILY, WEEKLY
from pipeline.definitions.diagnoses import DIAGNOSES
from pipeline.engine.plan import Pipeline
from pipeline.handbook.exits import exit_code
from pipeline.record.report import Report
from pipeline.redact import Redactor
from pipeline.render.monitor import checked_markdown, checked_plain, checked_text, diagnosed_text
from pipeline.render.report import summary_text
from pipeline.sandbox.errortracking import capture
from pipeline.session.asking import Checked, ask_in
from pipeline.session.monitors import synchronise
from pipeline.session.session import Session
from tests.stage import InProcess
from tests.whole.test_proof import require

DAY = 86400.0


def look(inside: InProcess, *pipelines: Pipeline, name: str = "daily") -> Checked:
    """What `monitor.…` and `diagnose.…` do, in this process."""
    it = Session(
        inside.settings,
        inside.pipeline,
        inside.store,
        Redactor(inside.settings.hidden),
        inside.clock,
        inside.config,
    )

    async def go() -> Checked:
        async with inside.world(Release("", "."), f"monitor-{name}") as world:
            return await ask_in(it, dataclasses.replace(world, records=it.records), pipelines, name)

    return asyncio.run(go())


def daily(inside: InProcess) -> Checked:
    return look(inside, CHECKLISTS["daily"])


def weekly(inside: InProcess) -> Checked:
    return look(inside, CHECKLISTS["weekly"], name="weekly")


def error(inside: InProcess, title: str, *, times: int = 1, where: str = "GET /courses", level: str = "error") -> None:
    commit = next(iter(inside.sandbox.state.sentry.releases))
    for _ in range(times):
        capture(inside.sandbox.core, title, where, commit, "production", level)


def test_at_rest_every_line_of_the_day_is_answered_with_evidence(inside: InProcess) -> None:
    checked = daily(inside)
    assert checked.graded.severity == "", checked.graded
    assert [line.does for line in checked.lines] == [item.does for item in DAILY]
    answers = [answer for line in checked.lines for answer in line.answers]
    assert len(answers) == len(CHECKLISTS["daily"].gates)
    silent = [one.gate.name for one in answers if not one.seen and not one.findings]
    assert not silent, "a tick without what was seen is no answer"


def test_at_rest_the_week_is_well_and_the_test_alert_arrives(inside: InProcess) -> None:
    require(inside, UptimePolicy, monitors=())
    checked = weekly(inside)
    assert checked.graded.severity == "", checked.graded
    assert [line.does for line in checked.lines] == [item.does for item in WEEKLY]
    (alert,) = [a for line in checked.lines for a in line.answers if a.gate.name == "alerts.test-alert-arrives"]
    assert "Better Stack after" in alert.seen
    assert "Sentry after" in alert.seen
    assert "the channel after" in alert.seen
    mine = [one for one in inside.sandbox.state.betterstack.incidents if "TEST ALERT" in one.name]
    assert mine, "it was really set off"
    assert all(one.resolved for one in mine), "and nobody has to clean up after it"
    issues = [one for one in inside.sandbox.state.sentry.issues if "TEST ALERT" in one.title]
    assert [one.status for one in issues] == ["resolved"]


@pytest.mark.parametrize(
    ("service", "switch", "way"),
    [("betterstack", {"deaf": True}, "Better Stack"), ("sentry", {"blind": True}, "Sentry")],
)
def test_an_alert_that_does_not_arrive_is_a_p1_that_names_the_way(
    inside: InProcess, service: str, switch: dict[str, Any], way: str
) -> None:
    require(inside, UptimePolicy, monitors=())
    inside.sandbox.patch({service: switch})
    checked = weekly(inside)
    assert (checked.graded.severity, checked.graded.gate) == ("P1", "alerts.test-alert-arrives")
    assert checked.graded.reason.startswith(way)


@pytest.mark.parametrize(
    ("title", "severity"),
    [
        ("CallbackError: sign in failed", "P0"),
        ("PrismaClientKnownRequestError P2002: unique constraint", "P0"),
        ("TypeError: course is null", "P1"),
    ],
)
def test_a_critical_error_is_graded_by_what_it_touches(inside: InProcess, title: str, severity: str) -> None:
    error(inside, title)
    checked = daily(inside)
    assert checked.graded.severity == severity
    assert title in checked.graded.reason
    assert checked.playbook == "error-spike"
    assert exit_code(checked.graded.severity) == {"P0": 10, "P1": 11}[severity]


def test_an_error_that_is_only_a_warning_is_no_incident(inside: InProcess) -> None:
    error(inside, "Slow query", level="warning")
    assert daily(inside).graded.severity == ""


def test_an_old_error_that_pours_in_is_a_p1(inside: InProcess) -> None:
    inside.clock.seconds -= 3 * DAY
    error(inside, "Known timeout")
    inside.clock.seconds += 3 * DAY
    error(inside, "Known timeout", times=120)
    checked = daily(inside)
    assert (checked.graded.severity, checked.graded.gate) == ("P1", "errors.hour-is-usual")


def test_a_week_below_its_uptime_is_a_p1_and_slow_answers_are_a_p2(inside: InProcess) -> None:
    require(inside, UptimePolicy, availability_percent=100)
    checked = daily(inside)
    assert (checked.graded.severity, checked.graded.gate) == ("P1", "uptime.is-well-now")
    require(inside, UptimePolicy, availability_percent=99.5, slowest_ms=100)
    checked = daily(inside)
    assert (checked.graded.severity, checked.graded.gate) == ("P2", "uptime.is-well-now")


def test_production_that_is_down_is_a_p0(inside: InProcess) -> None:
    inside.sandbox.inject("app answer status=503 /api/health/db")
    checked = daily(inside)
    assert checked.graded.severity == "P0"


def test_a_health_check_that_says_why_it_is_ill_is_quoted(inside: InProcess) -> None:
    inside.sandbox.inject(
        'app answer status=503 \'json={"status":"error","error":"too many connections"}\' /api/health/db'
    )
    assert "answered 503: too many connections" in checked_text(daily(inside))


def test_a_compute_that_somebody_switched_off_is_a_p0(inside: InProcess) -> None:
    inside.sandbox.state.neon.branches[0].disabled = True
    (found,) = [a for line in daily(inside).lines for a in line.answers if a.gate.name == "capacity.compute-is-ready"]
    assert [(one.says, one.severity) for one in found.findings] == [("is disabled", "P0")]


def test_what_cannot_be_read_is_not_well(inside: InProcess) -> None:
    inside.sandbox.inject("sentry answer status=403")
    checked = daily(inside)
    assert checked.graded.severity == "unknown"
    assert exit_code(checked.graded.severity) == 14
    assert "UNKNOWN" in checked_text(checked)


def test_one_status_page_that_is_away_hides_no_other(inside: InProcess) -> None:
    inside.sandbox.inject("statuspages answer status=500 /upstash/*")
    checked = daily(inside)
    (vendors,) = [a for line in checked.lines for a in line.answers if a.gate.name == "services.others-are-operational"]
    assert [finding.subject for finding in vendors.findings] == ["Upstash's status page"]
    assert worst(vendors.findings).word == "warn"


def test_few_visits_are_no_verdict_on_web_vitals_and_many_are(inside: InProcess) -> None:
    require(inside, VitalsPolicy, lcp_ms=1000)
    checked = daily(inside)
    assert (checked.graded.severity, checked.graded.gate) == ("P2", "vitals.visitors-feel-well")
    assert " visits)" in checked.graded.reason
    require(inside, VitalsPolicy, least_samples=500)
    checked = daily(inside)
    assert checked.graded.severity == ""
    assert "too few visits to say" in checked_text(checked)


def test_every_reading_is_kept(inside: InProcess) -> None:
    daily(inside)
    daily(inside)
    it = Session(inside.settings, inside.pipeline, inside.store, Redactor(()), inside.clock, inside.config)
    count = it.records.samples.counts(inside.clock.now() - datetime.timedelta(days=1))
    assert count["uptime.availability_percent"] == 2
    assert count["vitals.lcp"] == 2
    assert count["storage.ms"] == 2
    assert count["redis.ms"] == 2


def test_monitors_are_planned_made_and_then_as_declared(inside: InProcess) -> None:
    declared = (DeclaredMonitor("LMS front page", "/", 60, ("us", "eu"), "Courses"),)
    require(inside, UptimePolicy, monitors=declared)
    policy = inside.settings.policies[UptimePolicy]

    def sync(*, apply: bool) -> list[str]:
        async def go() -> list[str]:
            async with inside.world(Release("", ".")) as world:
                changes, _ = await synchronise(world, policy, apply=apply)
                return [one.action for one in changes]

        return asyncio.run(go())

    def differ() -> bool:
        found = [
            a for line in weekly(inside).lines for a in line.answers if a.gate.name == "uptime.monitors-are-as-declared"
        ]
        return bool(found[0].findings)

    assert differ()
    assert sync(apply=False) == ["create"]
    assert sync(apply=False) == ["create"], "a plan changes nothing"
    assert sync(apply=True) == ["create"]
    assert sync(apply=False) == []
    assert not differ()
    policy = dataclasses.replace(policy, monitors=(dataclasses.replace(declared[0], every=180),))
    require(inside, UptimePolicy, monitors=policy.monitors)
    assert differ()
    assert sync(apply=True) == ["update"]
    assert not differ()


def test_a_window_that_a_killed_run_left_is_named_and_taken_away(inside: InProcess) -> None:
    now = inside.clock.now()

    async def leave() -> None:
        async with inside.world(Release("", ".")) as world:
            id = inside.settings.policies[UptimePolicy].monitor
            await world.betterstack.open_window(id, now, now + datetime.timedelta(minutes=5))

    asyncio.run(leave())
    inside.clock.seconds += 3600
    checked = daily(inside)
    (muted,) = [a for line in checked.lines for a in line.answers if a.gate.name == "uptime.nothing-is-muted"]
    assert "maintenance window" in str(muted.findings[0])

    async def take() -> str:
        async with inside.world(Release("", ".")) as world:
            policy = dataclasses.replace(inside.settings.policies[UptimePolicy], monitors=())
            return (await synchronise(world, policy, apply=True))[1]

    assert asyncio.run(take())
    assert not asyncio.run(take())


def test_a_deploy_opens_its_window_and_closes_it_again(inside: InProcess) -> None:
    require(inside, UptimePolicy, window=600.0)
    windows: list[Any] = []
    inside.at_stage("validate", lambda: windows.append(dict(inside.sandbox.state.betterstack.__dict__)))
    outcome, report = inside.deploy()
    assert outcome is Outcome.DEPLOYED, report.reason
    patched = [one for one in inside.sandbox.asked["betterstack"] if one["method"] == "PATCH"]
    assert len(patched) == 2, "opened once, closed once"
    checked = daily(inside)
    assert "maintenance" not in checked_text(checked)


def test_a_deploy_that_goes_back_closes_its_window_too(inside: InProcess) -> None:
    require(inside, UptimePolicy, window=600.0)
    inside.at_stage("validate", lambda: inside.sandbox.inject("app failing-route /login where=production times=40"))
    outcome, _ = inside.deploy()
    assert outcome is Outcome.ROLLED_BACK
    assert "maintenance" not in checked_text(daily(inside))


@pytest.mark.parametrize("kind", DIAGNOSES)
def test_every_diagnosis_is_well_at_rest(inside: InProcess, kind: str) -> None:
    checked = look(inside, DIAGNOSES[kind], name=f"diagnose-{kind}")
    stopped = [
        (a.gate.name, str(f)) for line in checked.lines for a in line.answers for f in a.findings if f.verdict.stops
    ]
    assert not stopped
    assert checked.graded.severity == ""


@pytest.mark.parametrize(
    ("kind", "patch", "fault", "gate", "words"),
    [
        ("storage", {"r2": {"read_only": True}}, "", "storage.files-come-back", "Object Read & Write"),
        ("storage", {}, "r2 answer status=503", "storage.bucket-answers", "NoSuchBucket"),
        ("auth", {}, "app answer status=500 /api/auth/session", "auth.auth-answers", "NEXTAUTH_SECRET"),
        ("rate-limit", {}, "upstash answer status=401", "redis.redis-answers", "UPSTASH_REDIS_REST_TOKEN"),
        ("performance", {}, "app slow-app seconds=3", "performance.pages-are-quick", "slow"),
    ],
)
def test_a_diagnosis_finds_what_is_broken_and_says_what_to_do(
    inside: InProcess, kind: str, patch: dict[str, Any], fault: str, gate: str, words: str
) -> None:
    if patch:
        inside.sandbox.patch(patch)
    if fault:
        inside.sandbox.inject(fault)
    checked = look(inside, DIAGNOSES[kind], name=f"diagnose-{kind}")
    wrong = {a.gate.name for line in checked.lines for a in line.answers if worst(a.findings).stops}
    assert gate in wrong
    text = diagnosed_text(checked)
    assert "→" in text
    assert words in text


def test_a_failed_build_is_shown_with_its_end_and_what_is_known_of_it(inside: InProcess) -> None:
    newest = max(inside.sandbox.state.vercel.deployments.values(), key=lambda one: one.created)
    newest.error, newest.log = ["BUILD_FAILED", "Type error"], ["src/app/page.tsx(3,1): Type error: no such module"]
    checked = look(inside, DIAGNOSES["build"], name="diagnose-build")
    (builds,) = [a for line in checked.lines for a in line.answers if a.gate.name == "books.builds-work"]
    assert worst(builds.findings).word == "not yet"
    assert "Type error" in builds.findings[0].says


def test_the_three_formats_say_the_same(inside: InProcess) -> None:
    error(inside, "TypeError: course is null")
    checked = daily(inside)
    plain = json.loads(json.dumps(checked_plain(checked)))
    assert plain["severity"] == "P1"
    assert plain["exit"] == 11
    for text in (checked_text(checked), checked_markdown(checked)):
        assert "P1" in text
        assert "TypeError: course is null" in text
        assert all(item.does in text for item in DAILY)


def test_no_secret_is_in_what_is_printed_or_kept(inside: InProcess) -> None:
    for fault in ("sentry answer status=500", "upstash answer status=401", "r2 answer status=403"):
        inside.sandbox.inject(fault)
    checked = daily(inside)
    shown = checked_text(checked) + checked_markdown(checked) + json.dumps(checked_plain(checked))
    shown += json.dumps([dict(event.body) for event in inside.journal("monitor-daily").events()])
    assert "lms-uploads" in shown, "the bucket's name is none"
    for value in inside.settings.hidden:
        assert len(value) < 8 or value.startswith("http") or value not in shown


def test_an_incident_is_named_in_the_journal(inside: InProcess) -> None:
    error(inside, "Session is gone")
    daily(inside)
    (named,) = [event for event in inside.journal("monitor-daily").events() if event.kind == "incident named"]
    assert named.body["severity"] == "P0"
    assert named.body["playbook"] == "error-spike"


def test_storage_that_is_down_warns_a_deploy_and_takes_nothing_back(inside: InProcess) -> None:
    inside.at_stage("watch", lambda: inside.sandbox.patch({"r2": {"read_only": True}}))
    outcome, report = inside.deploy()
    assert outcome is Outcome.DEPLOYED, report.reason
    assert any(gate == "storage.files-come-back" for gate, _ in report.warnings)


def test_sign_in_that_breaks_during_the_watch_takes_the_release_back(inside: InProcess) -> None:
    fault = "app answer status=500 /api/auth/session where=production"
    inside.at_stage("watch", lambda: inside.sandbox.inject(fault))
    outcome, report = inside.deploy()
    assert outcome is Outcome.ROLLED_BACK, report.reason
    assert "/api/auth/session" in report.reason


def test_a_new_critical_error_during_the_watch_takes_the_release_back(inside: InProcess) -> None:
    def break_it() -> None:
        for _ in range(4):
            capture(
                inside.sandbox.core, "TypeError: grade is null", "GET /grades", inside.report().commit, "production"
            )

    inside.at_stage("watch", break_it)
    outcome, report = inside.deploy()
    assert outcome is Outcome.ROLLED_BACK, report.reason
    assert "grade is null" in report.reason


def test_an_issue_that_somebody_muted_still_counts_when_it_begins_with_the_release(inside: InProcess) -> None:
    def break_it() -> None:
        commit = inside.report().commit
        one = [capture(inside.sandbox.core, "Grade is gone", "GET /g", commit, "production") for _ in range(4)][-1]
        one.status = "ignored"

    inside.at_stage("watch", break_it)
    outcome, report = inside.deploy()
    assert outcome is Outcome.ROLLED_BACK, report.reason
    assert "marked ignored" in report.reason


def test_a_single_new_error_may_be_chance_and_one_of_sign_in_is_none(inside: InProcess) -> None:
    def once(title: str) -> None:
        capture(inside.sandbox.core, title, "GET /x", inside.report(run).commit, "production")

    run = "r1"
    inside.at_stage("watch", lambda: once("TypeError: grade is null"))
    outcome, report = inside.deploy(run=run)
    assert outcome is Outcome.DEPLOYED, report.reason
    assert any("fewer than 3" in finding["says"] for _, finding in report.warnings)
    run = "r2"
    inside.listeners.clear()
    inside.at_stage("watch", lambda: once("CallbackError: session is gone"))
    outcome, report = inside.deploy(run=run, older=True)
    assert outcome is Outcome.ROLLED_BACK, report.reason


def test_new_errors_of_a_fault_that_the_old_deployment_shares_take_nothing_back(inside: InProcess) -> None:
    def outage() -> None:
        inside.sandbox.inject("app answer status=503 /api/health/db")
        for _ in range(9):
            capture(
                inside.sandbox.core, "Cannot reach database", "GET /", inside.report().commit, "production", "fatal"
            )

    inside.at_stage("watch", outage)
    outcome, report = inside.deploy()
    assert outcome is Outcome.HELD, report.reason
    assert "something is wrong with the old deployment as well" in said_of(report)


def test_an_error_of_a_release_that_was_taken_back_is_not_the_next_ones(inside: InProcess) -> None:
    """Sentry knows that release only by its events: it was never announced."""
    inside.deploy("broken-health", run="r1")
    inside.clock.seconds += 60
    outcome, report = inside.deploy("good", run="r2", over_rollback=True, older=True)
    assert outcome is Outcome.DEPLOYED, report.reason


def test_an_error_of_the_old_release_after_the_promotion_is_not_the_new_ones(inside: InProcess) -> None:
    old = next(iter(inside.sandbox.state.sentry.releases))
    inside.at_stage("watch", lambda: capture(inside.sandbox.core, "Old tab", "GET /old", old, "production") and None)
    outcome, report = inside.deploy()
    assert outcome is Outcome.DEPLOYED, report.reason
    assert any("of release" in finding["says"] for _, finding in report.warnings)


def said_of(report: Report) -> str:
    """The first line of what the run says at its end."""
    return summary_text(report).strip().splitlines()[0]


def test_a_blind_sentry_during_the_watch_holds_and_takes_nothing_back(inside: InProcess) -> None:
    inside.at_stage("watch", lambda: inside.sandbox.inject("sentry answer status=503"))
    before = inside.serves()
    outcome, report = inside.deploy()
    assert outcome is Outcome.HELD, report.reason
    assert inside.serves() != before
    assert said_of(report).startswith("HELD: the release is live, and nobody could look whether it is well")


def test_nobody_uses_it_so_a_person_decides(inside: InProcess) -> None:
    require(inside, ErrorsPolicy, least_requests=100_000)
    inside.deploy(run="r0")  # the second release has a day with requests before it
    outcome, report = inside.deploy(run="r1", older=True)
    assert outcome is Outcome.HELD, report.reason
    assert "too few to say that it is well" in report.reason
    assert "too little was seen of it to say whether it is well" in said_of(report)


def test_one_blind_region_holds(inside: InProcess) -> None:
    inside.sandbox.patch({"betterstack": {"blind_regions": ["eu"]}})
    outcome, report = inside.deploy()
    assert outcome is Outcome.HELD, report.reason
    assert "has seen production from us" in report.reason
