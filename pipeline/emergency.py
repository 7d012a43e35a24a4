"""``invoke rollback``: stands alone. Needs a token and a project; no journal, no deploy.yml, no other service.

Loads only what it cannot do without. Each function of STEPS is one entry of the runbook, so the page says what this
file does.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from pipeline.clients.base import TIMEOUT
from pipeline.clients.vercel import Deployment, Project, Vercel
from pipeline.errors import Mistake, PipelineError, ServiceError
from pipeline.world import Clock, origin

LANDS_WITHIN = 60.0
LOOK_EVERY = 0.15
SERVES_WITHIN = 30.0


class Stranded(PipelineError):
    """The rollback was not proved: ``by_hand`` is what to type now. Exit 4."""

    def __init__(self, why: str, by_hand: str) -> None:
        super().__init__(why)
        self.by_hand = by_hand


@dataclass(frozen=True)
class Situation:
    """What Vercel says: the project, its production domain, what that serves, and what could be gone back to."""

    project: Project
    domain: str
    live: Deployment | None
    candidates: tuple[Deployment, ...]


@dataclass(frozen=True)
class Returned:
    """A rollback that is proved. ``answered``: what the domain answered, e.g. ``200 in 40 ms``."""

    domain: str
    target: Deployment
    was: str
    answered: str
    well: bool
    changed: bool


async def look(vercel: Vercel, domain: str = "") -> Situation:
    """Ask Vercel what production serves and which earlier deployments it can go back to.

    Why: A rollback needs the id of a deployment. The one before the live one is right nearly always, and nobody
        remembers ids at 2 a.m.

    By hand: Run `vercel ls --environment production`; the topmost `Ready` one below the live deployment is `$PREVIOUS`.
        Or open the project in the dashboard → Deployments.

    If it fails: Check `VERCEL_TOKEN` and the project's name. When Vercel's API is down the dashboard may still work.
    """
    project, candidates = await asyncio.gather(
        vercel.project(), vercel.deployments(target="production", rollbackCandidate="true")
    )
    domain = domain or next(iter(project.domains), "")
    if not domain:
        raise Mistake(f"{project.name}: has no production domain; name it with --domain")
    live = await vercel.alias(domain)
    known = {one.id: one for one in candidates}
    serving = known.get(live) or (await vercel.deployment(live) if live else None)
    return Situation(project, domain, serving, candidates)


def choose(seen: Situation, wanted: str = "") -> Deployment:
    """Choose the newest eligible deployment older than the live one, or the one that was named.

    Why: Going back further than needed takes away more than the bad release.

    By hand: Take the newest `Ready` production deployment below the live one. Not the live one, not a preview.

    If it fails: Nothing is eligible: retention has deleted the old ones, or this is the first deployment. Redeploy the
        last good commit: `git checkout $GOOD_COMMIT && vercel deploy --prod`.
    """
    if wanted:
        for one in seen.candidates:
            if wanted in (one.id, one.url, one.url.partition("://")[2]):
                return one
        eligible = ", ".join(one.id for one in seen.candidates) or "none"
        raise Mistake(f"--to {wanted}: is no deployment that {seen.domain} can go back to; eligible: {eligible}")
    older = [
        one
        for one in seen.candidates
        if seen.live is None or (one.id != seen.live.id and one.created < seen.live.created)
    ]
    if not older:
        raise Stranded(f"{seen.domain}: there is no earlier deployment to go back to", _redeploy())
    return max(older, key=lambda one: one.created)


async def roll_back(vercel: Vercel, seen: Situation, target: Deployment, clock: Clock) -> None:
    """Point every production domain at the chosen deployment.

    Why: It is only a change of address: the old build is still there, with the environment values it was built with.

    By hand: Run `vercel rollback $PREVIOUS`, always with the id: without one the command only prints a status. Or in
        the dashboard: Deployments → the previous one → Instant Rollback.

    If it fails: Try the dashboard. As a last resort point the domain by hand: `vercel alias set $PREVIOUS_URL $DOMAIN`.
    """
    refused: ServiceError | None = None
    try:
        await vercel.roll_back(target.id, "invoke rollback")
    except ServiceError as error:  # it may have happened all the same; only the domain can say
        refused = error
    until = clock.monotonic() + (LANDS_WITHIN if refused is None else 5)
    live = ""
    while clock.monotonic() < until:
        try:
            live = await vercel.alias(seen.domain)
        except ServiceError as error:
            live = f"unknown ({error.came})"
        if live == target.id:
            return
        await clock.sleep(LOOK_EVERY)
    why = str(refused) if refused else f"accepted, but {seen.domain} still points to {live or 'nothing'}"
    raise Stranded(why, _by_hand(target))


async def prove(
    http: httpx.AsyncClient, seen: Situation, target: Deployment, health: str, clock: Clock
) -> tuple[str, bool]:
    """Ask the production domain itself, until it answers as the deployment that was gone back to.

    Why: Vercel's word that a domain points somewhere is not yet an answer to a user.

    By hand: Run `curl -sS -i $PRODUCTION/api/health/db`; it must answer 200 and name the old deployment or commit.

    If it fails: When it answers but is not well, the fault is not in the release: look at the database and at the
        vendors' status pages, and open an incident.
    """
    until, url, answered = clock.monotonic() + SERVES_WITHIN, origin(seen.domain) + health, ""
    while True:
        began = clock.monotonic()
        try:
            response = await http.get(url, follow_redirects=True)
            answered = f"{response.status_code} in {round((clock.monotonic() - began) * 1000)} ms"
            says = _identity(response)
            if says in ("", target.id) and response.status_code < 500:
                return answered, response.is_success
            if says not in ("", target.id):
                answered += f", still as {says}"
        except (httpx.HTTPError, ConnectionError) as error:
            answered = f"no answer: {type(error).__name__} {error}"
        if clock.monotonic() >= until:
            return answered, False
        await clock.sleep(LOOK_EVERY)


STEPS: tuple[Callable[..., object], ...] = (look, choose, roll_back, prove)


async def return_to_previous(
    vercel: Vercel, http: httpx.AsyncClient, clock: Clock, *, to: str = "", domain: str = "", health: str = "/"
) -> Returned:
    """All four, in order. Raises Stranded when production is not where it should be afterwards."""
    seen = await look(vercel, domain)
    if seen.live and _is_there(seen, to):
        answered, well = await prove(http, seen, seen.live, health, clock)
        return Returned(seen.domain, seen.live, seen.live.id, answered, well, changed=False)
    target = choose(seen, to)
    await roll_back(vercel, seen, target, clock)
    answered, well = await prove(http, seen, target, health, clock)
    return Returned(seen.domain, target, seen.live.id if seen.live else "", answered, well, changed=True)


def _is_there(seen: Situation, to: str) -> bool:
    """Whether production already is where it was asked to be.

    Without a name, a pinned project has been rolled back before: a second, nervous call must not go back twice.
    """
    if not to:
        return seen.project.auto_assign is False
    return seen.live is not None and to in (seen.live.id, seen.live.url, seen.live.url.partition("://")[2])


def client() -> httpx.AsyncClient:
    """The connection of a rollback: one client, a few connections."""
    return httpx.AsyncClient(timeout=TIMEOUT, limits=httpx.Limits(max_connections=4))


def _identity(response: httpx.Response) -> str:
    """Which deployment answered, when it says so: in a header, or in a JSON health answer."""
    try:
        body = response.json()
        said = body.get("deployment") if isinstance(body, dict) else ""
    except ValueError:
        said = ""
    return str(said or response.headers.get("x-deployment-id") or "")


def _by_hand(target: Deployment) -> str:
    return f"vercel rollback {target.id}   or, in the dashboard: Deployments → {target.url} → Instant Rollback"


def _redeploy() -> str:
    return "git checkout $GOOD_COMMIT && vercel deploy --prod"
