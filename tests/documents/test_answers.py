"""What commands print with --json is what the schema says, and nothing besides."""

import datetime
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import tasks
from checks.outcome import Outcome
from pipeline.adoption.symptoms import Symptom
from pipeline.commands.history import HistoryOrder, show_history
from pipeline.commands.journal import verify
from pipeline.commands.review import _plain
from pipeline.commands.waivers import show_waivers
from pipeline.config import Config, load
from pipeline.documents.answers import ANSWERS, answered_by, answers_schema
from pipeline.documents.reviews import standing
from pipeline.documents.writing import Sources, every_section
from pipeline.emergency import rollback
from pipeline.fleet.surveying import ProjectAnswer
from pipeline.fleet.variables import VariableFinding
from pipeline.fleet.waves import PlannedWave
from pipeline.record.journal import Journal, plain
from pipeline.record.sqlite import SqliteStore
from pipeline.redact import Redactor
from pipeline.render.fleet import standing_of
from pipeline.render.fleetlooks import monitored
from tests.processes import LONGEST
from tests.render.runs import promoted
from tests.whole.test_process import Checkout, Up, checkout, up

__all__ = ["checkout", "up"]  # fixtures
ROOT = Path(__file__).resolve().parents[2]
SCHEMA = answers_schema()
NOW = datetime.datetime(2026, 11, 3, tzinfo=datetime.UTC)


def misfits(command: str, document: Any) -> list[str]:
    """In what ``document``, as text or as plain values, is not what the schema says of ``command``."""
    schema = {**SCHEMA["properties"][command], "$defs": SCHEMA["$defs"]}
    read = json.loads(document if isinstance(document, str) else json.dumps(document))
    return [f"{error.json_path}: {error.message}" for error in Draft202012Validator(schema).iter_errors(read)]


def fits(command: str, document: Any) -> None:
    assert misfits(command, document) == []


@pytest.fixture
def home(tmp_path: Path) -> Callable[..., list[str]]:
    """A home with two runs; calls a command's function with its configuration, and gives what it prints."""
    loaded = load(ROOT / "deploy.yml")
    config: Config = replace(loaded, file=replace(loaded.file, state=""))
    store = SqliteStore(tmp_path / ".runs/journal.db")
    for told in (
        promoted("r1").tell(60, "run ended", outcome="deployed"),
        promoted("r2").tell(50, "going back", reason="x").tell(60, "run ended", outcome="rolled back", reason="x"),
    ):
        for event in told.events:
            at = datetime.datetime.fromisoformat(event.at)
            journal = Journal(store, event.run, lambda at=at: at, Redactor())  # type: ignore[misc]
            journal.append(event.kind, event.subject, exact=event.body)
    store.close()

    def printed(act: Callable[..., Any], *said: Any, **more: Any) -> list[str]:
        lines: list[str] = []
        act(config, tmp_path, *said, out=lines.append, **more)
        return lines

    return printed


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_every_command_that_prints_json_has_a_schema_and_no_other() -> None:
    commands = {one.name for one in tasks.command_words() if any("--json" in flag for flag, _ in one.options)}
    assert [name for name in sorted(commands) if not answered_by(name)] == []
    known = commands | {name.partition(".")[0] for name in commands} | {"check"}  # which is loaded when it is typed
    assert set(ANSWERS) <= known


def test_the_fleet() -> None:
    parts = [standing_of("shop-de", None, "", datetime.datetime.now(datetime.UTC))]
    fits("fleet.status", parts)
    fits("fleet.deploy", {"order": "o1", "outcome": "ended", "projects": parts})
    waves = [plain(PlannedWave("few", ("shop-de",)))]
    finding = {"gate": "smoke.works", "says": "x", "projects": ["blog"]}
    fits("fleet.check", {"asked": 2, "findings": [finding]})
    fits("fleet.monitor", [monitored(ProjectAnswer("blog", 14, None, "no answer"))])
    variable = plain(VariableFinding("shops", "REGION", "is not set", ("blog",)))
    fits("fleet.env", {"asked": 2, "findings": [variable], "unseen": {"shop": "no answer"}})
    fits("fleet.plan", {"waves": waves, "at_once": 4, "budget": 2, "problems": {"blog": ["no deploy.yml"]}})


@pytest.mark.parametrize("shows", ["", "dora", "gates", "people"])
def test_history(home: Callable[..., list[str]], shows: str) -> None:
    order = HistoryOrder("", "", "", "", "production" if shows == "dora" else "", 0, shows, "json")
    (text,) = home(show_history, order, NOW)
    assert json.loads(text)
    fits("history", text)


def test_the_report_of_each_end() -> None:
    for outcome in Outcome:
        fits("report", plain(promoted().tell(60, "run ended", outcome=outcome.word, reason="x").report))


def test_what_needs_no_target(home: Callable[..., list[str]]) -> None:
    fits("journal.verify", home(verify, as_json=True)[0])
    fits("waivers", home(lambda config, root, out: show_waivers(config, root, "", "", "", out, as_json=True))[0])


def test_a_rollback_that_is_proved_and_one_that_is_not() -> None:
    class Target:
        name = "production"

    said = rollback._stranded(Target, rollback.Stranded("nobody answers", "vercel rollback x"), as_json=True)  # type: ignore[arg-type]
    fits("rollback", said)


def test_the_sections_of_the_runbooks_and_what_the_doctor_finds() -> None:
    config = load(ROOT / "deploy.yml")
    sections = every_section(Sources(config, ROOT, tasks.command_words()))
    stands = standing(sections, (), config.file.runbooks, NOW.date())
    fits("runbooks.review", [_plain(one) for one in stands])
    shown = {"target": "production", "exit_code": 0, "symptoms": []}
    fits("doctor", shown)
    assert Symptom.plain


def test_nothing_besides_is_let_through() -> None:
    (said,) = misfits("report", {**plain(promoted().report), "more": 1})
    assert "Additional properties" in said


ASKED = """
    deploy --from broken-health; report latest; settle; status; history --limit 1; check.source.is-pushed; env.check
    database.plan; diagnose.database; diagnose.auth; monitor.daily; monitor.baseline; incident.status; faults
    logs --since 1h; rollback --target sandbox
"""


@pytest.mark.process
def test_what_is_printed_in_the_sandbox_is_what_the_schema_says(checkout: Checkout, up: Up) -> None:
    fits("sandbox", up.said)
    wrong = []
    for words in map(str.split, re.split("[;\n]", ASKED.strip())):
        started = checkout.start(*words, "--json")
        printed, aside = started.communicate(timeout=LONGEST)
        lines = printed.strip().split("\n")
        assert lines[0], f"{words}: {aside}"
        name = words[0] if words[0] in ANSWERS else words[0].partition(".")[0]
        wrong += [
            f"{name}: {error}" for line in (lines if name == "logs" else [printed]) for error in misfits(name, line)
        ]
    assert not wrong, "\n".join(wrong)
