"""The installed tool: the tree of a checkout below one name of its own, which collides with nobody's.

``pipeline`` and ``checks`` are found here and nowhere else, and are no top-level names for any other program. An app's
``tasks.py`` is one line: ``from deploy_runbook import namespace``.
"""

import gc
import importlib.util
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import Any

HERE = Path(__file__).absolute().parent
TREE = HERE if (HERE / "pipeline").is_dir() else HERE.parent  # of a package, or of a checkout
OURS = ("pipeline", "checks")


class Ours:
    """Finds our packages in this tree, whatever else of the same name can be imported."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: Any = None) -> ModuleSpec | None:
        return PathFinder.find_spec(name, [str(TREE)]) if name in OURS else None


def _must_be_ours(name: str) -> None:
    """Raises ImportError when somebody else's package of that name is in this process already."""
    loaded = sys.modules.get(name)
    if loaded and not str(getattr(loaded, "__file__", "")).startswith(str(TREE)):
        raise ImportError(f"{name} is another package in this process; call the command deploy-runbook instead")


for _name in OURS:
    _must_be_ours(_name)
sys.meta_path.insert(0, Ours)


def main() -> None:
    """Run the command line of this process."""
    gc.disable()  # as ./inv does: what a command loads is never garbage
    from pipeline.cli.direct import main as begin

    begin()


def __getattr__(name: str) -> Any:
    """``namespace``: every command, for invoke."""
    if name != "namespace":
        raise AttributeError(name)
    spec = importlib.util.spec_from_file_location(f"{__name__}.tasks", TREE / "tasks.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.namespace
