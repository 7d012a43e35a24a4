"""The queue of a fleet: procrastinate's, on Postgres. A job is one project of an order; its lock is the project."""

import asyncio
import contextlib
import dataclasses
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import procrastinate
import psycopg
from procrastinate import exceptions
from procrastinate.jobs import DeleteJobCondition, Job
from procrastinate.manager import JobManager
from procrastinate.retry import BaseRetryStrategy, RetryDecision
from procrastinate.worker import Worker
from psycopg_pool import AsyncConnectionPool

from pipeline import log
from pipeline.clock import SystemClock
from pipeline.errors import Unreachable
from pipeline.fleet.budgets import BUDGETS, TABLE
from pipeline.fleet.file import FleetWorkers
from pipeline.home import VERSION

TASK, QUEUES = "fleet.project", "fleet"
URGENT = 10  # of rollbacks: they are taken before anything else
POLL = 2.0  # seconds; a worker is told of a new job at once, but not that a lock is free again: so it looks
NEVER = 10 * 365 * 86400.0  # seconds; procrastinate's own heartbeat, which ours stands in for
FORGOTTEN = 600.0  # seconds after which a dead worker's row goes: earlier than that its jobs would look as dead as it
CONNECTIONS = 4
CONNECTED = 5.0  # seconds
BEAT = """
select procrastinate_update_heartbeat_v1(%(worker)s) as beat,
    (select count(*) from procrastinate_jobs where status = 'doing' and worker_id = %(worker)s) as mine, exists (
    select from procrastinate_jobs job left join procrastinate_workers worker on worker.id = job.worker_id
    where job.status = 'doing'
        and (worker.id is null or worker.last_heartbeat < now() - %(silent)s * interval '1 second')) as silent
"""
"""Says that a worker lives, and asks whether another one is silent: one statement a heartbeat."""
WAKE = """select pg_notify('procrastinate_queue_v1#' || %(queue)s, '{"type": "job_inserted", "job_id": 0}')"""
"""Tells the workers of a queue to look, as procrastinate does only of jobs that are new."""


@dataclass(frozen=True)
class FleetJob:
    """One project of an order, in the queue. ``group``: whose workers may take it."""

    order: str
    project: str
    group: str = ""
    urgent: bool = False
    version: str = VERSION
    """Of the tool that put it there: a worker of an older one does not take it."""


class Outdated(Exception):
    """Raised in a job that is of a newer version than its worker; it goes back into the queue."""


class _Again(BaseRetryStrategy):
    """Whoever is too old for a job leaves it to others; any other exception ends it."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        return RetryDecision(retry_in={"seconds": 0}) if isinstance(exception, Outdated) else None


def is_newer(version: str, than: str) -> bool:
    """Whether a version's numbers say that it came later."""
    one, other = ([int(number) for number in re.findall(r"\d+", text)] for text in (version, than))
    return one > other


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
        self._worker: Worker | None = None
        self._unended = set[int | None]()
        self.outdated = ""
        """The version that is wanted here, once this worker has learnt that it is too old: it takes nothing more."""
        app.task(name=TASK, retry=_Again())(self._do)

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
            await deferrer.defer_async(**dataclasses.asdict(job))

    async def known(self, order: str) -> frozenset[str]:
        """The projects of an order that have a job: one that waits, or that a worker has."""
        with _away():
            jobs = await self._jobs.list_jobs_async(task=TASK)
        return frozenset(str(job.task_kwargs["project"]) for job in jobs if job.task_kwargs.get("order") == order)

    async def work(self, act: Act, name: str, groups: Iterable[str], at_once: int, beats: FleetWorkers) -> None:
        """Do jobs until cancelled; then take no new one, and return when those under way have ended.

        Beside that, give back the jobs of workers that have been silent for too long. ``groups``: whose projects; empty
        is the name of those that are in none.
        Returns, too, when the connection was lost for longer than the queue bears; call it again then, unless it is
        ``outdated``.
        """
        self._act = act
        worker = Worker(
            self._app,
            queues=[queue_of(group) for group in groups],
            name=name,
            concurrency=at_once,
            fetch_job_polling_interval=POLL,
            update_heartbeat_interval=NEVER,  # see _care
            stalled_worker_timeout=beats.silent + FORGOTTEN,
            install_signal_handlers=False,
            delete_jobs=DeleteJobCondition.ALWAYS,  # the record of orders has what became of it
        )
        self._worker = worker
        asyncio.get_running_loop().set_exception_handler(_noted)
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
                await self._app.connector.execute_query_async(WAKE, queue=job.queue)
                given.append(str(job.task_kwargs["project"]))
        return tuple(given)

    async def _care(self, worker: Worker, beats: FleetWorkers) -> None:
        """Say that this worker lives, also while it drains, and give back what silent ones have."""
        clock = SystemClock()
        hearing = Hearing(beats.silent, clock.monotonic())
        while True:
            await clock.sleep(beats.heartbeat)
            with contextlib.suppress(exceptions.ConnectorException):
                if worker.worker_id is None:
                    continue
                beat = await self._app.connector.execute_query_one_async(
                    BEAT, worker=worker.worker_id, silent=beats.silent
                )
                if beat["mine"] > len(worker._running_jobs):
                    await self._give_back_the_unended(worker)
                if hearing.may_judge(clock.monotonic()) and beat["silent"]:
                    for project in await self.give_back(beats.silent):
                        log.warning("worker is silent", project=project)

    async def _give_back_the_unended(self, worker: Worker) -> None:
        """Give back jobs of this worker that it does not do any more: the queue was away when they ended.

        They would keep their projects' locks as long as it lives. Whoever takes them finds that they have ended.
        """
        known = {context.job.id for context in worker._running_jobs.values()}
        jobs = await self._jobs.list_jobs_async(task=TASK, status="doing", worker_id=worker.worker_id)
        unended = {job.id: job for job in jobs if job.id not in known}
        for id in self._unended & unended.keys():  # twice, for one that was being taken just now is none
            await self._jobs.retry_job(unended[id])
            await self._app.connector.execute_query_async(WAKE, queue=unended[id].queue)
        self._unended = set(unended)

    async def _do(self, **job: Any) -> None:
        assert self._act
        assert self._worker
        version = str(job.get("version", ""))
        if is_newer(version, VERSION):
            self.outdated = version
            self._worker.stop()  # type: ignore[no-untyped-call]
            raise Outdated(version)
        known = [field.name for field in dataclasses.fields(FleetJob)]
        await self._act(FleetJob(**{name: said for name, said in job.items() if name in known}))


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


def _noted(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What nobody waits for: that a job could not be ended, since it is somebody else's by now, is no error."""
    if isinstance(context.get("exception"), exceptions.ConnectorException):
        log.info("a job is somebody else's, or the queue is away")
    else:
        loop.default_exception_handler(context)


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
