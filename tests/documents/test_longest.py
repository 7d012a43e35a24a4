"""Every command has a longest time, which the reference states, and which holds when no vendor answers."""

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import tasks
from checks import healthy
from checks.evidence import Production, ProductionBefore
from checks.release import is_restored
from pipeline.clients import exchange
from pipeline.clients.base import Service
from pipeline.clock import SystemClock
from pipeline.commands.check import asked
from pipeline.config import load
from pipeline.definitions.checklists import CHECKLISTS
from pipeline.definitions.deploy import DEPLOY
from pipeline.definitions.diagnoses import DIAGNOSES
from pipeline.definitions.every import EVERY
from pipeline.documents.longest import longest, request
from pipeline.emergency import domain, memory
from pipeline.emergency import steps as emergency
from pipeline.emergency.access import RollbackOrder
from pipeline.emergency.rollback import rollback_now
from pipeline.engine import readings, runner
from pipeline.engine.runner import Runner
from pipeline.engine.stop import Stop
from pipeline.errors import PipelineError
from pipeline.record import bounded
from pipeline.record.history import Wanted
from pipeline.record.journal import Journal
from pipeline.record.sqlite import SqliteStore
from pipeline.redact import Redactor
from pipeline.sandbox.beside import Beside
from pipeline.sandbox.postgres import Database
from pipeline.sandbox.sandbox import Sandbox
from pipeline.session import asking, status
from pipeline.session.asking import ask
from pipeline.session.limits import LIMITS, UNTIL_CTRL_C, limit_of
from pipeline.session.runs import current_status, past_runs
from pipeline.session.session import Order, Session
from pipeline.signals import restored
from pipeline.steps import alert, promotion
from pipeline.world.sandbox import sandbox_settings
from tests.processes import slowness
from tests.stage import ROOT

NAMES = ("check", *(command.name for command in tasks.command_words()))
REFERENCE = (ROOT / "runbooks/reference.md").read_text(encoding="utf-8")
SHORT = (
    (exchange, "DEADLINE", 2.0), (bounded, "DEADLINE", 1.05), (readings, "READING", 3.0),
    (asking, "GLANCE", 1.0), (status, "LOOKING", 3.0), (status, "DEADLINE", 2.0),
    (alert, "WHOLE", 2.0), (runner, "PROOF_PATIENCE", 2.0), (runner, "REFUSED_PATIENCE", 1.0),
    (promotion, "LANDING", 1.0), (promotion, "LANDED", 2.0), (promotion, "GLANCE", 0.5),
    (emergency, "LOOKED", 2.5), (emergency, "PATIENCE", 3.0), (emergency, "REFUSED_PATIENCE", 0.5),
    (emergency, "GLANCE", 0.5), (memory, "PATIENCE", 0.5),
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_the_reference_says_of_every_command_how_long_it_takes_at_most(name: str) -> None:
    bound = longest([name], DEPLOY)[name]
    assert bound.made_of
    row = next(line for line in REFERENCE.splitlines() if line.startswith(f"| {name} |") and bound.made_of[1:] in line)
    assert ("minute" in row or "second" in row or "hour" in row or "day" in row) == bool(bound.seconds)
    assert bool(bound.seconds) == (name not in {"sandbox", "dashboard", "follow", "fleet.worker", "fleet.dashboard"})


def test_a_command_of_which_nothing_is_known_is_an_error() -> None:
    with pytest.raises(KeyError):
        longest(["fly"], DEPLOY)


@pytest.mark.parametrize("named", [*LIMITS, *UNTIL_CTRL_C])
def test_each_limit_is_of_a_command_that_there_is(named: str) -> None:
    assert [name for name in NAMES if name == named or name.startswith(named[:-1] + ".")]


@pytest.mark.parametrize("name", NAMES)
def test_what_has_no_bounds_to_add_up_is_stopped(name: str) -> None:
    bound = longest([name], DEPLOY)[name]
    assert limit_of(name) in (None, bound.seconds)


def test_only_the_weekly_checklist_acts_as_its_bound_says() -> None:
    acting = {one.name: step.name for one in (*CHECKLISTS.values(), *DIAGNOSES.values()) for step in one.steps}
    assert acting == {CHECKLISTS["weekly"].name: "fire-test-alert"}


def test_the_bounds_are_added_up_and_not_typed_in(monkeypatch: pytest.MonkeyPatch) -> None:
    before = longest(NAMES, DEPLOY)
    monkeypatch.setattr(readings, "READING", readings.READING + 7)
    after = longest(NAMES, DEPLOY)
    assert after["monitor.daily"].seconds == before["monitor.daily"].seconds + 7
    assert after["check"].seconds == before["check"].seconds + 7
    assert after["history"].seconds == before["history"].seconds
    slower = DEPLOY.at_pace({"build": {"acts": 7200}, "smoke": {"acts": 1}})  # smoke has no step that it could cut off
    assert longest(["deploy"], slower)["deploy"].seconds == after["deploy"].seconds + 3600
    rolled = next(pipeline for pipeline in EVERY if pipeline.name == "rolling deploy")
    assert longest(["deploy"], rolled)["deploy"].seconds > before["deploy"].seconds


@pytest.fixture
def session(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Session, Beside]]:
    """A sandbox on real ports and a target in it; every bound is short, and the sums are as short."""
    for module, name, seconds in SHORT:
        monkeypatch.setattr(module, name, seconds)
    monkeypatch.setattr(Service, "within", 2.0)
    config = load(ROOT / "deploy.yml")
    home = tmp_path / "sandbox"
    with Beside(Sandbox(home, Database(database_url), remembers=False), home) as beside:
        settings = sandbox_settings("sandbox", beside.sandbox.description(), config.policies["sandbox"].by_type())
        journal = SqliteStore(tmp_path / ".runs/journal.db")
        redactor = Redactor(settings.hidden)
        yield Session(settings, DEPLOY, journal, redactor, SystemClock(), config, tmp_path), beside


def go_back(session: Session) -> None:
    """What settles a run that was cut off after it had promoted: both of its undos."""

    async def go() -> None:
        async with session.world("r1") as world:
            journal = Journal(session.store, "r1", session.clock.now, session.redactor)
            one = Runner(DEPLOY, world, session.settings.policies, asking.READERS, journal)
            known = healthy.healthy("release.is-restored")
            for step in DEPLOY.steps:
                if step.undo:
                    one.past.begin(
                        step, tuple(session.settings.policies.get(kind) or known[kind] for kind in step.inputs)
                    )
            await one.go_back(Stop("cut off", cut=True))

    asyncio.run(go())


COMMANDS: dict[str, Callable[[Session], object]] = {
    "status": current_status,
    "history": lambda session: past_runs(session.config, session.root, Wanted(limit=10)),
    "monitor.daily": lambda session: ask(session, (CHECKLISTS["daily"],), "daily"),
    "monitor.weekly": lambda session: ask(session, (CHECKLISTS["weekly"],), "weekly"),
    "diagnose": lambda session: ask(session, tuple(DIAGNOSES.values()), "diagnose-all"),
    "check": lambda session: asyncio.run(
        asked(session, Order(commit="c" * 40, source=str(session.root / "app")), session.root, DEPLOY.stages[0].asks)
    ),
    "settle": go_back,
}


@pytest.mark.parametrize("fault", ["never", "trickle"])
@pytest.mark.parametrize("name", COMMANDS)
def test_with_no_vendor_answering_a_command_ends_within_its_longest_time(
    session: tuple[Session, Beside], name: str, fault: str
) -> None:
    opened, beside = session
    built, _ = beside.change(lambda sandbox: sandbox.release("good"))
    beside.change(lambda sandbox: sandbox.inject(f"all {fault}"))
    if name == "check":  # of a folder that somebody has built
        (opened.root / "app").symlink_to(built)
        opened = dataclasses.replace(opened, settings=dataclasses.replace(opened.settings, control=""))
    began = time.monotonic()
    with contextlib.suppress(PipelineError):
        COMMANDS[name](opened)
    took = time.monotonic() - began
    assert took < longest([name], DEPLOY)[name].seconds + slowness()
    if name != "history":
        assert took > 0.5, "it has asked, and waited"


SILENT = {
    "nothing is answered": "all {fault}",
    "Vercel does not answer": "vercel {fault}",
    "the request alone is not answered": "vercel {fault} POST */rollback/*",
    "the site alone is not answered": "app {fault}",
}


@pytest.mark.parametrize("fault", ["never", "trickle"])
@pytest.mark.parametrize("what", SILENT)
def test_a_rollback_ends_within_its_longest_time_and_says_what_to_do_by_hand(
    session: tuple[Session, Beside], what: str, fault: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    opened, beside = session
    at, said = opened.settings, list[tuple[float, str]]()
    monkeypatch.setattr(domain, "ASKED", 0.5)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VERCEL_TOKEN", at.secrets["VERCEL_TOKEN"])
    beside.change(lambda sandbox: sandbox.inject(SILENT[what].format(fault=fault)))
    order = RollbackOrder(project=at.project, team=at.team, domain=at.domain, api=at.services.vercel)
    began = time.monotonic()
    with restored():
        code = rollback_now(order, tmp_path, Path("deploy.yml"), lambda text: said.append((time.monotonic(), text)))
    took = time.monotonic() - began
    assert 0.5 < took < longest(["rollback"], DEPLOY)["rollback"].seconds + slowness()
    if "site" in what and fault == "trickle":  # its status line counts, and Vercel says where it points
        assert code == 0
        return
    assert code == 4
    first = next(at for at, text in said if "by hand" in text.lower())
    if "site" not in what:  # Vercel has taken it then, and the site is asked as long as there is patience
        assert first - began < emergency.LOOKED + slowness()


def test_a_reading_that_does_not_end_is_one_that_could_not_be_taken(session: tuple[Session, Beside]) -> None:
    opened, _ = session
    known = {ProductionBefore: healthy.healthy(is_restored.name)[ProductionBefore]}

    async def go() -> Any:
        async def production(world: object) -> Any:
            await asyncio.sleep(3600)

        async with opened.world("r1") as world, readings.Round(world, known, {Production: production}) as look:
            return await look.ask(is_restored)

    findings, lasting = asyncio.run(go())
    assert "did not end within 3 s" in findings[0].says
    assert not lasting
    assert request() > 0
