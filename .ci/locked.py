"""Prints what of requirements.lock the core and the extras named need: `python3 .ci/locked.py production,report`.

Standard library only: it runs where nothing is installed. Each entry of the lock says which packages it is there for.
"""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NAME = re.compile(r"[A-Za-z0-9][\w.-]*")
FOR = re.compile(r"^ +#(?: via)? +(\S.*)$", re.M)


def canonical(requirement: str) -> str:
    """The name of a package as the lock spells it: ``PyYAML>=6`` is ``pyyaml``."""
    return re.sub(r"[-_.]+", "-", NAME.match(requirement)[0]).lower()  # type: ignore[index]


def asked_for(project: dict, extras: list[str]) -> set[str]:
    """What the project itself asks for. Raises SystemExit for an extra that it has not."""
    known = project["optional-dependencies"]
    asked = [*project["dependencies"]]
    for extra in extras:
        if extra not in known and extra != "core":
            raise SystemExit(f"extras: {extra}: there are core, {', '.join(known)}")
        asked += known.get(extra, [])
    inner = [
        name for one in asked for found in re.findall(rf"^{project['name']}\[(.*?)\]", one) for name in found.split(",")
    ]
    own = {canonical(one) for one in asked if not one.startswith(f"{project['name']}[")}
    return own | asked_for(project, inner) if inner else own


def needed(lock: str, wanted: set[str]) -> list[str]:
    """The entries of the lock for the packages ``wanted`` and for all that those need."""
    entries = {canonical(entry): entry for entry in re.split(r"^(?=[A-Za-z0-9])", lock, flags=re.M) if entry}
    reasons = {
        name: {canonical(one) for one in FOR.findall(entry) if NAME.match(one)} for name, entry in entries.items()
    }
    found: set[str] = set()
    while more := {name for name in entries if name in wanted or reasons[name] & found} - found:
        found |= more
    return [entries[name] for name in entries if name in found]


if __name__ == "__main__":
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = re.findall(r"[\w-]+", " ".join(sys.argv[1:]))
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    sys.stdout.write("".join(needed(lock, asked_for(project, extras))))
