"""Shapes deployments and the project as Vercel's answers show them."""

from typing import Any

from pipeline.sandbox.core import Core, milliseconds
from pipeline.sandbox.vercel import life
from pipeline.sandbox.vercelstate import CustomEnvironment, Deployment
from pipeline.sandbox.web import Payload, Problem

HERE = ("www", "learn")
"""Domains that have a port of their own."""
REGION = "iad1"
REPOSITORY_ID = 4242


def problem(status: int, code: str, message: str, **more: Any) -> Problem:
    """Make an error in Vercel's shape."""
    return Problem(status, {"error": {"code": code, "message": message, **more}})


def creator(core: Core) -> Payload:
    vercel = core.state.vercel
    return {"uid": vercel.user, "username": "dana", "email": "dana@lms.example.com"}


def aliases_of(core: Core, deployment: Deployment) -> list[str]:
    """List the domains that point to a deployment now; not its own address."""
    vercel = core.state.vercel
    own = [host for host, id in sorted(vercel.aliases.items()) if id == deployment.id]
    return ([core.ports.host("production")] if vercel.production == deployment.id else []) + own


def summary(core: Core, deployment: Deployment) -> Payload:
    """Shape a deployment as it is in a list."""
    now, vercel = core.now(), core.state.vercel
    state = life.ready_state(deployment, now)
    found: Payload = {
        "uid": deployment.id,
        "name": deployment.name,
        "projectId": vercel.project,
        "url": core.host_of(deployment),
        "created": milliseconds(deployment.created),
        "createdAt": milliseconds(deployment.created),
        "creator": creator(core),
        "inspectorUrl": inspector(core, deployment),
        "type": "LAMBDAS",
        "source": deployment.source,
        "target": deployment.target,
        "state": state,
        "readyState": state,
        "meta": deployment.meta,
        "aliasAssigned": milliseconds(deployment.created + deployment.takes) if state == "READY" else None,
        **({"customEnvironment": custom_of(core, deployment)} if deployment.custom else {}),
        "isRollbackCandidate": deployment.was_production and deployment.id != vercel.production,
        **_times(deployment, state),
    }
    substate = life.substate(vercel, deployment, now)
    if substate:
        found["readySubstate"] = substate
    if state in ("ERROR", "CANCELED") and deployment.error:
        found |= {"errorCode": deployment.error[0], "errorMessage": deployment.error[1]}
    return found


def custom_of(core: Core, deployment: Deployment) -> Payload:
    """Shape the custom environment that a deployment was made for, which may be gone by now."""
    known = {one.slug: one for one in core.state.vercel.custom}
    found = known.get(deployment.custom)
    return environment(core, found) if found else {"id": f"env_{deployment.custom}"}


def environment(core: Core, custom: CustomEnvironment) -> Payload:
    """Shape a custom environment."""
    began = milliseconds(core.state.vercel.created)
    matcher = {"branchMatcher": {"type": "equals", "pattern": custom.branch}} if custom.branch else {}
    return {
        "id": custom.id, "slug": custom.slug, "type": "preview", "createdAt": began, "updatedAt": began, **matcher,
        "domains": [domain(core, name, "", custom.id) for name in custom.domains],
    }  # fmt: skip


def domain(core: Core, name: str, to: str, environment: str = "") -> Payload:
    """Shape a domain of the project that serves, or redirects to ``to``."""
    vercel = core.state.vercel
    created = milliseconds(vercel.created + _number(core, name) * 60)
    return {
        "name": name,
        "apexName": "127.0.0.1" if name == core.ports.host("production") else name.partition(".")[2],
        "projectId": vercel.project,
        "verified": name not in vercel.unverified,
        "redirect": to or None,
        "redirectStatusCode": 308 if to else None,
        "gitBranch": None,
        "customEnvironmentId": environment or None,
        "createdAt": created,
        "updatedAt": created,
    }


def _number(core: Core, name: str) -> int:
    """How many domains of the project are older: they were added one after the other."""
    staging = [name for one in core.state.vercel.custom for name in one.domains]
    return [*production_domains(core), *staging].index(name)


def full(core: Core, deployment: Deployment) -> Payload:
    """Shape a deployment by itself, as its owner sees it."""
    vercel = core.state.vercel
    state = life.ready_state(deployment, core.now())
    found = summary(core, deployment)
    for name in ("uid", "created", "state", "isRollbackCandidate"):
        del found[name]
    return {
        **found,
        "id": deployment.id,
        "version": 2,
        "status": state,
        "alias": aliases_of(core, deployment) if state == "READY" else [],
        "automaticAliases": [],
        "userAliases": [],
        # True although no production domain moved: without it Vercel's own command line waits for ever
        "aliasAssigned": state == "READY",
        "autoAssignCustomDomains": deployment.auto_assign,
        "bootedAt": milliseconds(deployment.created),
        "buildSkipped": False,
        "build": {"env": []},
        "env": sorted(deployment.env),
        "createdIn": "sfo1",
        "ownerId": vercel.team,
        "team": {"id": vercel.team, "name": "Acme", "slug": "acme"},
        "plan": vercel.plan,
        "project": {"id": vercel.project, "name": vercel.name, "framework": "nextjs"},
        "projectSettings": {"framework": "nextjs", "nodeVersion": "22.x"},
        "public": False,
        "regions": [REGION],
        "functions": None,
        "routes": [],
        "isInConcurrentBuildsQueue": False,
        "isInSystemBuildsQueue": False,
        "gitSource": {
            "type": "github",
            "repoId": REPOSITORY_ID,
            "ref": deployment.meta.get("githubCommitRef", "main"),
            "sha": deployment.meta.get("githubCommitSha", ""),
        },
    }


def _times(deployment: Deployment, state: str) -> Payload:
    times: Payload = {"buildingAt": milliseconds(deployment.created + deployment.takes / 4)}
    if state in ("READY", "ERROR"):
        times["ready"] = milliseconds(deployment.created + deployment.takes)
    if state == "CANCELED":
        times["canceledAt"] = milliseconds(deployment.canceled)
    return times


def inspector(core: Core, deployment: Deployment) -> str:
    return f"{core.ports.url('vercel')}/acme/{deployment.name}/{deployment.id.removeprefix('dpl_')}"


def page(name: str, items: list[Payload], limit: int, stamp: str = "createdAt") -> Payload:
    """Make a page of a list. ``next`` is the ``until`` of the next page: what has the same stamp is not parted."""
    while 0 < limit < len(items) and items[limit][stamp] == items[limit - 1][stamp]:
        limit += 1
    shown = items[:limit]
    more = len(items) > limit
    return {
        name: shown,
        "pagination": {
            "count": len(shown),
            "next": shown[-1][stamp] if more and shown else None,
            "prev": shown[0][stamp] if shown else None,
        },
    }


def production_domains(core: Core) -> dict[str, str]:
    """Name the project's production domains, by the host that each redirects to; empty when it serves."""
    host, vercel = core.ports.host("production"), core.state.vercel
    further = {named(core, name): host if to == "PRODUCTION" else to for name, to in vercel.domains.items()}
    wildcard = {vercel.wildcard: ""} if vercel.wildcard else {}
    return {host: "", **further, **wildcard}


def named(core: Core, name: str) -> str:
    """Give the host that a domain of the state stands for."""
    return core.ports.host(name) if name in HERE else name


def behind(core: Core) -> dict[str, str]:
    """Name the domains that do not move with production, by the deployment that they point to."""
    return {named(core, name): id for name, id in core.state.vercel.behind.items()}
