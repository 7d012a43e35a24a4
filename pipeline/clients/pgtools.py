"""Runs Postgres' own pg_dump and pg_restore as processes."""

import os
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.clients.address import Address, environment
from pipeline.clients.command import Command
from pipeline.clients.emptying import to_empty, to_fill
from pipeline.clients.postgres import Postgres
from pipeline.errors import Unreachable

PATIENCE = 3600.0
LOCKS = 30  # seconds that a restore waits for a lock before it gives up
VERSION = re.compile(r"(\d+)(?:\.\d+)*")


@dataclass(frozen=True)
class Tools:
    """The folder that pg_dump, pg_restore and psql are in, and their major version."""

    folder: Path
    version: int


class PostgresTools:
    """Finds and runs Postgres' tools, in ``folders`` besides the PATH.

    The password goes by the environment: it is in no process list.
    """

    def __init__(self, folders: Sequence[Path] = ()) -> None:
        self._folders = tuple(folders)

    async def find(self, server: int) -> Tools:
        """Find the tools of the newest version; pg_dump must not be older than the server. Raises Unreachable."""
        found = [tools for folder in self._places() if (tools := await self._tools(folder))]
        best = max(found, key=lambda one: one.version, default=None)
        if best is None:
            raise Unreachable(
                "pg_dump", "--version", f"is not installed; install the client tools of Postgres {server}"
            )
        if best.version < server:
            says = f"is {best.version} and refuses the newer server {server}; install the tools of Postgres {server}"
            raise Unreachable("pg_dump", "--version", says)
        return best

    async def dump(self, tools: Tools, address: Address, to: Path, *, schema_only: bool = False) -> None:
        """Write a dump in pg_restore's own format to ``to``, readable by its owner only. Not there when it failed."""
        to.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        part = to.with_name(to.name + ".part")
        os.close(os.open(part, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600))
        only = ["--schema-only"] if schema_only else []
        try:
            await self._run(tools, "pg_dump", ["--format=custom", *only, f"--file={part}", address.database], address)
            part.replace(to)
        finally:
            part.unlink(missing_ok=True)

    async def restore(self, tools: Tools, dump: Path, address: Address) -> None:
        """Fill the empty database at ``address`` from the dump ``dump``."""
        words = ["--no-owner", "--no-privileges", "--exit-on-error", f"--dbname={address.database}", str(dump)]
        await self._run(tools, "pg_restore", words, address)

    async def replace(self, tools: Tools, dump: Path, database: Postgres) -> None:
        """Put the dump in the place of all that the database has, in one transaction: all of it, or nothing.

        Owners and privileges are the dump's. Raises Unreachable; then the database is what it was.
        """
        statements, stay = await to_empty(database)
        listed = await self._said([str(tools.folder / "pg_restore"), "--list", str(dump)], {})
        with tempfile.TemporaryDirectory() as folder:  # of this user only
            wipe, contents, script = Path(folder) / "wipe.sql", Path(folder) / "contents", Path(folder) / "fill.sql"
            wipe.write_text(";\n".join([f"set lock_timeout = '{LOCKS}s'", *statements, "reset lock_timeout"]) + ";\n")
            contents.write_text(to_fill(listed, stay))
            words = [f"--use-list={contents}", f"--file={script}", str(dump)]
            await self._said([str(tools.folder / "pg_restore"), *words], {})
            words = ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--single-transaction", "--output=/dev/null"]
            files = [f"--file={wipe}", f"--file={script}", f"--dbname={database.address.database}"]
            await self._run(tools, "psql", [*words, *files], database.address)

    async def entries(self, tools: Tools, dump: str) -> int:
        """Count the objects that a dump holds, by its table of contents."""
        said = await self._said([str(tools.folder / "pg_restore"), "--list", dump], {})
        return sum(1 for line in said.splitlines() if line and not line.startswith(";"))

    def _places(self) -> tuple[Path, ...]:
        on_path = shutil.which("pg_dump")
        debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
        return (*([Path(on_path).parent] if on_path else []), *debian, *self._folders)

    async def _tools(self, folder: Path) -> Tools | None:
        try:
            said = await self._said([str(folder / "pg_dump"), "--version"], {})
        except Unreachable:
            return None
        found = VERSION.search(said)
        return Tools(folder, int(found[1])) if found else None

    async def _run(self, tools: Tools, name: str, words: Sequence[str], address: Address) -> None:
        await self._said([str(tools.folder / name), "--no-password", *words], environment(address))

    async def _said(self, words: Sequence[str], more: Mapping[str, str]) -> str:
        name = Path(words[0]).name
        command = Command(name, "", {"PATH": os.defpath, "LC_ALL": "C"}, PATIENCE)

        def failure(code: int, printed: str, complaints: list[str]) -> Exception:
            return Unreachable(name, "run", f"ended with {code}: {' / '.join(complaints[:3])[:300]}")

        return await command.run(words, None, more, lambda line: None, failure=failure)
