"""Runs the team's own Prisma command line, for those who want nothing else to touch their schema."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from pipeline.clients.command import Command
from pipeline.errors import Rejected

CODE = re.compile(r"\b(P\d{4})\b")
NAME = "prisma command"


class PrismaCommand:
    """Runs Prisma's command line. ``environment``: what the command gets besides the database's address."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._command = Command(NAME, "database.command", environment)

    async def deploy(self, command: str, folder: Path, url: str, note: Callable[[str], None]) -> None:
        """Run ``prisma migrate deploy`` in ``folder``. Raises Rejected with Prisma's own code, e.g. P3018."""
        words = [*self._command.words(command), "migrate", "deploy"]
        said = await self._command.run(
            words, folder, {"DATABASE_URL": url, "DIRECT_URL": url, "CHECKPOINT_DISABLE": "1"}, note, failure=_failure
        )
        for line in said.splitlines():
            if line.strip():
                note(line.strip())


def _failure(code: int, printed: str, complaints: list[str]) -> Exception:
    lines = [line.strip() for line in [*printed.splitlines(), *complaints] if line.strip()]
    found = next((match[1] for line in lines if (match := CODE.search(line))), "P0000")
    start = next((index for index, line in enumerate(lines) if found in line), max(len(lines) - 6, 0))
    return Rejected(
        "prisma migrate deploy", found, f"(exit {code}) {' / '.join(lines[start : start + 8])[:600]}", status=409
    )
