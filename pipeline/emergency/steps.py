"""``invoke rollback``: stands alone. Needs a token and a project; no journal, no deploy.yml, no other service.

Loads only what it cannot do without. Each function of STEPS is one entry of the runbook, so the page says what this
file does.
"""

import asyncio
import enum
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from pipeline.emergency.lean import httpx  # isort: skip  # before any other module imports httpx

from pipeline.clients.base import TIMEOUT
from pipeline.clients.vercel import Vercel
from pipeline.clients.vercelshapes import Deployment
from pipeline.clock import Clock, origin
from pipeline.emergency.choice import ProductionSeen, Stranded, canary_of, choose, is_there, look
from pipeline.errors import ServiceError

PATIENCE = 60.0
REFUSED_PATIENCE = 5.0
LOOK_EVERY = 0.15
ANSWERS = 3  # at the same time, over connections of their own: edges need not agree


@dataclass(frozen=True)
class DomainAnswer:
    """What the domain answered, and as which deployment; ``status`` 0 means nothing, and ``failure`` why."""

    status: int
    ms: int
    failure: str
    deployment: str

    @property
    def well(self) -> bool:
        """Whether the domain answers, and not with a server error: the health path need not exist in every app."""
        return 0 < self.status < 500

    def __str__(self) -> str:
        who = f" as {self.deployment}" if self.deployment else ""
        return f"{self.status}{who} in {self.ms} ms" if self.status else f"nothing ({self.failure})"


class State(enum.Enum):
    """How far a rollback has come; only the last one is done."""

    REQUESTED = "requested"
    """Vercel accepted it."""
    ASSIGNED = "assigned"
    """The domain points to the deployment."""
    SERVING = "serving"
    """The domain answers as the deployment, each time of several."""
    RECOVERED = "recovered"
    """And it is well."""


@dataclass(frozen=True)
class Returned:
    """A rollback that is proved: production serves ``target``; ``was`` is what it served before.

    ``crons``: path → schedule before the rollback.
    """

    domain: str
    target: Deployment
    was: str
    answer: DomainAnswer
    changed: bool
    crons: Mapping[str, str] = field(default_factory=dict)
    was_commit: str = ""

    @property
    def state(self) -> State:
        return State.RECOVERED if self.answer.well else State.SERVING


async def roll_back(vercel: Vercel, target: Deployment) -> None:
    """Point every production domain at the chosen deployment.

    Why: It is only a change of address: the old build is still there, with the environment values it was built with.

    By hand: Run `vercel rollback $PREVIOUS`, always with the id: without one the command only prints a status. Or in
        the dashboard: Deployments → the previous one → Instant Rollback.

    If it fails: Try the dashboard. As a last resort point the domain by hand: `vercel alias set $PREVIOUS_URL $DOMAIN`.
    """
    await vercel.roll_back(target.id, "invoke rollback")


async def prove(
    vercel: Vercel,
    http: httpx.AsyncClient,
    seen: ProductionSeen,
    target: Deployment,
    health: str,
    clock: Clock,
    patience: float,
    tell: Callable[[State], None] = lambda state: None,
) -> DomainAnswer:
    """Wait until Vercel says that the domain points to the deployment, and the domain answers as it, and well.

    Why: An accepted rollback is not a finished one, and Vercel's word is not yet an answer to a user.

    By hand: Run `vercel inspect $DOMAIN`; it must name `$PREVIOUS`. Then run
        `curl -sS -i $PRODUCTION/api/health/db`; it must answer 200 and name the old deployment or commit.

    If it fails: When it answers but is not well, the fault is not in the release: look at the database and at the
        vendors' status pages, and open an incident.
    """
    until, reached = clock.monotonic() + patience, State.REQUESTED
    tell(reached)
    while True:
        asks = asyncio.gather(*(_ask(http, seen.domain, health, clock) for _ in range(ANSWERS)))
        live, answers = await asyncio.gather(_points_to(vercel, seen.domain), asks)
        answer = min(answers, key=lambda one: (_is(one, target), one.well))
        ended = not seen.canary or not await canary_of(vercel, seen.project)
        now = _state(live == target.id and ended, _is(answer, target), answer.well)
        if now is not reached:
            reached = now
            tell(reached)
        if reached is State.RECOVERED:
            return answer
        if clock.monotonic() >= until:
            if reached is State.SERVING:
                return answer
            says = f"{seen.domain} points to {live or 'nothing'} and answers {answer}"
            raise Stranded(f"{says}, not as {target.id}: it is {reached.value}, no more", _by_hand(target))
        await clock.sleep(LOOK_EVERY)


def _is(answer: DomainAnswer, target: Deployment) -> bool:
    """Whether ``answer`` can be from ``target``; an app need not say which build it is."""
    return answer.status > 0 and answer.deployment in ("", target.id)


def _state(assigned: bool, serving: bool, well: bool) -> State:
    if assigned and serving:
        return State.RECOVERED if well else State.SERVING
    return State.ASSIGNED if assigned else State.REQUESTED


async def _points_to(vercel: Vercel, domain: str) -> str:
    try:
        return await vercel.alias(domain)
    except ServiceError as error:
        return f"what cannot be read ({error.came})"


async def _ask(http: httpx.AsyncClient, domain: str, health: str, clock: Clock) -> DomainAnswer:
    began = clock.monotonic()
    try:
        response = await http.get(origin(domain) + health, follow_redirects=True)
    except (httpx.HTTPError, httpx.InvalidURL, ConnectionError) as error:
        return DomainAnswer(0, 0, f"{type(error).__name__} {error}".rstrip(), "")
    return DomainAnswer(response.status_code, round((clock.monotonic() - began) * 1000), "", _identity(response))


STEPS: tuple[Callable[..., object], ...] = (look, choose, roll_back, prove)


async def return_to_previous(
    vercel: Vercel,
    http: httpx.AsyncClient,
    clock: Clock,
    *,
    to: str = "",
    even_bad: bool = False,
    domain: str = "",
    health: str = "/",
    bad: frozenset[str] = frozenset(),
    tell: Callable[[State], None] = lambda state: None,
    allow: Callable[[ProductionSeen, Deployment], Awaitable[None]] | None = None,
) -> Returned:
    """Look, choose, roll back, prove. Raises Stranded when production is not where it should be afterwards.

    ``allow`` is asked right before anything is touched, and may raise.
    """
    seen = await look(vercel, domain, to)
    if seen.live and is_there(seen, to):
        answer = await prove(vercel, http, seen, seen.live, health, clock, REFUSED_PATIENCE)
        return Returned(seen.domain, seen.live, seen.live.id, answer, changed=False)
    target, was = choose(seen, to, bad, even_bad=even_bad), seen.live.id if seen.live else ""
    commit = seen.live.commit if seen.live else ""
    if allow:
        await allow(seen, target)
    try:
        await roll_back(vercel, target)
    except ServiceError as error:  # it may have happened all the same; only the domain can say
        try:
            answer = await prove(vercel, http, seen, target, health, clock, REFUSED_PATIENCE, tell)
        except Stranded as stranded:
            raise Stranded(f"{error}; {stranded}", stranded.by_hand) from error
    else:
        answer = await prove(vercel, http, seen, target, health, clock, PATIENCE, tell)
    return Returned(seen.domain, target, was, answer, changed=True, crons=seen.project.crons, was_commit=commit)


def client(api: str) -> httpx.AsyncClient:
    """The connections of a rollback. Certificates are loaded only when ``api`` needs them: that takes a while."""
    here = api.startswith("http://127.0.0.1")  # where no proxy of the outside helps either
    return httpx.AsyncClient(timeout=TIMEOUT, verify=not here, trust_env=not here)


def _identity(response: httpx.Response) -> str:
    """The id of the deployment that answered, when it says so: in a header, or in a JSON health answer."""
    try:
        body = response.json()
        said = body.get("deployment") if isinstance(body, dict) else ""
    except ValueError:
        said = ""
    return str(said or response.headers.get("x-deployment-id") or "")


def _by_hand(target: Deployment) -> str:
    return f"vercel rollback {target.id}   or, in the dashboard: Deployments → {target.url} → Instant Rollback"
