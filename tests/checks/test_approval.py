"""Whose yes counts, for what, for how long: the gate, without a GitHub and without keys."""

import datetime
from dataclasses import replace
from typing import Any

import pytest

from checks import healthy
from checks.approval import is_approved
from checks.evidence import Approval, GivenApprovals, PullRequest, Release, ReleasePlan
from checks.evidence.approval import EarlierPlan
from checks.gate import Verdict, worst
from checks.policy import ApprovalPolicy

SEEN = {type(value): value for value in (*healthy.EVIDENCE, *healthy.POLICIES)}
PLAN: ReleasePlan = SEEN[ReleasePlan]
PULL: PullRequest = replace(
    SEEN[PullRequest], approvals=(), author="kim", authors=("kim", "Kim Dev", "kim@example.com")
)
REVIEW = SEEN[PullRequest].approvals[0]
SIGNED = Approval(
    "Dana Ops",
    "2026-11-24T09:30:00+00:00",
    PLAN.commit,
    "signature",
    plan=PLAN.hash,
    parts=PLAN.parts,
    names=("dana-ops", "dana@example.com"),
    key="SHA256:dana",
)
LET_IN = Approval("robin", "", PLAN.commit, "environment")


def asked(*given: Approval, reviews: tuple[Approval, ...] = (), **more: Any) -> tuple[Verdict, str]:
    """What the gate says; ``more`` are keys of the policy, a release or a plan."""
    release = more.pop("release", SEEN[Release])
    plan, earlier = more.pop("plan", PLAN), more.pop("earlier", ())
    values = {
        **SEEN,
        ApprovalPolicy: ApprovalPolicy(**more),
        Release: release,
        ReleasePlan: plan,
        PullRequest: replace(PULL, approvals=reviews),
        GivenApprovals: GivenApprovals("r1", given, earlier),
    }
    findings = is_approved.ask(values)
    return worst(findings), " ".join(map(str, findings))


@pytest.mark.parametrize("one", [SIGNED, LET_IN], ids=lambda one: one.via)
def test_a_signature_and_an_environment_count_like_a_review(one: Approval) -> None:
    assert asked(one)[0] is asked(reviews=(REVIEW,))[0] is Verdict.PASS
    assert asked(one, reviews=(REVIEW,), required=2)[0] is Verdict.PASS
    assert asked(one, required=2)[0] is Verdict.BLOCK


@pytest.mark.parametrize("part", ["commit", "sql", "environment"])
def test_an_approval_is_void_when_a_part_of_the_plan_has_changed_and_the_gate_says_which(part: str) -> None:
    parts = tuple((name, "new" if name == part else digest) for name, digest in PLAN.parts)
    verdict, says = asked(SIGNED, plan=replace(PLAN, parts=parts))
    assert verdict is Verdict.BLOCK
    assert f"since when the {part} changed" in says


def test_a_part_that_is_new_or_gone_voids_it_too() -> None:
    assert "the waivers changed" in asked(SIGNED, plan=replace(PLAN, parts=(*PLAN.parts, ("waivers", "w"))))[1]
    assert "the environment changed" in asked(SIGNED, plan=replace(PLAN, parts=PLAN.parts[:2]))[1]


def test_the_hash_is_of_what_the_parts_say_and_not_of_their_order() -> None:
    assert replace(PLAN, parts=PLAN.parts[::-1]).hash == PLAN.hash
    moved = tuple((name, dict(PLAN.parts)["sql" if name == "commit" else name]) for name, _ in PLAN.parts)
    assert replace(PLAN, parts=moved).hash != PLAN.hash


@pytest.mark.parametrize(
    ("one", "says"),
    [
        (replace(SIGNED, names=("kim",)), "the author"),
        (replace(SIGNED, names=("KIM@example.com",)), "the author"),
        (replace(LET_IN, by="Kim"), "the author"),
        (replace(SIGNED, flaw="allowed_signers has no such key"), "allowed_signers has no such key"),
        (replace(LET_IN, role="read"), "may not write"),
        (replace(LET_IN, bot=True), "a bot"),
        (replace(SIGNED, at="2026-11-01T09:30:00+00:00"), "of 2026-11-01, which is too long ago"),
        (replace(SIGNED, at="2026-11-24T11:00:00+00:00"), "which is still to come"),
        (replace(SIGNED, at="yesterday"), "of no time that can be read"),
        (replace(SIGNED, at="2026-11-24T09:30:00"), "of no time that can be read"),
    ],
)
def test_what_does_not_count_is_named_with_the_reason(one: Approval, says: str) -> None:
    verdict, said = asked(one)
    assert verdict is Verdict.BLOCK
    assert f"{one.by} ({says})" in said.replace("of 2026-11-24 11:00, ", "")


def test_a_review_expires_as_well_as_a_signature() -> None:
    assert asked(reviews=(replace(REVIEW, at="2026-10-01T09:00:00Z"),))[0] is Verdict.BLOCK
    assert asked(reviews=(replace(REVIEW, at="2026-10-01T09:00:00Z"),), expires=90 * 86400)[0] is Verdict.PASS


def test_one_person_counts_once_by_whatever_name_and_in_whatever_way() -> None:
    again = replace(SIGNED, by="D. Ops", at="2026-11-24T09:40:00+00:00")
    assert asked(SIGNED, again, required=2)[0] is Verdict.BLOCK, "one key is one person"
    assert asked(SIGNED, reviews=(replace(REVIEW, by="Dana-Ops"),), required=2)[0] is Verdict.BLOCK
    other = replace(SIGNED, by="robin", names=("robin",), key="SHA256:robin")
    assert asked(SIGNED, other, required=2)[0] is Verdict.PASS
    bridge = replace(SIGNED, by="x", names=("dana-ops", "robin"), key="SHA256:x")
    assert asked(SIGNED, other, bridge, required=2)[0] is Verdict.BLOCK, "who is both is one"


def test_only_whom_the_file_names_counts_by_login_name_or_key() -> None:
    for name in ("DANA-OPS", "dana@example.com", "SHA256:dana"):
        assert asked(SIGNED, stakeholders=(name,))[0] is Verdict.PASS, name
    for name in ("robin", "dana ops"):  # the second one is only typed
        verdict, says = asked(SIGNED, stakeholders=(name,))
        assert verdict is Verdict.BLOCK, name
        assert "whom `approval.stakeholders` does not name" in says


@pytest.mark.parametrize(
    ("left", "given"),
    [
        (("environment",), {"given": SIGNED}),
        (("signature", "in person"), {"given": LET_IN}),
        (("signature",), {"reviews": (REVIEW,)}),
        (("review",), {"release": replace(SEEN[Release], approved_by="Robin")}),
    ],
)
def test_a_way_that_the_file_leaves_out_does_not_count(left: Any, given: dict[str, Any]) -> None:
    one = (given.pop("given"),) if "given" in given else ()
    verdict, says = asked(*one, ways=left, **given)
    assert verdict is Verdict.BLOCK
    assert "`approval.ways` leaves that out" in says


def test_with_time_to_wait_it_is_not_yet_and_says_for_how_long() -> None:
    values = {**SEEN, ApprovalPolicy: ApprovalPolicy(wait=3600), PullRequest: PULL}
    (found,) = is_approved.ask(values)
    assert (found.verdict, found.waits, found.fix) == (
        Verdict.NOT_YET,
        3600,
        "./inv approve r1, or ./inv deploy --approved-by NAME",
    )


REVIEWED = datetime.datetime.fromisoformat(REVIEW.at)


def read(minutes: int, plan: ReleasePlan = PLAN, **parts: str) -> EarlierPlan:
    """A plan that was read so many minutes after the review, with some of its parts others than now."""
    others = tuple((name, parts.get(name, digest)) for name, digest in plan.parts)
    return EarlierPlan((REVIEWED + datetime.timedelta(minutes=minutes)).isoformat(), replace(plan, parts=others))


@pytest.mark.parametrize(
    ("earlier", "changed"),
    [
        ((), ""),
        ((read(-5),), ""),
        ((read(-9, environment="old"), read(-5)), ""),
        ((read(5),), ""),
        ((read(-5, environment="old"),), "environment"),
        ((read(-5), read(5, environment="old")), "environment"),
        ((read(5, sql="old", environment="old"),), "sql and environment"),
    ],
    ids=["nothing read", "the same before", "changed before it", "the same after", "known then", "after", "two parts"],
)
def test_a_review_on_github_counts_for_the_plan_that_was_known_then(earlier: Any, changed: str) -> None:
    verdict, says = asked(reviews=(REVIEW,), earlier=earlier)
    assert (verdict is Verdict.PASS) is (not changed)
    if changed:
        assert f"(of {REVIEW.at[:16].replace('T', ' ')}, since when the {changed} changed)" in says


def test_migrations_that_have_run_since_the_review_are_no_change_and_others_are() -> None:
    before = read(-5, replace(PLAN, pending=("one", "two")), sql="both")
    assert asked(reviews=(REVIEW,), earlier=(before,), plan=replace(PLAN, pending=("two",)))[0] is Verdict.PASS
    assert (
        "since when the sql changed"
        in asked(reviews=(REVIEW,), earlier=(before,), plan=replace(PLAN, pending=("three",)))[1]
    )


@pytest.mark.parametrize(("seconds", "counts"), [(-1, True), (1, False)])
def test_a_variable_that_was_changed_after_the_review_voids_it_without_any_record(seconds: int, counts: bool) -> None:
    at = (REVIEWED + datetime.timedelta(seconds=seconds)).isoformat()
    verdict, says = asked(reviews=(REVIEW,), plan=replace(PLAN, environment_at=at))
    assert (verdict is Verdict.PASS) is counts
    assert counts or "since when the environment changed" in says
