"""Makes the staged deployment, in one of three ways; a run that made it already finds it again."""

from checks.evidence import Release, StagedDeployment
from checks.policy import BuildPolicy
from pipeline.clients.vercelshapes import Deployment
from pipeline.engine.plan import step
from pipeline.steps.cli_build import deploy_with_cli
from pipeline.steps.git_build import find_or_make_from_git
from pipeline.steps.made import made_by
from pipeline.steps.upload import upload_prebuilt
from pipeline.world.world import World


@step(owner="release manager")
async def build(world: World, policy: BuildPolicy, release: Release) -> StagedDeployment:
    """Have Vercel make a production deployment that no production domain points to.

    Why: A deployment that users cannot see can be tested as long as it takes, and promoting it later is only a change
        of address, without a rebuild.

    By hand:
        Run `vercel build --prod` on the commit, then `vercel deploy --prebuilt --prod --skip-domain`.
        It prints the deployment's address: that is `$STAGED`.
        A push to the main branch makes the same deployment by itself when auto-assignment of domains is off.

    If it fails: Production is untouched. Read what Vercel answered; start the run again with `--resume $RUN`, which
        finds the deployment it began and does not make a second.
    """
    made = await made_by(world) or await _make(world, policy, release)
    return StagedDeployment(made.id, made.url, release.commit)


async def _make(world: World, policy: BuildPolicy, release: Release) -> Deployment:
    match policy.by:
        case "prebuilt":
            return await upload_prebuilt(world, policy, release)
        case "git":
            return await find_or_make_from_git(world, policy, release)
        case "cli":
            return await deploy_with_cli(world, policy, release)
