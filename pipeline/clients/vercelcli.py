"""Runs Vercel's own command line as a process."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pipeline.clients.command import Command

API = "https://api.vercel.com"
NAME = "vercel command"


class VercelCommand:
    """Runs the ``vercel`` command.

    ``environment`` holds the token, so that it is in no process list. ``api`` is Vercel's REST address.
    """

    def __init__(self, api: str, environment: Mapping[str, str]) -> None:
        self._api, self._command = api.rstrip("/"), Command(NAME, "build.command", environment)

    async def version(self, command: str) -> str:
        """Read the version of the command, three numbers with dots. Raises Unreachable without such a command."""
        said = await self._command.run([*self._command.words(command), "--version"], None, {}, lambda line: None)
        return said.split()[-1] if said.split() else ""

    async def run(
        self,
        command: str,
        arguments: Sequence[str],
        folder: Path,
        ids: Mapping[str, str],
        note: Callable[[str], None],
    ) -> str:
        """Run the command and give its stdout; each line of stderr goes to ``note``.

        Raises Unreachable with the last ones.

        ``ids``: ``VERCEL_ORG_ID`` and ``VERCEL_PROJECT_ID``. The process dies with us.
        """
        elsewhere = [] if self._api == API else ["--api", self._api]
        words = [*self._command.words(command), *arguments, *elsewhere]
        return await self._command.run(words, folder, ids, note)
