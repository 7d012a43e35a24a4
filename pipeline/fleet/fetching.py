"""A worker of procrastinate that asks its queue only when there may be something, and tells others what it leaves."""

import math
from collections.abc import Iterable
from typing import Any

from procrastinate.jobs import Job
from procrastinate.manager import JobManager
from procrastinate.worker import Worker

WAKE = """select pg_notify('procrastinate_queue_v1#' || %(queue)s, '{"type": "job_inserted", "job_id": 0}')"""
"""Tells the workers of a queue to look, as procrastinate does only of jobs that are new."""


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


class FleetFetcher(Worker):
    """Fetches when it is told to; wakes the others when a job of its own has gone back into the queue."""

    def look(self, jobs: float = math.inf) -> None:
        """Look whether there is a job, or so many."""
        if isinstance(self.app.job_manager, FetchedJobs):
            self.app.job_manager.hear(jobs)
        self._new_job_event.set()

    async def _handle_notification(self, *, channel: str, notification: Any) -> None:
        if notification["type"] == "job_inserted":
            self.look(1)
        else:
            await super()._handle_notification(channel=channel, notification=notification)

    async def _persist_job_status(
        self, job: Job, status: Any, retry_decision: Any, context: Any, job_result: Any
    ) -> None:
        await super()._persist_job_status(job, status, retry_decision, context, job_result)
        if retry_decision:
            await self.app.connector.execute_query_async(WAKE, queue=job.queue)
