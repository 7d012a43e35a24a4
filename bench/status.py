"""`invoke status` with 50 ms added to every API answer, against its slowest chain of readings alone; and its own time.

Run: .venv/bin/python -m bench.status [times]
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx

from bench.common import Checkout, latency, medians, timed
from checks.policy import BuildPolicy
from pipeline.clients.vercel import Vercel
from pipeline.clock import SystemClock
from pipeline.emergency.domain import client
from pipeline.session import status


def vercel_of(running: Any, http: httpx.AsyncClient) -> Vercel:
    ids = running["vercel"]
    return Vercel(
        running["urls"]["vercel"], running["tokens"]["vercel"], ids["team"], ids["project"], http, SystemClock()
    )


async def measure(running: Any, times: int) -> None:
    domain = running["urls"]["production"].partition("://")[2]
    about = status.StatusReading("sandbox", domain, "/api/health/db", BuildPolicy())
    async with client(running["urls"]["vercel"]) as http:
        vercel = vercel_of(running, http)
        chains: dict[str, Callable[[], Awaitable[object]]] = {
            "what production serves": lambda: vercel.production(domain),
            "the project": vercel.project,
            "recent deployments": lambda: vercel.deployments(target="production"),
            "the rolling release": vercel.rolling_release,
        }

        async def asked(reading: Callable[[], Awaitable[object]]) -> float:
            began = time.perf_counter()
            await reading()
            return time.perf_counter() - began

        await status.look(vercel, http, about)  # connections are open from here on
        whole, slowest = [], []
        for _ in range(times):
            whole.append(await asked(lambda: status.look(vercel, http, about)))
            slowest.append(max([await asked(chain) for chain in chains.values()]))
        a, b = statistics.median(whole), statistics.median(slowest)
        print(f"status, 50 ms added to every API answer, {times} times")
        print(f"  all together {a * 1000:.0f} ms, slowest chain {b * 1000:.0f} ms, ratio {a / b:.2f} (at most 1.5)")


def main(times: int = 9) -> None:
    with tempfile.TemporaryDirectory() as folder, Checkout(Path(folder) / "checkout") as checkout:
        latency(checkout.running, 50)
        asyncio.run(measure(checkout.running, times))
        latency(checkout.running, 0)
        print("whole cold process, no latency added (wanted: below a second of our own)")
        medians(times, {"./inv status": lambda: timed(checkout.command("status"), checkout.environment)})


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
