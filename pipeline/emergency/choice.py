"""Looks at production and chooses the deployment to go back to; the first two steps of ``invoke rollback``."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from checks.wayback import way_back
from pipeline.clients.vercel import Vercel
from pipeline.clients.vercelshapes import Deployment, ProjectSettings
from pipeline.clock import Clock, host_of
from pipeline.emergency.domain import ask
from pipeline.errors import Mistake, PipelineError, ServiceError


class Stranded(PipelineError):
    """The rollback was not proved: ``by_hand`` is what to type now. Exit 4."""

    def __init__(self, why: str, by_hand: str) -> None:
        super().__init__(why)
        self.by_hand = by_hand


@dataclass(frozen=True)
class ProductionSeen:
    """What Vercel says: the project, its production domain, what that serves, and what could be gone back to."""

    project: ProjectSettings
    domain: str
    live: Deployment | None
    candidates: tuple[Deployment, ...]
    canary: str = ""
    """The deployment that a rolling release gives some of the visitors; going back then means ending that."""
    known: bool = True
    """Whether Vercel knows the domain as one of the project's."""


async def look(vercel: Vercel, domain: str = "", wanted: str = "") -> ProductionSeen:
    """Ask Vercel what production serves and which earlier deployments it can go back to.

    Why: A rollback needs the id of a deployment. The one before the live one is right nearly always, and nobody
        remembers ids at 2 a.m.

    By hand: Run `vercel ls --environment production`; the topmost `Ready` one below the live deployment is `$PREVIOUS`.
        Or open the project in the dashboard → Deployments.

    If it fails: Check `VERCEL_TOKEN` and the project's name. When Vercel's API is down the dashboard may still work.
    """
    project, recent = await asyncio.gather(vercel.project(), vercel.deployments(target="production"))
    domain = _serving(project, domain)
    points_to = project.serving.get(domain) or await vercel.alias(domain)
    live = points_to or project.live
    known_domain = bool(points_to) or domain.endswith(project.wildcards or ("\0",))
    candidates = tuple(one for one in recent if one.candidate)
    serves = next((one for one in recent if one.id == live), None)
    older = [one for one in candidates if serves and one.created < serves.created]
    if not older or (wanted and not any(wanted in _names(one) for one in candidates)):
        candidates = await vercel.deployments(target="production", rollbackCandidate="true", limit=100)
    known = {one.id: one for one in (*recent, *candidates)}
    serving = known.get(live) or (await vercel.deployment(live) if live else None)
    return ProductionSeen(project, domain, serving, candidates, await canary_of(vercel, project), known_domain)


def _serving(project: ProjectSettings, domain: str) -> str:
    """Find the domain that proves: ``domain``, or the project's first, or where that one redirects to.

    Raises Mistake when there is none, or it redirects to where the project has nothing.
    """
    names = ", ".join(project.serving) or "none"
    domain = host_of(domain, "--domain") if domain else next(iter((*project.serving, *project.redirects)), "")
    if not domain:
        raise Mistake(f"{project.name}: has no production domain; name it with --domain")
    if domain in project.redirects:
        leads_to = project.redirects[domain]
        if leads_to not in project.serving:
            raise Mistake(f"--domain {domain}: only redirects to {leads_to}, so it proves nothing; domains: {names}")
        return leads_to
    return domain


async def canary_of(vercel: Vercel, project: ProjectSettings) -> str:
    """Who gets a share of the visitors now; empty when nobody does, or it cannot be read."""
    if not project.rolling:
        return ""
    try:
        rolling = await vercel.rolling_release()
    except ServiceError:
        return ""
    return rolling.canary if rolling and rolling.state == "ACTIVE" else ""


def choose(
    seen: ProductionSeen, wanted: str = "", bad: frozenset[str] = frozenset(), *, even_bad: bool = False
) -> Deployment:
    """Choose the newest eligible deployment before the live one that was not itself rolled back from, or the named one.

    Why: Going back further than needed takes away more than the bad release; going back to an earlier bad release
        brings that incident back.

    By hand: Take the newest `Ready` production deployment below the live one. Not the live one, not a preview, and
        none that was rolled back from: `./inv history` lists those.

    If it fails: Nothing is eligible: retention has deleted the old ones, or this is the first deployment. Redeploy the
        last good commit: `git checkout $GOOD_COMMIT && vercel deploy --prod`.
    """
    if wanted:
        for one in seen.candidates:
            if wanted in _names(one) and one.id in bad and not even_bad:
                raise Mistake(f"--to {wanted}: was rolled back from before; say --even-bad when you mean it")
            if wanted in _names(one):
                return one
        raise Mistake(f"--to {wanted}: is no deployment that {seen.domain} can go back to; eligible: {_eligible(seen)}")
    live = seen.live
    if seen.canary and live:
        return live  # most visitors get it still; going back to it ends the rolling release
    if live is None:
        raise Mistake(
            f"{seen.domain}: nobody can say what it serves now, so nothing was chosen; say --to ID: {_eligible(seen)}"
        )
    found = way_back(live, seen.candidates, bad, seen.project.replaced_by(live.id))
    if found.target is None:
        skipped = "".join(
            f"; {one.id} was rolled back from before: --to {one.id} --even-bad, if you must"
            for one in found.passed_over
        )
        raise Stranded(f"{seen.domain}: there is no earlier deployment to go back to{skipped}", _redeploy())
    return found.target


def _eligible(seen: ProductionSeen) -> str:
    """What a person may name with ``--to``, newest first."""
    return ", ".join(deployment.id for deployment in seen.candidates) or "none"


def _names(deployment: Deployment) -> tuple[str, ...]:
    """How a person may name a deployment: by id, by address, by host."""
    return deployment.id, deployment.url, deployment.url.partition("://")[2]


def is_there(seen: ProductionSeen, to: str, bad: Callable[[], frozenset[str]] = frozenset) -> bool:
    """Whether production already is where it was asked to be.

    Without a name, a pinned project has been rolled back before: a second, nervous call must not go back twice. Vercel
    may have forgotten how it got there; then a newer release that is known as ``bad`` says it.
    """
    live, project = seen.live, seen.project
    if seen.canary or live is None:
        return False
    if to:
        return to in _names(live)
    if project.auto_assign is not False:
        return False
    if project.move:
        return project.move.kind == "rollback" and project.move.to == live.id
    newer = {one.id for one in seen.candidates if one.created > live.created}
    return bool(newer and newer & bad())


def _redeploy() -> str:
    return "git checkout $GOOD_COMMIT && vercel deploy --prod"


async def must_be_ours(
    seen: ProductionSeen, http: httpx.AsyncClient, clock: Clock, health: str, bypass: str = ""
) -> None:
    """Raises Mistake for a domain that is neither one of the project's nor answers as what the project serves."""
    if seen.known:
        return
    answer = await ask(http, seen.domain, health, clock, bypass)
    if seen.live is None or answer.deployment != seen.live.id:
        names = ", ".join(seen.project.serving) or "none"
        raise Mistake(f"--domain {seen.domain}: is no domain of {seen.project.name}, which has {names}")
