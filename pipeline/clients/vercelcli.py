"""Vercel's own command line, run as a process."""

import asyncio
import contextlib
import os
import shlex
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pipeline.errors import Unreachable

API = "https://api.vercel.com"
NAME = "vercel command"
PATIENCE = 1800.0  # it has been seen to hang for ever
LONGEST_LINE = 16 << 20
GRACE = 3.0  # seconds that it has to end by itself


class VercelCommand:
    """``environment`` holds the token, so that it is in no process list. ``api`` is Vercel's REST address."""

    def __init__(self, api: str, environment: Mapping[str, str]) -> None:
        self._api, self._environment = api.rstrip("/"), dict(environment)

    async def version(self, command: str) -> str:
        """What ``vercel --version`` says, e.g. ``64.0.2``. Raises Unreachable when there is no such command."""
        said = await self._run([*_words(command), "--version"], None, {}, lambda line: None)
        return said.split()[-1] if said.split() else ""

    async def run(
        self,
        command: str,
        arguments: Sequence[str],
        folder: Path,
        ids: Mapping[str, str],
        note: Callable[[str], None],
    ) -> str:
        """What it prints on stdout; each line of stderr goes to ``note``. Raises Unreachable with the last ones.

        ``ids``: ``VERCEL_ORG_ID`` and ``VERCEL_PROJECT_ID``. The process dies with us.
        """
        elsewhere = [] if self._api == API else ["--api", self._api]
        return await self._run([*_words(command), *arguments, *elsewhere], folder, ids, note)

    async def _run(
        self, words: Sequence[str], folder: Path | None, ids: Mapping[str, str], note: Callable[[str], None]
    ) -> str:
        asked = " ".join(words[:2])
        try:
            process = await asyncio.create_subprocess_exec(
                *words, cwd=folder, env={**self._environment, **ids}, start_new_session=True,
                stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
                limit=LONGEST_LINE,
            )  # fmt: skip
        except OSError as error:
            says = f"cannot be started: {error.strerror}; install it, or set `build.command` in deploy.yml"
            raise Unreachable(NAME, asked, says) from error
        assert process.stdout
        assert process.stderr
        try:
            async with asyncio.timeout(PATIENCE):
                said, complaints = await asyncio.gather(process.stdout.read(), _lines(process.stderr, note))
                code = await process.wait()
        except (TimeoutError, ValueError) as error:
            says = f"has not ended in {PATIENCE / 60:.0f} min" if isinstance(error, TimeoutError) else f"said {error}"
            raise Unreachable(NAME, asked, says) from error
        finally:
            if not process.stdout.at_eof() or process.returncode is None:
                await _end(process)
        if code:
            raise Unreachable(NAME, asked, f"ended with {code}: {' / '.join(complaints[-4:])[-400:]}")
        return said.decode(errors="replace")


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError as error:
        raise Unreachable(NAME, command, f"cannot be read: {error}; change `build.command` in deploy.yml") from error


async def _end(process: asyncio.subprocess.Process) -> None:
    """Stop it and all that it started: first asked, then made to."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GRACE):
                await process.wait()
                return


async def _lines(stream: asyncio.StreamReader, note: Callable[[str], None]) -> list[str]:
    """The lines of ``stream`` as they come, cleaned of spinners and colours."""
    kept: list[str] = []
    async for raw in stream:
        line = "".join(c for c in raw.decode(errors="replace") if c.isprintable()).strip()
        if line:
            kept.append(line)
            note(line)
    return kept
