"""Runs a vendor's own command line as a process that dies with us."""

import asyncio
import contextlib
import os
import shlex
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pipeline.errors import Unreachable

PATIENCE = 1800.0  # they have been seen to hang for ever
LONGEST_LINE = 16 << 20
MOST_PRINTED = 1 << 20
GRACE = 3.0  # seconds that it has to end by itself


class Command:
    """Runs one command line.

    ``name``: whose it is, in messages; ``key``: the key of deploy.yml that names it, if one does.
    """

    def __init__(self, name: str, key: str, environment: Mapping[str, str], patience: float = PATIENCE) -> None:
        self.name, self._key, self._environment, self._patience = name, key, dict(environment), patience

    def words(self, command: str) -> list[str]:
        """Split a command as deploy.yml has it into words. Raises Unreachable when its quotes do not match."""
        try:
            return shlex.split(command)
        except ValueError as error:
            raise Unreachable(
                self.name, command, f"cannot be read: {error}; change `{self._key}` in deploy.yml"
            ) from error

    async def run(
        self,
        words: Sequence[str],
        folder: Path | None,
        more: Mapping[str, str],
        note: Callable[[str], None],
        *,
        failure: Callable[[int, str, list[str]], Exception] | None = None,
    ) -> str:
        """Run the command and give its stdout; each line of stderr goes to ``note``.

        Raises Unreachable with the last lines, or what ``failure`` makes of the code, stdout and those lines.
        """
        asked = " ".join(words[:2])
        try:
            process = await asyncio.create_subprocess_exec(
                *words,
                cwd=folder,
                env={**self._environment, **more},
                start_new_session=True,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                limit=LONGEST_LINE,
            )
        except OSError as error:
            fix = f"; install it, or set `{self._key}` in deploy.yml" if self._key else ""
            says = f"cannot be started: {error.strerror}{fix}"
            raise Unreachable(self.name, asked, says) from error
        assert process.stdout
        assert process.stderr
        try:
            async with asyncio.timeout(self._patience):
                said, complaints = await asyncio.gather(process.stdout.read(), _lines(process.stderr, note))
                code = await process.wait()
        except (TimeoutError, ValueError) as error:
            late = f"has not ended in {self._patience / 60:.0f} min"
            says = late if isinstance(error, TimeoutError) else f"said {error}"
            raise Unreachable(self.name, asked, says) from error
        finally:
            if not process.stdout.at_eof() or process.returncode is None:
                await _end(process)
        printed = said.decode(errors="replace")
        if code and failure:
            raise failure(code, printed, complaints)
        if code:
            raise Unreachable(self.name, asked, f"ended with {code}: {' / '.join(complaints[-4:])[-400:]}")
        return printed


async def run_bounded(
    name: str, words: Sequence[str], folder: Path, environment: Mapping[str, str], seconds: float
) -> tuple[int, str, str]:
    """Run somebody's own command in ``folder``: its exit code, what it printed and what it complained of.

    Raises Unreachable when it cannot be started, has not ended after ``seconds``, or prints more than MOST_PRINTED.
    """
    asked = " ".join(words[:2])
    try:
        process = await asyncio.create_subprocess_exec(
            *words,
            cwd=folder,
            env=environment,
            start_new_session=True,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except (OSError, ValueError) as error:
        raise Unreachable(name, asked, f"cannot be started: {error}") from error
    streams = [stream for stream in (process.stdout, process.stderr) if stream]
    try:
        async with asyncio.timeout(seconds):
            printed, complained = await asyncio.gather(*map(_bounded, streams))
            code = await process.wait()
    except (TimeoutError, OverflowError) as error:
        late = f"has not ended in {seconds:g} s"
        raise Unreachable(name, asked, late if isinstance(error, TimeoutError) else str(error)) from error
    finally:
        if process.returncode is None or not all(stream.at_eof() for stream in streams):
            await _end(process)
    return code, printed, complained


async def _bounded(stream: asyncio.StreamReader) -> str:
    """All that comes. Raises OverflowError when it is more than MOST_PRINTED."""
    said = bytearray()
    while chunk := await stream.read(1 << 16):
        said += chunk
        if len(said) > MOST_PRINTED:
            raise OverflowError(f"printed more than {MOST_PRINTED >> 10} KiB")
    return said.decode(errors="replace")


async def _end(process: asyncio.subprocess.Process) -> None:
    """End a process and all that it started: first asked, then made to."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GRACE):
                await process.wait()
                return


async def _lines(stream: asyncio.StreamReader, note: Callable[[str], None]) -> list[str]:
    """Give the lines of ``stream`` as they come, cleaned of spinners and colours."""
    kept: list[str] = []
    async for raw in stream:
        line = "".join(c for c in raw.decode(errors="replace") if c.isprintable()).strip()
        if line:
            kept.append(line)
            note(line)
    return kept


def run_here(words: Sequence[str], folder: Path, seconds: float, environment: Mapping[str, str]) -> int:
    """Run the command ``words`` in ``folder``, on this terminal; gives its exit code.

    ``environment``: all that it is given. It has nobody to ask: its input is empty.

    Raises subprocess.TimeoutExpired after ``seconds``; the process is killed then.
    """
    return subprocess.run(
        words, cwd=folder, timeout=seconds, check=False, env=environment, stdin=subprocess.DEVNULL
    ).returncode


async def run_in_shell(command: str, environment: Mapping[str, str]) -> int:
    """Run somebody's own command line in a shell, on this terminal; gives its exit code."""
    process = await asyncio.create_subprocess_shell(command, env=environment)
    return await process.wait()
