"""Asks whether a stakeholder has agreed to the release."""

from dataclasses import replace

from checks.evidence import Approval, PullRequest, Release
from checks.gate import Findings, block, gate
from checks.policy import ApprovalPolicy
from checks.source import uncounted


@gate(owner="release manager")
def is_approved(policy: ApprovalPolicy, release: Release, seen: PullRequest) -> Findings:
    """A stakeholder has agreed to this release, and it is recorded who and when.

    Why: Somebody outside the change must know that it goes out now, and be there when it does not go well.

    By hand:
        Ask a stakeholder to approve the pull request: `gh api repos/$REPOSITORY/pulls/$NUMBER/reviews -f event=APPROVE`.
        Or write down their name and the time in the deployment's issue.

    If it fails: Ask for the approval on GitHub, or start the run with `--approved-by NAME` when it was given to you
        in person; that is recorded with the time. Whoever wrote the change is nobody else, whichever way it is said.
    """
    named = {who.casefold() for who in policy.stakeholders}
    authors = {seen.author.casefold(), *(who.casefold() for who in seen.authors)}
    in_person = release.approved_by.strip()
    counted = {a.by.casefold() for a in seen.approvals if _agrees(named, a) and a.of == seen.head}
    counted = {who for who in (counted - {seen.author.casefold()}) if not named or who in named}
    if in_person and in_person.casefold() in authors:
        yield block("the release", f"is said to be approved by {in_person}, who wrote it")
    elif in_person and (not named or in_person.casefold() in named):
        counted.add(in_person.casefold())
    if len(counted) < policy.required:
        wanted = " or ".join(policy.stakeholders) or "anyone but the author"
        yield block(
            "the release",
            f"has {len(counted)} of {policy.required} approvals it needs, from {wanted}{uncounted(seen)}",
            fix="./inv deploy --approved-by NAME",
        )


def _agrees(named: set[str], approval: Approval) -> bool:
    """Whether it is a yes: of a person who may write, or whom `approval.stakeholders` names."""
    return approval.counts or (approval.by.casefold() in named and not approval.bot)


is_approved.stops_when(
    "nobody has agreed",
    lambda p, release, seen: (p, release, PullRequest(**{**seen.__dict__, "approvals": ()})),
)
is_approved.stops_when(
    "the author approves it in person",
    lambda policy, release, seen: (policy, replace(release, approved_by=seen.author), seen),
)
