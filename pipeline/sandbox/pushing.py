"""Does what a team does before a deployment: push a commit whose pull request was checked, approved and merged."""

import hashlib

from pipeline.sandbox.core import Core
from pipeline.sandbox.githubstate import ActionRun, Commit, Pull, Review

CHECKS = ("test", "lint")
STATUS = "Vercel"
FOREIGN = "Vercel – marketing"  # another project of the repository, whose status never ends
FOREVER = 1e9
AUTHOR, REVIEWER = "kim-dev", "sam-reviewer"


def push(core: Core, sha: str, message: str, moment: float | None = None) -> Commit:
    """Make ``sha`` the head of main. A commit that is known becomes the head again, and nothing else changes.

    Beside the checks of its workflow it gets what commits usually have: a run of the monitor that found something, and,
    where there is another project in the repository (``foreign``), a bot's status that never ends.
    """
    github, now = core.state.github, core.now() if moment is None else moment
    if sha in github.commits:
        github.head = sha
        return github.commits[sha]
    head = hashlib.sha1(f"head of {sha}".encode(), usedforsecurity=False).hexdigest()
    number = len(github.pulls) + 1
    says = github.check_conclusion
    commit = Commit(sha, message, github.head, now, AUTHOR, number)
    commit.checks = dict.fromkeys(CHECKS, says)
    commit.statuses = {STATUS: "success" if says == "success" else "pending" if says == "pending" else "failure"}
    if github.foreign:
        commit.statuses[FOREIGN] = "pending"
    reviews = [Review(REVIEWER, "APPROVED", head, now - 600)] if github.approved else []
    github.pulls.append(Pull(number, message, AUTHOR, head, sha, now, reviews, dict(commit.checks)))
    github.commits[sha], github.head = commit, sha
    ended = "" if says == "pending" else says
    github.runs.append(ActionRun(core.state.next_id(), "ci.yml", sha, "push", now, 0 if ended else FOREVER, ended))
    github.runs.append(ActionRun(core.state.next_id(), "monitor.yml", sha, "schedule", now, 0, "failure"))
    return commit
