"""httpx without its own command line, which would load click, rich and pygments: an eighth of a command's start.

The package imports this before any of its modules imports httpx, which does without them when they are not installed.
"""

import sys

_absent = object()
_click = sys.modules.get("click", _absent)
sys.modules["click"] = None  # type: ignore[assignment]
try:
    import httpx
finally:
    if _click is _absent:
        del sys.modules["click"]
    else:
        sys.modules["click"] = _click  # type: ignore[assignment]

__all__ = ["httpx"]
