"""What ``fleet.plan`` says of an order against what that order then takes: time, and requests.

``python -m bench.fleetplan [PROJECTS] [AT ONCE] [--gated]``. Three orders: the first opens the worlds of the sandbox,
which takes as long again; the second is what is planned from; the third is what is measured. Those that are broken on
purpose end early, and are planned as if they were well.

With ``--gated`` one of the shops is under way at a time, a command is asked before the second wave, and a check of
those that have moved before the third; what is planned when nothing is known of either is said, too.
"""

import dataclasses
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

GATED = "--gated"


def main() -> None:
    said = [word for word in sys.argv[1:] if word != GATED]
    projects, at_once = (int(word) for word in (*said, *("12", "2")[len(said) :]))
    folder = example_of(projects, at_once)
    try:
        if GATED in sys.argv:
            _gate(folder / "fleet.yml")
        with attach(folder / ".fleet", timeout=60 + 5 * projects, program=PROGRAM):
            for _ in range(2):
                measured([INV, "fleet.deploy", "--home", str(folder)], folder)
            planned, plain = (_planned(folder, as_before=as_before) for as_before in (False, True))
            wall, _, _ = measured([INV, "fleet.deploy", "--home", str(folder)], folder)
            _say(planned, plain, _last(folder), wall)
    finally:
        reset(folder / ".fleet")
        shutil.rmtree(folder, ignore_errors=True)


def _gate(file: Path) -> None:
    """Write the bound of a group and two gates into a fleet of examples."""
    command = f"gate: {{command: [{sys.executable}, -c, 'import time; time.sleep(4)']}}"
    text = file.read_text()
    for old, new in (
        ("percent: 25}", f"percent: 25, {command}}}"),
        ("name: rest}", "name: rest, gate: {check: source.ci-is-green}}"),
        ("shops: {", "shops: {at_once: 1, "),
    ):
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    file.write_text(text)


def _planned(folder: Path, *, as_before: bool) -> OrderEstimate:
    """What is planned; ``as_before``: when neither gates nor the bounds of groups are known."""
    file, store = fleet_file(folder), open_store("", folder)
    try:
        plan = deploy_plan(file, file.projects, "")
        if as_before:
            waves = tuple(dataclasses.replace(wave, gate="") for wave in plan.waves)
            plan = dataclasses.replace(plan, waves=waves, bounds=())
        return estimate_of(folder, file, store, plan)
    finally:
        store.close()


def _last(folder: Path) -> OrderState:
    store = open_store("", folder)
    try:
        return order_state(store, latest_orders(store, 1)[0])
    finally:
        store.close()


def _say(planned: OrderEstimate, plain: OrderEstimate, state: OrderState, wall: float) -> None:
    said = sum(one.calls for one in planned.calls)
    made = sum(one.calls for part in state.parts.values() for one in part.calls.values())
    print(f"{len(state.parts)} projects, {state.plan.at_once} at once, planned from the order before")
    print(f"  time: planned ÷ taken       {planned.seconds:6.1f} s ÷ {wall:.1f} s = {planned.seconds / wall:.2f}")
    if planned.gates:
        print(f"  without gates and bounds    {plain.seconds:6.1f} s ÷ {wall:.1f} s = {plain.seconds / wall:.2f}")
    print(f"  requests: planned ÷ made    {said:6,} ÷ {made:,} = {said / made:.2f}")


if __name__ == "__main__":
    main()
