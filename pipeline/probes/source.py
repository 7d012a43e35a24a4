"""Reads GitHub: the commit, its checks, its pull request and the alerts."""

import asyncio
from collections.abc import Iterable

from checks.evidence import (
    Alert,
    Approval,
    Check,
    Commit,
    CommitChecks,
    PullRequest,
    RefusedScanner,
    Release,
    SecurityAlerts,
)
from checks.policy import SourcePolicy
from pipeline.clients.githubshapes import Pull, PullReview
from pipeline.environment import variable
from pipeline.world.world import World

SAID = ("APPROVED", "CHANGES_REQUESTED", "DISMISSED")  # a comment changes nobody's mind


async def commit(world: World, release: Release, policy: SourcePolicy) -> Commit:
    known, head = await asyncio.gather(world.github.has_commit(release.commit), world.github.head(policy.branch))
    return Commit(release.commit, known, policy.branch, head, world.github.repository)


async def commit_checks(world: World, release: Release, source: SourcePolicy) -> CommitChecks:
    """Read the checks of the commit, which workflow each job of GitHub Actions belongs to, and what is required."""
    runs, statuses, required = await asyncio.gather(
        world.github.check_runs(release.commit),
        world.github.statuses(release.commit),
        world.github.required_checks(source.branch),
    )
    missing = required - {one.name for one in (*runs, *statuses)}
    ids = sorted({one.run for one in runs if one.run})
    workflows = dict(zip(ids, await asyncio.gather(*map(world.github.workflow_of, ids)), strict=True))
    return CommitChecks(
        release.commit,
        tuple(
            Check(one.name, one.state, one.app, workflows.get(one.run, ""), one.run, one.started, one.id)
            for one in (*runs, *statuses)
        ),
        *_ours(),
        required=tuple(sorted(required)),
        before=await _before(world, release.commit, missing) if missing else (),
    )


async def _before(world: World, commit: str, names: frozenset[str]) -> tuple[str, ...]:
    """Those of the checks that succeeded on the head of the commit's pull request: some run on pull requests only."""
    pull = await world.github.pull_of(commit)
    if pull is None:
        return ()
    runs, statuses = await asyncio.gather(world.github.check_runs(pull.head), world.github.statuses(pull.head))
    return tuple(sorted({one.name for one in (*runs, *statuses) if one.name in names and one.state == "success"}))


def _ours() -> tuple[str, str]:
    """The Actions run that we are a job of, and the path of its workflow; empty outside GitHub Actions."""
    if variable("GITHUB_ACTIONS") != "true":
        return "", ""
    path = variable("GITHUB_WORKFLOW_REF").partition("@")[0].split("/", 2)[2:]
    return variable("GITHUB_RUN_ID"), "".join(path)


async def pull_request(world: World, release: Release) -> PullRequest:
    """Read the pull request, the last word of each reviewer, and whether those may write at all."""
    pull = await world.github.pull_of(release.commit)
    if pull is None:
        return PullRequest(0, "", "", "", (), ())
    latest = {one.by: one for one in await world.github.reviews(pull.number) if one.state in SAID}
    heard = [one for one in latest.values() if one.state != "DISMISSED"]
    authors, roles = await asyncio.gather(
        _authors(world, pull, release.commit), asyncio.gather(*(_role(world, one) for one in heard))
    )
    said = [
        (one.state, Approval(one.by, one.at, one.commit, "github", role, one.bot))
        for one, role in zip(heard, roles, strict=True)
    ]
    return PullRequest(
        pull.number,
        pull.author,
        pull.head,
        pull.merge_commit,
        tuple(one for state, one in said if state == "APPROVED"),
        tuple(one.by for state, one in said if state == "CHANGES_REQUESTED" and one.counts),
        authors,
    )


async def _role(world: World, review: PullReview) -> str:
    return "none" if review.bot else await world.github.permission(review.by, review.association)


async def _authors(world: World, pull: Pull, commit: str) -> tuple[str, ...]:
    """Name who wrote the change: the pull request, its head and the commit. A merge is written by whoever merged."""
    written = await asyncio.gather(*(world.github.author(sha) for sha in dict.fromkeys((pull.head, commit))))
    names = [name for one in written if one and not one.merges for name in (one.login, one.name, one.email)]
    return tuple(dict.fromkeys(filter(None, (pull.author, *names))))


async def security_alerts(world: World) -> SecurityAlerts:
    names = ("code-scanning", "dependabot")
    answers = await asyncio.gather(world.github.code_scanning_alerts(), world.github.dependabot_alerts())
    found = dict(zip(names, answers, strict=True))
    alerts: Iterable[Alert] = (
        Alert(scanner, one.severity, one.summary, one.url) for scanner, seen in found.items() for one in seen.alerts
    )
    return SecurityAlerts(
        tuple(alerts),
        tuple(scanner for scanner, seen in found.items() if seen.off),
        tuple(RefusedScanner(scanner, seen.refused) for scanner, seen in found.items() if seen.refused),
    )


PROBES = (
    commit,
    commit_checks,
    pull_request,
    security_alerts,
)
