"""1,000 smoke probes against an app that answers in 50 ms, at several concurrencies, against what arithmetic allows.

Run: .venv/bin/python -m bench.smoke [probes]
"""

import asyncio
import sys
import time
from pathlib import Path

from bench.common import control, sandbox
from checks.evidence import Release
from checks.policy import SmokePolicy
from pipeline.clock import SystemClock, origin
from pipeline.config import load
from pipeline.world.opening import open_world
from pipeline.world.sandbox import sandbox_settings

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 0.05


async def measure(running: object, probes: int) -> None:
    policies = load(ROOT / "deploy.yml").policies["sandbox"].by_type()
    settings = sandbox_settings("sandbox", running, policies)  # type: ignore[arg-type]
    control(running, "POST", "/faults", {"fault": f"app slow-app seconds={SECONDS}"})  # type: ignore[arg-type]
    usual = settings.policies[SmokePolicy].at_once
    async with open_world(settings, Release("", "."), "bench", SystemClock()) as world:
        urls = [origin(settings.domain) + "/login"] * probes
        for at_once in (5, usual, 20):
            began = time.perf_counter()
            answers = await world.visitor.get_all(urls, at_once=at_once, request=20, budget=120)
            took = time.perf_counter() - began
            failed = [answer for answer in answers if answer.status != 200]
            if failed:
                raise SystemExit(f"{len(failed)} probes failed, so this is no measurement: {failed[0]}")
            ideal = probes / at_once * SECONDS
            note = "  (wanted: at most 1.3, at the concurrency that deploy.yml has)" if at_once == usual else ""
            print(f"  {at_once:>2} at once: {took:.2f} s, {took / ideal:.2f} × what arithmetic allows{note}")


def main(probes: int = 1_000) -> None:
    with sandbox() as running:
        print(f"{probes} probes of a page that takes {SECONDS * 1000:.0f} ms")
        asyncio.run(measure(running, probes))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
