"""What another version of this tool calls otherwise in a home's ``deploy.yml``, and how the new names are written."""

from pathlib import Path

from pipeline.config.renames import OldName, old_names, with_new_names
from pipeline.errors import Mistake


def renamed_in(file: Path) -> tuple[tuple[OldName, ...], str]:
    """The old names in ``file``, and its text with the new ones; both empty for one that cannot be read."""
    try:
        text = file.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError):  # whoever loads it says so
        return (), ""
    names = old_names(text)
    return names, with_new_names(text, names)


def write_new_names(file: Path, names: tuple[OldName, ...], text: str) -> None:
    """Write ``text`` when there are ``names`` in it to write. Raises Mistake when that cannot be done."""
    if any(name.renamed.new for name in names):
        try:
            file.write_bytes(text.encode("utf-8"))
        except OSError as error:
            raise Mistake(f"{file}: cannot be written: {error.strerror}") from error
