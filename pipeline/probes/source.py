"""Reads GitHub: the commit, its checks, its pull request and the alerts."""

import asyncio

from checks.evidence import (
    Alert,
    Approval,
    Check,
    Commit,
    CommitChecks,
    PullRequest,
    Release,
    SecurityAlerts,
)
from checks.policy import SourcePolicy
from pipeline.world.world import World


async def commit(world: World, release: Release, policy: SourcePolicy) -> Commit:
    known, head = await asyncio.gather(world.github.has_commit(release.commit), world.github.head(policy.branch))
    return Commit(release.commit, known, policy.branch, head)


async def commit_checks(world: World, release: Release) -> CommitChecks:
    runs, statuses = await asyncio.gather(
        world.github.check_runs(release.commit), world.github.statuses(release.commit)
    )
    return CommitChecks(release.commit, tuple(Check(one.name, one.state) for one in (*runs, *statuses)))


async def pull_request(world: World, release: Release) -> PullRequest:
    pull = await world.github.pull_of(release.commit)
    if pull is None:
        return PullRequest(0, "", "", "", (), ())
    latest = {}
    for review in await world.github.reviews(pull.number):
        if review.state in ("APPROVED", "CHANGES_REQUESTED", "DISMISSED"):  # a comment changes nobody's mind
            latest[review.by] = review
    return PullRequest(
        pull.number,
        pull.author,
        pull.head,
        pull.merge_commit,
        tuple(Approval(r.by, r.at, r.commit, "github") for r in latest.values() if r.state == "APPROVED"),
        tuple(r.by for r in latest.values() if r.state == "CHANGES_REQUESTED"),
    )


async def security_alerts(world: World) -> SecurityAlerts:
    found = dict(
        zip(
            ("code-scanning", "dependabot"),
            await asyncio.gather(world.github.code_scanning_alerts(), world.github.dependabot_alerts()),
            strict=True,
        )
    )
    return SecurityAlerts(
        tuple(
            Alert(scanner, one.severity, one.summary, one.url) for scanner, all in found.items() for one in all or ()
        ),
        tuple(scanner for scanner, alerts in found.items() if alerts is None),
    )


PROBES = (
    commit,
    commit_checks,
    pull_request,
    security_alerts,
)
