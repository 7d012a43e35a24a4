"""What ``fleet.plan`` says of an order against what that order then takes: time, and requests.

``python -m bench.fleetplan [PROJECTS] [AT ONCE]``. Three orders: the first opens the worlds of the sandbox, which
takes as long again; the second is what is planned from; the third is what is measured. Those that are broken on purpose
end early, and are planned as if they were well.
"""

import shutil
import sys
from pathlib import Path

from bench.common import INV
from bench.fleet import example_of, measured
from pipeline.commands.fleetplan import estimate_of
from pipeline.fleet.estimating import OrderEstimate
from pipeline.fleet.order import OrderState, latest_orders
from pipeline.fleet.ordering import deploy_plan, order_state
from pipeline.fleet.place import PROGRAM, fleet_file
from pipeline.record.store import open_store
from pipeline.sandbox.launch import attach, reset


def main() -> None:
    projects, at_once = (int(word) for word in (*sys.argv[1:], *("12", "2")[len(sys.argv) - 1 :]))
    folder = example_of(projects, at_once)
    try:
        with attach(folder / ".fleet", timeout=60 + 5 * projects, program=PROGRAM):
            for _ in range(2):
                measured([INV, "fleet.deploy", "--home", str(folder)], folder)
            planned = _planned(folder)
            wall, _, _ = measured([INV, "fleet.deploy", "--home", str(folder)], folder)
            _say(planned, _last(folder), wall)
    finally:
        reset(folder / ".fleet")
        shutil.rmtree(folder, ignore_errors=True)


def _planned(folder: Path) -> OrderEstimate:
    file, store = fleet_file(folder), open_store("", folder)
    try:
        return estimate_of(folder, file, store, deploy_plan(file, file.projects, ""))
    finally:
        store.close()


def _last(folder: Path) -> OrderState:
    store = open_store("", folder)
    try:
        return order_state(store, latest_orders(store, 1)[0])
    finally:
        store.close()


def _say(planned: OrderEstimate, state: OrderState, wall: float) -> None:
    said = sum(one.calls for one in planned.calls)
    made = sum(one.calls for part in state.parts.values() for one in part.calls.values())
    print(f"{len(state.parts)} projects, {state.plan.at_once} at once, planned from the order before")
    print(f"  time: planned ÷ taken       {planned.seconds:6.1f} s ÷ {wall:.1f} s = {planned.seconds / wall:.2f}")
    print(f"  requests: planned ÷ made    {said:6,} ÷ {made:,} = {said / made:.2f}")


if __name__ == "__main__":
    main()
