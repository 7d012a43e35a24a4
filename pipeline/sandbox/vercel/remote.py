"""Builds uploaded source: its own build command is run, and must leave a finished ``.vercel/output``."""

import json
import subprocess
import tempfile
from pathlib import Path

from pipeline.sandbox import children
from pipeline.sandbox.blobs import Blobs
from pipeline.sandbox.vercelstate import FileEntry

OUTPUT = ".vercel/output"
SECONDS = 60


def has_command(files: list[FileEntry], blobs: Blobs) -> bool:
    """Whether a ``package.json`` at the top has a script ``build``."""
    sha = next((file.sha for file in files if file.file == "package.json"), "")
    try:
        return bool(json.loads(blobs.read(sha))["scripts"]["build"])
    except (OSError, ValueError, KeyError, TypeError):
        return False


def built(files: list[FileEntry], blobs: Blobs) -> list[FileEntry]:
    """Run the build and give the files it leaves. Raises ValueError when the command fails."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for file in files:
            path = (folder / file.file).resolve()
            if path.is_relative_to(folder.resolve()) and file.mode & 0o170000 == 0o100000:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(blobs.read(file.sha))
        try:
            done = subprocess.run(
                ["npm", "run", "build"],
                cwd=folder,
                env=children.environment(),
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=False,
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise ValueError(f"the build command did not run: {error}") from error
        if done.returncode:
            raise ValueError(f'Command "npm run build" exited with {done.returncode}: {done.stderr[-500:]}')
        return [_kept(folder, path, blobs) for path in sorted((folder / OUTPUT).rglob("*")) if path.is_file()]


def _kept(folder: Path, path: Path, blobs: Blobs) -> FileEntry:
    content = path.read_bytes()
    return FileEntry(path.relative_to(folder).as_posix(), blobs.put(content), len(content), path.stat().st_mode)
