"""The queue of a fleet: procrastinate's, on Postgres. A job is one project of an order; its lock is the project."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import procrastinate
import psycopg
from procrastinate import exceptions
from procrastinate.jobs import DeleteJobCondition
from procrastinate.manager import JobManager
from procrastinate.worker import Worker
from psycopg_pool import AsyncConnectionPool

from pipeline import log
from pipeline.clock import SystemClock
from pipeline.errors import Unreachable
from pipeline.fleet.budgets import BUDGETS, TABLE
from pipeline.fleet.file import FleetWorkers

TASK, QUEUES = "fleet.project", "fleet"
URGENT = 10  # of rollbacks: they are taken before anything else
POLL = 1.0  # seconds; a worker is told of a new job at once, but not that a lock is free again: so it looks
FORGOTTEN = 600.0  # seconds after which a dead worker's row goes: earlier than that its jobs would look as dead as it
CONNECTIONS = 4
CONNECTED = 5.0  # seconds


@dataclass(frozen=True)
class FleetJob:
    """One project of an order, in the queue. ``group``: whose workers may take it."""

    order: str
    project: str
    group: str = ""
    urgent: bool = False


class Hearing:
    """Whether a worker that hears nothing of another one may take that for its death.

    Not when the queue was away, or when it was itself the one that stood still: then nobody was heard, and all have
    ``silent`` seconds to say that they live. Likewise for one that has just begun.
    """

    def __init__(self, silent: float, now: float) -> None:
        self._silent, self._since, self._last = silent, now, now

    def may_judge(self, now: float) -> bool:
        """Say that the queue answers, at ``now`` by a clock that only goes forward."""
        if now - self._last >= self._silent:
            self._since = now
        self._last = now
        return now - self._since >= self._silent


Act = Callable[[FleetJob], Awaitable[None]]


class FleetQueue:
    """The jobs of a fleet, as long as it is open. ``act`` does a job, on workers."""

    def __init__(self, app: procrastinate.App) -> None:
        self._app = app
        self._act: Act | None = None
        app.task(name=TASK)(self._do)

    @property
    def _jobs(self) -> JobManager:
        return self._app.job_manager

    async def change(self, sql: str, **values: Any) -> None:
        """Run a statement of ours in the queue's database."""
        with _away():
            await self._app.connector.execute_query_async(sql, **values)

    async def ask(self, sql: str, **values: Any) -> Mapping[str, Any]:
        """The one row that a statement of ours gives."""
        with _away():
            row: Mapping[str, Any] = await self._app.connector.execute_query_one_async(sql, **values)
            return row

    async def put(self, job: FleetJob) -> None:
        """Put a job into the queue, unless it waits there already."""
        deferrer = self._app.configure_task(
            TASK,
            queue=queue_of(job.group),
            lock=job.project,
            queueing_lock=f"{job.order}.{job.project}",
            priority=URGENT * job.urgent,
        )
        with _away(), contextlib.suppress(exceptions.AlreadyEnqueued):
            await deferrer.defer_async(order=job.order, project=job.project, group=job.group, urgent=job.urgent)

    async def known(self, order: str) -> frozenset[str]:
        """The projects of an order that have a job: one that waits, or that a worker has."""
        with _away():
            jobs = await self._jobs.list_jobs_async(task=TASK)
        return frozenset(str(job.task_kwargs["project"]) for job in jobs if job.task_kwargs.get("order") == order)

    async def work(self, act: Act, name: str, groups: Iterable[str], at_once: int, beats: FleetWorkers) -> None:
        """Do jobs until cancelled; then take no new one, and return when those under way have ended.

        Beside that, give back the jobs of workers that have been silent for too long. ``groups``: whose projects; empty
        is the name of those that are in none.
        Returns, too, when the connection was lost for longer than the queue bears; call it again then.
        """
        self._act = act
        worker = Worker(
            self._app,
            queues=[queue_of(group) for group in groups],
            name=name,
            concurrency=at_once,
            fetch_job_polling_interval=POLL,
            update_heartbeat_interval=beats.heartbeat,
            stalled_worker_timeout=beats.silent + FORGOTTEN,
            install_signal_handlers=False,
            delete_jobs=DeleteJobCondition.ALWAYS,  # the record of orders has what became of it
        )
        caring = asyncio.ensure_future(self._care(worker, beats))
        try:
            with _away():
                await worker.run()  # type: ignore[no-untyped-call]
        finally:
            caring.cancel()

    async def give_back(self, silent: float) -> tuple[str, ...]:
        """Give the jobs of workers that have said nothing for ``silent`` seconds to the others; whose they are."""
        given = []
        for job in await self._jobs.get_stalled_jobs(task_name=TASK, seconds_since_heartbeat=silent):
            with contextlib.suppress(exceptions.ConnectorException):  # somebody else was quicker
                await self._jobs.retry_job(job)
                given.append(str(job.task_kwargs["project"]))
        return tuple(given)

    async def _care(self, worker: Worker, beats: FleetWorkers) -> None:
        """Give back what silent workers have; and say that this one lives while it drains: procrastinate does not."""
        clock = SystemClock()
        hearing = Hearing(beats.silent, clock.monotonic())
        while True:
            await clock.sleep(beats.heartbeat)
            with contextlib.suppress(exceptions.ConnectorException):
                if worker.worker_id is not None:
                    await self._jobs.update_heartbeat(worker.worker_id)
                if hearing.may_judge(clock.monotonic()):
                    for project in await self.give_back(beats.silent):
                        log.warning("worker is silent", project=project)

    async def _do(self, **job: Any) -> None:
        assert self._act
        await self._act(FleetJob(**job))


def queue_of(group: str) -> str:
    """The queue of a group: a worker with the tokens of some groups listens to theirs."""
    return f"{QUEUES}.{group}" if group else QUEUES


@contextlib.asynccontextmanager
async def open_queue(url: str) -> AsyncIterator[FleetQueue]:
    """Open the queue in the database ``url``, with its tables. Raises Unreachable."""
    for noisy in ("procrastinate", "psycopg"):  # what they say of a lost connection is said by us, once
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
    pool = AsyncConnectionPool(
        url,
        min_size=1,
        max_size=CONNECTIONS,
        timeout=CONNECTED,
        check=AsyncConnectionPool.check_connection,  # one that the server has dropped is replaced
        kwargs={"connect_timeout": int(CONNECTED)},
        open=False,
    )
    app = procrastinate.App(connector=procrastinate.PsycopgConnector())
    try:
        with _away():
            await pool.open(wait=True, timeout=CONNECTED)
            await app.open_async(pool)
            await _make_tables(app)
            await _make_ours(app)
        yield FleetQueue(app)
    finally:
        await pool.close()


@contextlib.contextmanager
def _away() -> Iterator[None]:
    """What the queue's database does not do is said as of any service."""
    try:
        yield
    except (exceptions.ConnectorException, psycopg.Error) as error:
        says = " ".join(str(error.__cause__ or error).split())
        raise Unreachable("queue", "postgres", says) from error


async def _make_ours(app: procrastinate.App) -> None:
    """Make our own table when it is not there. Who comes at the same time fails, and finds it."""
    there = await app.connector.execute_query_one_async(f"select to_regclass('{BUDGETS}') is not null as there")
    if not there["there"]:
        with contextlib.suppress(exceptions.ConnectorException):
            await app.connector.execute_query_async(TABLE)


async def _make_tables(app: procrastinate.App) -> None:
    """Make the tables when they are not there. Who comes at the same time fails, and finds them."""
    if await app.check_connection_async():
        return
    try:
        await app.schema_manager.apply_schema_async()
    except exceptions.ConnectorException:
        if not await app.check_connection_async():
            raise
