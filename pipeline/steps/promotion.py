"""Moves production, and moves it back."""

from checks.evidence import Production, ProductionBefore, StagedDeployment
from checks.release import is_restored
from pipeline.errors import Refused, ServiceError
from pipeline.plan import step
from pipeline.world import World


@step(owner="release manager")
async def note_production(world: World, now: Production) -> ProductionBefore:
    """Write down what production serves now.

    Why: It is what a rollback goes back to, and it must be known before the promotion, from then on nobody can tell.

    By hand: Run `vercel inspect $DOMAIN` and write down the deployment id: that is `$PREVIOUS`.

    If it fails: Nothing has moved. Ask again; do not promote without a way back.
    """
    return ProductionBefore(now.id, now.url, now.domain)


@step(owner="release manager", moves_production=True)
async def promote(world: World, staged: StagedDeployment, before: ProductionBefore) -> None:
    """Point the production domain at the staged deployment.

    Why: This is the moment in which users get the release. Nothing is rebuilt, so what was tested is what they get,
        and old and new deployment are both alive: nobody sees an interruption.

    By hand: Run `vercel promote $DEPLOYMENT`, with the id; without one the command only prints a status.

    If it fails: Run `vercel rollback $PREVIOUS`, with the id, or use Instant Rollback in the dashboard:
        Deployments → the previous one → Instant Rollback.
    """
    await world.vercel.promote(staged.id)


async def restore_production(world: World, staged: StagedDeployment, before: ProductionBefore) -> None:
    """Point the production domain back at what it pointed to before.

    Needs no sensor: only when production plainly is a third deployment, which somebody else must have promoted
    meanwhile, it leaves it alone.
    """
    try:
        live = await world.vercel.alias_now(before.domain)
    except ServiceError:  # whatever blinded the gates must not stop the rollback
        live = ""
    if live not in ("", before.id, staged.id):
        raise Refused("vercel", "roll back", 409, "moved", f"{before.domain} serves {live}: somebody else promoted it")
    await world.vercel.roll_back(before.id, f"{staged.id} was taken back by run {world.run}")


promote.undone_by(restore_production, proved_by=is_restored)
