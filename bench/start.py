"""How long `./inv --list` and the `inv` script itself take, as whole cold processes.

Run: .venv/bin/python -m bench.start [times]
"""

import sys

from bench.common import INV, ROOT, medians, timed


def main(times: int = 15) -> None:
    print(f"start-up, {times} times each")
    bare = [str(ROOT / ".venv/bin/python"), "-m", "invoke", "--search-root", str(ROOT), "--list"]
    found = medians(
        times,
        {
            "./inv --list": lambda: timed([INV, "--list"]),
            "python -m invoke --list": lambda: timed(bare),
            "python -c pass": lambda: timed([bare[0], "-c", "pass"]),
        },
    )
    added = found["./inv --list"] - found["python -m invoke --list"]
    print(
        f"  ./inv --list {found['./inv --list'] * 1000:.0f} ms (under 250); inv adds {added * 1000:.0f} ms (under 50)"
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
