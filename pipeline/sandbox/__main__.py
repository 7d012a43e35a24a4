"""``python -m pipeline.sandbox --home DIR``: serve the sandbox until nobody holds it. ``launch.attach`` starts this."""

import sys
from pathlib import Path

from pipeline.sandbox import launch


def main() -> int:
    return launch.serving("pipeline.sandbox", str(__doc__), _serve)


def _serve(home: Path, unheld: float) -> None:
    from pipeline.sandbox import server  # loaded only by the one that serves

    server.run(home, unheld)


if __name__ == "__main__":
    sys.exit(main())
