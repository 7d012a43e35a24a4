"""A worker of procrastinate that asks its queue only when there may be something, and tells others what it leaves."""

import asyncio
import datetime
import math
from collections.abc import Iterable
from typing import Any

from procrastinate.jobs import Job
from procrastinate.manager import JobManager
from procrastinate.worker import Worker

GIVEN_BACK = 0  # the number of the job in what is told of one
A_MOMENT = 0.1  # seconds
GIVE_BACK = """
select procrastinate_retry_job_v2(
        %(job)s, now(), %(priority)s::integer, %(queue)s::varchar, %(lock)s::varchar),
    pg_notify('procrastinate_queue_v1#' || %(queue)s, '{"type": "job_inserted", "job_id": 0}')
"""
"""Puts a job back, and tells the workers of its queue, as procrastinate does only of jobs that are new. By the clock of
the queue: a job that was put back by one that is ahead would wait until that moment has come."""


class FetchedJobs(JobManager):
    """The jobs of a queue, which is asked once for each that somebody hears of, else until it says that it has none."""

    def __init__(self, connector: Any) -> None:
        super().__init__(connector)
        self._heard, self._left = 0, math.inf

    def hear(self, jobs: float = math.inf) -> None:
        """There may be so many more jobs, from this moment on."""
        self._heard += 1
        self._left += jobs

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> Job | None:
        """A job that is this worker's now; None when there is none."""
        while self._left > 0:
            heard = self._heard
            job = await super().fetch_job(queues, worker_id)
            if job is not None:
                self._left -= 1
                return job
            if heard == self._heard:  # else one has come meanwhile
                self._left = 0
        return None

    async def retry_job(
        self,
        job: Job,
        retry_at: datetime.datetime | None = None,
        priority: int | None = None,
        queue: str | None = None,
        lock: str | None = None,
    ) -> None:
        """Put a job back at once, whatever is said of when, and tell the workers of its queue in the same statement."""
        said = {"priority": priority, "queue": queue or job.queue, "lock": lock}
        await self.connector.execute_query_async(GIVE_BACK, job=job.id, **said)


class FleetFetcher(Worker):
    """Fetches when it is told to."""

    def look(self, jobs: float = math.inf) -> None:
        """Look whether there is a job, or so many."""
        if isinstance(self.app.job_manager, FetchedJobs):
            self.app.job_manager.hear(jobs)
        self._new_job_event.set()

    async def _handle_notification(self, *, channel: str, notification: Any) -> None:
        if notification["type"] == "job_inserted":
            self.look(1)
            if notification["job_id"] == GIVEN_BACK:  # its row is still locked for a moment after that, and passed over
                asyncio.get_running_loop().call_later(A_MOMENT, self.look, 1)
        else:
            await super()._handle_notification(channel=channel, notification=notification)
