"""Every command with its words, as data, for the reference."""

from dataclasses import dataclass

from invoke.collection import Collection


@dataclass(frozen=True)
class CommandWords:
    """One command of the command line, in words. ``options``: flag → what it is for."""

    name: str
    does: str
    options: tuple[tuple[str, str], ...]


def commands(namespace: Collection) -> tuple[CommandWords, ...]:
    """All commands of ``namespace``, by name; those of ``check.…`` are left out, because the gates are listed."""
    found = []
    for name in sorted(namespace.task_names):
        if name.partition(".")[0] == "check":
            continue
        task = namespace[name]
        words = dict(task.help)
        arguments = sorted(
            task.get_arguments(), key=lambda argument: (not argument.positional, _flag(argument.names, False))
        )
        task.help = words  # Invoke takes them out as it reads them
        options = tuple((_flag(argument.names, argument.positional), argument.help or "") for argument in arguments)
        found.append(CommandWords(_shown(name), (task.__doc__ or "").strip(), options))
    return tuple(found)


def _shown(name: str) -> str:
    return {"runbooks.write": "runbooks", "diagnose.all": "diagnose"}.get(name, name)


def _flag(names: tuple[str, ...], positional: bool | None) -> str:
    long = next((name for name in names if len(name) > 1), names[0]).replace("_", "-")
    return long.upper() if positional else f"--{long}"
