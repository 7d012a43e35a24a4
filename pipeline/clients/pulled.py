"""The file of variables that the Vercel CLI pulls for a build: one `NAME="value"` a line, only line breaks escaped."""

import re
from pathlib import Path

from pipeline.errors import BadReleaseError

LINE = re.compile(r'^([A-Za-z_][A-Za-z0-9_]*)="(.*)"$')
STAND_IN = "[SENSITIVE]"
"""What stands there for a value that Vercel gives to nobody."""


def pulled_file(folder: Path, target: str) -> Path:
    """Where the variables of ``target`` (production, preview or development) are, in the folder of the app."""
    return folder / ".vercel" / f".env.{target}.local"


def read_pulled(path: Path) -> dict[str, str]:
    """Read name → value, which must go no further. Raises BadReleaseError when the file cannot be read."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadReleaseError(path.name, f"cannot be read: {type(error).__name__}") from error
    found = (match for match in map(LINE.match, lines) if match)
    return {match[1]: match[2].replace("\\n", "\n").replace("\\r", "\r") for match in found}


def hidden_in(pulled: dict[str, str]) -> tuple[str, ...]:
    """The names whose value is not there, because they are of the sensitive type, in the order of the file."""
    return tuple(name for name, value in pulled.items() if value == STAND_IN)


SECRET_NAME = re.compile(r"SECRET|TOKEN|PASSWORD|PASSWD|CREDENTIAL|PRIVATE|(^|_)KEY($|_)|API_?KEY")
WITH_PASSWORD = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s@]*:[^/\s@]+@", re.IGNORECASE)
PUBLIC = "NEXT_PUBLIC_"
SHORTEST_SECRET = 8  # hiding anything shorter would garble ordinary words


def secret_values(pulled: dict[str, str]) -> tuple[str, ...]:
    """The values that nobody should read in a log, by their names or because they hold a password; each once."""
    found = (
        value
        for name, value in pulled.items()
        if not name.startswith(PUBLIC)
        and value != STAND_IN
        and len(value) >= SHORTEST_SECRET
        and (SECRET_NAME.search(name) or WITH_PASSWORD.match(value))
    )
    return tuple(dict.fromkeys(found))
