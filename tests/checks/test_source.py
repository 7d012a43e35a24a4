"""Which checks say something about the code, and whose approval counts: the gates, without a GitHub."""

from dataclasses import replace

import pytest

from checks import approval, healthy, source
from checks.evidence import Approval, Check, CommitChecks, PullRequest, Release
from checks.gate import Verdict, worst
from checks.policy import ApprovalPolicy, ContinuousIntegrationPolicy, IgnoredCheck, ReviewPolicy

SEEN = {type(value): value for value in healthy.EVIDENCE}
PULL: PullRequest = SEEN[PullRequest]
GOOD = Check("test", "success", "github-actions", ".github/workflows/ci.yml", "10", "2026-11-24T09:00:00Z", 100)
DEPLOY = replace(GOOD, name="deploy", workflow=".github/workflows/deploy.yml", run="20", id=200)
SHIP = replace(DEPLOY, workflow=".github/workflows/ship.yml")


def verdict(*checks: Check, run: str = "", workflow: str = "", **policy: object) -> Verdict:
    seen = CommitChecks(healthy.COMMIT, checks, run, workflow)
    return worst(tuple(source.ci_is_green.judge(ContinuousIntegrationPolicy(**policy), seen)))  # type: ignore[arg-type]


@pytest.mark.parametrize("state", ["pending", "failure", "cancelled", "timed_out", "action_required"])
@pytest.mark.parametrize("file", ["deploy.yml", "rollback.yml", "monitor.yml", "drill.yml"])
def test_what_our_own_workflows_say_is_no_check_on_the_code(file: str, state: str) -> None:
    ours = replace(DEPLOY, state=state, workflow=f".github/workflows/{file}")
    assert verdict(GOOD, ours) is Verdict.PASS
    assert verdict(GOOD, replace(ours, workflow=".github/workflows/e2e.yml")).stops


def test_our_own_success_alone_is_not_green() -> None:
    assert verdict(DEPLOY) is Verdict.NOT_YET


@pytest.mark.parametrize("older", ["failure", "cancelled", "pending"])
def test_of_a_name_the_newest_run_counts_whatever_the_order(older: str) -> None:
    old = replace(GOOD, state=older, started="2026-11-24T08:00:00Z", id=90, run="9")
    assert verdict(GOOD, old) is verdict(old, GOOD) is Verdict.PASS
    newer = replace(GOOD, state="failure", started="2026-11-24T10:00:00Z", id=110, run="11")
    assert verdict(GOOD, newer) is Verdict.BLOCK
    waits = replace(GOOD, state="pending", started="", id=120, run="12")
    assert verdict(GOOD, waits) is Verdict.NOT_YET


def test_a_run_that_was_cancelled_after_a_newer_one_had_begun_does_not_count() -> None:
    """Its end is the last thing that happens to the name; what counts is which of the two began later."""
    cancelled = replace(GOOD, state="cancelled", started="2026-11-24T08:59:58Z", id=101, run="9")
    assert verdict(GOOD, cancelled) is verdict(cancelled, GOOD) is Verdict.PASS


def test_a_workflow_that_was_cancelled_stops_however_many_others_are_green() -> None:
    """What it would have done, a migration perhaps, nobody has done."""
    cancelled = replace(GOOD, name="migrate", state="cancelled", workflow=".github/workflows/staging.yml", run="9")
    assert verdict(GOOD, replace(GOOD, name="lint", id=101), cancelled) is Verdict.BLOCK


def test_a_check_asked_for_again_keeps_its_number_and_is_the_newest() -> None:
    """Apps other than Actions run the same check run again: its id is old, and its start is not."""
    old = Check("scan", "failure", "some-scanner", started="2026-11-24T11:00:00Z", id=50)
    new = Check("scan", "success", "some-scanner", started="2026-11-24T09:00:00Z", id=60)
    assert verdict(GOOD, old, new) is Verdict.BLOCK


def test_a_name_of_another_app_or_workflow_does_not_stand_for_the_red_one() -> None:
    red = replace(GOOD, state="failure", id=50, started="2026-11-24T08:00:00Z")
    assert verdict(GOOD, replace(red, app="circleci", workflow="", run="")) is Verdict.BLOCK
    assert verdict(GOOD, replace(red, workflow=".github/workflows/docs.yml", run="8")) is Verdict.BLOCK


def test_in_the_workflow_that_runs_now_ended_jobs_count_and_nothing_is_waited_for() -> None:
    """Tests and deployment may be jobs of one workflow, which has any name."""
    now = {"run": "20", "workflow": ".github/workflows/ship.yml"}
    itself, tests = replace(SHIP, state="pending"), replace(SHIP, name="test", id=201)
    assert verdict(itself, tests, **now) is Verdict.PASS
    assert verdict(itself, replace(tests, state="failure"), **now) is Verdict.BLOCK
    assert verdict(itself, **now) is Verdict.NOT_YET
    earlier = replace(SHIP, state="cancelled", run="19", id=190, name="deploy / production")
    assert verdict(itself, tests, earlier, **now) is Verdict.PASS


def test_a_required_check_has_run_and_not_been_skipped() -> None:
    e2e = replace(GOOD, name="e2e")
    assert verdict(GOOD, e2e, required=("e2e",)) is Verdict.PASS
    assert verdict(GOOD, replace(e2e, state="neutral"), required=("e2e",)) is Verdict.PASS
    assert verdict(GOOD, replace(e2e, state="skipped"), required=("e2e",)) is Verdict.BLOCK
    assert verdict(GOOD, replace(e2e, state="skipped")) is Verdict.PASS
    assert verdict(GOOD, required=("e2e",)) is Verdict.NOT_YET


@pytest.mark.parametrize("state", ["failure", "pending", "error"])
def test_what_the_file_ignores_stops_nothing_and_is_no_proof(state: str) -> None:
    bots = Check("Vercel – marketing", state)
    ignore = (IgnoredCheck("Vercel – marketing", "another team's project"),)
    assert verdict(GOOD, bots).stops
    assert verdict(GOOD, bots, ignore=ignore) is Verdict.PASS
    assert verdict(replace(bots, state="success"), ignore=ignore) is Verdict.NOT_YET


def review(*approvals: Approval, **more: object) -> tuple[Verdict, Verdict]:
    """What the two gates on approvals say."""
    pull = replace(PULL, approvals=approvals, **more)  # type: ignore[arg-type]
    reviewed = source.was_reviewed.judge(ReviewPolicy(), SEEN[source.Commit], pull)
    return worst(tuple(reviewed)), approved(ApprovalPolicy(), SEEN[Release], pull)


def approved(policy: ApprovalPolicy, release: Release, pull: PullRequest) -> Verdict:
    seen = {**SEEN, ApprovalPolicy: policy, Release: release, PullRequest: pull}
    return worst(approval.is_approved.ask(seen))


YES = PULL.approvals[0]


@pytest.mark.parametrize("role", ["admin", "write"])
def test_the_approval_of_somebody_who_may_write_counts(role: str) -> None:
    assert review(replace(YES, role=role)) == (Verdict.PASS, Verdict.PASS)


@pytest.mark.parametrize(
    "approval_",
    [
        replace(YES, by="passer-by", role="read"),
        replace(YES, by="passer-by", role="none"),
        replace(YES, by="approve-all[bot]", role="write", bot=True),
        replace(YES, by=PULL.author),
        replace(YES, of="a" * 40),
    ],
    ids=["read", "none", "bot", "author", "older head"],
)
def test_no_other_approval_counts_and_it_is_said_why(approval_: Approval) -> None:
    assert review(approval_) == (Verdict.BLOCK, Verdict.BLOCK)
    assert approval_.by in source.uncounted(replace(PULL, approvals=(approval_,)))


def agreed(said: str, *stakeholders: str, approvals: tuple[Approval, ...] = ()) -> Verdict:
    pull = replace(PULL, approvals=approvals, authors=("kim", "Kim Dev", "kim@example.com"))
    release = replace(SEEN[Release], approved_by=said)
    return approved(ApprovalPolicy(1, stakeholders), release, pull)


@pytest.mark.parametrize("said", ["kim", "KIM", " Kim Dev ", "kim@example.com"])
def test_whoever_wrote_the_change_does_not_approve_it_in_person(said: str) -> None:
    assert agreed(said) is Verdict.BLOCK
    assert agreed(said, "kim", "Kim Dev", "kim@example.com") is Verdict.BLOCK
    assert agreed("Robin Product") is Verdict.PASS


def test_a_stakeholder_whom_the_file_names_need_not_write() -> None:
    reads = replace(YES, by="robin", role="read")
    assert agreed("", "robin", approvals=(reads,)) is Verdict.PASS
    assert agreed("", "robin", approvals=(replace(reads, bot=True),)) is Verdict.BLOCK
    assert agreed("", "Robin", approvals=(reads,)) is Verdict.PASS, "logins have no case"
    assert agreed("sam", "robin") is Verdict.BLOCK
