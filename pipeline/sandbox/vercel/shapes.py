"""How deployments and the project look in Vercel's answers."""

from typing import Any

from pipeline.sandbox.core import Core, milliseconds
from pipeline.sandbox.state import Deployment
from pipeline.sandbox.vercel import life
from pipeline.sandbox.web import Payload, Problem

REGION = "iad1"
REPOSITORY_ID = 4242


def problem(status: int, code: str, message: str, **more: Any) -> Problem:
    """An error in Vercel's shape."""
    return Problem(status, {"error": {"code": code, "message": message, **more}})


def creator(core: Core) -> Payload:
    vercel = core.state.vercel
    return {"uid": vercel.user, "username": "dana", "email": "dana@lms.example.com"}


def aliases_of(core: Core, one: Deployment) -> list[str]:
    """The domains that point to it now; not its own address."""
    vercel = core.state.vercel
    own = [host for host, id in sorted(vercel.aliases.items()) if id == one.id]
    return ([core.ports.host("production")] if vercel.production == one.id else []) + own


def summary(core: Core, one: Deployment) -> Payload:
    """A deployment in a list."""
    now, vercel = core.now(), core.state.vercel
    state = life.ready_state(one, now)
    found: Payload = {
        "uid": one.id,
        "name": one.name,
        "projectId": vercel.project,
        "url": core.host_of(one),
        "created": milliseconds(one.created),
        "createdAt": milliseconds(one.created),
        "creator": creator(core),
        "inspectorUrl": inspector(core, one),
        "type": "LAMBDAS",
        "source": one.source,
        "target": one.target,
        "state": state,
        "readyState": state,
        "meta": one.meta,
        "aliasAssigned": milliseconds(one.created + one.takes) if state == "READY" else None,
        "isRollbackCandidate": one.was_production and one.id != vercel.production,
        **_times(one, state),
    }
    substate = life.substate(vercel, one, now)
    if substate:
        found["readySubstate"] = substate
    if state == "ERROR":
        found |= {"errorCode": one.error[0], "errorMessage": one.error[1]}
    return found


def full(core: Core, one: Deployment) -> Payload:
    """A deployment by itself, as its owner sees it."""
    vercel = core.state.vercel
    state = life.ready_state(one, core.now())
    found = summary(core, one)
    for name in ("uid", "created", "state", "isRollbackCandidate"):
        del found[name]
    return {
        **found,
        "id": one.id,
        "version": 2,
        "status": state,
        "alias": aliases_of(core, one) if state == "READY" else [],
        "automaticAliases": [],
        "userAliases": [],
        # True although no production domain moved: without it Vercel's own command line waits for ever
        "aliasAssigned": state == "READY",
        "autoAssignCustomDomains": one.auto_assign,
        "bootedAt": milliseconds(one.created),
        "buildSkipped": False,
        "build": {"env": []},
        "env": sorted(one.env),
        "createdIn": "sfo1",
        "ownerId": vercel.team,
        "team": {"id": vercel.team, "name": "Acme", "slug": "acme"},
        "plan": "pro",
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
            "ref": one.meta.get("githubCommitRef", "main"),
            "sha": one.meta.get("githubCommitSha", ""),
        },
    }


def _times(one: Deployment, state: str) -> Payload:
    times: Payload = {"buildingAt": milliseconds(one.created + one.takes / 4)}
    if state in ("READY", "ERROR"):
        times["ready"] = milliseconds(one.created + one.takes)
    if state == "CANCELED":
        times["canceledAt"] = milliseconds(one.canceled)
    return times


def inspector(core: Core, one: Deployment) -> str:
    return f"{core.ports.url('vercel')}/acme/{one.name}/{one.id.removeprefix('dpl_')}"


def page(name: str, items: list[Payload], limit: int, stamp: str = "createdAt") -> Payload:
    """A page of a list. ``next`` is the ``until`` of the next page."""
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
