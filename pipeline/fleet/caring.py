"""How the workers of a fleet look after one another: who lives, who takes what, and whose jobs are given back."""

import contextlib
from typing import Any

import procrastinate
from procrastinate import exceptions

from pipeline import log
from pipeline.clock import SystemClock
from pipeline.fleet.fetching import FleetFetcher
from pipeline.fleet.file import FleetWorkers

TAKERS = "fleet_workers"
TAKERS_TABLE = """
create table if not exists fleet_workers (
    worker bigint primary key references procrastinate_workers(id) on delete cascade, queues text[] not null)
"""
TAKES = "insert into fleet_workers values (%(worker)s, %(queues)s::text[]) on conflict do nothing"
DRAINS = "delete from fleet_workers where worker = %(worker)s"
OTHERS = """
select exists (
    select from fleet_workers taker join procrastinate_workers worker on worker.id = taker.worker
    where taker.worker <> %(worker)s and %(queue)s = any(taker.queues)
        and worker.last_heartbeat > now() - %(silent)s * interval '1 second') as others
"""
BEAT = """
select procrastinate_update_heartbeat_v1(%(worker)s) as beat,
    (select count(*) from procrastinate_jobs where status = 'doing' and worker_id = %(worker)s) as mine, exists (
    select from procrastinate_jobs job left join procrastinate_workers worker on worker.id = job.worker_id
    where job.status = 'doing'
        and (worker.id is null or worker.last_heartbeat < now() - %(silent)s * interval '1 second')) as silent,
    %(looks)s::boolean and exists (
    select from procrastinate_jobs job where job.status = 'todo' and job.queue_name = any(%(queues)s::text[])
        and (job.scheduled_at is null or job.scheduled_at <= now())
        and not exists (select from procrastinate_jobs other where other.lock = job.lock and other.status = 'doing')
    ) as ready
"""
"""Says that a worker lives, asks whether another one is silent, and now and then whether there is a job that nobody
was told of, e.g. one whose lock is free again: one statement a heartbeat."""


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


class Care:
    """What a worker does beside its jobs, which are of ``task``: it says that it lives, and looks after the others.

    ``poll``: seconds between two looks for a job that nobody was told of.
    """

    def __init__(
        self, app: procrastinate.App, worker: FleetFetcher, task: str, beats: FleetWorkers, poll: float
    ) -> None:
        self._app, self._worker, self._task, self._beats, self._poll = app, worker, task, beats, poll
        self._looked = 0.0
        self._unended = set[int | None]()
        self._said: int | None = None
        self._drains = False

    async def go(self) -> None:
        """Look after them until cancelled, also while this worker drains; no mistake of ours makes it look dead."""
        clock = SystemClock()
        hearing = Hearing(self._beats.silent, clock.monotonic())
        while True:
            await clock.sleep(min(self._beats.heartbeat, self._poll))
            try:
                if self._worker.worker_id is not None:
                    await self._beat(self._worker.worker_id, hearing, clock.monotonic())
            except exceptions.ConnectorException:
                continue
            except Exception as bug:
                log.warning("a worker could not look after the others", bug=f"{type(bug).__name__}: {bug}")

    async def _beat(self, worker: int, hearing: Hearing, now: float) -> None:
        looks, queues = now - self._looked >= self._poll, list(self._worker.queues or ())
        beat = await self._app.connector.execute_query_one_async(
            BEAT, worker=worker, silent=self._beats.silent, looks=looks, queues=queues
        )
        self._looked = now if looks else self._looked
        if beat["ready"]:
            self._worker.look()
        if self._said != worker and not self._drains:
            await self._change(TAKES, worker=worker, queues=queues)
            self._said = worker
        if beat["mine"] > len(self._worker._running_jobs):
            await self._give_back_the_unended()
        if hearing.may_judge(now) and beat["silent"]:
            for project in await given_back(self._app, self._task, self._beats.silent):
                log.warning("worker is silent", project=project)

    async def drains(self) -> None:
        """Say that this worker takes nothing more."""
        self._drains = True
        await self._change(DRAINS, worker=self._worker.worker_id)

    async def others_take(self, queue: str) -> bool:
        """Whether another worker lives that takes jobs of ``queue``."""
        asked = {"worker": self._worker.worker_id or 0, "queue": queue, "silent": self._beats.silent}
        return bool((await self._app.connector.execute_query_one_async(OTHERS, **asked))["others"])

    async def _give_back_the_unended(self) -> None:
        """Give back jobs of this worker that it does not do any more: the queue was away when they ended.

        They would keep their projects' locks as long as it lives. Whoever takes them finds that they have ended.
        """
        known = {context.job.id for context in self._worker._running_jobs.values()}
        manager = self._app.job_manager
        jobs = await manager.list_jobs_async(task=self._task, status="doing", worker_id=self._worker.worker_id)
        unended = {job.id: job for job in jobs if job.id not in known}
        for id in self._unended & unended.keys():  # twice, for one that was being taken just now is none
            await manager.retry_job(unended[id])
        self._unended = set(unended)

    async def _change(self, sql: str, **values: Any) -> None:
        await self._app.connector.execute_query_async(sql, **values)


async def given_back(app: procrastinate.App, task: str, silent: float) -> tuple[str, ...]:
    """Give the jobs of workers that have said nothing for ``silent`` seconds to the others; whose they are."""
    given = []
    for job in await app.job_manager.get_stalled_jobs(task_name=task, seconds_since_heartbeat=silent):
        with contextlib.suppress(exceptions.ConnectorException):  # somebody else was quicker
            await app.job_manager.retry_job(job)
            given.append(str(job.task_kwargs["project"]))
    return tuple(given)
