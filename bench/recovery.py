"""From the first failing reading after a promotion to the old deployment serving again, patience excluded.

A release whose health check fails only in production is deployed over real sockets with 50 ms added to every API
answer and no patience in *validate*; then production falls ill while it is watched. The clock starts when the failing
answer is recorded and stops when the production domain itself answers as the old deployment.

Run: .venv/bin/python -m bench.recovery [times]
"""

import asyncio
import statistics
import sys
import tempfile
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.common import control, latency, sandbox
from checks.evidence import Release
from checks.outcome import Outcome
from pipeline.clock import SystemClock
from pipeline.config import load
from pipeline.definitions.deploy import DEPLOY
from pipeline.engine.plan import probes_by_type
from pipeline.engine.runner import Runner
from pipeline.probes.every import PROBES
from pipeline.record.journal import Event, Journal, new_run_id
from pipeline.record.sqlite import SqliteStore
from pipeline.redact import Redactor
from pipeline.world.opening import open_world
from pipeline.world.sandbox import sandbox_settings

ROOT = Path(__file__).resolve().parent.parent
JUDGE = ("health.production-is-well", "watch.stays-well")
IMPATIENT = {"validate": {"patience": 0.0}, "watch": {"patience": 0.0, "during": 30.0, "every": 0.5}}


def serving(site: str) -> str:
    """As which deployment the domain answers; not on the path that was made to fail."""
    with urllib.request.urlopen(site + "/login", timeout=5) as answer:
        return str(answer.headers["x-deployment-id"])


async def once(running: Mapping[str, Any], folder: Path, name: str, stage: str) -> float:
    config = load(ROOT / "deploy.yml")
    settings = sandbox_settings("sandbox", running, config.policies["sandbox"].by_type())
    made, clock = control(running, "POST", "/releases", {"name": name}), SystemClock()
    release, run = Release(made["commit"], made["folder"], over_rollback=True), new_run_id(clock.now())
    before, failed = serving(running["urls"]["production"]), list[float]()
    told, staged = asyncio.Event(), list[str]()

    def listen(event: Event) -> None:
        if (event.kind, event.subject) == ("step done", "build"):
            staged.append(event.body["gives"]["value"]["id"])
        if event.kind == "stage begins" and event.subject == "watch" and stage == "watch":
            ill = f"app failing-route /api/health/db where=production after=1 deployment={staged[0]}"
            control(running, "POST", "/faults", {"fault": ill})  # the old one stays well
        if event.kind == "stage begins" and event.subject == stage:
            told.set()
        if (
            event.kind == "gate answered"
            and event.subject in JUDGE
            and event.body["verdict"] not in ("pass", "warn")
            and told.is_set()
        ):
            failed.append(time.perf_counter())

    journal = Journal(SqliteStore(folder / "journal.db"), run, clock.now, Redactor(), [listen])
    pipeline = DEPLOY.at_pace(config.pace("sandbox")).at_pace(IMPATIENT)
    async with open_world(settings, release, run, clock) as world:
        runner = Runner(pipeline, world, settings.policies, probes_by_type(PROBES), journal)
        going = asyncio.ensure_future(runner.run())
        while not failed and not going.done():
            await asyncio.sleep(0.005)
        if not failed:
            ended = [event.body for event in journal.events() if event.kind in ("going back", "run ended")]
            raise SystemExit(f"nothing failed in {stage}, so this is no measurement: {ended}")
        while await asyncio.to_thread(serving, running["urls"]["production"]) != before:
            await asyncio.sleep(0.005)
        took = time.perf_counter() - failed[0]
        if await going is not Outcome.ROLLED_BACK:
            ended = [event.body for event in journal.events() if event.kind in ("undo failed", "run ended")]
            raise SystemExit(f"{name} was not rolled back, so this is no measurement: {ended}")
    return took


def main(times: int = 5) -> None:
    for name, stage in (("broken-health", "validate"), ("good", "watch")):
        took = []
        for _ in range(times):  # a new sandbox each: what failed once is remembered by the error tracker
            with sandbox() as running, tempfile.TemporaryDirectory() as folder:
                latency(running, 50)
                took.append(asyncio.run(once(running, Path(folder), name, stage)))
        median = statistics.median(took)
        print(
            f"bad reading in {stage} → old one serves: median {median:.2f} s, max {max(took):.2f} s (wanted: under 2)"
        )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
