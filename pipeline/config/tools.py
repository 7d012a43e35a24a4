"""The tools that come from npm: which version the lock file of this project pins, and where they are installed."""

import json
from functools import cache
from pathlib import Path

TOOLS = Path(__file__).resolve().parents[2] / "vercel-cli"
"""The folder of ``package.json``, the only place that names the version, and of its ``package-lock.json``."""
LONGEST_INSTALL, LONGEST_PULL, LONGEST_BUILD = 1200.0, 300.0, 2700.0
"""Seconds after which npm, ``vercel pull`` and ``vercel build`` are stopped."""
VERCEL = "node_modules/vercel/dist/vc.js"


@cache
def pinned_vercel() -> str:
    """The version of the Vercel CLI that is installed and was tested: three numbers with dots."""
    return str(json.loads((TOOLS / "package.json").read_text(encoding="utf-8"))["dependencies"]["vercel"])
