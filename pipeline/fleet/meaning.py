"""What is wrong in ``fleet.yml`` beyond types: names of nothing, two of one kind, numbers that cannot be meant."""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pipeline.clients.repositories import REF, wrong_address
from pipeline.fleet.declared import (
    FleetFile,
    FleetGate,
    FleetGroup,
    FleetProject,
    FleetRepository,
    FleetWave,
    shared_by_group,
)
from pipeline.fleet.permitting import ACTS, wrong_names
from pipeline.fleet.selecting import parsed
from pipeline.fleet.sharing import wrong_sections
from pipeline.fleet.windows import wrong_in

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
"""What a project, a group and a wave may be called: a run's id has to have room for it."""
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
LABEL = re.compile(r"[\w./@-]+")
RESERVED = ("project", "group")
EVERYTHING = "all"
"""All that preflight asks, as ``check.all``."""
PERCENT = re.compile(r"(\d{1,3})%")

Said = tuple[tuple[str | int, ...], str]


def wrong_values(file: FleetFile) -> Iterator[Said]:
    """What the types alone do not tell: the path of a key, and what is wrong with its value."""
    if not file.projects:
        yield ("projects",), "names none"
    if file.name and not NAME.fullmatch(file.name):
        yield ("name",), "a name is 1 to 40 of a-z, 0-9 and -"
    for kind in ("projects", "groups"):
        for name, one in getattr(file, kind).items():
            if not NAME.fullmatch(name):
                yield (kind, name), "a name is 1 to 40 of a-z, 0-9 and -"
            yield from _wrong_words((kind, name), one)
    seen: dict[tuple[str, str], str] = {}
    for name, project in file.projects.items():
        if project.group and project.group not in file.groups:
            yield ("projects", name, "group"), f"there is no group {project.group!r} under `groups`"
        if isinstance(project.home, FleetRepository):
            yield from ((("projects", name, "home", key), says) for key, says in _wrong_repository(project.home))
        place = Path(project.home) if isinstance(project.home, str) else project.home
        where = (str(place), shared_by_group(project, file).target)
        if seen.setdefault(where, name) != name:
            yield ("projects", name, "home"), f"is the home of {seen[where]} already, with the same target"
    yield from _wrong_shares(file)
    for name, group in file.groups.items():
        if group.at_once is not None and group.at_once < 1:
            yield ("groups", name, "at_once"), f"is {group.at_once}; at least 1"
    yield from _wrong_waves(file.waves)
    if file.at_once < 1:
        yield ("at_once",), f"is {file.at_once}; at least 1"
    share = PERCENT.fullmatch(file.budget) if isinstance(file.budget, str) else None
    if isinstance(file.budget, str) and (not share or int(share[1]) > 100):
        yield ("budget",), f"is {file.budget!r}; say a number of projects, or e.g. 5%"
    if isinstance(file.budget, int) and file.budget < 0:
        yield ("budget",), f"is {file.budget}; at least 0"
    if file.workers.heartbeat <= 0 or file.workers.silent < 2 * file.workers.heartbeat:
        yield ("workers", "silent"), "is at least two heartbeats, or a worker that lives counts as dead"


def wrong_people(file: FleetFile, folder: Path) -> Iterator[Said]:
    """Who is named in ``may`` and ``people`` and nobody knows; without any ``may`` the file of the keys is not read."""
    owners = [((), file.may), *((("groups", name), group.may) for name, group in file.groups.items())]
    said: list[tuple[tuple[str, ...], tuple[str, ...] | None]]
    said = [((*path, "may", act), getattr(may, act)) for path, may in owners if may for act in ACTS]
    if not said:
        return
    if not file.name:
        yield ("name",), "is not said, and `may` wants it: all that is signed names this fleet, e.g. `name: shops`"
    for name, group in file.groups.items():
        if group.may and group.may.freeze is not None:
            yield ("groups", name, "may", "freeze"), "a freeze is of the whole fleet: say it in the fleet's own `may`"
    said += [(("people", name), names) for name, names in file.people.items()]
    for path, names in said:
        for number, says in wrong_names(names, file.people if path[0] != "people" else {}, folder / file.signers):
            yield (path if number is None else (*path, number)), says
    if not (folder / file.signers).is_file():
        yield ("signers",), f"there is no {file.signers}: a line of it is all names of a person by commas, then the key"


def _wrong_words(path: tuple[str, str], said: FleetProject | FleetGroup) -> Iterator[Said]:
    for label, value in said.labels.items():
        if label in RESERVED or not LABEL.fullmatch(label) or not LABEL.fullmatch(value):
            yield (*path, "labels", label), "a label is a word and a word, and is not called `project` or `group`"
    for key, says in wrong_in(said.window) if said.window else ():
        yield (*path, "window", key), says
    yield from _wrong_tokens((*path, "tokens"), said.tokens)


def _wrong_tokens(path: tuple[str, ...], tokens: Mapping[str, str]) -> Iterator[tuple[tuple[str, ...], str]]:
    for secret, variable in tokens.items():
        if not VARIABLE.fullmatch(secret) or not VARIABLE.fullmatch(variable):
            yield (*path, secret), "wants the NAME of a variable, never the token itself"


def _wrong_waves(waves: tuple[FleetWave, ...]) -> Iterator[Said]:
    for number, wave in enumerate(waves):
        said = [key for key in ("select", "count", "percent") if getattr(wave, key)]
        if len(said) > 1:
            yield ("waves", number, said[1]), f"says {' and '.join(said)}; one of them"
        if wave.count < 0 or not 0 <= wave.percent <= 100 or wave.pause < 0:
            yield ("waves", number), "has a number that cannot be meant"
        if not NAME.fullmatch(wave.name):
            yield ("waves", number, "name"), "a name is 1 to 40 of a-z, 0-9 and -"
        if wave.name in (one.name for one in waves[:number]):
            yield ("waves", number, "name"), f"there is a wave {wave.name!r} already"
        for key, says in _wrong_gate(wave.gate) if wave.gate else ():
            yield ("waves", number, "gate", *key), says
        try:
            parsed(wave.select)
        except ValueError as error:
            yield ("waves", number, "select"), str(error)


def _wrong_shares(file: FleetFile) -> Iterator[Said]:
    said: list[tuple[tuple[str, ...], Mapping[str, Any]]] = [(("share",), file.share)]
    said += [(("groups", name, "share"), group.share) for name, group in file.groups.items()]
    said += [(("projects", name, "override"), project.override) for name, project in file.projects.items()]
    for within, sections in said:
        yield from (((*within, *path), says) for path, says in wrong_sections(sections))


def _wrong_repository(home: FleetRepository) -> Iterator[tuple[str, str]]:
    """The key below ``home`` of a project, and what is wrong; no address is said: it may hold a secret."""
    if says := wrong_address(home.repository):
        yield "repository", says
    if home.ref and (not REF.fullmatch(home.ref) or ".." in home.ref):
        yield "ref", "is no branch, tag or commit"
    if Path(home.folder).is_absolute() or ".." in Path(home.folder).parts or ".git" in Path(home.folder).parts:
        yield "folder", "is a folder of the repository, e.g. apps/shop"


def _wrong_gate(gate: FleetGate) -> Iterator[tuple[tuple[str, ...], str]]:
    """The key below ``gate`` of a wave, and what is wrong with its value."""
    if bool(gate.check) == bool(gate.command):
        yield (), "says both `check` and `command`; one of them" if gate.check else "says neither `check` nor `command`"
    elif gate.command and not gate.command[0]:
        yield ("command",), "names no program"
    if gate.within <= 0:
        yield ("within",), f"is {gate.within:g}; say e.g. 5m"
    if gate.check:
        yield from ((("check",), says) for says in _unknown(gate.check))
    if gate.check and gate.tokens:
        yield ("tokens",), "is for a command; a check has the tokens of each project"
    yield from _wrong_tokens(("tokens",), gate.tokens)


def _unknown(check: str) -> Iterator[str]:
    """Why ``check`` cannot be asked. A home may have gates of its own, so a whole name of no family of ours may be."""
    from pipeline.definitions.every import GATES  # for files that name one: it loads every gate
    from pipeline.session.askable import given_by_steps

    gates = {gate.name: gate for gate in GATES}
    families = {gate.family for gate in GATES}
    family, dot, _ = check.partition(".")
    if check in gates and (needs := given_by_steps(gates[check])):
        yield f"{check} needs {', '.join(needs)}, which only a run has"
    elif check not in (*gates, EVERYTHING) and (family in families or not dot):
        near = get_close_matches(check, [name for name in gates if not given_by_steps(gates[name])], n=1)
        yield f"there is no gate {check!r}{f'; did you mean {near[0]}?' if near else ''}"
