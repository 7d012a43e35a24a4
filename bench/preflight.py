"""All preflight gates with 50 ms added to every API answer, against the slowest chain of readings alone.

A stage costs its slowest reading, not the sum: this shows it. The slowest chain is found by asking each gate by itself
in the same process.

Run: .venv/bin/python -m bench.preflight [times]
"""

import asyncio
import statistics
import sys
import time
from pathlib import Path

from bench.common import control, latency, sandbox
from checks.evidence import Release
from checks.gate import Gate
from pipeline.clock import SystemClock
from pipeline.config import load
from pipeline.definitions.deploy import DEPLOY
from pipeline.engine.plan import probes_by_type
from pipeline.engine.readings import Round
from pipeline.probes.every import PROBES
from pipeline.world.opening import open_world
from pipeline.world.sandbox import sandbox_settings

ROOT = Path(__file__).resolve().parent.parent


async def measure(running: object, times: int) -> None:
    policies = load(ROOT / "deploy.yml").policies["sandbox"].by_type()
    settings = sandbox_settings("sandbox", running, policies)  # type: ignore[arg-type]
    made = control(running, "POST", "/releases", {"name": "good"})  # type: ignore[arg-type]
    latency(running, 50)  # type: ignore[arg-type]
    async with open_world(settings, Release(made["commit"], made["folder"]), "bench", SystemClock()) as world:

        async def asked(*gates: Gate) -> float:
            began = time.perf_counter()
            async with Round(world, settings.policies, probes_by_type(PROBES)) as look:
                answers = await asyncio.gather(*(look.ask(gate) for gate in gates))
            unread = [str(f) for findings, _ in answers for f in findings if f.verdict.word == "unknown"]
            if unread:
                raise SystemExit(f"a reading failed, so this is no measurement: {unread}")
            return time.perf_counter() - began

        gates = DEPLOY.stages[0].asks
        await asked(*gates)  # connections are open from here on
        together, slowest = [], []
        for _ in range(times):
            together.append(await asked(*gates))
            slowest.append(max([await asked(gate) for gate in gates]))
        a, b = statistics.median(together), statistics.median(slowest)
        print(f"preflight, {len(gates)} gates, 50 ms added to every API answer, {times} times")
        print(f"  all together {a * 1000:.0f} ms, slowest alone {b * 1000:.0f} ms, ratio {a / b:.2f} (at most 1.5)")


def main(times: int = 9) -> None:
    with sandbox() as running:
        asyncio.run(measure(running, times))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
