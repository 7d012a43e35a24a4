"""A clock that moves when somebody sleeps, and a small scripted pipeline for testing the runner alone."""

import asyncio
import datetime
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from checks import healthy
from checks.evidence import (
    ControlHealth,
    Production,
    ProductionBefore,
    ProductionHealth,
    StagedDeployment,
    VercelProject,
)
from checks.gate import Gate
from checks.health import production_is_well
from checks.outcome import Outcome
from checks.policy import HealthPolicy
from checks.release import is_live, is_restored
from pipeline.engine.past import Past
from pipeline.engine.plan import Pipeline, Stage, Step
from pipeline.engine.runner import Runner
from pipeline.errors import Unreachable
from pipeline.record.journal import Event, Journal
from pipeline.record.sqlite import SqliteStore
from pipeline.redact import Redactor
from pipeline.world.world import World


@dataclass
class MovingClock:
    """Time that passes only while somebody sleeps. ``at[120] = …`` happens when 120 seconds have passed."""

    seconds: float = 0.0
    at: dict[float, Callable[[], Any]] = field(default_factory=dict)
    began: datetime.datetime = datetime.datetime(2026, 11, 24, 10, tzinfo=datetime.UTC)

    def now(self) -> datetime.datetime:
        return self.began + datetime.timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        until = self.seconds + max(seconds, 0.001)
        for moment in sorted(self.at):
            if moment <= until:
                self.seconds = max(self.seconds, moment)
                self.at.pop(moment)()
        self.seconds = until
        await asyncio.sleep(0)


class Scripted:
    """What the scripted world does: set attributes to make it misbehave."""

    def __init__(self) -> None:
        self.clock = MovingClock()
        self.serves = "dpl_live"
        self.health = 200
        self.blind = False
        self.promotion: Callable[[], None] | None = None
        self.rollback: Callable[[], None] | None = None
        self.lands = True
        self.hangs = False
        self.control = 200
        self.calls: list[str] = []
        self.progress = lambda line: None


async def production(world: World) -> Production:
    scripted: Any = world
    if scripted.blind:
        raise Unreachable("vercel", "GET /v4/aliases", "no answer")
    return Production(scripted.serves, "https://x", healthy.DOMAIN)


async def production_health(world: World) -> ProductionHealth:
    scripted: Any = world
    well = next(value for value in healthy.EVIDENCE if isinstance(value, ProductionHealth))
    return replace(well, status=scripted.health, deployment="")


async def control_health(world: World) -> ControlHealth:
    scripted: Any = world
    well = next(value for value in healthy.EVIDENCE if isinstance(value, ControlHealth))
    return replace(well, status=scripted.control)


async def vercel_project(world: World) -> VercelProject:
    return VercelProject("prj", True)


async def make(world: World) -> StagedDeployment:
    """Make it.

    Why: x
    By hand: x
    If it fails: x
    """
    world.calls.append("make")  # type: ignore[attr-defined]
    return StagedDeployment(healthy.STAGED, "https://new", healthy.COMMIT)


async def note(world: World, now: Production) -> ProductionBefore:
    """Note it.

    Why: x
    By hand: x
    If it fails: x
    """
    world.calls.append("note")  # type: ignore[attr-defined]
    return ProductionBefore(now.id, now.url, now.domain)


async def move(world: World, staged: StagedDeployment, before: ProductionBefore) -> None:
    """Move it.

    Why: x
    By hand: x
    If it fails: Type this.
    """
    scripted: Any = world
    scripted.calls.append("move")
    if scripted.lands:
        scripted.serves = staged.id
    if scripted.promotion:
        scripted.promotion()
    while scripted.hangs:
        await asyncio.sleep(0.01)


async def move_back(world: World, before: ProductionBefore) -> None:
    """Move it back."""
    scripted: Any = world
    scripted.calls.append("move back")
    if scripted.rollback:
        scripted.rollback()
    scripted.serves = before.id


def stages(*more: Stage) -> Pipeline:
    """make → promote → validate → watch, with patience of seconds."""
    made, noted, moved = Step(make, "x", False), Step(note, "x", False), Step(move, "x", True)
    moved.undone_by(move_back, proved_by=(is_restored,))
    stays = Gate(_stays_well, "x")
    return Pipeline(
        "deploy",
        "x",
        (
            Stage("make", "x", (made,)),
            Stage("promote", "x", (noted, moved), (is_live,), patience=30, every=1),
            Stage("validate", "x", asks=(production_is_well,), patience=20, every=5),
            Stage("watch", "x", asks=(stays,), during=600, patience=120, every=15),
            *more,
        ),
    )


def _stays_well(policy: HealthPolicy, staged: StagedDeployment, seen: ProductionHealth, control: ControlHealth) -> Any:
    """Stays well.

    Why: x
    By hand: x
    If it fails: x
    """
    return production_is_well.judge(policy, staged, seen, control)


PROBES = {
    Production: production,
    ProductionHealth: production_health,
    ControlHealth: control_health,
    VercelProject: vercel_project,
}
_numbers = itertools.count()


def journal_in(folder: Path, clock: MovingClock, run: str = "r1", **more: Any) -> Journal:
    return Journal(SqliteStore(folder / "journal.db"), run, clock.now, Redactor(), **more)


def runner_for(world: Scripted, journal: Journal, pipeline: Pipeline | None = None, past: Past | None = None) -> Runner:
    known = {type(value): value for value in healthy.POLICIES}
    return Runner(pipeline or stages(), world, known, PROBES, journal, past=past)  # type: ignore[arg-type]


def kinds(events: tuple[Event, ...]) -> list[str]:
    return [f"{event.kind} {event.subject}".strip() for event in events]


def played(world: Scripted, folder: Path, pipeline: Pipeline | None = None) -> tuple[Outcome | None, Journal]:
    """Run it to its end."""
    journal = journal_in(folder, world.clock)
    return asyncio.run(runner_for(world, journal, pipeline).run()), journal
