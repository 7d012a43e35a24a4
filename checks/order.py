"""Asks whether the release goes forward. What is newer than it, and what was taken back, stays."""

from dataclasses import replace

from checks.evidence import BadRelease, CommitOrder, KnownBad, LiveRun, Release, VercelProject
from checks.gate import Findings, block, gate, warn
from checks.policy import BuildPolicy
from checks.release import is_not_pinned


@gate(owner="release manager")
def is_newer(release: Release, seen: CommitOrder) -> Findings:
    """The commit descends from the one that is live.

    Why: A slow run that finishes after a quicker, newer one takes the newer release away from users, and every light
        stays green.

    By hand: Run `git merge-base --is-ancestor $LIVE_COMMIT $COMMIT`; it must end with 0.

    If it fails: Somebody released something newer, or the branch was never merged: rebase and build again. When you
        want to go to another line on purpose, run again with `--older`; to go back, use `./inv rollback`.
    """
    live = seen.live[:12]
    if not seen.live:
        yield warn("production", "does not say which commit it is, so nobody can say whether this one is newer")
    elif seen.relation not in ("ahead", "identical"):
        says = {
            "behind": f"is older than {live}, which is live",
            "diverged": f"does not descend from {live}, which is live",
        }.get(seen.relation, f"cannot be compared with {live}, which is live: GitHub does not know one of them")
        if release.older:
            yield warn(seen.commit[:12], f"{says}; it ships because you said --older")
        else:
            yield block(seen.commit[:12], says, fix="./inv deploy --older   if you mean it")


is_newer.stops_when("a newer commit is live", lambda r, s: (r, replace(s, relation="behind")))
is_newer.stops_when("the branch was never merged", lambda r, s: (r, replace(s, relation="diverged")))
is_newer.stops_when("GitHub does not know the commit", lambda r, s: (r, replace(s, relation="unknown")))


@gate(owner="release manager")
def is_still_newer(release: Release, seen: CommitOrder) -> Findings:
    """The commit still descends from the one that is live, right before production moves.

    Why: Minutes have passed since preflight, and others deploy too.

    By hand: Run `vercel inspect $DOMAIN` for the commit that is live now, then
        `git merge-base --is-ancestor $LIVE_COMMIT $COMMIT`.

    If it fails: Somebody released something newer meanwhile. Rebase, build again and start a new run.
    """
    yield from is_newer.judge(release, seen)


is_still_newer.stops_when("a colleague released meanwhile", lambda r, s: (r, replace(s, relation="behind")))


@gate(owner="release manager")
def nobody_went_back(policy: BuildPolicy, release: Release, project: VercelProject, bad: KnownBad) -> Findings:
    """Nobody has rolled production back since preflight.

    Why: Whoever rolled back while this run was testing did it for a reason; promoting now would bring it back.

    By hand: Run `vercel api /v9/projects/$PROJECT --raw` and look at `lastAliasRequest` and `autoAssignCustomDomains`.

    If it fails: Find out why production was rolled back. When this release fixes it, start a new run with
        `--over-rollback`.
    """
    yield from is_not_pinned.judge(policy, release, project)
    yield from was_not_taken_back.judge(release, bad)


nobody_went_back.stops_when(
    "a colleague rolled back meanwhile",
    lambda p, r, s, b: (p, r, replace(s, auto_assign=False, moved_by="rollback"), b),
)


@gate(owner="release manager")
def was_not_taken_back(release: Release, seen: KnownBad) -> Findings:
    """This commit was not rolled back from before.

    Why: The pipeline that starts again at night with the same commit brings the same incident back.

    By hand: In the dashboard open Activity and look for a rollback away from a deployment of this commit; or run
        `./inv history`.

    If it fails: Fix the commit and ship the new one. When the cause was elsewhere, waive this gate for today in
        `deploy.yml`, with the first twelve digits of the commit as its subject, as they are printed.
    """
    for bad in seen.releases:
        if bad.commit == release.commit:
            yield block(
                bad.commit[:12],
                f"was taken back on {bad.at[:10]} by run {bad.run}: {bad.reason}",
                fix="ship a commit that fixes it",
            )
            return


was_not_taken_back.stops_when(
    "the same commit is tried again",
    lambda r, s: (
        r,
        KnownBad((BadRelease("dpl_bad", r.commit, "20261123-010000-ab12", "2026-11-23T01:00", "pages answered 500"),)),
    ),
)


@gate(owner="release manager")
def live_is_judged(seen: LiveRun) -> Findings:
    """What production serves now was judged by the run that has put it there.

    Why: A run whose machine was lost in the watch leaves a release that nobody has judged. Where the record is lost with
        it, or kept elsewhere, only Vercel and GitHub know: the one says which run, the other that it has no end.

    By hand:
        Run `vercel inspect $DOMAIN` for the commit that is live, and look for it in
        `gh api --paginate "repos/$REPOSITORY/deployments?environment=production" --jq '.[] | [.id, .sha, .payload.deployRun] | @tsv'`:
        a line without a run at its end is not of this tool. Of one with a run
        `gh api repos/$REPOSITORY/deployments/$ID/statuses --jq '.[0].state'` says how it stands.

    If it fails: Look at production: `./inv check --target production`, Sentry, and the report where that run was
        started. When it is well, say so:
        `gh api repos/$REPOSITORY/deployments/$ID/statuses -f state=success`. Else `./inv rollback`.
    """
    if not seen.run or seen.recorded or seen.state in ("success", "inactive"):
        return
    if not seen.state:
        yield warn(
            seen.deployment, f"went live by run {seen.run}, and neither this record nor GitHub says how that run ended"
        )
    else:
        says = f"GitHub says {seen.state} of it: nobody has called it well"
        yield block(
            seen.deployment,
            f"went live by run {seen.run}, of which this record knows nothing, and {says}",
            fix=f"gh api repos/$REPOSITORY/deployments/{seen.github}/statuses -f state=success, or ./inv rollback",
        )


live_is_judged.stops_when(
    "its runner was lost in the watch", lambda s: (replace(s, recorded=False, github=7, state="in_progress"),)
)
live_is_judged.stops_when(
    "its run ended badly, and it is live all the same", lambda s: (replace(s, recorded=False, github=7, state="error"),)
)
