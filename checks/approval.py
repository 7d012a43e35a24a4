"""Asks whether a stakeholder has agreed to the release."""

from checks.evidence import PullRequest, Release
from checks.gate import Findings, block, gate
from checks.policy import ApprovalPolicy


@gate(owner="release manager")
def is_approved(policy: ApprovalPolicy, release: Release, seen: PullRequest) -> Findings:
    """A stakeholder has agreed to this release, and it is recorded who and when.

    Why: Somebody outside the change must know that it goes out now, and be there when it does not go well.

    By hand:
        Ask a stakeholder to approve the pull request: `gh api repos/$REPOSITORY/pulls/$NUMBER/reviews -f event=APPROVE`.
        Or write down their name and the time in the deployment's issue.

    If it fails: Ask for the approval on GitHub, or start the run with `--approved-by NAME` when it was given to you
        in person; that is recorded with the time.
    """
    said_yes = {a.by for a in seen.approvals if a.by != seen.author} | {release.approved_by} - {""}
    counted = {who for who in said_yes if not policy.stakeholders or who in policy.stakeholders}
    if len(counted) < policy.required:
        wanted = " or ".join(policy.stakeholders) or "anyone but the author"
        yield block(
            "the release",
            f"has {len(counted)} of {policy.required} approvals it needs, from {wanted}",
            fix="./inv deploy --approved-by NAME",
        )


is_approved.stops_when(
    "nobody has agreed",
    lambda p, release, seen: (p, release, PullRequest(**{**seen.__dict__, "approvals": ()})),
)
