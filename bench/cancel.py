"""From Ctrl-C in the watch to the old deployment serving, while every vendor trickles: a byte a second, for ever.

A good release is deployed by a whole process, which is interrupted in its watch. By then every service but the site
answers 200 at once and never ends its body; what Vercel is asked to do, it does all the same. The clock starts with the
signal and stops when the production domain itself answers as the old deployment.

Run: .venv/bin/python -m bench.cancel [times]
"""

import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from bench.common import Checkout, control
from bench.recovery import serving
from pipeline.sandbox.ports import SERVICES

WANTED = 15.0  # seconds
LONGEST = 120.0
NO_VENDORS = ("control", "production", "deployment")


def wait_for(process: "subprocess.Popen[str]", stage: str) -> None:
    """Raises SystemExit when the run ends before that stage: then nothing is measured."""
    assert process.stdout
    if not any(line.strip() == stage for line in process.stdout):
        raise SystemExit(f"the run never came to {stage}: {process.stderr.read() if process.stderr else ''}")


def once() -> float:
    with tempfile.TemporaryDirectory() as folder, Checkout(Path(folder) / "checkout") as checkout:
        file = checkout.folder / "deploy.yml"
        raw = yaml.safe_load(file.read_text(encoding="utf-8"))
        raw["targets"]["sandbox"]["pace"]["watch"] = {"during": LONGEST, "patience": LONGEST, "every": 1}
        raw["targets"]["sandbox"]["override"]["vitals"]["lab"] = False
        file.write_text(yaml.safe_dump(raw), encoding="utf-8")
        site = checkout.running["urls"]["production"]
        before = serving(site)
        process = subprocess.Popen(
            checkout.command("deploy"),
            env=checkout.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        wait_for(process, "watch")
        if serving(site) == before:
            raise SystemExit("production never moved, so this is no measurement")
        for service in SERVICES:
            if service not in NO_VENDORS:
                control(checkout.running, "POST", "/faults", {"fault": f"{service} trickle done=yes"})
        time.sleep(2)  # the watch is in the middle of it
        process.send_signal(signal.SIGINT)
        began = time.perf_counter()
        while serving(site) != before:
            if time.perf_counter() - began > LONGEST:
                raise SystemExit(f"the old deployment does not serve after {LONGEST:g} s")
            time.sleep(0.02)
        took = time.perf_counter() - began
        control(checkout.running, "DELETE", "/faults")
        out, err = process.communicate(timeout=LONGEST)
        if process.returncode != 3:
            raise SystemExit(f"exited {process.returncode}, so this is no measurement:\n{out}\n{err}")
    return took


def main(times: int = 5) -> None:
    took = [once() for _ in range(times)]
    print(
        f"Ctrl-C in the watch → old deployment serves, every vendor trickling: median {statistics.median(took):.2f} s,"
        f" max {max(took):.2f} s (wanted: under {WANTED:g})"
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
