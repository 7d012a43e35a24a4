"""The daily checklist with 100 ms added to every API answer, against the slowest chain of readings alone.

Run: .venv/bin/python -m bench.monitor [times]
"""

import asyncio
import statistics
import sys
import time
from pathlib import Path

from bench.common import latency, sandbox
from checks.evidence import Release
from checks.gate import Gate
from pipeline.clock import SystemClock
from pipeline.config import load
from pipeline.definitions.checklists import CHECKLISTS
from pipeline.engine.readings import Round
from pipeline.session.asking import READERS
from pipeline.world.opening import open_world
from pipeline.world.sandbox import sandbox_settings

ROOT = Path(__file__).resolve().parent.parent
ADDED_MS = 100


async def measure(running: object, times: int) -> None:
    policies = load(ROOT / "deploy.yml").policies["sandbox"].by_type()
    settings = sandbox_settings("sandbox", running, policies)  # type: ignore[arg-type]
    latency(running, ADDED_MS)  # type: ignore[arg-type]
    gates = CHECKLISTS["daily"].gates
    async with open_world(settings, Release("", "."), "bench", SystemClock()) as world:

        async def asked(*some: Gate) -> float:
            began = time.perf_counter()
            async with Round(world, settings.policies, READERS) as look:
                answers = await asyncio.gather(*(look.ask(gate) for gate in some))
            unread = [str(f) for findings, _ in answers for f in findings if f.verdict.word == "unknown"]
            if unread:
                raise SystemExit(f"a reading failed, so this is no measurement: {unread}")
            return time.perf_counter() - began

        await asked(*gates)  # connections are open from here on
        together, slowest = [], []
        for _ in range(times):
            together.append(await asked(*gates))
            alone = {gate.name: await asked(gate) for gate in gates}
            slowest.append(max(alone.values()))
        a, b = statistics.median(together), statistics.median(slowest)
        name = max(alone, key=lambda one: alone[one])
        print(f"monitor.daily, {len(gates)} gates, {ADDED_MS} ms added to every API answer, {times} times")
        print(
            f"  all together {a * 1000:.0f} ms, slowest alone ({name}) {b * 1000:.0f} ms, ratio {a / b:.2f}"
            " (at most 1.5)"
        )


def main(times: int = 7) -> None:
    with sandbox() as running:
        asyncio.run(measure(running, times))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
