"""The sandbox as a target: what is asked of its own app, and how soon everything happens there."""

import copy
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from pipeline.config.document import Loader

FILE = Path(__file__).with_name("example.yml")
QUICKLY: Mapping[str, Mapping[str, float]] = {
    "preflight": {"patience": 3, "every": 0.5},
    "build": {"patience": 30, "every": 0.2},
    "migrate": {"patience": 3, "every": 0.5},
    "wake": {"patience": 5, "every": 0.2},
    "smoke": {"patience": 4, "every": 0.5},
    "confirm": {"patience": 3, "every": 0.5},
    "promote": {"patience": 10, "every": 0.1},
    "validate": {"patience": 2, "every": 0.3},
    "watch": {"during": 4, "patience": 2, "every": 0.5},
}
"""Stage → its patience and its rounds in seconds; a ``pace`` of the target changes single ones."""


@cache
def sections() -> dict[str, Any]:
    """The sections of ``deploy.yml`` that describe the sandbox's app and people."""
    found: dict[str, Any] = yaml.load(FILE.read_text(encoding="utf-8"), Loader)  # a SafeLoader
    return found


def merged(base: Any, over: Any) -> Any:
    """``base`` with what ``over`` says; mappings key by key, anything else as a whole."""
    if isinstance(base, dict) and isinstance(over, dict):
        return {**copy.deepcopy(base), **{key: merged(base.get(key), value) for key, value in over.items()}}
    return copy.deepcopy(over)
