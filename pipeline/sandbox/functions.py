"""Loads an uploaded Python function into this process, under a module name that is its own."""

import importlib
import importlib.util
import shutil
import sys
import types
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp

from pipeline.sandbox.blobs import Blobs
from pipeline.sandbox.core import Sleep


def load(
    name: str,
    files: Iterable[tuple[str, str]],
    handler: str,
    environ: dict[str, str],
    sleep: Sleep,
    blobs: Blobs,
    folder: Path,
) -> ASGIApp:
    """The ASGI app that ``handler`` names, e.g. ``index.app`` for ``app`` in ``index.py``.

    Many deployments share this process, so a function cannot have ``os.environ`` to itself: its package, and the
    module of its handler, find a dict ``environ`` and an async ``sleep`` among their globals before they run.
    Raises whatever the function's own code raises while it is imported.
    """
    _write(files, blobs, folder)
    unload(name)
    package = types.ModuleType(name)
    package.__path__ = [str(folder)]
    vars(package).update(environ=environ, sleep=sleep)
    sys.modules[name] = package
    module_name, _, attribute = handler.removesuffix(".py").rpartition(".")
    if not module_name:
        module_name, attribute = attribute, "app"
    spec = importlib.util.spec_from_file_location(
        f"{name}.{module_name}", folder / (module_name.replace(".", "/") + ".py")
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"the handler {handler} is not a Python module")
    module = importlib.util.module_from_spec(spec)
    vars(module).update(environ=environ, sleep=sleep)
    sys.modules[spec.name] = module
    importlib.invalidate_caches()
    spec.loader.exec_module(module)
    app: Any = getattr(module, attribute)
    return app  # type: ignore[no-any-return]


def unload(name: str) -> None:
    """Forget a function's modules."""
    for module in [one for one in sys.modules if one == name or one.startswith(name + ".")]:
        del sys.modules[module]


def _write(files: Iterable[tuple[str, str]], blobs: Blobs, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    for file, sha in files:
        path = (folder / file).resolve()
        if not path.is_relative_to(folder.resolve()):
            raise ValueError(f"{file}: leaves the function's folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(blobs.read(sha))
