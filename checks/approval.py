"""Asks whether those who must have agreed to exactly this release."""

import datetime
from dataclasses import replace

from checks.evidence import Approval, GivenApprovals, Moment, PullRequest, Release, ReleasePlan
from checks.gate import Findings, block, gate, waiting
from checks.persons import apart
from checks.policy import ApprovalPolicy

WAYS = {"github": "review"}
AHEAD = 300.0  # seconds that a signer's clock may be ahead


@gate(owner="release manager")
def is_approved(
    policy: ApprovalPolicy, release: Release, plan: ReleasePlan, seen: PullRequest, given: GivenApprovals, now: Moment
) -> Findings:
    """As many people as `approval.required` have agreed to this release, and it is recorded who and when.

    Why: Somebody outside the change must know that it goes out now, and be there when it does not go well. What they
        agreed to must be what goes out: the commit, its SQL, the environment, the gates, the waivers. GitHub binds a
        review to the commit alone, so one does not count when any of the others is known to have changed since.

    By hand:
        Ask a stakeholder to approve the pull request: `gh api repos/$REPOSITORY/pulls/$NUMBER/reviews -f event=APPROVE`.
        Or write down their name and the time in the deployment's issue.

    If it fails: Ask for the approval on GitHub, or for one with an SSH key, which is void as soon as any part of the
        plan changes: `./inv approve RUN`. Or start the run with `--approved-by NAME` when it was given to you in
        person; that is recorded with the time. Whoever wrote the change is nobody else, whichever way it is said.
    """
    authors = {seen.author.casefold(), *(who.casefold() for who in seen.authors)} - {""}
    people, left_out = list[frozenset[str]](), list[str]()
    for one in (*seen.approvals, *_in_person(release), *given.given):
        lacks = _lacks(policy, one, authors, _void(plan, seen, given, one) or _late(policy, one, now.now))
        if lacks and one.via == "in person" and not one.plan:
            yield block("the release", f"is said to be approved by {one.by}, {lacks}")
        elif lacks:
            left_out.append(f"{one.by} ({lacks})")
        else:
            people.append(one.people)
    agreed = len(apart(people))
    if agreed < policy.required:
        wanted = " or ".join(policy.stakeholders) or "anyone but the author"
        others = f"; not counted: {', '.join(left_out)}" if left_out else ""
        yield waiting(
            "the release",
            f"has {agreed} of {policy.required} approvals it needs, from {wanted}{others}",
            fix=f"./inv approve {given.run}, or ./inv deploy --approved-by NAME",
            seconds=policy.wait,
        )


def _in_person(release: Release) -> tuple[Approval, ...]:
    by = release.approved_by.strip()
    return (Approval(by, release.approved_at, release.commit, "in person"),) if by else ()


def _lacks(policy: ApprovalPolicy, approval: Approval, authors: set[str], else_: str) -> str:
    """Why an approval does not count, whatever it is for; ``else_`` when that is fine."""
    named = {who.casefold() for who in policy.stakeholders}
    if WAYS.get(approval.via, approval.via) not in policy.ways:
        return f"{approval.via}: `approval.ways` leaves that out"
    if approval.flaw or approval.bot:
        return approval.flaw or "a bot"
    if approval.people & authors:
        return "who wrote it" if approval.via == "in person" else "the author"
    if named and not approval.proved & named:
        return "whom `approval.stakeholders` does not name"
    if not approval.counts and not named:
        return "may not write"
    return else_


def _void(plan: ReleasePlan, seen: PullRequest, given: GivenApprovals, approval: Approval) -> str:
    """Why an approval is for something else than what ships now; empty when it is for that."""
    if approval.plan and approval.plan != plan.hash:
        changed = " and ".join(plan.changed(approval.parts))
        return f"of plan {approval.plan[:12]}, since when the {changed} changed"
    wanted = seen.head if approval.via == "github" else plan.commit
    if approval.of != wanted:
        return f"of {approval.of[:12]}, which is not the head"
    since = _changed_since(plan, given, approval) if approval.via == "github" else ()
    return f"of {approval.at[:16].replace('T', ' ')}, since when the {' and '.join(since)} changed" if since else ""


def _changed_since(plan: ReleasePlan, given: GivenApprovals, review: Approval) -> tuple[str, ...]:
    """The parts of the plan that are known to be others than when the review was given.

    What was known then is the last plan that was read before it. Migrations that have run meanwhile are no change.
    """
    at = _moment(review.at)
    if at is None:
        return ()
    read = [(moment, one.plan) for one in given.earlier if (moment := _moment(one.at))]
    counts = [one for moment, one in read if moment <= at][-1:] + [one for moment, one in read if moment > at]
    names = {name for one in counts for name in plan.changed(one.parts) if name != "sql" or _runs_more(plan, one)}
    variables = _moment(plan.environment_at)
    names |= {"environment"} if variables and variables > at else set()
    return tuple(name for name, _ in plan.parts if name in names)


def _runs_more(plan: ReleasePlan, before: ReleasePlan) -> bool:
    return not set(plan.pending) < set(before.pending)


def _moment(text: str) -> datetime.datetime | None:
    """The time that a text says; None when it says none, or in no zone."""
    try:
        found = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None


def _late(policy: ApprovalPolicy, approval: Approval, now: datetime.datetime) -> str:
    """Why an approval was not given in time; one without a time was given to this very run."""
    if not approval.at:
        return ""
    try:
        at = datetime.datetime.fromisoformat(approval.at)
        age = (now - at).total_seconds()
    except (ValueError, TypeError):
        return "of no time that can be read"
    if age < -AHEAD:
        return f"of {at:%Y-%m-%d %H:%M}, which is still to come"
    return f"of {at:%Y-%m-%d}, which is too long ago" if age > policy.expires else ""


is_approved.stops_when(
    "nobody has agreed",
    lambda p, release, plan, seen, given, now: (p, release, plan, replace(seen, approvals=()), given, now),
)
is_approved.stops_when(
    "the author approves it in person",
    lambda p, release, plan, seen, given, now: (p, replace(release, approved_by=seen.author), plan, seen, given, now),
)


def _signed(plan: ReleasePlan) -> Approval:
    return Approval("dana", "2026-11-24T09:30:00+00:00", plan.commit, "signature", plan=plan.hash, parts=plan.parts)


is_approved.stops_when(
    "a variable was changed after it was signed",
    lambda p, release, plan, seen, given, now: (
        p,
        release,
        replace(plan, parts=(*plan.parts[:2], ("environment", "e1"))),
        replace(seen, approvals=()),
        replace(given, given=(_signed(plan),)),
        now,
    ),
)
is_approved.stops_when(
    "a variable was changed after the review",
    lambda p, release, plan, seen, given, now: (
        p,
        release,
        replace(plan, environment_at="2026-11-24T09:59:00+00:00"),
        seen,
        given,
        now,
    ),
)
