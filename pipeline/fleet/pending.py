"""Which migrations the projects of a fleet would apply, and what the gates of migrations say of them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.fleet.judging import FleetFinding, judged
from pipeline.fleet.surveying import ProjectAnswer, ends_of


@dataclass(frozen=True)
class PendingMigration:
    """A migration, by its folder's name, and the projects that have not applied it."""

    name: str
    projects: tuple[str, ...]


@dataclass(frozen=True)
class FleetMigrations:
    """What would be applied. ``findings``: what would stop whom; ``unseen``: project → why it could not be asked."""

    pending: tuple[PendingMigration, ...]
    findings: tuple[FleetFinding, ...]
    unseen: Mapping[str, str]
    asked: int

    @property
    def stops(self) -> bool:
        """Whether anybody would be stopped, or could not be asked."""
        return bool(self.findings or self.unseen)


def migrations_of(answers: Iterable[ProjectAnswer]) -> FleetMigrations:
    """What ``database.plan --json`` has said of each project."""
    answers = tuple(answers)
    names: dict[str, list[str]] = defaultdict(list)
    unseen: dict[str, str] = {}
    ends = ends_of(answers)
    for answer in answers:
        pending = _pending(answer.body)
        if pending is None and answer.project not in ends:
            unseen[answer.project] = "its migrations could not be read"
        elif answer.body is None:
            unseen[answer.project] = answer.says or "gave no answer"
            ends.pop(answer.project, None)
        for name in pending or ():
            names[name].append(answer.project)
    found = tuple(PendingMigration(name, tuple(names[name])) for name in sorted(names))
    return FleetMigrations(found, judged(ends), unseen, len(answers))


def _pending(body: Any) -> tuple[str, ...] | None:
    """The migrations that are pending by an answer; None when it does not say."""
    seen = body.get("seen") if isinstance(body, dict) else None
    if not seen or not isinstance(seen[0], dict):
        return None
    return tuple(map(str, seen[0].get("pending", ())))
