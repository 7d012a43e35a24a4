"""A worker of a fleet: takes projects out of the queue, carries each in a process of its own, writes down the end."""

import asyncio
import contextlib
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from pipeline.clock import SystemClock
from pipeline.environment import variable_or_file
from pipeline.errors import ServiceError
from pipeline.fleet.budgets import Budgets
from pipeline.fleet.children import carry, environment_of, missing_tokens, nursery, words_of
from pipeline.fleet.ends import HANDED, LOST, MOST_SAID, REFUSED, ProjectEnd
from pipeline.fleet.freezing import freeze_now
from pipeline.fleet.order import BEGINS, DIFFERS, OrderAction, OrderPlan, plan_from
from pipeline.fleet.place import Fleet
from pipeline.fleet.queue import FleetJob, FleetQueue, LeftToOthers, Unfit, open_queue
from pipeline.fleet.readings import SharedReadings
from pipeline.fleet.sharing import differing, shared_with
from pipeline.fleet.signing import AGREED, FleetPermits
from pipeline.home import VERSION
from pipeline.record.journal import Journal, events_of, events_of_kind, plain
from pipeline.record.lock import SEPARATOR, machine
from pipeline.session.bulletin import BY_FLEET
from pipeline.signals import HAND_OVER, HAND_OVER_UNMOVED
from pipeline.world.secrets import CHANNELS

TRIES = 3  # with a run whose process died under us; each goes on where the one before was
AGAIN = 2.0  # seconds until the queue is connected to again
ASKED_AGAIN = 1.0  # seconds between two times that a run is asked to be left


class FleetWorker:
    """Does the jobs of a fleet. ``name``: what the record calls it; ``note``: a line for who watches it."""

    def __init__(self, fleet: Fleet, note: Callable[[str], None] = lambda line: None) -> None:
        self._fleet, self._note = fleet, note
        self.groups = ("", *fleet.file.groups)
        self.name = f"{machine().partition(SEPARATOR)[0]}-{os.getpid()}"
        self.told = asyncio.Event()
        """Set whenever a project has ended here."""
        self.differs = ""
        """Why this worker takes nothing more, once an order was given with another ``fleet.yml``."""
        self._plans: dict[str, OrderPlan] = {}
        told = variable_or_file(CHANNELS["team"], fleet.root)
        self._told = {BY_FLEET: "1"} if told else {}
        self._permits = FleetPermits(fleet.root, fleet.file)
        self._nursery = nursery()
        self._budgets: Budgets | None = None
        self._readings = SharedReadings()
        self._queue: FleetQueue | None = None
        self._under_way: dict[str, FleetJob] = {}
        self._homes: dict[str, Path] = {}
        self._hands_over = False

    async def work(self, groups: Iterable[str], at_once: int) -> None:
        """Work until cancelled; then end when what is under way has ended. Survives a queue that is away for a time."""
        try:
            while True:
                with contextlib.suppress(ServiceError):
                    async with open_queue(self._fleet.queue) as queue:
                        self._queue, self._budgets = queue, Budgets(queue)
                        await queue.work(self.do, self.name, groups, at_once, self._fleet.file.workers)
                        if queue.outdated:
                            self._note(
                                f"version {queue.outdated} is at work here, and this is {VERSION}: takes nothing more"
                            )
                            return
                        if self.differs:
                            return
                if (working := asyncio.current_task()) and working.cancelling():  # and the queue was away just then
                    return
                self._note("the queue is away; it is connected to again")
                await SystemClock().sleep(AGAIN)
        finally:
            self._nursery.close()

    async def do(self, job: FleetJob) -> None:
        """Do one job; a project whose end is written down is not touched again."""
        plan = self._plan(job.order)
        known = self._known(job)
        again = "project begins" in known
        if plan is None or _is_void(known) or (not again and self._waits(plan, job)):
            return
        journal, clock = self._fleet.journal(job.order), SystemClock()
        refused = await asyncio.to_thread(self._refused, plan, job, again)
        if not refused:
            self._must_say_the_same(plan, job.project)
        journal.append("project begins", job.project, worker=self.name, version=VERSION, again=again)
        self._note(f"{job.project}: begins")
        began, made = clock.monotonic(), dict[str, Any]()
        self._under_way[job.project] = job
        try:
            end = refused or await self._carried(plan, job.project, made)
        finally:
            del self._under_way[job.project]
        if self._hands_over and end.outcome in (HANDED, LOST):
            await self._leave(journal, job, end)
        seconds = round(clock.monotonic() - began, 3)
        journal.append("project ended", job.project, exact={**plain(end), "calls": made}, seconds=seconds)
        self._note(f"{job.project}: {end.outcome}{f': {end.reason}' if end.reason else ''}")
        self.told.set()

    async def drained(self, working: "asyncio.Task[Any]") -> None:
        """Take nothing more, and return when all that was under way has ended here, or is left to other workers.

        What has not ended after the grace of ``fleet.yml`` is asked to be left, at its next safe point. One that has
        moved production is left only when another worker is there; without one it goes on here until its end.
        """
        leaving = asyncio.ensure_future(self._hand_over())
        try:
            await ended(working)
        finally:
            leaving.cancel()

    async def _hand_over(self) -> None:
        clock, stays = SystemClock(), set[str]()
        with contextlib.suppress(ServiceError):
            if self._queue:
                await self._queue.drains()
        await clock.sleep(self._fleet.file.workers.grace)
        self._hands_over = True
        while True:
            for name, job in tuple(self._under_way.items()):
                if name not in self._fleet.file.projects:  # it is just being refused
                    continue
                others = await self._others_take(job.group)
                if name in self._homes:
                    self._nursery.tell(self._homes[name], HAND_OVER if others else HAND_OVER_UNMOVED)
                if not others and name not in stays:
                    self._note(f"{name}: no other worker takes it; if it has moved production it ends here")
                    stays.add(name)
            await clock.sleep(ASKED_AGAIN)

    async def _others_take(self, group: str) -> bool:
        with contextlib.suppress(ServiceError):
            return self._queue is not None and await self._queue.others_take(group)
        return False

    async def _leave(self, journal: Journal, job: FleetJob, end: ProjectEnd) -> NoReturn:
        """Write down that a project is left to others, and give its job back."""
        journal.append("project handed over", job.project, worker=self.name, says=end.reason)
        waits = "" if await self._others_take(job.group) else "; it waits in the queue: start ./inv fleet.worker"
        self._note(f"{job.project}: handed over{waits}")
        self.told.set()
        raise LeftToOthers(job.project)

    def _must_say_the_same(self, plan: OrderPlan, project: str) -> None:
        """Raises Unfit when this worker's ``fleet.yml`` says something else of a project than the order was given with.

        Whoever conducts is told once of each machine, however often a worker is begun there again.
        """
        if not differing(self._fleet.file, {project: plan.settings[project]} if project in plan.settings else {}):
            return
        here, sql = (
            self.name.rpartition("-")[0],
            "select 1 from deploy_events where run = ? and kind = ? and subject = ?",
        )
        if not any(self._fleet.store.execute(sql, plan.order, DIFFERS, here)):
            self._fleet.journal(plan.order).append(DIFFERS, here, project=project)
        self.differs = (
            f"{project}: its target, ships, share or override in the fleet.yml here is not what order {plan.order} was "
            "given with, so this worker takes nothing more: bring the file to the order's state, and start it again; "
            "or give another order from here"
        )
        raise Unfit(project)

    def _refused(self, plan: OrderPlan, job: FleetJob, again: bool) -> ProjectEnd | None:
        """The end of a project that the order may not touch; of one that is begun already a person has to know it."""
        asked = any(wave.approval for wave in plan.waves)
        events = events_of_kind(self._fleet.store, job.order, AGREED) if asked else ()
        why = self._permits.refusal(plan, job.project, events) or self._homeless(plan, job.project)
        if not why:
            return None
        if again:
            return ProjectEnd(LOST, f"it was begun, and is not gone on with: {why}")
        return ProjectEnd(REFUSED, why)

    async def _carried(self, plan: OrderPlan, name: str, made: dict[str, Any]) -> ProjectEnd:
        """Carry a project to its end; ``made`` gets which requests its process has sent."""
        project = self._fleet.file.projects.get(name)
        if project is None:
            return ProjectEnd(REFUSED, f"there is no project {name} in the fleet.yml of this worker")
        lacks = missing_tokens(project)
        home = self._home(plan, name)
        if lacks or not home.is_dir():
            return ProjectEnd(REFUSED, "; ".join(lacks) or f"{home}: there is no such folder")
        self._homes[name] = home
        words = words_of(plan, name, project, home, self._fleet.file.lock_wait, self._fleet.file.workers.silent)
        known = {**environment_of(project, plan, shared_with(self._fleet.file, name)), **self._told}

        async def answer(asked: Mapping[str, Any]) -> Mapping[str, Any] | None:
            made.update(asked.get("made", {}))
            return await self._answer(asked)

        end = ProjectEnd(LOST)
        for _ in range(TRIES):
            end = await carry(self._nursery, words, known, home, answer)
            if end.outcome != LOST or self._hands_over:
                break
        return end

    def _home(self, plan: OrderPlan, name: str) -> Path:
        """The home of a project as the order means it. Raises Unreachable.

        The way back does not wait for a repository: production, and the record beside all checkouts, say what it needs.
        """
        try:
            return self._fleet.homes.ready(name, plan.commits.get(name, ""))
        except ServiceError:
            newest = self._fleet.homes.folder(name)
            if plan.action is OrderAction.ROLL_BACK and plan.commits.get(name) and newest.is_dir():
                return newest
            raise

    def _homeless(self, plan: OrderPlan, name: str) -> str:
        """Why the home of a project cannot be checked out here; empty when it is there, or needs not be."""
        try:
            if name in self._fleet.file.projects:
                self._home(plan, name)
        except ServiceError as error:
            return str(error)[:MOST_SAID]
        return ""

    async def _answer(self, asked: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Answer what a project's process asks: whether a vendor may be asked now, and what another one has read."""
        if "reading" in asked or "read" in asked:
            return await self._readings.answer(asked)
        return await self._budgets.answer(asked) if self._budgets else None

    def _plan(self, order: str) -> OrderPlan | None:
        """The plan of an order, read once; None when this record does not know it."""
        if order not in self._plans:
            events = events_of(self._fleet.store, order)
            if not events or events[0].kind != BEGINS:
                return None
            self._plans[order] = plan_from(order, events[0].body)
        return self._plans[order]

    def _waits(self, plan: OrderPlan, job: FleetJob) -> bool:
        """Whether the fleet is frozen; the project was not begun, and who conducts puts the job back after that."""
        if plan.action is not OrderAction.DEPLOY:
            return False
        found = freeze_now(self._fleet.store, SystemClock().now(), self._permits)
        if found:
            self._note(f"{job.project}: is not begun, the fleet is {found}")
        return found is not None

    def _known(self, job: FleetJob) -> frozenset[str]:
        """The kinds of what is written down of a project, with the end of its order."""
        sql = "select kind from deploy_events where run = ? and (subject = ? or kind = 'order ended')"
        return frozenset(str(kind) for (kind,) in self._fleet.store.execute(sql, job.order, job.project))


def _is_void(known: frozenset[str]) -> bool:
    """Whether the end of a project is written down, or of the whole order before the project was begun."""
    return "project ended" in known or ("order ended" in known and "project begins" not in known)


async def ended(working: "asyncio.Task[Any]") -> None:
    """Tell a worker to take nothing more, and wait until what it has begun has ended."""
    working.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await working
