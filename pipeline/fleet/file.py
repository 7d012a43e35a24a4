"""``fleet.yml``: read as ``deploy.yml`` is, every mistake at once with its line."""

import dataclasses
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from checks.policy import Policy
from pipeline.config import validated
from pipeline.config.document import by_line, duplicates, read
from pipeline.config.shapes import said_at
from pipeline.errors import Mistake
from pipeline.fleet.permitting import ACTS, FleetMay, wrong_names
from pipeline.fleet.selecting import parsed
from pipeline.fleet.windows import FleetWindow, wrong_in

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
"""What a project, a group and a wave may be called: a run's id has to have room for it."""
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
LABEL = re.compile(r"[\w./@-]+")
RESERVED = ("project", "group")
PERCENT = re.compile(r"(\d{1,3})%")
Share = int | str


@dataclass(frozen=True)
class FleetGroup(Policy):
    """What the projects of a group share; a project's own word counts more."""

    target: str = ""
    """The target of each project's `deploy.yml`; empty: its default one."""
    labels: dict[str, str] = field(default_factory=dict)
    """What `--select` and waves choose by."""
    tokens: dict[str, str] = field(default_factory=dict)
    """Secret of the projects → the NAME of the worker's variable that holds it."""
    window: FleetWindow | None = None
    """When its projects may be begun; none: always."""
    may: FleetMay | None = None
    """Who may give orders for its projects; what it does not say, the fleet's `may` does."""


@dataclass(frozen=True)
class FleetProject(Policy):
    """One project: a home of its own."""

    home: str
    """The folder with its `deploy.yml`, from this file's."""
    group: str = ""
    """The group whose settings it shares."""
    target: str = ""
    """The target of its `deploy.yml`; empty: the group's, else the default one."""
    ships: str = ""
    """What `--from` of `deploy` says: the folder with the build, from its home; empty: the usual one."""
    labels: dict[str, str] = field(default_factory=dict)
    """What `--select` and waves choose by."""
    tokens: dict[str, str] = field(default_factory=dict)
    """Secret of the project → the NAME of the worker's variable that holds it."""
    window: FleetWindow | None = None
    """When it may be begun; none: always."""


@dataclass(frozen=True)
class FleetWave(Policy):
    """A wave: `select`, or `count`, or `percent` of what no earlier wave has; without any of them, all the rest."""

    name: str
    """What it is called."""
    select: str = ""
    """e.g. `canary=yes`, `group=shops`, `country=de,tier=1`."""
    count: int = 0
    """How many projects."""
    percent: float = 0
    """How many percent of all that the order is for, rounded up."""
    pause: float = 0
    """How long nothing begins before this wave, e.g. `10m`, counted from the end of the one before."""
    approval: bool = False
    """Whether somebody has to agree before it begins: the order ends, and is resumed with a name."""


@dataclass(frozen=True)
class FleetWorkers(Policy):
    """How the queue knows that a worker is dead."""

    heartbeat: float = 5
    """How often a worker says that it lives."""
    silent: float = 15
    """A worker that has said nothing for so long is dead: another one takes up its jobs."""
    grace: float = 30
    """How long a worker that is told to end waits for what is under way, before it hands that over to another one."""


@dataclass(frozen=True)
class FleetFile(Policy):
    """The whole of ``fleet.yml``."""

    projects: dict[str, FleetProject]
    """Name → the project."""
    groups: dict[str, FleetGroup] = field(default_factory=dict)
    """Name → what its projects share."""
    waves: tuple[FleetWave, ...] = ()
    """In this order; what none of them has is a last wave, `rest`. None at all: everything is one wave."""
    at_once: int = 4
    """How many projects are under way at the same time, in all."""
    budget: Share = 0
    """How many projects may end badly, or `5%` of them (at least one), before nothing more begins. A percentage is
    also what each wave is judged by: more failures in it than that share gives by chance spend the budget, too."""
    when_spent: Literal["keep", "roll back the wave", "roll back all"] = "keep"
    """What happens then to those that the order has moved and that are well."""
    may: FleetMay | None = None
    """Who may give which order; none: anybody may. With it every order is signed with an SSH key."""
    people: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Group of people → their names; `may` takes both."""
    signers: str = "runbooks/reviews/allowed_signers"
    """The file with the public keys of those who may sign, from this one, as `ssh-keygen` has it."""
    own_waves: bool = False
    """Whether who gave an order may agree to its waves himself."""
    lock_wait: float = 300
    """How long a project waits for somebody else's lock."""
    workers: FleetWorkers = field(default_factory=FleetWorkers)
    """How the queue knows that a worker is dead."""
    state: str = ""
    """Where orders and the queue are: the NAME of a variable with a Postgres URL, which all workers share. Empty: this
    folder's `.runs/` and a Postgres of this machine's own."""
    unencrypted: tuple[str, ...] = ()
    """Hosts off this machine that may be spoken to without encryption."""


def load_fleet(path: Path) -> FleetFile:
    """Read ``path``. Raises Mistake listing every mistake in it, each as ``file:line: key.path: what is wrong``."""
    raw, tree = read(path, "./inv fleet.example writes one to play with; docs/fleet.md explains it", "`projects:`")
    mistakes = list(duplicates(tree, path.name))
    file: FleetFile | None = validated(FleetFile, raw, tree, path.name, mistakes)
    wrong = (*_wrong(file), *_wrong_people(file, path.parent)) if file else ()
    mistakes += (said_at(path.name, tree, where, says) for where, says in wrong)
    if mistakes or file is None:
        raise Mistake("\n".join(sorted(set(mistakes), key=by_line)))
    return dataclasses.replace(file, projects={name: _shared(one, file) for name, one in file.projects.items()})


def allowed(budget: Share, projects: int) -> int:
    """How many of ``projects`` may end badly; of a percentage above 0 at least one: a noisy project is no trend."""
    found = PERCENT.fullmatch(budget) if isinstance(budget, str) else None
    return max(int(found[1]) * projects // 100, min(int(found[1]), 1)) if found else int(budget)


def share_of(budget: Share) -> float:
    """The share that a budget in percent allows, 0.05 for 5%; 0 for a number."""
    found = PERCENT.fullmatch(budget) if isinstance(budget, str) else None
    return int(found[1]) / 100 if found else 0.0


def _shared(project: FleetProject, file: FleetFile) -> FleetProject:
    """The project with what its group says of it."""
    group = file.groups.get(project.group, FleetGroup())
    return dataclasses.replace(
        project,
        target=project.target or group.target,
        labels={**group.labels, **project.labels},
        tokens={**group.tokens, **project.tokens},
        window=project.window or group.window,
    )


Said = tuple[tuple[str | int, ...], str]


def _wrong(file: FleetFile) -> Iterator[Said]:
    """What the types alone do not tell: the path of a key, and what is wrong with its value."""
    if not file.projects:
        yield ("projects",), "names none"
    for kind in ("projects", "groups"):
        for name, one in getattr(file, kind).items():
            if not NAME.fullmatch(name):
                yield (kind, name), "a name is 1 to 40 of a-z, 0-9 and -"
            yield from _wrong_words((kind, name), one)
    seen: dict[tuple[str, str], str] = {}
    for name, project in file.projects.items():
        if project.group and project.group not in file.groups:
            yield ("projects", name, "group"), f"there is no group {project.group!r} under `groups`"
        where = (str(Path(project.home)), _shared(project, file).target)
        if seen.setdefault(where, name) != name:
            yield ("projects", name, "home"), f"is the home of {seen[where]} already, with the same target"
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


def _wrong_people(file: FleetFile, folder: Path) -> Iterator[Said]:
    """Who is named in ``may`` and ``people`` and nobody knows; without any ``may`` the file of the keys is not read."""
    owners = [((), file.may), *((("groups", name), group.may) for name, group in file.groups.items())]
    said: list[tuple[tuple[str, ...], tuple[str, ...] | None]]
    said = [((*path, "may", act), getattr(may, act)) for path, may in owners if may for act in ACTS]
    if not said:
        return
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
    for secret, variable in said.tokens.items():
        if not VARIABLE.fullmatch(secret) or not VARIABLE.fullmatch(variable):
            yield (*path, "tokens", secret), "wants the NAME of a variable, never the token itself"


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
        try:
            parsed(wave.select)
        except ValueError as error:
            yield ("waves", number, "select"), str(error)


def labels_of(name: str, project: FleetProject) -> Mapping[str, str]:
    """All that a selection may ask of a project: its labels, its name and its group."""
    return {**project.labels, "project": name, "group": project.group}
