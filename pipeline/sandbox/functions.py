"""Writes an uploaded function's files; loads a Python one into this process, under a module name that is its own."""

import importlib
import importlib.util
import posixpath
import shutil
import stat
import sys
import types
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp

from pipeline.sandbox.blobs import Blobs
from pipeline.sandbox.core import Sleep
from pipeline.sandbox.vercelstate import FileEntry


def load(
    name: str,
    files: Iterable[tuple[str, FileEntry]],
    handler: str,
    environ: dict[str, str],
    sleep: Sleep,
    blobs: Blobs,
    where: Path,
) -> ASGIApp:
    """Load the ASGI app that ``handler`` names, e.g. ``index.app`` for ``app`` in ``index.py``.

    Many deployments share this process, so a function cannot have ``os.environ`` to itself: its package, and the
    module of its handler, find a dict ``environ`` and an async ``sleep`` among their globals before they run.
    Raises whatever the function's own code raises while it is imported.
    """
    write(files, blobs, where)
    unload(name)
    package = types.ModuleType(name)
    package.__path__ = [str(where)]
    vars(package).update(environ=environ, sleep=sleep)
    sys.modules[name] = package
    module_name, _, attribute = handler.removesuffix(".py").rpartition(".")
    if not module_name:
        module_name, attribute = attribute, "app"
    spec = importlib.util.spec_from_file_location(
        f"{name}.{module_name}", where / (module_name.replace(".", "/") + ".py")
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


def folder(home: Path, deployment: str, function: str) -> Path:
    """The folder that a function's files are written to."""
    return home / "functions" / deployment / function.replace("/", "_")


def unload(name: str) -> None:
    """Forget a function's modules."""
    for module in [one for one in sys.modules if one == name or one.startswith(name + ".")]:
        del sys.modules[module]


def write(files: Iterable[tuple[str, FileEntry]], blobs: Blobs, where: Path) -> None:
    """Write a function's files into the folder ``where``, afresh.

    Links come last, and as links only when they stay inside.

    Raises ValueError for a file or link that leaves the folder.
    """
    shutil.rmtree(where, ignore_errors=True)
    where.mkdir(parents=True)
    root, links = where.resolve(), list[tuple[str, str]]()
    for file, entry in files:
        if stat.S_ISLNK(entry.mode):
            links.append((file, blobs.read(entry.sha).decode()))
            continue
        path = _inside(root, file)
        path.write_bytes(blobs.read(entry.sha))
        path.chmod(0o755 if entry.mode & 0o100 else 0o644)
    for file, target in links:
        _inside(root, posixpath.join(posixpath.dirname(file), target))
        path = _inside(root, file)
        if not path.exists():
            path.symlink_to(target)


def _inside(root: Path, file: str) -> Path:
    path = (root / file).resolve()
    if not path.is_relative_to(root):
        raise ValueError(f"{file}: leaves the function's folder")
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
