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
from pipeline.errors import Unreachable
from pipeline.fleet.budgets import BUDGETS, TABLE
from pipeline.fleet.caring import TAKERS, TAKERS_TABLE, Care, given_back
from pipeline.fleet.fetching import FetchedJobs, FleetFetcher
from pipeline.fleet.file import FleetWorkers
from pipeline.home import VERSION

TASK, QUEUES = "fleet.project", "fleet"
URGENT = 10  # of rollbacks: they are taken before anything else
POLL = 2.0  # seconds; a worker is told of a new job at once, but not that a lock is free again: so it looks
NEVER = 10 * 365 * 86400.0  # seconds; procrastinate's own rhythms, which ours stands in for
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
    version: str = VERSION
    """Of the tool that put it there: a worker of an older one does not take it."""


class LeftToOthers(Exception):
    """Raised in a job that its worker does not end: it goes back into the queue, and the others are told at once."""


class Unfit(LeftToOthers):
    """Raised in a job that its worker must not do: it takes nothing more."""


class Outdated(Unfit):
    """Raised in a job that is of a newer version than its worker."""


class _Again(BaseRetryStrategy):
    """What is left to others goes back into the queue; any other exception ends a job."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        return RetryDecision(retry_in={"seconds": 0}) if isinstance(exception, LeftToOthers) else None


def is_newer(version: str, than: str) -> bool:
    """Whether a version's numbers say that it came later."""
    one, other = ([int(number) for number in re.findall(r"\d+", text)] for text in (version, than))
    return one > other


Act = Callable[[FleetJob], Awaitable[None]]


class FleetQueue:
    """The jobs of a fleet, as long as it is open. ``act`` does a job, on workers."""

    def __init__(self, app: procrastinate.App) -> None:
        self._app = app
        self._act: Act | None = None
        self._worker: Worker | None = None
        self._care: Care | None = None
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
        ``outdated``, or ``act`` has raised Unfit.
        """
        self._act = act
        worker = FleetFetcher(
            self._app,
            queues=[queue_of(group) for group in groups],
            name=name,
            concurrency=at_once,
            fetch_job_polling_interval=NEVER,  # this and the next two: see Care
            abort_job_polling_interval=NEVER,
            update_heartbeat_interval=NEVER,
            stalled_worker_timeout=beats.silent + FORGOTTEN,
            install_signal_handlers=False,
            delete_jobs=DeleteJobCondition.ALWAYS,  # the record of orders has what became of it
        )
        self._worker = worker
        self._care = Care(self._app, worker, TASK, beats, POLL)
        asyncio.get_running_loop().set_exception_handler(_noted)
        caring = asyncio.ensure_future(self._care.go())
        try:
            with _away():
                await worker.run()  # type: ignore[no-untyped-call]
        finally:
            caring.cancel()

    async def give_back(self, silent: float) -> tuple[str, ...]:
        """Give the jobs of workers that have said nothing for ``silent`` seconds to the others; whose they are."""
        return await given_back(self._app, TASK, silent)

    async def drains(self) -> None:
        """Say that this worker takes nothing more, so that nobody leaves anything to it."""
        if self._care:
            with _away():
                await self._care.drains()

    async def others_take(self, group: str) -> bool:
        """Whether another worker lives that takes the projects of a group."""
        with _away():
            return self._care is not None and await self._care.others_take(queue_of(group))

    async def _do(self, **job: Any) -> None:
        assert self._worker
        try:
            await self._act_on(job)
        except Unfit:
            self._worker.stop()  # type: ignore[no-untyped-call]
            raise

    async def _act_on(self, job: Mapping[str, Any]) -> None:
        assert self._act
        version = str(job.get("version", ""))
        if is_newer(version, VERSION):
            self.outdated = version
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
    app.job_manager = FetchedJobs(app.connector)
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
    """Make our own tables when they are not there. Who comes at the same time fails, and finds them."""
    for name, table in ((BUDGETS, TABLE), (TAKERS, TAKERS_TABLE)):
        there = await app.connector.execute_query_one_async(f"select to_regclass('{name}') is not null as there")
        if not there["there"]:
            with contextlib.suppress(exceptions.ConnectorException):
                await app.connector.execute_query_async(table)


async def _make_tables(app: procrastinate.App) -> None:
    """Make the tables when they are not there. Who comes at the same time fails, and finds them."""
    if await app.check_connection_async():
        return
    try:
        await app.schema_manager.apply_schema_async()
    except exceptions.ConnectorException:
        if not await app.check_connection_async():
            raise
