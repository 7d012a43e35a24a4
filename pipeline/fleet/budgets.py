"""The vendors' limits that all workers share: one row for each token, in the queue's Postgres.

A row is written only when a vendor says that less than half is left, or refuses. From then on each request takes its
turn with one statement. A tenth is kept for emergencies, which take no turn.
"""

import contextlib
import random
from collections.abc import Mapping
from typing import Any, Protocol

from pipeline.clients.pacing import A_WINDOW, LimitSeen
from pipeline.clock import Clock, SystemClock
from pipeline.errors import ServiceError

KEPT = 10  # percent of a limit that only emergencies may use
AGAIN, SPREAD = 0.25, 1.0  # seconds: at least, and by how much the waits of many differ
SAID = 1.0  # seconds in which one worker does not say twice what it has seen of a limit that is only low

BUDGETS = "fleet_budgets"
TABLE = """
create table if not exists fleet_budgets (
    bucket text primary key, most integer not null, remaining integer not null,
    resets timestamptz not null, closed timestamptz not null)
"""
SEE = """
insert into fleet_budgets as known values (
    %(bucket)s, %(most)s, %(left)s, now() + %(resets)s * interval '1 second', now() + %(closed)s * interval '1 second')
on conflict (bucket) do update set
    most = case when excluded.most > 0 then excluded.most else known.most end,
    remaining = case when excluded.most = 0 then known.remaining
        when known.resets <= now() or known.most = 0 then excluded.remaining
        else least(known.remaining, excluded.remaining) end,
    resets = case when excluded.most = 0 then known.resets else excluded.resets end,
    closed = greatest(known.closed, excluded.closed)
"""
TURN = """
with taken as (
    update fleet_budgets set
        remaining = case when resets <= now() then most else remaining end - 1,
        resets = case when resets <= now() then now() + %(window)s * interval '1 second' else resets end
    where bucket = %(bucket)s and most > 0 and closed <= now()
        and (resets <= now() or remaining * 100 > most * %(kept)s)
    returning 1)
select case when exists (select from taken) then 0 else coalesce((
    select extract(epoch from case when closed > now() then closed - now()
        when most > 0 then resets - now() else interval '0' end)
    from fleet_budgets where bucket = %(bucket)s), 0) end::float as wait
"""


class Rows(Protocol):
    """Runs statements in the queue's database. Raises ServiceError."""

    async def change(self, sql: str, **values: Any) -> None: ...

    async def ask(self, sql: str, **values: Any) -> Mapping[str, Any]: ...


class Budgets:
    """Answers the projects of one worker."""

    def __init__(self, rows: Rows, clock: Clock | None = None) -> None:
        self._rows, self._clock = rows, clock or SystemClock()
        self._said: dict[str, float] = {}

    async def answer(self, asked: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """What a project is answered; None when it only told something, or asks for what is not known here.

        A database that is away holds nobody up.
        """
        with contextlib.suppress(ServiceError, TypeError, KeyError, ValueError):
            if "seen" in asked:
                await self.see(LimitSeen(**asked["seen"]))
        if "turn" not in asked:
            return None
        wait = 0.0
        with contextlib.suppress(ServiceError):
            wait = await self.turn(str(asked["turn"]))
        return {"number": asked.get("number"), "wait": wait}

    async def see(self, seen: LimitSeen) -> None:
        """Write down what a vendor has said; of what is only low, once a second."""
        now = self._clock.monotonic()
        if not seen.closed and now - self._said.get(seen.bucket, -SAID) < SAID:
            return
        self._said[seen.bucket] = now
        await self._rows.change(SEE, **vars(seen))

    async def turn(self, bucket: str) -> float:
        """Take one request out of the budget, and give 0; or the seconds after which it is worth asking again."""
        wait = float((await self._rows.ask(TURN, bucket=bucket, window=A_WINDOW, kept=KEPT))["wait"])
        return max(wait, AGAIN) + random.uniform(0, min(SPREAD, wait)) if wait > 0 else 0.0
