"""Moves production to the release, and moves it back."""

import asyncio
import datetime
from collections.abc import Awaitable, Iterable
from typing import TypeVar

from checks.evidence import Production, ProductionBefore, RollingShare, StagedDeployment, VercelProject
from checks.health import production_is_well_again
from checks.identity import production_is_previous
from checks.policy import BuildPolicy, HealthPolicy, PromotionPolicy
from checks.release import is_restored
from checks.rolling import none_is_left
from pipeline.clients.vercelshapes import Move, ProjectSettings, RollingRelease
from pipeline.clock import origin
from pipeline.engine.plan import Step, step
from pipeline.errors import Refused, ServiceError, Theirs
from pipeline.world.world import World

T = TypeVar("T")
GLANCE = 2.0  # seconds
ANSWER = 30.0  # seconds that an interrupted run waits for the answer to what it has asked for
LANDING = 15.0  # seconds in which a request that nobody answered may still be carried out
LANDED = 60.0  # seconds that a promotion which was accepted may take
LOOK_EVERY = 0.5
LOOK = 5.0  # seconds that each further domain may take to show that it answers; all are asked at once


@step(owner="release manager", again=True)
async def note_production(
    world: World, health: HealthPolicy, project: VercelProject, now: Production
) -> ProductionBefore:
    """Write down what production serves now, and which of its domains answer from here.

    Why: It is what a rollback goes back to, and it must be known before the promotion, from then on nobody can tell.

    By hand: Run `vercel inspect $DOMAIN` and write down the deployment id: that is `$PREVIOUS`.

    If it fails: Nothing has moved. Ask again; do not promote without a way back.
    """
    alike = tuple(name for name, id in now.others if id == now.id)
    settings, rolling, answered = await asyncio.gather(
        _glance(world.vercel.project_now()),
        _glance(world.vercel.rolling_release()),
        answering(world, (*alike, *dict(project.redirects)), health.path),
    )
    moved, rolled = settings.move.at if settings and settings.move else 0, rolling.began if rolling else 0
    at = world.clock.now().isoformat()
    return ProductionBefore(now.id, now.url, now.domain, at, moved, rolled, alike, answered)


async def answering(world: World, names: Iterable[str], path: str) -> tuple[str, ...]:
    """Those of the domains that give an answer from here: a name may lead nowhere, or where only others get to."""
    asked = [name for name in names if name != world.domain]
    answers = await asyncio.gather(*(world.visitor.get(origin(name) + path, LOOK) for name in asked))
    return tuple(name for name, answer in zip(asked, answers, strict=True) if answer.status and not answer.unseen)


@step(owner="release manager", moves_production=True)
async def promote(world: World, policy: PromotionPolicy, staged: StagedDeployment, before: ProductionBefore) -> None:
    """Point the production domain at the staged deployment, or give it its first share of visitors.

    Why: This is the moment in which users get the release. Nothing is rebuilt, so what was tested is what they get,
        and old and new deployment are both alive: nobody sees an interruption.

    By hand:
        Run `vercel promote $DEPLOYMENT`, with the id; without one the command only prints a status.
        With `promotion.rolling`: `vercel rolling-release start --dpl $DEPLOYMENT`.

    If it fails: Run `vercel rollback $PREVIOUS`, with the id, or use Instant Rollback in the dashboard:
        Deployments → the previous one → Instant Rollback.
    """
    if policy.rolling:
        await _start_rolling(world, staged)
        return
    asked = asyncio.ensure_future(world.vercel.promote(staged.id))
    try:
        if await asyncio.shield(asked) == "queued":
            world.progress("queued behind somebody's rolling release")
    except asyncio.CancelledError:  # what was asked for is not over because nobody waits for it any more
        await asyncio.wait({asked}, timeout=ANSWER)
        asked.cancel()
        raise
    except ServiceError as error:
        if (isinstance(error, Refused) and error.status < 500) or not await _accepted(world, staged, before):
            raise
        world.progress(f"promoted all the same: {error}")


async def _accepted(world: World, staged: StagedDeployment, before: ProductionBefore) -> bool:
    """Whether a promotion that Vercel did not confirm is under way or done; watched until it cannot come any more."""
    until = world.clock.monotonic() + LANDING
    while True:
        live, project, _ = await _seen(world, before)
        move = _since(before, project)
        if live == staged.id or (move and move.to == staged.id and move.kind == "promote" and move.status != "failed"):
            return True
        if world.clock.monotonic() >= until:
            return False
        await world.clock.sleep(LOOK_EVERY)


async def _start_rolling(world: World, staged: StagedDeployment) -> None:
    """Begin the rolling release.

    That an earlier process of this run did it, and was killed before it could say so, is as good.
    """
    try:
        await world.vercel.start_rolling(staged.id)
    except Refused:
        begun = await _glance(world.vercel.rolling_release())
        if begun is None or begun.state != "ACTIVE" or begun.canary != staged.id:
            raise


@step(owner="release manager")
async def hold_domains(world: World, policy: BuildPolicy) -> None:
    """Switch auto-assignment of domains off again, when deployments come from pushes.

    Why: Every promotion switches it on, once it has landed. From then on a push would be production as soon as it is
        built, past all gates.

    By hand: With `build.by: git` run
        `vercel api -X PATCH /v9/projects/$PROJECT -F autoAssignCustomDomains=false`.

    If it fails: The release stays. Do it by hand; the next run does not start before it is done.
    """
    if policy.by == "git":
        try:
            await world.vercel.hold_domains()
        except ServiceError as error:  # no reason to take a good release back
            world.progress(f"auto-assignment is still on: {error}")


def advance_to(percent: int) -> Step:
    """Make the step that gives the release its next share: ``percent`` of the visitors."""

    async def advance(world: World, staged: StagedDeployment, share: RollingShare) -> None:
        """Give the release its next share of the visitors.

        Why: It has served its share without a fault, so the next one is not a leap.

        By hand: Run `vercel rolling-release approve --dpl $DEPLOYMENT --currentStageIndex $STAGE`.

        If it fails: Run `vercel rollback $PREVIOUS`: it ends the rolling release.
        """
        if share.percent < percent:  # else an earlier process did it, and was killed before it could say so
            await world.vercel.advance_rolling(staged.id, share.stage)

    advance.__name__ = f"advance_to_{percent}"
    return step(owner="release manager")(advance)


@step(owner="release manager")
async def complete_rolling_release(world: World, staged: StagedDeployment, share: RollingShare) -> None:
    """Give the release all visitors.

    Why: It has served its last share without a fault.

    By hand: Run `vercel rolling-release complete --dpl $DEPLOYMENT`.

    If it fails: Run `vercel rollback $PREVIOUS`: it ends the rolling release.
    """
    if share.state == "ACTIVE":
        await world.vercel.complete_rolling(staged.id)


async def restore_production(world: World, staged: StagedDeployment, before: ProductionBefore) -> bool:
    """Point the production domain back at what it pointed to before.

    Needs no sensor: only when somebody else plainly has moved production meanwhile, or is about to, it leaves it alone.
    A promotion that is under way is waited for. False when production never moved, after as long as it could have.
    """
    landing, landed = world.clock.monotonic() + LANDING, world.clock.monotonic() + LANDED
    while True:
        live, project, rolling = await _seen(world, before)
        move = project.move if project else None
        theirs = _somebody_elses(live, move, rolling, staged, before)
        if theirs and live and live not in (before.id, staged.id) and await _newer(world, live, staged):
            raise Theirs("roll back", f"{before.domain} {theirs}, and that is newer than {staged.id}")
        if theirs:
            raise Refused("vercel", "roll back", 409, "moved", f"{before.domain} {theirs}")
        now = world.clock.monotonic()
        coming = move is not None and move.to == staged.id and move.status in ("pending", "in-progress")
        still = (
            project is not None and live == before.id and not _began(_since(before, project), rolling, staged, before)
        )
        if still and now >= landing:
            return False
        if not (still or (coming and now < landed)):
            break
        await world.clock.sleep(LOOK_EVERY)
    if await world.vercel.roll_back(before.id, f"{staged.id} was taken back by run {world.run}") == "already there":
        raise Refused("vercel", "roll back", 409, "conflict", f"something else moves {before.domain} at the moment")
    return True


def _since(before: ProductionBefore, project: ProjectSettings | None) -> Move | None:
    """The last move of production, unless it was there before this run moved anything.

    The same deployment may have been promoted and taken back by an earlier run.
    """
    move = project.move if project else None
    return None if move and before.moved and move.at == before.moved else move


def _began(
    move: Move | None, rolling: RollingRelease | None, staged: StagedDeployment, before: ProductionBefore
) -> bool:
    """Whether Vercel knows of a move of production to ``staged``, or of one away from it, that is this run's."""
    ours = move is not None and staged.id in (move.to, move.origin) and move.status not in ("failed", "skipped")
    waits = rolling is not None and rolling.state == "ACTIVE" and rolling.queued == staged.id
    older = rolling is not None and bool(before.rolled) and rolling.began == before.rolled
    return ours or waits or (rolling is not None and rolling.canary == staged.id and not older)


async def has_begun(
    world: World, since: datetime.datetime, policy: PromotionPolicy, staged: StagedDeployment, before: ProductionBefore
) -> bool:
    """Whether the promotion that an earlier process wanted at ``since`` has happened, or still can.

    True also when Vercel cannot be asked.
    """
    passed = (world.clock.now() - since).total_seconds()
    until = world.clock.monotonic() + LANDING - max(0.0, passed)
    while True:
        live, project, rolling = await _seen(world, before)
        if live is None or project is None or live == staged.id:
            return True
        if _began(_since(before, project), rolling, staged, before):
            return True
        if world.clock.monotonic() >= until:
            return False
        await world.clock.sleep(LOOK_EVERY)


async def _seen(
    world: World, before: ProductionBefore
) -> tuple[str | None, ProjectSettings | None, RollingRelease | None]:
    """What the domain points to, the project, and its rolling release: each None when it cannot be had at once."""
    return await asyncio.gather(
        _glance(world.vercel.alias_now(before.domain)),
        _glance(world.vercel.project_now()),
        _glance(world.vercel.rolling_release()),
    )


promote.undone_by(
    restore_production, proved_by=(is_restored, none_is_left, production_is_previous, production_is_well_again)
)

promote.seen_by(has_begun)


def _somebody_elses(
    live: str | None,
    move: Move | None,
    rolling: RollingRelease | None,
    staged: StagedDeployment,
    before: ProductionBefore,
) -> str:
    """Name what somebody else does with production and a rollback would undo; empty when nothing like that is seen."""
    ours = (None, "", before.id, staged.id)
    if rolling and rolling.state == "ACTIVE" and rolling.queued == staged.id:
        return (
            f"is not ours: {staged.id} goes live when somebody else's rolling release of {rolling.canary} is complete"
        )
    if live not in ours:
        return f"serves {live}: somebody else promoted it"
    if move and move.status in ("pending", "in-progress") and move.to not in ours:
        return f"is being moved to {move.to}: somebody else's {move.kind}"
    if live != staged.id and rolling and rolling.state == "ACTIVE" and rolling.canary != staged.id:
        return f"gives {rolling.percent} % of its visitors to {rolling.canary}: somebody else's rolling release"
    return ""


async def _newer(world: World, live: str, staged: StagedDeployment) -> bool:
    """Whether ``live`` was made after ours; False when that cannot be told at once."""
    both = await asyncio.gather(_glance(world.vercel.deployment(live)), _glance(world.vercel.deployment(staged.id)))
    theirs, ours = both
    return theirs is not None and ours is not None and theirs.created > ours.created


async def _glance(reading: Awaitable[T]) -> T | None:
    """Give a reading, or None when it cannot be had at once: whatever blinded the gates must not stop the rollback."""
    try:
        async with asyncio.timeout(GLANCE):
            return await reading
    except (ServiceError, TimeoutError):
        return None
