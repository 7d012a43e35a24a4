"""Conducts an order: does what ``decide`` says until the order has ended, asks for somebody, or is told to stop."""

import asyncio
import contextlib
from collections.abc import Callable

from pipeline.clock import Clock, SystemClock
from pipeline.errors import Lost, ServiceError
from pipeline.fleet.deciding import (
    AskApproval,
    AskGate,
    BeginWave,
    Decision,
    EndOrder,
    EndWave,
    HoldWave,
    QueueProjects,
    SpendBudget,
    WaitSeconds,
    decide,
)
from pipeline.fleet.freezing import freeze_now
from pipeline.fleet.gates import ask_gate
from pipeline.fleet.judging import judged
from pipeline.fleet.order import GateAnswer, OrderAction, OrderPlan, OrderState, Where, state_of
from pipeline.fleet.place import Fleet
from pipeline.fleet.queue import FleetJob, FleetQueue
from pipeline.fleet.signing import FleetPermits
from pipeline.fleet.waves import PlannedWave
from pipeline.record.journal import Event, events_after, plain
from pipeline.record.lock import Lock

ORDERS = "fleet/orders"
"""What the lock is called that lets one process at a time conduct."""
LEASE = 20.0
POLL = 0.25  # seconds between two looks at what workers elsewhere have written
AWAY = 60.0  # seconds for which record or queue may be away
CARE = 5.0  # seconds between two looks after the lease and after jobs that the queue has lost


class Conductor:
    """Conducts one order. ``show`` is told every event; ``told`` is set when a worker of this process has news."""

    def __init__(
        self, fleet: Fleet, queue: FleetQueue, order: str, show: Callable[[Event], None], told: asyncio.Event
    ) -> None:
        self._fleet, self._queue, self._order, self._show, self._told = fleet, queue, order, show, told
        self._journal = fleet.journal(order)
        self._clock: Clock = SystemClock()
        self._lock = Lock(fleet.store, ORDERS, order, self._clock, lease=LEASE)
        self._state: OrderState | None = None
        self._seq = 0
        self._cared = self._clock.monotonic()
        self._frozen = False
        self._permits = FleetPermits(fleet.root, fleet.file)
        self._asking: asyncio.Task[GateAnswer] | None = None
        self.stopped = asyncio.Event()

    async def conduct(self) -> tuple[OrderState, Decision]:
        """Conduct until there is nothing left to decide here; the state, and what was decided last.

        Raises Locked when somebody else conducts an order of this fleet, and Lost when somebody took this one over.
        """
        self._lock.take(f"order {self._order}")
        try:
            return await self._conduct()
        finally:
            await self._ask_no_more()
            with contextlib.suppress(ServiceError):  # the lease lapses by itself
                self._lock.release()

    async def _conduct(self) -> tuple[OrderState, Decision]:
        seen = self._clock.monotonic()
        while True:
            try:
                state = self.look()
                if state.outcome:
                    return state, EndOrder(state.outcome)
                if self._clock.monotonic() - self._cared > LEASE / 2:  # it stood still: whose order is it now?
                    self._must_be_ours()
                decision = decide(state, self._clock.now())
                if self._frozen and isinstance(decision, BeginWave | QueueProjects | AskGate):
                    decision = WaitSeconds()
                if isinstance(decision, AskApproval | HoldWave) or self.stopped.is_set():
                    return state, decision
                await self._act(state, decision)
                await self._care(state)
                seen = self._clock.monotonic()
            except ServiceError:
                if self._clock.monotonic() - seen > AWAY:
                    raise
                await self._clock.sleep(1)

    def look(self) -> OrderState:
        """Read what is new, show it, and fold it into what is known, which the answer is. Raises ServiceError."""
        for seq, event in events_after(self._fleet.store, self._order, self._seq):
            self._seq = seq
            self._state = state_of(self._order, (event,), self._state)
            self._show(event)
        assert self._state, "an order begins before it is conducted"
        return self._state

    async def _act(self, state: OrderState, decision: Decision) -> None:
        match decision:
            case BeginWave(wave):
                self._journal.append("wave begins", wave.name, projects=len(wave.projects))
            case QueueProjects(projects):
                for project in projects:
                    self._journal.append("project queued", project)
                    await self._put(state.plan, project)
            case EndWave(wave):
                ends = {name: state.parts[name].end for name in wave.projects if name in state.failed()}
                found = judged({name: end for name, end in ends.items() if end})
                self._journal.append("wave ended", wave.name, findings=plain(found))
            case SpendBudget(says):
                self._journal.append("budget spent", says=says)
            case EndOrder(outcome):
                self._journal.append("order ended", outcome=outcome)
            case AskGate(wave):
                await self._ask(state, wave)
            case WaitSeconds(seconds):
                await self._wait(min(seconds or POLL, POLL))

    async def _ask(self, state: OrderState, wave: PlannedWave) -> None:
        """Ask the gate before a wave, or go on waiting for its answer; it is written down when it is there."""
        if self._asking is None:
            self._journal.append("gate asked", wave.name, gate=wave.gate)
            self._asking = asyncio.ensure_future(ask_gate(self._fleet, state, wave))
        await asyncio.wait((self._asking,), timeout=POLL)
        if self._asking.done():
            answer = self._asking.result()
            self._journal.append("gate answered", wave.name, exact=plain(answer))
            self._asking = None

    async def _ask_no_more(self) -> None:
        """End what a gate has started whose answer nobody waits for."""
        if self._asking:
            self._asking.cancel()
            await asyncio.wait((self._asking,))
            self._asking = None

    async def _put(self, plan: OrderPlan, project: str) -> None:
        known = self._fleet.file.projects.get(project)
        urgent = plan.action is OrderAction.ROLL_BACK
        await self._queue.put(FleetJob(self._order, project, known.group if known else "", urgent))

    async def _wait(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._told.wait()
        self._told.clear()

    def _must_be_ours(self) -> None:
        """Renew the lease. Raises Lost."""
        self._cared = self._clock.monotonic()
        if not self._lock.renew():
            raise Lost(f"order {self._order} is conducted by somebody else now; what is under way goes on")

    async def _care(self, state: OrderState) -> None:
        """Now and then: renew the lease, and put back into the queue what it has lost, e.g. with its machine."""
        if self._clock.monotonic() - self._cared < CARE:
            return
        self._must_be_ours()
        deploys = state.plan.action is OrderAction.DEPLOY
        frozen = deploys and freeze_now(self._fleet.store, self._clock.now(), self._permits) is not None
        if frozen and not self._frozen:
            self._journal.append("order waits", says="the fleet is frozen")
        self._frozen = frozen
        in_queue = await self._queue.known(self._order)
        if not in_queue.issuperset(state.in_flight):  # be it because some have ended since the state was read
            state = self.look()
            for project in state.in_flight:
                if project not in in_queue and not (frozen and state.parts[project].where is Where.QUEUED):
                    await self._put(state.plan, project)
