"""What commands print with --json is what the schema says, and nothing besides."""

import datetime
import json
import os
import re
import shlex
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import tasks
from checks.evidence import Journey
from checks.gate import block
from checks.outcome import Outcome
from checks.schemaback import SchemaBack
from pipeline.adoption.symptoms import Symptom
from pipeline.cli.output import only_ours
from pipeline.clients.prebuilt import OUTPUT
from pipeline.clients.vercelshapes import Deployment
from pipeline.commands import journal as commands_of_the_journal
from pipeline.commands.build import Built, facts
from pipeline.commands.history import HistoryOrder, show_history
from pipeline.commands.incident import Said, open_incident, resolve_incident
from pipeline.commands.incidentreview import review_incident
from pipeline.commands.journal import export, let_go, take_in, verify
from pipeline.commands.plan import plain_plan_of
from pipeline.commands.review import _plain
from pipeline.commands.waivers import show_waivers
from pipeline.config import Config, load
from pipeline.documents.answers import ANSWERS, SAYS_NO_FACTS, answered_by, answers_schema
from pipeline.documents.reviews import standing
from pipeline.documents.writing import Sources, every_section
from pipeline.emergency import rollback, schema
from pipeline.fleet.estimating import estimated
from pipeline.fleet.file import FleetFile, FleetProject
from pipeline.fleet.order import OrderAction, OrderPlan
from pipeline.fleet.sharing import SaidKey
from pipeline.fleet.surveying import ProjectAnswer
from pipeline.fleet.variables import VariableFinding
from pipeline.fleet.waves import PlannedWave
from pipeline.probes.load import Load, Second
from pipeline.record.journal import Journal, plain
from pipeline.record.sqlite import SqliteStore
from pipeline.redact import Redactor
from pipeline.render.fleet import standing_of
from pipeline.render.fleetlooks import monitored
from pipeline.render.fleetplan import plan_values
from pipeline.render.merging import plain_remark
from pipeline.session.merging import Remark
from pipeline.session.runs import lock_by_hand, release_lock
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
    config: Config = replace(loaded, file=replace(loaded.file, state=""), unfilled={})
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
    known = (
        commands | {name.partition(".")[0] for name in commands} | {"check", "check.pull-request"}
    )  # loaded when it is typed
    assert set(ANSWERS) <= known


def test_every_command_prints_json_or_it_is_said_why_not() -> None:
    words = tasks.command_words()
    without = {one.name for one in words if not any("--json" in flag for flag, _ in one.options)}
    assert [name for name in sorted(without) if not {name, name.partition(".")[0]} & set(SAYS_NO_FACTS)] == []
    assert [name for name in SAYS_NO_FACTS if not any(name in (one, one.partition(".")[0]) for one in without)] == []
    assert all(SAYS_NO_FACTS.values())


def test_the_fleet() -> None:
    parts = [standing_of("shop-de", None, "", datetime.datetime.now(datetime.UTC))]
    fits("fleet.status", parts)
    fits("fleet.deploy", {"order": "o1", "outcome": "ended", "projects": parts})
    plan = OrderPlan("o1", OrderAction.DEPLOY, (PlannedWave("few", ("shop-de",), gate="check.health"),), 4, 2)
    estimate = estimated(
        FleetFile({"shop-de": FleetProject("shops")}), plan, {}, {}, {}, datetime.datetime.now(datetime.UTC)
    )
    finding = {"gate": "smoke.works", "says": "x", "projects": ["blog"]}
    fits("fleet.check", {"asked": 2, "findings": [finding]})
    fits("fleet.monitor", [monitored(ProjectAnswer("blog", 14, None, "no answer"))])
    variable = plain(VariableFinding("shops", "REGION", "is not set", ("blog",)))
    fits("fleet.env", {"asked": 2, "findings": [variable], "unseen": {"shop": "no answer"}})
    settings = {"blog": [SaidKey("health.path", "/x", "fleet.yml:3 share")]}
    fits("fleet.plan", plan_values(plan, {"blog": ("no deploy.yml",)}, estimate, None, None, (), settings))


def test_the_load_of_users() -> None:
    failed = Journey("course", "GET /courses/1", "answered 500", 40)
    fits("load", plain(Load((Second(0, 3, 1, 40),), (failed,))))


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


def test_a_lock_and_its_end(home: Callable[..., list[str]]) -> None:
    for act in (
        lambda config, root, out: out(plain(lock_by_hand(config, root, "sandbox", "a freeze", 1, "dana"))),
        lambda config, root, out: out(plain(release_lock(config, root, "sandbox"))),
        lambda config, root, out: out(plain(release_lock(config, root, "sandbox"))),
    ):
        (said,) = home(act)
        fits("lock", said)
        fits("unlock", said)


@pytest.mark.parametrize("target", load(ROOT / "deploy.yml").file.targets)
def test_the_plan_of_a_deploy(target: str) -> None:
    fits("deploy", plain_plan_of(load(ROOT / "deploy.yml"), target))


def test_copies_of_the_record(home: Callable[..., list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands_of_the_journal, "SHORTEST", -10_000)
    copy = tmp_path / "copy.jsonl"
    fits("journal.export", home(export, copy, as_json=True)[0])
    fits("journal.import", home(take_in, copy, as_json=True)[0])
    for days, gone in ((-9000, True), (90_000, False)):
        (said,) = home(let_go, days, tmp_path / f"{days}.jsonl", as_json=True)
        fits("journal.trim", said)
        assert bool(json.loads(said)["gone"]) is gone


def test_an_incident_and_its_review(home: Callable[..., list[str]]) -> None:
    said = Said("production", by="kim", what="nobody can sign in", unverified="seen", cause="a cable")
    for command, act in (
        ("incident.open", open_incident),
        ("incident.resolve", resolve_incident),
    ):
        fits(command, home(lambda config, root, out, act=act: act(config, said, root, out, as_json=True))[0])
    update = ["troubleshooting.md#x: a line is wrong"]
    (text,) = home(lambda config, root, out: review_incident(config, said, root, out, [], update, as_json=True))
    fits("incident.review", text)
    assert "a line is wrong" in json.loads(text)["open"][0]


def test_a_finding_before_the_merge() -> None:
    remark = Remark("sql.can-run", block("0001:3", "drops a table", fix="keep it"), "0001/migration.sql", 3)
    fits("check.pull-request", {"remarks": [plain_remark(remark)], "stale": ""})


def test_a_build_and_what_it_left(tmp_path: Path) -> None:
    said = facts(load(ROOT / "deploy.yml"), Built("sandbox", tmp_path), ("SECRET",))
    fits("build", said)
    assert said["output"] == ""
    (tmp_path / OUTPUT).mkdir(parents=True)
    assert facts(load(ROOT / "deploy.yml"), Built("sandbox", tmp_path))["output"] == str(tmp_path / OUTPUT)


def test_what_a_process_of_others_prints_is_no_part_of_the_document(capfd: pytest.CaptureFixture[str]) -> None:
    with only_ours():
        subprocess.run(["/bin/sh", "-c", "echo theirs"], check=True)
    os.write(1, b"ours")
    assert capfd.readouterr() == ("ours", "theirs\n")


def test_a_rollback_that_is_proved_and_one_that_is_not() -> None:
    class Target:
        name = "production"

    refused = schema._refused(
        Deployment("dpl_old", "", "READY", "", "production", "c", 0, (), "", {}),
        SchemaBack("restore", ("a column is gone",), (), None, 0.0),
        "./inv rollback --break-glass",
        as_json=True,
    )
    fits("rollback", refused)
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
    logs --since 1h; rollback --target sandbox --plan; rollback --target sandbox; deploy --plan
    bisect --run '! mkdir {folder}/judged'; fault "sentry cut"; faults --clear; lock --reason x; unlock; journal.tell
    upgrade --plan; runbooks --to {folder}/pages; runbooks --check --to {folder}/pages
    incident.open --what x; incident.note x; incident.escalate; incident.notify team --draft
    incident.notify team --by-hand --text x; incident.resolve --unverified x --cause x
"""


@pytest.mark.process
def test_what_is_printed_in_the_sandbox_is_what_the_schema_says(checkout: Checkout, up: Up) -> None:
    fits("sandbox", up.said)
    wrong, ours = [], ""  # the incident of this test; the run that is taken back has opened another
    for words in map(shlex.split, re.split("[;\n]", ASKED.format(folder=checkout.folder).strip())):
        about = ["--incident", ours] if ours and words[0].startswith("incident.") else []
        started = checkout.start(*words, *about, "--json")
        printed, aside = started.communicate(timeout=LONGEST)
        lines = printed.strip().split("\n")
        assert lines[0], f"{words}: {aside}"
        name = words[0] if words[0] in ANSWERS else words[0].partition(".")[0]
        wrong += [
            f"{name}: {error}" for line in (lines if name == "logs" else [printed]) for error in misfits(name, line)
        ]
        ours = json.loads(printed)["incidents"][0]["id"] if words[0] == "incident.open" else ours
    assert not wrong, "\n".join(wrong)
