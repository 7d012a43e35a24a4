"""What the team's channel is told of an order: one message that is kept up to date; below it, who has to act."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass

from pipeline.clients.channels import Channels
from pipeline.clients.slack import API, Posted
from pipeline.clock import Clock, SystemClock
from pipeline.emergency.domain import client
from pipeline.environment import variable_or_file
from pipeline.errors import ServiceError
from pipeline.fleet.ends import end_from
from pipeline.fleet.movements import orders_of, with_later
from pipeline.fleet.order import OrderPlan, OrderState, state_of
from pipeline.fleet.place import Fleet
from pipeline.record.journal import Event, events_of
from pipeline.redact import Redactor
from pipeline.render.fleetmarks import some
from pipeline.render.fleetreport import PERSON, findings_of, headline
from pipeline.session.bulletin import TEAM, Bulletin, TellingDesk, remember_in, remembered
from pipeline.world.secrets import CHANNELS

Opened = contextlib.AbstractAsyncContextManager[TellingDesk]


class OrderBulletin(Bulletin):
    """Hears the events of an order and tells them. It waits for nobody when the way back comes next."""

    title, begun_by = "Fleet", "wave begins"

    def __init__(
        self,
        order: str,
        before: Iterable[Event],
        posted: dict[str, Posted],
        remember: Callable[[str, Posted], None],
        note: Callable[[str], None],
    ) -> None:
        self._state: OrderState | None = None
        self._folded = 0
        self.later: tuple[OrderState, ...] = ()
        """Orders that were given since, newest first, which may have taken back what this one did."""
        super().__init__(order, before, posted, remember, note)

    def state(self) -> OrderState | None:
        """The order as the events have it that were heard."""
        self._state = state_of(self._run, self._events[self._folded :], self._state)
        self._folded = len(self._events)
        return with_later(self._state, self.later) if self._state else None

    def line(self) -> str:
        """How the order stands, in a sentence."""
        state = self.state()
        if state is None:
            return ""
        wave = state.plan.waves[state.waves_begun - 1].name if state.waves_begun and not state.outcome else ""
        at = f" (wave {wave})" if wave else ""
        if state.spent and state.outcome and state.plan.when_spent.startswith("roll back"):
            self.patience = 0.0
        return f"{headline(state)}{at}, by {state.plan.by or '?'}"

    def detail(self, event: Event) -> str:
        """Where somebody has to act, and what a wave's failures have in common; nothing of what goes well."""
        state, at = self.state(), event.at[11:16]
        match event.kind:
            case "project ended" if (end := end_from(event.body)).outcome in PERSON:
                return f"{at} {event.subject} is {end.outcome}, and somebody has to act: {end.reason}"
            case "wave ended" if state:
                found = [f"{one.gate} {one.says}: {some(one.projects)}".strip() for one in findings_of(state)]
                return f"{at} {event.subject} ended; {'; '.join(found)}" if found else ""
            case "gate answered" if not event.body["may"]:
                return f"{at} {event.subject} is held by its gate: {event.body['says']}"
            case "budget spent":
                return f"{at} nothing more begins: {event.body['says']}"
        return ""

    def endings(self) -> Iterable[str]:
        """How the order ended, where a message stays as it is."""
        state = self.state()
        if state and state.outcome:
            yield f"{self._line}."


@dataclass(frozen=True)
class FleetDesk:
    """The team's channels of a fleet."""

    team: Channels
    clock: Clock


class TellingOfOrder:
    """An order's bulletin with where it is told. ``desk`` opens that; None: the fleet tells nobody."""

    def __init__(
        self,
        bulletin: OrderBulletin,
        already: int,
        desk: Callable[[], Opened] | None,
    ) -> None:
        self._bulletin, self._already, self._desk = bulletin, already, desk

    def hear_if_new(self, event: Event) -> None:
        """Hear an event, unless the bulletin has begun with it."""
        if self._already:
            self._already -= 1
        elif self._desk:
            self._bulletin.hear(event)

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Tell while the context lasts; nothing of that may spoil the order."""
        if self._desk is None:
            yield
            return
        async with self._desk() as desk, self._bulletin.told(desk):
            yield


def told_of_order(fleet: Fleet, plan: OrderPlan, note: Callable[[str], None]) -> TellingOfOrder:
    """The telling of an order by the fleet's own ``NOTIFY_WEBHOOK_URL``, of its environment or ``.env``."""
    address = variable_or_file(CHANNELS["team"], fleet.root)
    before = events_of(fleet.store, plan.order)
    posted = dict[str, Posted]()
    with contextlib.suppress(ServiceError):
        posted = remembered(fleet.store, plan.order)
    Redactor([address] if address else [])
    own = fleet.journal(f"news-{plan.order}")
    bulletin = OrderBulletin(plan.order, before, posted, remember_in(own, plan.order), note)
    return TellingOfOrder(bulletin, len(before), _opened(address) if address else None)


def _opened(address: str) -> Callable[[], Opened]:
    @contextlib.asynccontextmanager
    async def desk() -> AsyncIterator[TellingDesk]:
        async with client(API) as http:
            yield FleetDesk(Channels({TEAM: address}, http, SystemClock()), SystemClock())

    return desk


def tell_again(fleet: Fleet, plan: OrderPlan, note: Callable[[str], None]) -> None:
    """Bring the message of an order up to date that went back before it had been told."""
    address = variable_or_file(CHANNELS["team"], fleet.root)
    if not address:
        return
    events = events_of(fleet.store, plan.order)
    with contextlib.suppress(ServiceError):
        posted = remembered(fleet.store, plan.order)
        own = fleet.journal(f"news-{plan.order}")
        bulletin = OrderBulletin(plan.order, events[:-1], posted, remember_in(own, plan.order), note)
        bulletin.later = orders_of(fleet.store, after=plan.order)
        bulletin.hear(events[-1])
        bulletin.patience = None
        asyncio.run(_told(bulletin, _opened(address)))


async def _told(bulletin: OrderBulletin, desk: Callable[[], Opened]) -> None:
    async with desk() as opened, bulletin.told(opened):
        pass
