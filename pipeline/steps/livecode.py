"""Makes a preview deployment of the live code, pointed at a copy of the database.

No user meets it, and it is deleted.
"""

import contextlib
import time
from collections.abc import Iterable
from types import TracebackType

from checks.evidence import Journey, Production
from checks.policy import SmokePolicy
from pipeline.clients.postgres import Postgres
from pipeline.clock import SystemClock
from pipeline.errors import ServiceError
from pipeline.probes.journeys import journeys_at
from pipeline.steps.leftovers import REHEARSAL
from pipeline.steps.made import RUN
from pipeline.world.world import World

PATIENCE = 300.0
USED = """
select coalesce(sum(seq_scan + coalesce(idx_scan, 0)), 0)::bigint from pg_stat_user_tables
 where relname <> '_prisma_migrations'"""
SEEN_WITHIN, EVERY = 2.0, 0.1  # seconds of real time: Postgres tells what a session did when it is idle, or gone


class LiveCode:
    """A preview of the live code, used as ``async with``.

    ``failure``: why there is none; that never stops a rehearsal. ``url``: where.
    """

    def __init__(
        self, world: World, smoke: SmokePolicy, live: Production, copy: Postgres, variables: Iterable[str]
    ) -> None:
        self._world, self._smoke, self._live, self._copy = world, smoke, live, copy
        self._variables = tuple(variables)
        self._mark = f"{REHEARSAL}{world.run}"
        self.url, self.failure = "", ""

    async def __aenter__(self) -> "LiveCode":
        self._world.progress("pointing the live code at the copy")
        try:
            await self._make()
        except ServiceError as error:
            self.failure = f"{error.asked}: {error.came}"
        return self

    async def _make(self) -> None:
        world = self._world
        made = await world.vercel.create(
            {
                "name": world.vercel.project_id,
                "project": world.vercel.project_id,
                "deploymentId": self._live.id,
                "target": None,
                "autoAssignCustomDomains": False,
                "meta": {RUN: self._mark},
                "env": dict.fromkeys(self._variables, self._copy.address.for_prisma),
            },
            prebuilt=False,
        )
        if made.target == "production":
            self.failure = "the platform made a production deployment, not a preview"
            return

        async def over() -> str | None:
            now = await world.vercel.deployment(made.id)
            return now.state if now.state in ("READY", "ERROR", "CANCELED") else None

        state = await world.vercel.until(over, PATIENCE, 1)
        if state != "READY":
            self.failure = f"its preview is {state or 'still being built'}"
            return
        answer = await world.visitor.get(made.url)
        if answer.protected:
            self.failure = "Deployment Protection answers; set VERCEL_AUTOMATION_BYPASS_SECRET"
        elif answer.unseen:
            self.failure = answer.failure
        elif world.own and answer.is_placeholder:
            self.failure = "there is none yet: this is the app's first release here"
        self.url = made.url

    async def journeys(self) -> tuple[Journey, ...]:
        """Try what a user does on the preview now; empty when it cannot be said.

        Sees that the copy was really used.
        """
        if self.failure:
            return ()
        try:
            used = await self._uses()
            found = await journeys_at(self._world, self.url, self._smoke)
            if not await self._used_since(used):
                self.failure = "the preview did not use the copy: it has another DATABASE_URL"
        except ServiceError as error:
            self.failure = f"{error.asked}: {error.came}"
        return () if self.failure else found

    async def _used_since(self, before: int) -> bool:
        until = time.monotonic() + SEEN_WITHIN
        while await self._uses() <= before:
            if time.monotonic() > until:
                return False
            await SystemClock().sleep(EVERY)
        return True

    async def _uses(self) -> int:
        """Count the reads of the copy's tables; our own looking does not raise it."""
        _, rows = await self._copy.query(USED, asked="see who uses the copy")
        return int(rows[0][0])

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Delete the preview, also one whose creation was answered with an error."""
        with contextlib.suppress(ServiceError):
            for deployment in await self._world.vercel.deployments(**{f"meta-{RUN}": self._mark}):
                if deployment.meta.get(RUN) == self._mark:
                    await self._world.vercel.delete(deployment.id)
