"""Asks whether this is the commit that everybody reviewed."""

from collections.abc import Mapping
from dataclasses import replace

from checks.evidence import Approval, Check, Commit, CommitChecks, PullRequest, Release
from checks.gate import Findings, block, gate, not_yet, warn
from checks.policy import ContinuousIntegrationPolicy, ReviewPolicy, SourcePolicy


@gate(owner="developer")
def is_pushed(policy: SourcePolicy, release: Release, commit: Commit) -> Findings:
    """The commit is on GitHub and is the head of the production branch.

    Why: A commit that exists on one laptop cannot be reviewed, rebuilt or found again at 2 a.m.

    By hand:
        Run `gh api repos/$REPOSITORY/branches/$BRANCH --jq .commit.sha`.
        It must print the commit that you are about to deploy: `git rev-parse HEAD`.

    If it fails: Push the commit, or pull the branch and deploy its head. To go back is `./inv rollback`; to ship
        something older on purpose, say `--older`. A repository that was renamed or transferred is followed; write its
        new name into `deploy.yml` before somebody else takes the old one.
    """
    if not commit.known:
        yield block(commit.sha[:12], f"is not on GitHub in {policy.repository}", fix="git push")
    elif commit.head != commit.sha and not release.older:
        yield block(
            commit.sha[:12],
            f"is not the head of {policy.branch}, which is {commit.head[:12]}",
            fix=f"git checkout {policy.branch} && git pull",
        )
    if release.changed:
        names = ", ".join(release.changed[:3])
        more = f" and {len(release.changed) - 3} more" if len(release.changed) > 3 else ""
        yield warn(commit.sha[:12], f"is not all of what ships: {names}{more} differ from it", fix="git status")
    if commit.repository and commit.repository.lower() != policy.repository.lower():
        yield warn(
            policy.repository, f"is called {commit.repository} now", fix=f"source.repository: {commit.repository}"
        )


is_pushed.stops_when("the commit was never pushed", lambda p, r, c: (p, r, Commit(c.sha, False, c.branch, c.head)))
is_pushed.stops_when("somebody pushed after it", lambda p, r, c: (p, r, Commit(c.sha, True, c.branch, "f" * 40)))


WORKFLOWS = ".github/workflows/"


def counted(policy: ContinuousIntegrationPolicy, seen: CommitChecks) -> tuple[Check, ...]:
    """Choose the checks that say something about the code, of each name and app the newest run.

    GitHub keeps an older run of the same name in every other suite of the commit, for ever. A workflow's jobs are its
    own: one `build` does not stand for another workflow's. What runs this tool is no check on the code; of the workflow
    that runs now, other jobs of this very run are, once they have ended.
    """
    newest: dict[tuple[str, str, str], Check] = {}
    for check in seen.checks:
        key = (check.app, check.workflow, check.name)
        if key not in newest or _age(newest[key]) < _age(check):
            newest[key] = check
    ignored, own = {one.name for one in policy.ignore}, {WORKFLOWS + file for file in policy.own}
    return tuple(
        check
        for check in newest.values()
        if check.name not in ignored and check.workflow not in own and not _running_now(seen, check)
    )


def _age(check: Check) -> tuple[bool, str, int]:
    """Sort by age; what waits to be started is the newest."""
    return not check.started, check.started, check.id


def _running_now(seen: CommitChecks, check: Check) -> bool:
    """Whether it is this very job, another that cannot end before it, or an earlier attempt of it."""
    if not seen.run or not check.run:
        return False
    if check.run == seen.run:
        return check.state == "pending"
    return bool(seen.workflow) and check.workflow == seen.workflow


@gate(owner="developer")
def ci_is_green(policy: ContinuousIntegrationPolicy, seen: CommitChecks) -> Findings:
    """Every check run and every status on this very commit has succeeded, in its newest run.

    Why: Tests that passed on another commit say nothing about this one, and no tests at all are not green:
        GitHub calls an empty list "pending". What the branch's protection or a ruleset requires is waited for. A check
        that was skipped has not run either: GitHub counts it as success, this stops for it when `ci.required` names it.
        The workflows that deploy, monitor and drill (`ci.own`) say nothing about the code, whatever their colour.

    By hand:
        Run `gh api --paginate repos/$REPOSITORY/commits/$COMMIT/check-runs --jq '.check_runs[] | [.name, .status, .conclusion]'`
        and `gh api --paginate repos/$REPOSITORY/commits/$COMMIT/status --jq '.statuses[] | [.context, .state]'`.
        Of each name the newest line must end in `success`, `neutral` or `skipped`, and there must be at least one
        `success`. Leave out the jobs of the deploy, rollback, monitor and drill workflows.

    If it fails: Open the failing check on GitHub and fix what it found. Re-run it only when you know that it was
        not the code. A bot's check that never ends, or is about another project, is left out for good by an entry in
        `deploy.yml` under `ci.ignore`, with the reason.
    """
    checks = counted(policy, seen)
    for name in policy.required:
        states = {check.state for check in checks if check.name == name}
        if not states:
            yield not_yet(name, "has not reported on this commit")
        elif states == {"skipped"}:
            yield block(name, "is required and was skipped, so it has not run on this commit")
    yield from _required_by_github(policy, seen, {check.name: check.state for check in checks})
    if not any(check.state == "success" for check in checks):
        yield not_yet(seen.sha[:12], "has no successful check: nothing at all is not green")
    for check in checks:
        if check.state == "pending":
            yield not_yet(check.name, "is still running", fix="when it never ends: `ci.ignore` in deploy.yml")
        elif check.state not in ("success", "neutral", "skipped"):
            whose = "; its workflow could not be read (Actions: Read)" if check.run and not check.workflow else ""
            yield block(check.name, f"is {check.state}{whose}", fix=f"gh run list --commit {seen.sha}")


def _required_by_github(policy: ContinuousIntegrationPolicy, seen: CommitChecks, states: Mapping[str, str]) -> Findings:
    """Find what the branch's protection or a ruleset requires, and has not run here. What we leave out stays out."""
    left_out = {check.name for check in seen.checks} - set(states) | {one.name for one in policy.ignore}
    for name in seen.required:
        if name in policy.required or name in left_out:
            continue
        if states.get(name) == "skipped":
            yield warn(name, "is required by GitHub and was skipped, which GitHub counts as success")
        elif name in seen.before:
            yield warn(name, "is required by GitHub, and ran on the pull request only, not on this commit")
        elif name not in states:
            yield not_yet(name, "is required by GitHub and has not reported on this commit")


ci_is_green.stops_when(
    "GitHub requires a check that has not reported yet", lambda p, s: (p, replace(s, required=("e2e",)))
)
ci_is_green.stops_when(
    "a check failed", lambda p, s: (p, CommitChecks(s.sha, (type(s.checks[0])("test", "failure"), *s.checks[1:])))
)
ci_is_green.stops_when("nothing has reported", lambda p, s: (p, CommitChecks(s.sha, ())))
ci_is_green.stops_when(
    "a required check was skipped",
    lambda p, s: (replace(p, required=("e2e",)), replace(s, checks=(*s.checks, Check("e2e", "skipped")))),
)
ci_is_green.stops_when(
    "only the deploy workflow itself has reported",
    lambda p, s: (p, replace(s, checks=(Check("deploy", "success", workflow=WORKFLOWS + "deploy.yml", run="1"),))),
)


@gate(owner="developer")
def was_reviewed(policy: ReviewPolicy, commit: Commit, seen: PullRequest) -> Findings:
    """What was reviewed is what ships: the approved head of a pull request brought this commit.

    Why: An approval of an earlier push approves code that is not the code going out. Anybody with an account can
        approve a public pull request; like GitHub, this counts only people who may write, and no bots.

    By hand:
        Run `gh api repos/$REPOSITORY/commits/$COMMIT/pulls --jq '.[] | [.number, .head.sha, .merge_commit_sha]'`,
        then `gh api --paginate repos/$REPOSITORY/pulls/$NUMBER/reviews --jq '.[] | [.user.login, .state, .commit_id]'`.
        Somebody other than the author must have `APPROVED` the pull request's head, and may write: GitHub shows a green
        tick beside such a reviewer, a grey one beside anybody else.

    If it fails: Ask for a review of the head as it is now, by somebody who may write.
    """
    if not seen.number:
        yield block(commit.sha[:12], "came with no pull request, so nobody reviewed it", fix="gh pr create")
        return
    pull = f"pull request #{seen.number}"
    if commit.sha not in (seen.head, seen.merge_commit):
        yield block(pull, f"is at {seen.head[:12]}, not at this commit")
    for who in seen.objections:
        yield block(pull, f"has changes requested by {who}")
    reviewers = {a.by for a in seen.approvals if a.counts and a.of == seen.head and a.by != seen.author}
    if len(reviewers) < policy.required:
        yield block(
            pull,
            f"has {len(reviewers)} of {policy.required} approvals of its head{uncounted(seen)}",
            fix=f"gh pr edit {seen.number} --add-reviewer $REVIEWER",
        )


def uncounted(seen: PullRequest) -> str:
    """Say whose approval does not count, and why; empty when there is none."""
    why = [f"{one.by} ({reason})" for one in seen.approvals if (reason := _lacks(seen, one))]
    return f"; not counted: {', '.join(why)}" if why else ""


def _lacks(seen: PullRequest, approval: Approval) -> str:
    if approval.bot:
        return "a bot"
    if not approval.counts:
        return "may not write"
    if approval.by == seen.author:
        return "the author"
    return "" if approval.of == seen.head else f"of {approval.of[:12]}, which is not the head"


def _with(pull: PullRequest, **changes: object) -> PullRequest:
    return PullRequest(**{**pull.__dict__, **changes})


was_reviewed.stops_when(
    "the author pushed after the approval", lambda p, c, s: (p, c, _with(s, head=c.sha, merge_commit=""))
)
was_reviewed.stops_when("a reviewer asked for changes", lambda p, c, s: (p, c, _with(s, objections=("sam",))))
was_reviewed.stops_when("there is no pull request", lambda p, c, s: (p, c, _with(s, number=0)))
was_reviewed.stops_when(
    "the only approval is a passer-by's",
    lambda p, c, s: (p, c, _with(s, approvals=tuple(replace(a, by="passer-by", role="read") for a in s.approvals))),
)
