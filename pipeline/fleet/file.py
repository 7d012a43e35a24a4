"""``fleet.yml``: read as ``deploy.yml`` is, every mistake at once with its line."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from pipeline.config.document import by_line, duplicates, read
from pipeline.config.shapes import said_at
from pipeline.config.validating import as_far_as_it_fits, misfits, said_of
from pipeline.errors import Mistake
from pipeline.fleet.declared import (
    FleetFile,
    FleetGroup,
    FleetProject,
    FleetRepository,
    FleetWave,
    FleetWorkers,
    Share,
    shared_by_group,
)
from pipeline.fleet.meaning import PERCENT, wrong_people, wrong_values

__all__ = [
    "FleetFile",
    "FleetGroup",
    "FleetProject",
    "FleetRepository",
    "FleetWave",
    "FleetWorkers",
    "Share",
    "allowed",
    "labels_of",
    "load_fleet",
    "share_of",
]


def load_fleet(path: Path) -> FleetFile:
    """Read ``path``. Raises Mistake listing every mistake in it, each as ``file:line: key.path: what is wrong``."""
    raw, tree = read(path, "./inv fleet.example writes one to play with; docs/fleet.md explains it", "`projects:`")
    mistakes = list(duplicates(tree, path.name))
    unfit = misfits(FleetFile, raw)[1]
    mistakes += (said_of(one, tree, path.name) for one in unfit)
    file: FleetFile | None = as_far_as_it_fits(FleetFile, raw)
    wrong = (*wrong_values(file), *wrong_people(file, path.parent)) if file else ()
    known = [one.path for one in unfit]
    mistakes += (
        said_at(path.name, tree, where, says)
        for where, says in wrong
        if not any(where[: len(other)] == other for other in known)
    )
    if mistakes or file is None:
        raise Mistake("\n".join(sorted(set(mistakes), key=by_line)))
    projects = {name: shared_by_group(one, file) for name, one in file.projects.items()}
    return dataclasses.replace(file, projects=projects)


def allowed(budget: Share, projects: int) -> int:
    """How many of ``projects`` may end badly; of a percentage above 0 at least one: a noisy project is no trend."""
    found = PERCENT.fullmatch(budget) if isinstance(budget, str) else None
    return max(int(found[1]) * projects // 100, min(int(found[1]), 1)) if found else int(budget)


def share_of(budget: Share) -> float:
    """The share that a budget in percent allows, 0.05 for 5%; 0 for a number."""
    found = PERCENT.fullmatch(budget) if isinstance(budget, str) else None
    return int(found[1]) / 100 if found else 0.0


def labels_of(name: str, project: FleetProject) -> Mapping[str, str]:
    """All that a selection may ask of a project: its labels, its name and its group."""
    return {**project.labels, "project": name, "group": project.group}
