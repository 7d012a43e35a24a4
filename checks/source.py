"""Asks whether this is the commit that everybody reviewed."""

from checks.evidence import Commit, CommitChecks, PullRequest, Release
from checks.gate import Findings, block, gate, not_yet
from checks.policy import ContinuousIntegrationPolicy, ReviewPolicy, SourcePolicy


@gate(owner="developer")
def is_pushed(policy: SourcePolicy, release: Release, commit: Commit) -> Findings:
    """The commit is on GitHub and is the head of the production branch.

    Why: A commit that exists on one laptop cannot be reviewed, rebuilt or found again at 2 a.m.

    By hand:
        Run `gh api repos/$REPOSITORY/branches/$BRANCH --jq .commit.sha`.
        It must print the commit that you are about to deploy: `git rev-parse HEAD`.

    If it fails: Push the commit, or pull the branch and deploy its head. To go back is `./inv rollback`; to ship
        something older on purpose, say `--older`.
    """
    if not commit.known:
        yield block(commit.sha[:12], f"is not on GitHub in {policy.repository}", fix="git push")
    elif commit.head != commit.sha and not release.older:
        yield block(
            commit.sha[:12],
            f"is not the head of {policy.branch}, which is {commit.head[:12]}",
            fix=f"git checkout {policy.branch} && git pull",
        )


is_pushed.stops_when("the commit was never pushed", lambda p, r, c: (p, r, Commit(c.sha, False, c.branch, c.head)))
is_pushed.stops_when("somebody pushed after it", lambda p, r, c: (p, r, Commit(c.sha, True, c.branch, "f" * 40)))


@gate(owner="developer")
def ci_is_green(policy: ContinuousIntegrationPolicy, seen: CommitChecks) -> Findings:
    """Every check run and every status on this very commit has succeeded.

    Why: Tests that passed on another commit say nothing about this one, and no tests at all are not green:
        GitHub calls an empty list "pending".

    By hand:
        Run `gh api repos/$REPOSITORY/commits/$COMMIT/check-runs --jq '.check_runs[] | [.name, .status, .conclusion]'`
        and `gh api repos/$REPOSITORY/commits/$COMMIT/status --jq '.statuses[] | [.context, .state]'`.
        Every line must end in `success`, `neutral` or `skipped`, and there must be at least one `success`.

    If it fails: Open the failing check on GitHub and fix what it found. Re-run it only when you know that it was
        not the code.
    """
    names = {check.name for check in seen.checks}
    for name in policy.required:
        if name not in names:
            yield not_yet(name, "has not reported on this commit")
    if not any(check.state == "success" for check in seen.checks):
        yield not_yet(seen.sha[:12], "has no successful check: nothing at all is not green")
    for check in seen.checks:
        if check.state == "pending":
            yield not_yet(check.name, "is still running")
        elif check.state not in ("success", "neutral", "skipped"):
            yield block(check.name, f"is {check.state}", fix=f"gh run list --commit {seen.sha}")


ci_is_green.stops_when(
    "a check failed", lambda p, s: (p, CommitChecks(s.sha, (type(s.checks[0])("test", "failure"), *s.checks[1:])))
)
ci_is_green.stops_when("nothing has reported", lambda p, s: (p, CommitChecks(s.sha, ())))


@gate(owner="developer")
def was_reviewed(policy: ReviewPolicy, commit: Commit, seen: PullRequest) -> Findings:
    """What was reviewed is what ships: the approved head of a pull request brought this commit.

    Why: An approval of an earlier push approves code that is not the code going out.

    By hand:
        Run `gh api repos/$REPOSITORY/commits/$COMMIT/pulls --jq '.[] | [.number, .head.sha, .merge_commit_sha]'`,
        then `gh api repos/$REPOSITORY/pulls/$NUMBER/reviews --jq '.[] | [.user.login, .state, .commit_id]'`.
        Somebody other than the author must have `APPROVED` the pull request's head.

    If it fails: Ask for a review of the head as it is now.
    """
    if not seen.number:
        yield block(commit.sha[:12], "came with no pull request, so nobody reviewed it", fix="gh pr create")
        return
    pull = f"pull request #{seen.number}"
    if commit.sha not in (seen.head, seen.merge_commit):
        yield block(pull, f"is at {seen.head[:12]}, not at this commit")
    for who in seen.objections:
        yield block(pull, f"has changes requested by {who}")
    reviewers = {a.by for a in seen.approvals if a.of == seen.head and a.by != seen.author}
    if len(reviewers) < policy.required:
        yield block(
            pull,
            f"has {len(reviewers)} of {policy.required} approvals of its head",
            fix=f"gh pr edit {seen.number} --add-reviewer $REVIEWER",
        )


def _with(pull: PullRequest, **changes: object) -> PullRequest:
    return PullRequest(**{**pull.__dict__, **changes})


was_reviewed.stops_when(
    "the author pushed after the approval", lambda p, c, s: (p, c, _with(s, head=c.sha, merge_commit=""))
)
was_reviewed.stops_when("a reviewer asked for changes", lambda p, c, s: (p, c, _with(s, objections=("sam",))))
was_reviewed.stops_when("there is no pull request", lambda p, c, s: (p, c, _with(s, number=0)))
