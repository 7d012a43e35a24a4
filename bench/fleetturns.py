"""What a turn of whoever conducts a fleet costs near the end of a large order, and how that grows with its projects.

``python -m bench.fleetturns [PROJECTS …]``; 2,000 and 10,000 as it is. A turn reads what is new, folds it, and decides.
It is compared with one that folds all events of the order again, in the same process.
"""

import asyncio
import datetime
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from pipeline.fleet.conducting import Conductor
from pipeline.fleet.deciding import decide
from pipeline.fleet.ends import ProjectEnd
from pipeline.fleet.file import FleetFile, FleetProject
from pipeline.fleet.order import OrderState, state_of
from pipeline.fleet.ordering import deploy_plan, give
from pipeline.fleet.place import Fleet
from pipeline.record.journal import Journal, events_after, plain
from pipeline.record.place import Place
from pipeline.record.store import open_store

AT_ONCE = 50
TURNS = 20
NOW = datetime.datetime(2026, 11, 30, tzinfo=datetime.UTC)


def main() -> None:
    found = {count: turns(count) for count in map(int, sys.argv[1:] or ("2000", "10000"))}
    for count, (whole, new) in found.items():
        print(f"{count:,} projects, the last ones under way; a turn, the middle of {TURNS}")
        print(f"  all events again ÷ the new ones   {whole * 1e3:.1f} ms ÷ {new * 1e3:.2f} ms = {whole / new:.1f}")
    (few, (_, least)), (many, (_, most)) = min(found.items()), max(found.items())
    if few != many:
        print(f"a turn of {many:,} projects ÷ one of {few:,}   {most / least:.1f}   (projects: {many / few:.1f})")


def turns(count: int) -> tuple[float, float]:
    """Seconds of a turn that folds everything, and of one that folds what is new."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = FleetFile({f"p{number}": FleetProject(f"p{number}") for number in range(count)}, at_once=AT_ONCE)
        store = open_store("", folder)
        fleet = Fleet(folder, file, store, Place("", ""), "")
        plan = deploy_plan(file, file.projects, "")
        give(fleet, plan)
        journal = fleet.journal(plan.order)
        _play(journal, plan.projects[:-AT_ONCE])
        conductor = Conductor(fleet, cast(Any, None), plan.order, lambda event: None, asyncio.Event())
        conductor.look()
        kept, left = list(events_after(store, plan.order, 0)), iter(plan.projects[-AT_ONCE:])

        def again() -> OrderState | None:
            kept.extend(events_after(store, plan.order, kept[-1][0]))
            return state_of(plan.order, (event for _, event in kept))

        def turn(look: Callable[[], OrderState | None]) -> float:
            journal.append("project queued", next(left))
            began = time.perf_counter()
            state = look()
            assert state
            decide(state, NOW)
            return time.perf_counter() - began

        try:
            pairs = [(turn(again), turn(conductor.look)) for _ in range(TURNS)]
            assert plain(again()) == plain(conductor.look())
            return statistics.median(whole for whole, _ in pairs), statistics.median(new for _, new in pairs)
        finally:
            store.close()


def _play(journal: Journal, projects: tuple[str, ...]) -> None:
    """Write down that all of these were deployed, each as it is with workers."""
    end = plain(ProjectEnd("deployed", staged="dpl_new", before="dpl_old"))
    journal.append("wave begins", "rest")
    for name in projects:
        journal.append("project queued", name)
        journal.append("project begins", name, worker="w")
        journal.append("project ended", name, exact=end, seconds=1.0)


if __name__ == "__main__":
    main()
