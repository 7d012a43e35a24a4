"""The pages when there is much to show: the dashboard on 10,000 runs and 1,000,000 readings; the page of the largest
run, an hour's watch and 200 migrations, and how long a browser takes to open it.

Run: .venv/bin/python -m bench.pages [times]
"""

import asyncio
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from bench.common import Checkout
from bench.record import READINGS, RUN, long
from pipeline.clients.browser import Browser
from pipeline.render.charts import reading_chart
from pipeline.render.runpage import run_page
from tests.documents.test_site import Tab, browse
from tests.render.test_run_page import largest

RUNS = 10_000
PATHS = ("/", "/runs?page=3", f"/runs/r{RUNS - 2:06d}", "/runs/r000500", "/delivery", "/baselines", "/readiness")
"""The run in the middle has a thousand readings: its charts are drawn when it is looked at first."""


def dashboard(folder: Path, times: int) -> None:
    print(f"the dashboard with {RUNS:,} runs ({RUNS * RUN:,} events) and {READINGS:,} readings; medians of {times}")
    checkout = Checkout(folder / "full")
    long(checkout.folder / ".runs/journal.db", RUNS * RUN, READINGS)
    began = time.perf_counter()
    command = checkout.command("dashboard", "--port", "0")
    running = subprocess.Popen(command, env=checkout.environment, stdout=subprocess.PIPE, text=True)
    try:
        assert running.stdout
        address = running.stdout.readline().split()[0].rstrip("/")
        print(f"  it answers after {time.perf_counter() - began:.2f} s")
        while b"Computed" not in fetched(f"{address}/baselines")[1]:
            time.sleep(0.2)
        for path in PATHS:
            took = [fetched(address + path)[0] for _ in range(times)]
            usual, first, most = statistics.median(took), took[0], max(took)
            print(f"  {path:<14} {usual:5.0f} ms, {first:.0f} at first, {most:.0f} at most (wanted: under 100)")
    finally:
        running.send_signal(signal.SIGINT)
        running.wait(20)


def fetched(address: str) -> tuple[float, bytes]:
    """How long a page takes in milliseconds, and what it is."""
    began = time.perf_counter()
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(address, timeout=60) as answer:
        content = answer.read()
    return (time.perf_counter() - began) * 1000, content


def report(folder: Path, times: int) -> None:
    facts = largest()[1]
    took = []
    for _ in range(times):
        reading_chart.cache_clear()
        began = time.perf_counter()
        text = run_page(facts)
        took.append(time.perf_counter() - began)
    print(f"the page of the largest run: {len(text.encode()):,} bytes (wanted: under 1,000,000)")
    print(f"  made in {statistics.median(took):.2f} s")
    if not Browser({}, {"PATH": os.environ["PATH"]}).path:
        print("  not opened: there is no Chromium")
        return
    (folder / "largest.html").write_text(text, encoding="utf-8")
    opened: list[float] = []

    async def act(tab: Tab) -> None:
        for _ in range(times):
            await tab.open("largest.html")
            opened.append(await tab.run("performance.getEntriesByType('navigation')[0].loadEventEnd"))
            await asyncio.sleep(0.1)

    browse(folder, act)
    print(f"  opened in {statistics.median(opened):.0f} ms, {max(opened):.0f} at most (wanted: under 1,000)")


def main(times: int = 9) -> None:
    with tempfile.TemporaryDirectory() as name:
        report(Path(name), times)
        dashboard(Path(name), times)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
