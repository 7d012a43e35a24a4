"""Gives an order to a fleet, or takes up one that has not ended, and sees it through on this machine."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from pipeline.clock import SystemClock
from pipeline.errors import Locked, Mistake
from pipeline.fleet.conducting import ORDERS, Conductor
from pipeline.fleet.deciding import STOPPED, Decision
from pipeline.fleet.ends import ProjectEnd
from pipeline.fleet.file import FleetFile, allowed, labels_of, share_of
from pipeline.fleet.freezing import freeze_now
from pipeline.fleet.order import BEGINS, OrderAction, OrderPlan, OrderState, latest_orders, state_of
from pipeline.fleet.place import Fleet
from pipeline.fleet.queue import open_queue
from pipeline.fleet.selecting import selected
from pipeline.fleet.sharing import digests_of
from pipeline.fleet.signing import AGREED, FleetPermits, SignedWord
from pipeline.fleet.waves import PlannedWave, bounds_of, plan_waves
from pipeline.fleet.working import FleetWorker, ended
from pipeline.record.bounded import Store
from pipeline.record.journal import Event, events_of, new_run_id, plain
from pipeline.record.lock import Lock
from pipeline.signals import deadly, heed

LATEST = "latest"
MANY = 1000


@dataclass(frozen=True)
class SeenThrough:
    """How an order goes on or ended, when this process left it: its state, and what would come next."""

    state: OrderState
    next: Decision


def chosen(file: FleetFile, select: str) -> tuple[str, ...]:
    """The projects that ``--select`` means. Raises Mistake when it means none."""
    try:
        found = selected(select, {name: labels_of(name, project) for name, project in file.projects.items()})
    except ValueError as error:
        raise Mistake(f"--select {select}: {error}") from error
    if not found:
        raise Mistake(f"--select {select}: no project of fleet.yml is meant")
    return found


def deploy_plan(
    file: FleetFile,
    projects: Iterable[str],
    by: str,
    flags: tuple[str, ...] = (),
    commits: Mapping[str, str] | None = None,
) -> OrderPlan:
    """The plan of a deployment of ``projects``, with a new id; ``commits``: what those in repositories ship."""
    waves = plan_waves(file, projects)
    many = sum(len(wave.projects) for wave in waves)
    budget = allowed(file.budget, many)
    names = (name for wave in waves for name in wave.projects)
    windows = {name: window for name in names if (window := file.projects[name].window)}
    action, when_spent = OrderAction.DEPLOY, file.when_spent
    return OrderPlan(
        _new_id(),
        action,
        waves,
        file.at_once,
        budget,
        when_spent,
        by,
        flags=flags,
        windows=windows,
        share=share_of(file.budget),
        bounds=bounds_of(file, (name for wave in waves for name in wave.projects)),
        commits=dict(commits or {}),
        fleet=file.name,
        settings=digests_of(file, (name for wave in waves for name in wave.projects)),
    )


def rollback_plan(file: FleetFile, of: OrderState, projects: Iterable[str], by: str) -> OrderPlan:
    """The plan that takes ``projects`` back, which ``of`` has moved: in one wave, in the order given, all of them."""
    ends = {name: end for name in projects if (end := of.parts[name].end)}
    return back_plan(file, of.plan.order, ends, by, of.plan.commits)


def back_plan(
    file: FleetFile, of: str, ends: Mapping[str, ProjectEnd], by: str, commits: Mapping[str, str]
) -> OrderPlan:
    """The plan that takes projects back: project → what it shows and what served before, in the order they go.

    ``commits``: project → the commit that its home was at when it was moved, of those in repositories.
    """
    wave = PlannedWave("back", tuple(ends))
    action, bounds = OrderAction.ROLL_BACK, bounds_of(file, (name for name in ends if name in file.projects))
    return OrderPlan(
        _new_id(),
        action,
        (wave,),
        file.at_once,
        len(ends),
        by=by,
        of=of,
        back_to=ends,
        bounds=bounds,
        commits={name: commit for name, commit in commits.items() if name in ends},
        fleet=file.name,
    )


def give(fleet: Fleet, plan: OrderPlan) -> None:
    """Write an order down; nothing of it has begun then."""
    fields = {name: value for name, value in vars(plan).items() if name not in ("order", "action")}
    fleet.journal(plan.order).append(BEGINS, plan.action.value, exact={**plain(fields), "action": plan.action.value})


def order_state(store: Store, order: str, action: OrderAction | None = None, option: str = "--order") -> OrderState:
    """The state of an order, by its id or ``latest`` (of that ``action``).

    Raises Mistake, in the name of ``option``, when there is none.
    """
    for known in latest_orders(store, MANY) if order == LATEST else (order,):
        state = state_of(known, events_of(store, known))
        if state and action in (None, state.plan.action):
            return state
    if order == LATEST:
        raise Mistake(f"{option}: no order {f'to {action.value} ' if action else ''}is written down yet")
    raise Mistake(f"{option} {order}: there is no such order; ./inv fleet.status shows the last one")


def must_not_be_frozen(fleet: Fleet) -> None:
    """Raises Locked while the fleet is frozen; a rollback does not ask."""
    found = freeze_now(fleet.store, SystemClock().now(), FleetPermits(fleet.root, fleet.file))
    if found:
        raise Locked(f"the fleet is {found}; ./inv fleet.freeze --lift   ends that; fleet.rollback works meanwhile")


def close_what_is_open(fleet: Fleet, *, anew: bool) -> None:
    """An order that has not ended comes first. Raises Locked, unless it is to be left: then it is ended as it is."""
    for order in latest_orders(fleet.store, 1):
        state = order_state(fleet.store, order)
        if state.outcome:
            return
        if not anew:
            raise Locked(
                f"order {order} has not ended: ./inv fleet.deploy --resume {order}   goes on with it; "
                "--anew   leaves it as it is: what is under way ends by itself, nothing more begins"
            )
        stop(fleet, state)


def must_not_be_conducted(fleet: Fleet) -> None:
    """Raises Locked while somebody conducts an order of the fleet: one at a time."""
    held = Lock(fleet.store, ORDERS, "", SystemClock()).alive()
    if held:
        raise Locked(f"an order is under way: {held}; press Ctrl-C where it runs, and it begins nothing more")


def stop(fleet: Fleet, state: OrderState) -> None:
    """End an order as it is. Raises Locked when somebody conducts it, or a project of it is under way."""
    must_not_be_conducted(fleet)
    running = [name for name, part in state.parts.items() if part.times and not part.end]
    if running:
        raise Locked(f"order {state.plan.order}: under way still: {', '.join(running)}; ./inv fleet.status shows them")
    fleet.journal(state.plan.order).append("order ended", outcome=STOPPED)


def see_through(
    fleet: Fleet,
    order: str,
    show: Callable[[Event], None],
    note: Callable[[str], None],
    *,
    works: bool,
    meanwhile: Callable[[], contextlib.AbstractAsyncContextManager[None]] = contextlib.nullcontext,
) -> SeenThrough:
    """Conduct an order to its end, an approval, or a signal; meanwhile this process is a worker, too, if it ``works``.

    ``meanwhile`` is entered for as long.

    Raises Locked when somebody else conducts, and ServiceError when the record or the queue stay away.
    """

    async def go() -> SeenThrough:
        async with open_queue(fleet.queue) as queue:
            worker = FleetWorker(fleet)
            conductor = Conductor(fleet, queue, order, show, worker.told)

            def stopped(reason: str) -> None:
                note(f"{reason}: nothing more begins; what is under way ends by itself")
                conductor.stopped.set()

            heed(stopped)
            at_once = fleet.file.at_once
            working = asyncio.ensure_future(worker.work(worker.groups, at_once)) if works else None
            try:
                async with meanwhile():
                    _, decision = await conductor.conduct()
            finally:
                if working:
                    await ended(working)
            return SeenThrough(conductor.look(), decision)

    return asyncio.run(go())


def work(fleet: Fleet, groups: tuple[str, ...], at_once: int, note: Callable[[str], None]) -> None:
    """Be a worker until a signal comes; then take nothing more, and return when what is under way is somebody else's.

    A second signal ends it at once, as one that dies: its runs live on, and are taken up when it has been silent.
    Raises Mistake when an order was given with another ``fleet.yml``: its projects are left to other workers.
    """

    async def go() -> None:
        worker, stopping = FleetWorker(fleet, note), asyncio.Event()

        grace = fleet.file.workers.grace

        def stopped(reason: str) -> None:
            note(
                f"{reason}: takes nothing more; what has not ended in {grace:g} s is handed over; once more: it is left"
            )
            deadly()
            stopping.set()

        heed(stopped)
        working = asyncio.ensure_future(worker.work(groups or worker.groups, at_once))
        working.add_done_callback(lambda _: stopping.set())  # it is too old for what is there
        note(f"worker {worker.name} takes up to {at_once} at once")
        await stopping.wait()
        await worker.drained(working)
        if worker.differs:
            raise Mistake(worker.differs)

    asyncio.run(go())


def agreed(fleet: Fleet, order: str, wave: str, said: SignedWord) -> None:
    """Write down that somebody agrees to a wave."""
    fleet.journal(order).append(AGREED, wave, exact=plain(said))


def resumed(fleet: Fleet, order: str, said: SignedWord) -> None:
    """Write down who goes on with an order."""
    fleet.journal(order).append("order resumed", exact=plain(said))


def standing(states: Iterable[OrderState], projects: Iterable[str]) -> Mapping[str, OrderState]:
    """Project → the newest order, of ``states`` newest first, that has it; those in none are left out."""
    newest: dict[str, OrderState] = {}
    for state in states:
        newest = {**dict.fromkeys(state.parts, state), **newest}
    return {name: newest[name] for name in projects if name in newest}


def _new_id() -> str:
    return new_run_id(SystemClock().now())
