"""``python -m pipeline.sandbox --home DIR``: serve the sandbox until nobody holds it. ``launch.attach`` starts this."""

import argparse
import gc
import sys
import time
from pathlib import Path

from pipeline.sandbox import launch


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m pipeline.sandbox", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="where the sandbox keeps everything")
    parser.add_argument("--unheld", type=float, default=30.0, help="seconds to wait for the first holder")
    asked = parser.parse_args()
    home = asked.home.resolve()
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("a") as lock:
        while not launch.try_lock(lock):
            if launch.running(home):  # another one was faster, and is ready
                return 0
            time.sleep(launch.STEP)
        gc.set_threshold(50_000, 20, 20)  # what is loaded is never garbage
        from pipeline.sandbox import server  # loaded only by the one that serves

        try:
            server.run(home, asked.unheld)
        except RuntimeError as error:  # ours, and it says all there is to say
            print(error, file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
