"""``invoke rollback``: stands alone. Needs a token and a project; no journal, no deploy.yml, no other service.

Loads only what it cannot do without. Each function of STEPS is one entry of the runbook, so the page says what this
file does.
"""

import asyncio
import contextlib
import enum
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import httpx

from pipeline.clients.pacing import unpaced, within
from pipeline.clients.vercel import Moved, Vercel
from pipeline.clients.vercelshapes import Deployment
from pipeline.clock import Clock
from pipeline.emergency.choice import ProductionSeen, Stranded, canary_of, choose, is_there, look, must_be_ours
from pipeline.emergency.domain import GLANCE, DomainAnswer, ask, further
from pipeline.errors import Refused, ServiceError

PATIENCE, REFUSED_PATIENCE = 60.0, 5.0
LOOK_EVERY = 0.15
ANSWERS = 3  # at the same time, over connections of their own: edges need not agree
AGAIN_AFTER, AGAIN_AT_MOST = 0.5, 5.0  # seconds between two requests, when Vercel does not say
LOOKED = 20.0  # seconds until it is said that Vercel does not answer


class State(enum.Enum):
    """How far a rollback has come; only the last one is done."""

    WAITING = "waiting"
    """A promotion is under way; only when it has landed can it be taken back."""
    REFUSED = "refused"
    """Vercel did not accept it; it is asked again."""
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
    unseen: tuple[str, ...] = ()
    """The other production domains of which Vercel did not say where they point now."""

    @property
    def state(self) -> State:
        return State.RECOVERED if self.answer.well else State.SERVING


async def roll_back(vercel: Vercel, target: Deployment) -> Moved:
    """Point every production domain at the chosen deployment.

    Why: It is only a change of address: the old build is still there, with the environment values it was built with.

    By hand: Run `vercel rollback $PREVIOUS`, always with the id: without one the command only prints a status. Or in
        the dashboard: Deployments → the previous one → Instant Rollback.

    If it fails: Try the dashboard. As a last resort point the domain by hand: `vercel alias set $PREVIOUS_URL $DOMAIN`.
    """
    return await vercel.roll_back(target.id, "invoke rollback")


async def prove(
    vercel: Vercel,
    http: httpx.AsyncClient,
    seen: ProductionSeen,
    target: Deployment,
    health: str,
    clock: Clock,
    patience: float,
    tell: Callable[[State], None] = lambda state: None,
    bypass: str = "",
    left: str = "",
    since: State = State.REQUESTED,
) -> tuple[DomainAnswer, tuple[str, ...]]:
    """Wait until Vercel says that the domain points to the deployment, and the domain answers as it, and well.

    No other production domain may point to the one that was ``left``, or answer as it. ``since``: how far it is. Gives
    the domain's answer, and the other domains when Vercel does not say where they point.

    Why: An accepted rollback is not a finished one, and Vercel's word is not yet an answer to a user.

    By hand: Run `vercel inspect $DOMAIN`; it must name `$PREVIOUS`. Then run
        `curl -sS -i $PRODUCTION/api/health/db`; it must answer 200 and name the old deployment or commit.

    If it fails: When it answers but is not well, the fault is not in the release: look at the database and at the
        vendors' status pages, and open an incident.
    """
    until, reached, left = unpaced(clock) + patience, since, "" if left == target.id else left
    others = set(seen.project.serving) - {seen.domain} if left else set[str]()
    while True:
        async with further(http, others, left, health, clock, bypass) as still:
            asks = asyncio.gather(*(ask(http, seen.domain, health, clock, bypass) for _ in range(ANSWERS)))
            live, behind, answers = await asyncio.gather(_points_to(vercel, seen), _behind(vercel, seen, left), asks)
            answer = min(answers, key=lambda one: (_is(one, target), one.well))
            ended = not seen.canary or not await canary_of(vercel, seen.project)
            now = _state(live, target, answer, since, ended=ended and not behind)
            if now is State.RECOVERED:
                behind = await still() or behind
                now = _state(live, target, answer, since, ended=not behind)
        if now is not reached:
            reached = now
            tell(reached)
        unseen = tuple(set(seen.project.serving) - {seen.domain}) if behind is None else ()
        if reached is State.RECOVERED:
            return answer, unseen
        if answer.barrier:  # whoever stands there will not leave; Vercel's word still has a moment to change
            until = min(until, unpaced(clock) + REFUSED_PATIENCE)
        if unpaced(clock) >= until:
            if reached is State.SERVING:
                return answer, unseen
            says = _unproved(seen, target, live, answer, reached)
            if behind:
                says += f"; {' and '.join(behind)} still lead to {left}"
            raise Stranded(says, await _by_hand(vercel, seen, target, live, behind or ()))
        await clock.sleep(LOOK_EVERY)


def _unproved(seen: ProductionSeen, target: Deployment, live: str | None, answer: DomainAnswer, state: State) -> str:
    points = "Vercel does not say where it points" if live is None else f"it points to {live or 'nothing'}"
    return f"{seen.domain}: {points}, and answers {answer}; {target.id} is {state.value}, no more"


def _is(answer: DomainAnswer, target: Deployment) -> bool:
    """Whether ``answer`` can be from ``target``; an app need not say which build it is."""
    return answer.status > 0 and not answer.barrier and answer.deployment in ("", target.id)


def _state(live: str | None, target: Deployment, answer: DomainAnswer, since: State, *, ended: bool) -> State:
    """How far it is, ``since`` at least. Where Vercel cannot be read (None) the domain's own word counts, if any."""
    named = answer.deployment == target.id and not answer.barrier
    assigned = (live == target.id or (live is None and named)) and ended
    if assigned and _is(answer, target):
        return State.RECOVERED if answer.well else State.SERVING
    return State.ASSIGNED if assigned else since


async def _points_to(vercel: Vercel, seen: ProductionSeen) -> str | None:
    """The deployment that Vercel says the domain points to; None when that cannot be read at once.

    A domain that is served by a wildcard has no alias of its name: then the project's own word counts.
    """
    try:
        async with asyncio.timeout(GLANCE):
            try:
                return await vercel.alias_now(seen.domain)
            except Refused as error:
                if error.status != 404:
                    return None
            return (await vercel.project_now()).live
    except (ServiceError, TimeoutError):
        return None


async def _behind(vercel: Vercel, seen: ProductionSeen, left: str) -> tuple[str, ...] | None:
    """The other production domains that still point to the deployment that was ``left``.

    None when that cannot be read at once.
    """
    if not left or len(seen.project.serving) < 2:
        return ()
    try:
        async with asyncio.timeout(GLANCE):
            serving = (await vercel.project_now()).serving
    except (ServiceError, TimeoutError):
        return None
    return tuple(sorted(domain for domain, id in serving.items() if id == left and domain != seen.domain))


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
    bad: Callable[[], frozenset[str]] = frozenset,
    tell: Callable[[State], None] = lambda state: None,
    allow: Callable[[ProductionSeen, Deployment], Awaitable[None]] | None = None,
    bypass: str = "",
) -> Returned:
    """Look, choose, roll back, prove. Raises Stranded when production is not where it should be afterwards.

    ``bad`` gives the ids that were taken back, when they are needed. ``allow`` is asked right before anything is
    touched, and may raise. A promotion that is under way is waited for.
    """
    until = unpaced(clock) + PATIENCE
    seen = await look_briefly(vercel, domain, to)
    while seen.project.moving and unpaced(clock) < until:
        tell(State.WAITING)
        await clock.sleep(AGAIN_AFTER)
        seen = await look_briefly(vercel, domain, to)
    await must_be_ours(seen, http, clock, health, bypass)
    if seen.live and is_there(seen, to, bad):
        left = seen.project.taken_back
        answer, unseen = await prove(
            vercel, http, seen, seen.live, health, clock, REFUSED_PATIENCE, bypass=bypass, left=left
        )
        return Returned(seen.domain, seen.live, left, answer, changed=False, unseen=unseen)
    target, was = choose(seen, to, bad(), even_bad=even_bad), seen.live.id if seen.live else ""
    commit = seen.live.commit if seen.live else ""
    if allow:
        await allow(seen, target)
    until = unpaced(clock) + PATIENCE
    answer, unseen = await _return(vercel, http, seen, target, health, clock, until, tell, bypass)
    crons = seen.project.crons
    return Returned(seen.domain, target, was, answer, changed=True, crons=crons, was_commit=commit, unseen=unseen)


async def look_briefly(vercel: Vercel, domain: str, to: str) -> ProductionSeen:
    """Look, but not for longer than LOOKED: then a person knows enough to do it by hand. Raises Stranded."""
    try:
        async with within(LOOKED):
            return await look(vercel, domain, to)
    except TimeoutError:
        by_hand = "in the dashboard: Deployments → the previous one → Instant Rollback"
        raise Stranded(f"Vercel did not say within {LOOKED:g} s what production serves", by_hand) from None


async def _return(
    vercel: Vercel,
    http: httpx.AsyncClient,
    seen: ProductionSeen,
    target: Deployment,
    health: str,
    clock: Clock,
    until: float,
    tell: Callable[[State], None],
    bypass: str,
) -> tuple[DomainAnswer, tuple[str, ...]]:
    """Roll back and prove. Twice is the same as once, so what Vercel did not take is asked for again ``until`` then."""
    pause, left = AGAIN_AFTER, seen.live.id if seen.live else ""
    while True:
        refused: ServiceError | None = None
        accepted = False
        try:
            accepted = await roll_back(vercel, target) != "already there"
        except ServiceError as error:  # it may have happened all the same; only the domain can say
            refused = error
        since = State.REQUESTED if accepted else State.REFUSED
        tell(since)
        remains = until - unpaced(clock)
        final = accepted or (isinstance(refused, Refused) and refused.lasting)
        asked = refused.retry_after if isinstance(refused, Refused) else 0.0
        patience = remains if accepted else REFUSED_PATIENCE if final else min(asked or pause, remains)
        try:
            return await prove(vercel, http, seen, target, health, clock, patience, tell, bypass, left, since)
        except Stranded as stranded:
            if final or until - unpaced(clock) <= 0:
                raise Stranded(f"{refused}; {stranded}" if refused else str(stranded), stranded.by_hand) from refused
        pause = min(pause * 2, AGAIN_AT_MOST)


async def _by_hand(
    vercel: Vercel, seen: ProductionSeen, target: Deployment, live: str | None, behind: tuple[str, ...]
) -> str:
    """What to type now. Domains that somebody set by hand stay where they are when Vercel has gone back already."""
    stuck = behind
    if live not in (None, target.id):
        with contextlib.suppress(ServiceError, TimeoutError):
            async with asyncio.timeout(GLANCE):
                if (await vercel.project_now()).live == target.id:
                    stuck = (seen.domain, *behind)
    if stuck:
        host = target.url.partition("://")[2]
        return "; ".join(f"vercel alias set {host} {domain}" for domain in stuck)
    return f"vercel rollback {target.id}   or, in the dashboard: Deployments → {target.url} → Instant Rollback"
