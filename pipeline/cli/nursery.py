"""The process that a worker's projects are forked from, each as a command of ours: it knows no secret.

The worker sends it three descriptors a project (a line, stdout and stderr) and never a word of what the project is: the
child reads that from the line itself, so nothing of one project is in the memory that another one is forked from. On
the same line the child asks what the worker knows, and this process says when the child has ended. No person types it.
"""

import contextlib
import gc
import json
import os
import selectors
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from invoke.context import Context

from pipeline.clients.pacing import LINE, first_line
from pipeline.environment import become
from pipeline.home import without_home

CONTROL = 0
"""The descriptor on which the worker asks."""
RARELY = (50_000, 20, 20)
"""How often Python looks for garbage, as in ``pipeline.cli.direct``, which knows the home and cannot be loaded here."""
LEAST = "source: {repository: o/r}\ntargets: {sandbox: {kind: sandbox}}\n"


def main() -> None:
    """Import what projects need, then fork one for each that is asked for, until nobody asks any more."""
    preload()
    with socket.socket(fileno=CONTROL) as control:
        serve(control, _begin)


def preload() -> tuple[ModuleType, ...]:
    """Import what the command of a project needs, and make what each would: from no secret, and from no home.

    Nothing here may load ``pipeline.cli.terminal``, which knows the home from the moment that it is imported.
    """
    import encodings.idna
    import sqlite3
    import zoneinfo

    import anyio._backends._asyncio
    import anyio.streams.tls
    import certifi
    import httpcore
    import invoke.tasks
    import psycopg

    from pipeline.clients import (
        channels,
        cloudflare,
        emptying,
        google,
        neon,
        pgtools,
        prismacli,
        statuspages,
        upstash,
        vercelcli,
    )
    from pipeline.commands import fleetcarry
    from pipeline.config import load
    from pipeline.definitions import every
    from pipeline.emergency import rollback
    from pipeline.record import sqlite
    from pipeline.sandbox import launch
    from pipeline.session import limits
    from pipeline.sql.parser import syntax_tree
    from pipeline.world.opening import certificates

    load(Path("deploy.yml"), LEAST)
    certificates()
    with contextlib.suppress(ModuleNotFoundError):  # an extra: the project's own command says what is missing
        import obstore

        syntax_tree(b"select 1")
        del obstore
    foreign = (encodings.idna, sqlite3, zoneinfo, anyio, certifi, httpcore, invoke, psycopg)
    clients = (channels, cloudflare, emptying, google, neon, pgtools, prismacli, statuspages, upstash, vercelcli)
    return (*foreign, *clients, fleetcarry, every, rollback, sqlite, launch, limits)


def _begin() -> None:
    """Do what ``sys.argv`` says; a run without reading what every other command is."""
    command, *words = without_home(sys.argv[1:])[1]
    if command != "fleet.carry":
        from pipeline.cli.direct import main

        main()
        return
    from pipeline.cli.fleet import carry
    from pipeline.cli.terminal import unforeseen

    sys.excepthook = unforeseen
    gc.set_threshold(*RARELY)
    carry.body(Context(), **options_of(words))


def options_of(words: Sequence[str]) -> dict[str, str | bool]:
    """The arguments of a task that ``words`` (``--flag``, ``--name=value``) say."""
    parted = (word.removeprefix("--").partition("=") for word in words)
    return {
        {"from": "from_"}.get(name, name.replace("-", "_")): value if equals else True for name, equals, value in parted
    }


def serve(control: socket.socket, begin: Callable[[], None]) -> None:
    """Fork a child for each project that is asked for on ``control``, until nobody asks any more.

    ``begin``: what a child does; its words are ``sys.argv``. Children that are alive then live on.
    """
    gc.collect()
    gc.freeze()  # what is loaded is shared: a look for garbage would copy it
    lines: dict[int, socket.socket] = {}
    with _woken_by_children() as (woken, wakes), selectors.DefaultSelector() as selector:
        selector.register(control, selectors.EVENT_READ)
        selector.register(woken, selectors.EVENT_READ)
        while True:
            ready = {key.fileobj for key, _ in selector.select()}
            if woken in ready:
                woken.recv(4096)
                _tell_ends(lines)
            if control in ready:
                asked, received, _, _ = socket.recv_fds(control, 1, 3)
                if not asked:
                    return
                line = socket.socket(fileno=received[0])
                line.set_inheritable(False)
                _fork(lines, line, received[1], received[2], begin, (control, woken, wakes, selector))


def _fork(
    lines: dict[int, socket.socket],
    line: socket.socket,
    out: int,
    err: int,
    begin: Callable[[], None],
    ours: tuple[socket.socket | selectors.BaseSelector, ...],
) -> None:
    try:
        pid = os.fork()
    except OSError as error:
        _say(line, {"failed": str(error)})
        line.close()
        pid = -1
    if pid == 0:
        for one in (*ours, *lines.values()):
            one.close()
        _be_child(line, out, err, begin)
    if pid > 0:
        lines[pid] = line
        _say(line, {"pid": pid})
    os.close(out)
    os.close(err)


def _be_child(line: socket.socket, out: int, err: int, begin: Callable[[], None]) -> NoReturn:
    """Become the process of one project: a session, an environment, a folder and streams of its own."""
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        nowhere = os.open(os.devnull, os.O_RDONLY)
        for number, stream in enumerate((nowhere, out, err)):
            os.dup2(stream, number)
            os.close(stream)
        asked = json.loads(first_line(line))
        become({**asked["environment"], LINE: str(line.fileno())})
        os.chdir(asked["home"])
        sys.argv = asked["words"]
        code = _done(begin)
    finally:  # nothing of this process is this process's to take apart
        os._exit(code)


def _done(begin: Callable[[], None]) -> int:
    """Do ``begin``, and give the exit code that Python would leave with."""
    code = 0
    try:
        begin()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        code = 1
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # nobody reads it any more
            stream.flush()
    return code


def _tell_ends(lines: dict[int, socket.socket]) -> None:
    """Say of every child that has ended how, on its line: its exit code, or less than 0 for a signal."""
    for pid in tuple(lines):
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            line = lines.pop(pid)
            _say(line, {"ended": os.waitstatus_to_exitcode(status)})
            line.close()


def _say(line: socket.socket, what: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):  # the worker is gone
        line.sendall(json.dumps(what).encode() + b"\n")


@contextlib.contextmanager
def _woken_by_children() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A socket that can be read whenever a child has ended, and the one by which that is done."""
    woken, wakes = socket.socketpair()
    woken.setblocking(False)
    wakes.setblocking(False)
    signal.set_wakeup_fd(wakes.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    try:
        yield woken, wakes
    finally:
        signal.set_wakeup_fd(-1)
        woken.close()
        wakes.close()
