"""What ``fleet.init`` would write: the projects of a Vercel team that have a home, and those that have none yet."""

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.clients.vercelteam import TeamProject
from pipeline.config.document import read
from pipeline.errors import Mistake
from pipeline.fleet.file import FleetFile
from pipeline.home import FILE

DEEPEST = 6
"""Folders below one of ``--homes`` that are looked into."""
USUAL = "sandbox"
"""The target that a command has when ``deploy.yml`` names none."""
PASSED_OVER = frozenset({"node_modules", "dist", "build", "out", "venv"})
LONGEST = 40
HEAD = """\
# The fleet of {team}, as Vercel had it. ./inv fleet.plan shows its waves; docs/fleet.md explains every key.
{named}at_once: 4 # how many projects are under way at the same time
budget: 0 # how many may end badly before nothing more begins; or a share, e.g. 5%
when_spent: keep # or: roll back the wave, roll back all

waves:
  - {{name: canaries, select: canary=yes}} # say labels: {{canary: "yes"}} of those that go first
  - {{name: few, percent: 10}}
  - {{name: rest}}
"""


@dataclass(frozen=True)
class FoundHome:
    """A target of a ``deploy.yml``. ``project``: the name or id that it says; ``usual``: no target need be named."""

    folder: Path
    project: str
    target: str
    usual: bool


@dataclass(frozen=True)
class ProposedProject:
    """A project with its line of ``fleet.yml``. ``name``: what the fleet calls it; ``home`` None: it has none."""

    project: TeamProject
    name: str
    group: str
    home: FoundHome | None = None
    others: tuple[FoundHome, ...] = ()
    """Homes that say the same project, and were not taken."""

    def line(self, root: Path) -> str:
        """Its line below ``projects:``; a comment when it has no home."""
        said = [f"group: {self.group}"] if self.group else []
        if self.project.repository:
            said.append(f"labels: {{repository: {_quoted(self.project.repository)}}}")
        if self.home is None:
            return f"  # {self.name}: {{{', '.join(['home: ?', *said])}}} # {_whence(self.project)}"
        target = [] if self.home.usual else [f"target: {self.home.target}"]
        home = Path(os.path.relpath(self.home.folder, root)).as_posix()
        return f"  {self.name}: {{{', '.join([f'home: {_quoted(home)}', *said, *target])}}}"


def found_homes(folders: Iterable[Path]) -> tuple[tuple[FoundHome, ...], tuple[str, ...]]:
    """Every target with a project of each ``deploy.yml`` below ``folders``, and what could not be read.

    Raises Mistake for a folder that is not there.
    """
    homes: dict[tuple[Path, str], FoundHome] = {}
    wrong: dict[Path, str] = {}
    for folder in folders:
        if not folder.is_dir():
            raise Mistake(f"--homes {folder}: there is no such folder")
        for file in _deploy_files(folder.resolve()):
            try:
                found = tuple(_targets_of(file))
            except Mistake as mistake:
                wrong[file] = f"{file.parent}: {str(mistake).splitlines()[0]}"
                continue
            homes |= {(one.folder, one.target): one for one in found}
    return tuple(homes.values()), tuple(wrong.values())


def _deploy_files(folder: Path) -> Iterator[Path]:
    for here, below, files in os.walk(folder):
        deep = len(Path(here).relative_to(folder).parts)
        wanted = [one for one in below if not one.startswith(".") and one not in PASSED_OVER]
        below[:] = sorted(wanted) if deep < DEEPEST else []
        if FILE in files:
            yield Path(here) / FILE


def _targets_of(file: Path) -> Iterator[FoundHome]:
    raw, _ = read(file, "", "`targets:`")
    targets = raw.get("targets")
    for name, said in targets.items() if isinstance(targets, dict) else ():
        if isinstance(said, dict) and said.get("project") and said.get("kind") != "preview":
            usual = raw.get("target", USUAL) == name
            yield FoundHome(file.parent, str(said["project"]), str(name), usual)


def proposed(projects: Iterable[TeamProject], homes: Iterable[FoundHome], team: str) -> tuple[ProposedProject, ...]:
    """Each project with its name, group and home. A repository of several projects is a group; the rest is the team's.

    Of several homes of a project the one with a target ``production`` counts, else the first.
    """
    projects, homes = tuple(projects), sorted(homes, key=lambda one: (one.target != "production", one.folder))
    shared = Counter(one.repository for one in projects if one.repository)
    names = _unique({one.id: one.name for one in projects}, "project")
    groups = _unique({one: one.partition("/")[2] for one, many in shared.items() if many > 1}, "group", [slug(team)])
    found = []
    for one in projects:
        its = tuple(home for home in homes if home.project in (one.id, one.name))
        group = groups.get(one.repository, slug(team))
        found.append(ProposedProject(one, names[one.id], group, its[0] if its else None, its[1:]))
    return tuple(found)


def fleet_yml(found: Iterable[ProposedProject], root: Path, team: str) -> str:
    """The whole of a new ``fleet.yml`` in ``root``; those without a home stand in it as comments."""
    found = tuple(found)
    groups = sorted({one.group for one in found if one.home and one.group})
    named = f"name: {_quoted(slug(team))} # no other fleet with the same keys may have it\n" if slug(team) else ""
    lines = [HEAD.format(team=" ".join(team.split()) or "the account", named=named)]
    if groups:
        lines += ["groups: # what its projects share; tokens: {SECRET: NAME_OF_YOUR_VARIABLE} says whose secrets"]
        lines += [*(f"  {group}: {{}}" for group in groups), ""]
    lines += ["projects:", *(one.line(root) for one in found)]
    return "\n".join(lines) + "\n"


def missing(found: Iterable[ProposedProject], file: FleetFile, root: Path) -> tuple[ProposedProject, ...]:
    """The projects with a home that ``file`` does not have: neither that home and target, nor a target of theirs."""
    folders = ((one.home, one.target) for one in file.projects.values())
    there = {
        (Path(os.path.normpath(root / home)).resolve(), target) for home, target in folders if isinstance(home, str)
    }
    taken = set(file.projects)
    new = []
    for one in found:
        if one.home is None or any(_is_there(home, there) for home in (one.home, *one.others)):
            continue
        name = next(name for name in _names(one.name) if name not in taken)
        taken.add(name)
        group = one.group if one.group in file.groups else ""
        new.append(ProposedProject(one.project, name, group, one.home, one.others))
    return tuple(new)


def _is_there(home: FoundHome, there: set[tuple[Path, str]]) -> bool:
    return (home.folder, home.target) in there or (home.usual and (home.folder, "") in there)


def slug(text: str) -> str:
    """``text`` as a name that ``fleet.yml`` takes; empty when nothing is left of it."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:LONGEST].strip("-")


def _unique(texts: Mapping[str, str], otherwise: str, taken: Iterable[str] = ()) -> dict[str, str]:
    """Key → a name of its own, as like its text as can be."""
    used, found = set(taken), dict[str, str]()
    for key, text in texts.items():
        found[key] = next(name for name in _names(slug(text) or otherwise) if name not in used)
        used.add(found[key])
    return found


def _names(name: str) -> Iterator[str]:
    yield name
    number = 2
    while True:
        ending = f"-{number}"
        yield name[: LONGEST - len(ending)] + ending
        number += 1


def _whence(project: TeamProject) -> str:
    """Where a home for the project would be made, as a comment: others' words on one line."""
    where = " ".join(f"{project.repository} {project.folder}".split())
    return f"no home: ./inv init in {where}" if where else "no home, and Vercel knows no repository of it"


def _quoted(text: str) -> str:
    """A YAML scalar for a path or a name that others chose."""
    if re.fullmatch(r"[A-Za-z_.][\w./@-]*", text) and text.lower() not in ("yes", "no", "on", "off", "true", "null"):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
