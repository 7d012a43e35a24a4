"""Tells GitHub, Sentry and the channels that a release is live."""

import asyncio

from checks.evidence import ProductionBefore, Release, StagedDeployment
from checks.policy import ErrorsPolicy
from pipeline.clients.githubdeployments import ReleaseNews, tell
from pipeline.clock import origin
from pipeline.engine.plan import step
from pipeline.errors import ServiceError, Unreachable
from pipeline.probes.errors import environments_of
from pipeline.world.world import World

PATIENCE = 10.0  # seconds that GitHub may take to hear how a release stands


@step(owner="release manager")
async def record_release(world: World, release: Release, before: ProductionBefore, policy: ErrorsPolicy) -> None:
    """Record the release, its commits and its deployment in Sentry, under the environment that the app's events have.

    Why: Only then Sentry can say which errors are new in this release. A deployment to another environment than the
        events name (`errors.environments`) is shown beside none of them.

    By hand: Run `sentry-cli releases new $COMMIT`, `sentry-cli releases set-commits $COMMIT --auto`, then
        `sentry-cli deploys new --release $COMMIT -e production`.

    If it fails: The release is out and well. Record it by hand, or the next run's "no new errors" compares with the
        wrong release.
    """
    earlier = (await world.vercel.deployment(before.id)).commit
    try:
        commits = await world.github.commits_between(earlier, release.commit) if earlier else ()
    except ServiceError:  # GitHub is away: the release is worth recording without them
        commits = ()
    known = commits or ({"id": release.commit},)
    named = await environments_of(world, policy) or policy.environments or (world.vercel_target,)
    await world.sentry.record_release(policy.release_of(release.commit), named[0], origin(world.domain), known)


@step(owner="release manager")
async def record_promotion(world: World, release: Release, staged: StagedDeployment) -> None:
    """Record on GitHub that the release is about to go live, and that nobody has judged it yet.

    Why: When the machine of this run is lost, and its record with it, whoever deploys next learns there that what is
        live was never judged.

    By hand:
        Run `gh api repos/$REPOSITORY/deployments -f ref=$COMMIT -f environment=production -F auto_merge=false`,
        then `gh api repos/$REPOSITORY/deployments/$ID/statuses -f state=in_progress`.

    If it fails: Nothing depends on it, and the run goes on. Tell the team that you release.
    """
    try:
        async with asyncio.timeout(PATIENCE):
            await tell(world.github, news_of(world, release, staged, "in_progress"))
    except (ServiceError, TimeoutError) as error:  # GitHub is no reason to keep a release from users
        world.progress(f"GitHub does not know that this goes live: {error}")


def news_of(world: World, release: Release, staged: StagedDeployment, state: str) -> ReleaseNews:
    """What GitHub is told of this run."""
    return ReleaseNews(
        world.run, release.commit, world.vercel_target, state, origin(world.domain), staged.url, f"run {world.run}"
    )


@step(owner="release manager")
async def record_deployment(world: World, release: Release, staged: StagedDeployment) -> None:
    """Record on GitHub that the deployment is live and well.

    Why: The pull request and the commit then show that they are live, and since when; the next run knows that what it
        finds live was judged.

    By hand:
        Run `gh api repos/$REPOSITORY/deployments -f ref=$COMMIT -f environment=production -F auto_merge=false`,
        then `gh api repos/$REPOSITORY/deployments/$ID/statuses -f state=success`.

    If it fails: The release is out and well. The next run that reaches GitHub tells it, or `./inv journal.tell`.
    """
    await tell(world.github, news_of(world, release, staged, "success"))


@step(owner="release manager")
async def tell_team(world: World, release: Release) -> None:
    """Tell the team's channel that the release is live; where one message of the run is kept up to date, it says so.

    Why: Whoever answers users' questions should not have to find out by themselves.

    By hand: Write to the channel: what went out, which commit, and who to ask.

    If it fails: Write it by hand.
    """
    says = f"{release.commit[:12]} is live on {origin(world.domain)} (run {world.run})."
    _, failed = await world.team.tell_for_good("team", "Deployment", says)
    if failed:
        raise Unreachable("the team's channel", "tell", "; ".join(failed))
