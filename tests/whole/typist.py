"""Commands as they are typed, in this process: the real tasks against the sandbox of the test, on its moving clock."""

import contextlib
import copy
import dataclasses
import functools
import importlib
import pkgutil
import shlex
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from invoke.context import Context
from invoke.parser import Parser  # type: ignore[attr-defined]

import pipeline
import tasks
from pipeline.cli import terminal
from pipeline.clock import SystemClock
from pipeline.emergency import domain
from pipeline.session import release
from pipeline.world import opening
from pipeline.world import sandbox as of_sandbox
from tests.stage import InProcess

CONTEXTS = copy.deepcopy(tasks.namespace).to_contexts()
"""Of a copy: Invoke takes the words of help out of a task as it reads them."""
KEEPS_REAL_TIME = ("pipeline.session.ownership",)
"""It sleeps beside what is done, and would wind the clock on."""


@functools.cache
def everything_is_loaded() -> None:
    """What is first loaded while names are replaced would keep them for the tests after this one."""
    for module in pkgutil.walk_packages(pipeline.__path__, "pipeline."):
        with contextlib.suppress(ModuleNotFoundError):  # of an extra that this machine has not
            importlib.import_module(module.name)


class Typist:
    """Types commands in an empty home, and reads what is printed. ``inside``: the sandbox that they are about."""

    def __init__(
        self, inside: InProcess, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        everything_is_loaded()
        self.inside, self.home, self._patch, self._printed = inside, home, monkeypatch, capsys
        sandbox = dataclasses.replace(inside.config.file, state="")
        self.config = dataclasses.replace(inside.config, file=sandbox)
        policies = self.config.policies["sandbox"]
        vitals = dataclasses.replace(policies.vitals, lab=False)  # a browser needs real sockets
        self.config.policies["sandbox"] = dataclasses.replace(policies, vitals=vitals)
        self._everywhere(terminal.ROOT, home)
        self._everywhere(terminal.configuration, lambda: self.config)
        self._everywhere(SystemClock, lambda: inside.clock)
        self._everywhere(of_sandbox.attached, self._attached)
        self._everywhere(of_sandbox.ask_door, self._ask_door)
        self._everywhere(domain.client, lambda api: httpx.AsyncClient(transport=inside.wire))
        self._everywhere(opening.open_world, self._open_world(opening.open_world))
        self._everywhere(release._from_sandbox, lambda settings, order: self._released(order.source))

    def _everywhere(self, old: Any, new: Any) -> None:
        for name, module in list(sys.modules.items()):
            if name.partition(".")[0] == "pipeline" and name not in KEEPS_REAL_TIME:
                for attribute in [key for key, value in vars(module).items() if value is old]:
                    self._patch.setattr(module, attribute, new)

    @contextlib.contextmanager
    def _attached(self, *where: Any) -> Iterator[Any]:
        yield self.inside.sandbox.description()

    def _ask_door(self, url: str, token: str, method: str, path: str, body: object) -> Any:
        raise AssertionError(f"{method} {path}: nobody stands at the door of a sandbox in this process")

    def _open_world(self, real: Any) -> Any:
        @contextlib.asynccontextmanager
        async def opened(*said: Any, **more: Any) -> AsyncIterator[Any]:
            async with self.inside.r2.open(), real(*said, **more, transport=self.inside.wire) as world:
                yield world

        return opened

    def _released(self, name: str) -> tuple[Path, str, str]:
        folder, commit = self.inside.sandbox.release(name or "good")
        return folder, commit, self.inside.clock.now().isoformat()

    def type(self, line: str) -> tuple[int, str]:
        """The exit code of a command, and all that it printed."""
        (context,) = Parser(contexts=CONTEXTS).parse_argv(shlex.split(line))
        assert not context.missing_positional_args, line
        code = 0
        try:
            tasks.namespace[context.name].body(Context(tasks.namespace.configuration()), **context.as_kwargs)
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        said = self._printed.readouterr()
        assert "Traceback" not in said.err, said.err
        return code, said.out + said.err
