"""Reads Vercel, the release's folder, the journal, the clock, and what the person who started the run said."""

import asyncio
import datetime
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from checks.evidence import (
    Build,
    BuildOutput,
    BuiltFunction,
    ClockOffset,
    CommitOrder,
    DeploymentsUnderWay,
    KnownBad,
    LiveRun,
    Moment,
    Production,
    Release,
    RollbackTarget,
    RollingShare,
    StagedDeployment,
    VercelProject,
)
from checks.policy import BuildPolicy
from checks.wayback import way_back
from pipeline.clients.builtsizes import config_of, functions_of
from pipeline.clients.githubdeployments import deployment_of
from pipeline.clients.prebuilt import OUTPUT
from pipeline.clients.pushes import are_left_alone
from pipeline.clients.vercel import UNDER_WAY
from pipeline.clients.verceldomains import production_domains
from pipeline.clients.vercelshapes import Deployment, ProjectSettings
from pipeline.errors import Unreadable
from pipeline.world.world import World

DAY = 86_400
ONE_BY_ONE = 10  # domains beside the first that Vercel is asked for by name


async def release(world: World) -> Release:
    return world.release


async def moment(world: World) -> Moment:
    return Moment(world.clock.now())


async def clock_offset(world: World, project: VercelProject) -> ClockOffset:
    """Compare our clock with what the services have said in their answers so far: Vercel by now, others perhaps."""
    services = (world.vercel, world.sentry, world.github)
    said = tuple((one.name, one.ahead) for one in services if one.ahead is not None)
    if not said:
        raise Unreadable("vercel", f"GET project {project.id}", "does not say what time it is")
    return ClockOffset(said)


async def known_bad(world: World) -> KnownBad:
    return KnownBad(await asyncio.to_thread(world.records.known_bad))


async def vercel_project(world: World) -> VercelProject:
    project, listed = await asyncio.gather(world.vercel.project(), production_domains(world.vercel))
    move = project.move
    goes_live, branch = project.auto_assign is not False, project.production_branch or world.branch
    serving = dict.fromkeys((*project.serving, *(one.name for one in listed if not one.redirect and one.verified)))
    redirects = {**project.redirects, **{one.name: one.redirect for one in listed if one.redirect and one.verified}}
    return VercelProject(
        project.id,
        project.auto_assign,
        move.kind if move else "",
        move.to if move else "",
        move.status if move else "",
        project.rolling,
        project.by_hand,
        move.at if move else 0,
        goes_live and project.builds_pushes and not are_left_alone(world.folder, branch),
        tuple(serving),
        tuple(sorted(redirects.items())),
        project.may.get("deploymentPromote"),
        project.may.get("deploymentRollback"),
        tuple(sorted(name for name, of in project.hooks.items() if goes_live and of == branch)),
        tuple(one.name for one in listed if not one.verified),
        project.paused,
    )


async def rolling_share(world: World, project: VercelProject) -> RollingShare:
    """Read the rolling release; a project without rolling releases is not asked, since not every plan has them."""
    if not project.rolling:
        return RollingShare("", "", 0, 0)
    seen = await world.vercel.rolling_release()
    if seen is None:
        return RollingShare("", "", 0, 0)
    return RollingShare(seen.state, seen.canary, seen.percent, seen.stage, seen.queued)


async def deployments_under_way(world: World) -> DeploymentsUnderWay:
    """List the production builds of others: not this run's own, nor the one that the push of this commit made."""
    found = await world.vercel.deployments(target="production", state=UNDER_WAY)
    others = (one for one in found if one.meta.get("deployRun") != world.run)
    return DeploymentsUnderWay(
        tuple(one.id for one in others if one.commit != world.release.commit or one.commit == "")
    )


async def rollback_target(world: World) -> RollbackTarget:
    candidates, live, project = await asyncio.gather(
        world.vercel.deployments(target="production", rollbackCandidate="true"),
        world.vercel.production(world.domain),
        world.vercel.project(),
    )
    replaced = project.replaced_by(live.id) if live else ""
    found = way_back(live, candidates, (bad.deployment for bad in world.records.known_bad()), replaced)
    passed_over = tuple(deployment.id for deployment in found.passed_over)
    gone = replaced if replaced not in {one.id for one in candidates} else ""
    lasts = (gone, _days_left(project, live, world.clock.now()), project.skew)
    if found.target is None:
        return RollbackTarget("", "", "", passed_over, *lasts)
    return RollbackTarget(found.target.id, found.target.url, found.target.commit, passed_over, *lasts)


def _days_left(project: ProjectSettings, live: Deployment | None, now: datetime.datetime) -> float | None:
    """The days until retention may delete what is live, once it is not live any more; None when it keeps that."""
    if live is None or not project.keeps_days or project.keeps_least > 1:
        return None
    return project.keeps_days - (now.timestamp() - live.created / 1000) / DAY


async def production(world: World, project: VercelProject) -> Production:
    """Read what the domain points to, and each other production domain of the project."""
    names = [name for name in project.domains if name != world.domain]
    live, ids = await asyncio.gather(world.vercel.production(world.domain), _points_to(world, names))
    leads_to = "" if live else dict(project.redirects).get(world.domain, "")
    return Production(
        live.id if live else "",
        live.url if live else "",
        world.domain,
        live.commit if live else "",
        tuple(zip(names, ids, strict=True)),
        leads_to,
        live.meta.get("deployRun", "") if live else "",
        project.unverified,
    )


async def _points_to(world: World, names: list[str]) -> list[str]:
    """The deployment that each domain points to; of many as the project tells it, in one answer instead of hundreds."""
    told = (await world.vercel.project()).serving if len(names) > ONE_BY_ONE else {}
    return await asyncio.gather(*(_alias(world, name, told) for name in names))


async def _alias(world: World, name: str, told: Mapping[str, str]) -> str:
    return told.get(name) or await world.vercel.alias(name)


async def commit_order(world: World, live: Production) -> CommitOrder:
    commit = world.release.commit
    if not live.commit:
        return CommitOrder("", commit, "unknown")
    if live.commit == commit:
        return CommitOrder(live.commit, commit, "identical")
    return CommitOrder(live.commit, commit, await world.github.relation(live.commit, commit))


async def live_run(world: World, live: Production) -> LiveRun:
    """Whose release is live; GitHub is asked only about a run that our record does not know."""
    ours = live.run in ("", world.run)
    if ours or await asyncio.to_thread(world.records.knows, live.run):
        return LiveRun(live.id, live.run, recorded=True)
    known = await deployment_of(world.github, live.run, live.commit, world.vercel_target) if live.commit else None
    return LiveRun(live.id, live.run, False, known.id if known else 0, known.state if known else "")


async def build(world: World, staged: StagedDeployment) -> Build:
    seen = await world.vercel.deployment(staged.id)
    error = seen.error
    if seen.state == "ERROR":
        error = f"{error}; the log ends: {await world.vercel.build_log(staged.id)}"
    return Build(seen.id, seen.state, seen.substate, seen.aliases, error)


async def build_output(world: World, policy: BuildPolicy) -> BuildOutput:
    root = world.folder / OUTPUT
    if policy.by == "git":
        return BuildOutput("git", "")
    if policy.by == "cli":
        said = await world.vercel_command.version(policy.command)
        wrong = f"would be deployed with vercel {said}; deploy.yml pins {policy.version}"
        if said != policy.version:
            return BuildOutput("cli", wrong, 0, said)
        if not (root / "config.json").is_file():  # then Vercel builds it
            return BuildOutput("cli", "", 0, said)
        return _measured(BuildOutput("cli", _problem(root, world.vercel_target), _written(root), said), world.folder)
    return _measured(BuildOutput("prebuilt", _problem(root, world.vercel_target), _written(root)), world.folder)


def _measured(output: BuildOutput, release: Path) -> BuildOutput:
    if output.problem:
        return output
    routes, crons = config_of(release)
    functions = tuple(BuiltFunction(**vars(one)) for one in functions_of(release))
    return replace(output, routes=routes, crons=crons, functions=functions)


def _problem(root: Path, target: str) -> str:
    """Say why ``root`` holds no finished build for ``target``; empty when it does."""
    try:
        config = _json(root / "config.json")
        builds = _json(root / "builds.json") if (root / "builds.json").is_file() else {}
    except FileNotFoundError:
        return f"has no {OUTPUT}/config.json in {root.parent.parent}"
    except (OSError, ValueError) as error:
        return f"has a broken file in {OUTPUT}: {error}"
    broken = [one for one in builds.get("builds") or () if isinstance(one, dict) and one.get("error")]
    if config.get("version") != 3:
        return f"says version {config.get('version')!r} in {OUTPUT}/config.json, not 3"
    if builds.get("error") or broken:
        return f"was not built: {OUTPUT}/builds.json holds an error"
    if builds.get("target") not in (None, target):
        return f"was built for {builds['target']}, not for {target}"
    return ""


def _json(path: Path) -> dict[str, Any]:
    found = json.loads(path.read_bytes())
    if not isinstance(found, dict):
        raise ValueError(f"{path.name} is no object")
    return found


def _written(root: Path) -> int:
    """The time at which the build wrote its output, ms since 1970; 0 when it is not there."""
    try:
        return int((root / "config.json").stat().st_mtime * 1000)
    except OSError:
        return 0


PROBES = (
    release,
    moment,
    clock_offset,
    known_bad,
    commit_order,
    live_run,
    build_output,
    vercel_project,
    rolling_share,
    deployments_under_way,
    rollback_target,
    production,
    build,
)
