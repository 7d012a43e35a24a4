"""``invoke load``: many users of a sandbox at once, by the journeys that ``deploy.yml`` declares."""

import asyncio
import datetime
import json
from collections.abc import Callable, Iterator
from pathlib import Path

from checks.policy import SmokePolicy
from pipeline.clock import origin
from pipeline.config import Config
from pipeline.errors import Mistake
from pipeline.probes.load import LONGEST, Load, Second, load
from pipeline.record.bounded import Store
from pipeline.record.journal import events_of, latest_runs, plain
from pipeline.record.report import Report, report_of
from pipeline.record.samples import Samples
from pipeline.render.database import aligned
from pipeline.session.session import open_session
from pipeline.world.world import World

MOST_USERS = 200
LATEST = 3
"""Runs that may have gone on while users were there."""
WIDEST = 30
"""Characters of the longest bar."""


def put_load(
    config: Config,
    target: str,
    root: Path,
    out: Callable[[str], None],
    *,
    users: int,
    seconds: float,
    as_json: bool = False,
) -> bool:
    """Let ``users`` do the journeys for ``seconds`` and print the curve. True when one failed. Raises Mistake."""
    name, aimed = config.target(target)
    if aimed.kind != "sandbox":
        raise Mistake(f"--target {name}: load is put on a sandbox alone, never where your users are")
    if not 0 < seconds <= LONGEST or not 0 < users <= MOST_USERS:
        raise Mistake(
            f"--during up to {LONGEST / 3600:g}h, --users up to {MOST_USERS}: this is a sandbox on one machine"
        )
    with open_session(config, name, root) as session:
        policy: SmokePolicy = session.settings.policies[SmokePolicy]
        if not policy.journeys:
            raise Mistake("smoke.journeys: declares nothing in deploy.yml, so users would do nothing")

        began = session.clock.now()

        async def during(world: World) -> Load:
            over = asyncio.Event()
            asyncio.get_running_loop().call_later(seconds, over.set)
            return await load(world, origin(world.domain), policy, users, over)

        found = session.in_world("by-hand", during)
        runs = keep_in_runs(session.store, name, began, found)
        out(session.redactor(json.dumps(plain(found)) if as_json else load_text(found)))
        if runs and not as_json:
            out(f"the curve is in the report of {', '.join(runs)}, which went on meanwhile: report --run {runs[0]}")
        return bool(found.failed)


def keep_in_runs(store: Store, target: str, began: datetime.datetime, found: Load) -> tuple[str, ...]:
    """Keep what users met while a run of ``target`` went on as readings of that run; the ids of those runs."""
    kept = []
    for run in latest_runs(store, LATEST):
        report = report_of(run, events_of(store, run))
        inside = [(moment, second) for moment, second in moments(found, began) if went_on(report, began, moment)]
        if report.target == target and inside:
            kept.append(run)
            for moment, second in inside:
                numbers = [("users.journeys", second.done), ("users.failed", second.failed)]
                Samples(store, target).add(moment, run, report.commit, [*numbers, ("users.p95_ms", second.p95_ms)])
    return tuple(kept)


def moments(found: Load, began: datetime.datetime) -> Iterator[tuple[datetime.datetime, Second]]:
    return ((began + datetime.timedelta(seconds=second.at), second) for second in found.seconds)


def went_on(report: Report, began: datetime.datetime, moment: datetime.datetime) -> bool:
    """Whether a run was under way at a ``moment`` of a load that ``began`` before it; one that was cut off was not."""
    first = datetime.datetime.fromisoformat(report.began)
    last = first + datetime.timedelta(milliseconds=report.ms)
    return first <= moment and (moment <= last or (not report.outcome and last >= began))


def load_text(found: Load) -> str:
    """The curve, a line a second, and why some journeys failed."""
    most = max((second.done for second in found.seconds), default=1)
    rows = [("second", "journeys", "failed", "p95", "")]
    rows += [
        (str(one.at), str(one.done), str(one.failed or ""), f"{one.p95_ms} ms", "█" * round(WIDEST * one.done / most))
        for one in found.seconds
    ]
    whys = dict.fromkeys(f"  {one.name} fails at {one.failed_at}: {one.says}" for one in found.failures)
    return "\n".join([*aligned(rows), f"{found.done} journeys, {found.failed} failed", *whys])
