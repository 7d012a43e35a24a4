"""Every command of the command line, for the reference."""

from collections.abc import Iterable

from pipeline.documents.catalogue import CommandWords
from pipeline.render.markdown import table, upper


def command_section(commands: Iterable[CommandWords]) -> str:
    """One row a command, then its options."""
    listed = tuple(commands)
    rows = [(f"`./inv {one.name}`", one.does) for one in listed]
    text = ["## Commands", "`./inv COMMAND --help` says the same.", table(("command", "does"), rows)]
    for one in listed:
        if one.options:
            options = [(f"`{flag}`", upper(words)) for flag, words in one.options]
            text += [f"### Command: {one.name}", table(("option", "is"), options)]
    return "\n\n".join(text)
