"""A command that is shown aims where the run that it is about went, also while the run goes on."""

import inspect
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

import tasks
from checks import healthy
from checks.gate import Finding, Verdict
from checks.order import is_newer
from checks.severity import Graded
from pipeline.cli import check, diagnose
from pipeline.cli.progress import Progress
from pipeline.definitions.every import GATES
from pipeline.incidents.opening import words
from pipeline.record.journal import Event
from pipeline.record.report import report_of
from pipeline.render.aiming import aimed
from pipeline.render.links import Places
from pipeline.render.monitor import checked_markdown, checked_text, diagnosed_text
from pipeline.render.report import annotations, report_text, summary_markdown
from pipeline.session.asking import Checked, ChecklistLine, LineAnswer

COMMANDS = {
    **{name: tasks.namespace[name] for name in tasks.namespace.task_names},
    "check": check.collection()["all"],
    "diagnose": diagnose.everything,
    "check.order.is-newer": check.collection()["order.is-newer"],
}

PLACES = Places("https://github.com", "acme/lms", "https://us.sentry.io", "acme", kept=True)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_that_takes_a_target_is_given_one_and_no_other(name: str) -> None:
    takes = "target" in inspect.signature(COMMANDS[name].body).parameters
    said = f"./inv {name} --target production" if takes else f"./inv {name}"
    assert aimed(f"./inv {name}", "production") == said
    assert aimed(aimed(f"./inv {name}; then go", "production"), "production") == f"{said}; then go"


@pytest.mark.parametrize(
    ("text", "then"),
    [
        ("./inv rollback.", "./inv rollback --target p."),
        ("./inv deploy --older   if you mean it", "./inv deploy --target p --older   if you mean it"),
        ("./inv deploy; ./inv rollback --target p --to x", "./inv deploy --target p; ./inv rollback --target p --to x"),
        ("./inv settle --run r --target q", "./inv settle --run r --target q"),
        ("./inv rollback --project prj_1 --to x", "./inv rollback --project prj_1 --to x"),
        ("./inv status=old", "./inv status --target p=old"),
        ("./inv deployments", "./inv deployments"),
        ("`./inv logs` and `--target x`", "`./inv logs --target p` and `--target x`"),
    ],
)
def test_a_command_keeps_what_it_says_and_is_aimed_once(text: str, then: str) -> None:
    assert aimed(text, "p") == then


def event(kind: str, subject: str = "", **body: Any) -> Event:
    return Event("r1", "2026-11-24T10:00:00+00:00", kind, subject, body)


def answer(verdict: str, fix: str) -> Event:
    finding = {"verdict": verdict, "subject": "production", "says": "is pinned", "fix": fix}
    return event("gate answered", "release.is-not-pinned", verdict=verdict, findings=[finding], ms=1)


EVENTS = (
    event("run begins", pipeline="deploy", target="production", commit="c" * 40, by="kim", production="https://x"),
    event("stage begins", "preflight", patience=1, during=0),
    answer("block", "./inv deploy --over-rollback"),
    event("going back", reason="preflight: look at ./inv status", undoes=0),
    event("run ended", outcome="blocked", reason=""),
)


def test_what_a_gate_says_to_type_is_aimed_while_it_is_shown() -> None:
    lines: list[str] = []
    waiting: list[str] = []
    shown = Progress("r1", lines.append, waiting.append)
    for one in (*EVENTS[:2], answer("not yet", ""), *EVENTS[2:]):
        shown(one)
    shown.note("read ./inv logs")
    text = "\n".join(lines)
    assert "→ ./inv deploy --target production --over-rollback" in text
    assert "stopping, there is nothing to take back: preflight: look at ./inv status --target production" in text
    assert "going back" not in text
    assert waiting[-1] == "read ./inv logs --target production"


def test_what_is_waited_for_is_what_has_not_answered_yet_and_for_how_long() -> None:
    waiting: list[str] = []
    shown = Progress("r1", lambda line: None, waiting.append)
    well = {"verdict": "pass", "findings": [], "ms": 1}
    for one in (EVENTS[0], event("stage begins", "confirm", patience=90, during=0)):
        shown(one)
    assert waiting[-1] == "asking order.is-still-newer, order.nobody-went-back …"
    shown(event("gate answered", "order.is-still-newer", **well))
    assert waiting[-1] == "asking order.nobody-went-back …"
    shown(answer("not yet", ""))
    assert waiting[-1] == "waiting up to 1 min 30 s · release.is-not-pinned: production is pinned"
    shown(event("gate answered", "order.nobody-went-back", **well))
    assert waiting[-1] == "", "nothing is left that a line could speak of"


@pytest.mark.parametrize("body", [{"undoes": 2}, {}], ids=["with undos", "of an older version"])
def test_that_it_goes_back_is_said_of_what_has_something_to_take_back(body: dict[str, int]) -> None:
    lines: list[str] = []
    shown = Progress("r1", lines.append, lambda line: None)
    for one in (*EVENTS[:2], event("going back", reason="watch: 500", **body)):
        shown(one)
    assert "\ngoing back: watch: 500" in "\n".join(lines)


def test_what_nobody_answered_is_shown_when_a_run_is_held() -> None:
    lines: list[str] = []
    shown = Progress("r1", lines.append, lambda line: None)
    for one in (*EVENTS[:2], answer("unknown", "./inv status"), event("holding", reason="nobody could look")):
        shown(one)
    assert "is pinned\n        → ./inv status --target production" in "\n".join(lines)


def test_a_report_is_aimed_whichever_way_it_is_written() -> None:
    report = report_of("r1", EVENTS)
    for text in (report_text(report), summary_markdown(report, PLACES), annotations(report)):
        assert "./inv" in text
        text = text.replace("`", " ")
        for said in text.split("./inv ")[1:]:
            assert said.startswith("report") or said.split()[1:3] == ["--target", "production"], said


def test_a_checklist_is_aimed() -> None:
    finding = Finding(Verdict.BLOCK, "c" * 12, "is older", "./inv deploy --older   if you mean it")
    lines = (ChecklistLine("What is live", (LineAnswer(is_newer, (finding,), "", 1),)),)
    checked = Checked("daily", "2026-11-24T10:00:00", "staging", lines, Graded("P3", is_newer.name, "x"), "")
    for text in (checked_text(checked), diagnosed_text(checked)):
        assert "./inv deploy --target staging --older" in text
    assert "./inv rollback --target staging" in diagnosed_text(checked), "the words of the gate itself"
    assert "./inv" not in checked_markdown(checked)


def test_the_playbook_that_an_incident_names_is_aimed() -> None:
    session = SimpleNamespace(settings=SimpleNamespace(name="staging"))
    incident = SimpleNamespace(id="inc-1", severity="P1", reason="x", playbook="site-down")
    says = words(cast(Any, SimpleNamespace(session=session, incident=incident)))
    assert "./inv playbook.site-down --target staging walks you through it" in says


def test_no_gate_says_to_type_a_command_that_is_none() -> None:
    """What is not a command of ours would be shown as it stands, aimed nowhere."""
    fixes = set()
    for gate in GATES:
        for example in gate.examples:
            fixes |= {finding.fix for finding in gate.ask_example(example, healthy.healthy(gate.name))}
    named = {word.strip(".,;") for fix in fixes for word in [*fix.split("./inv ")[1:]] for word in word.split()[:1]}
    assert named, "some do"
    assert named <= set(COMMANDS)


def test_what_stopped_a_run_says_what_to_type_at_its_end() -> None:
    begun, _, _, *rest = EVENTS
    stage = event("stage begins", "preflight", patience=1, during=0)
    said = [line for line in report_text(report_of("r1", EVENTS)).splitlines() if line.startswith("  next ")]
    assert said == ["  next     ./inv deploy --target production --over-rollback"]
    nothing = [begun, stage, answer("block", ""), *rest]
    assert "fix what stopped it" in report_text(report_of("r1", nothing))
    many = [replace(answer("block", f"do {n}"), subject=f"a.b{n}") for n in range(9)]
    assert report_text(report_of("r1", [begun, stage, *many, *rest])).count("  next  ") == 3


def test_in_the_sandbox_there_is_a_commit_that_fixes_the_one_that_was_taken_back() -> None:
    begun = event("run begins", pipeline="deploy", target="sandbox", commit="c" * 40, by="kim", production="https://x")
    bad = {"verdict": "block", "subject": "c" * 12, "says": "was taken back", "fix": "ship a commit that fixes it"}
    events = [
        begun,
        EVENTS[1],
        event("gate answered", "order.was-not-taken-back", verdict="block", findings=[bad], ms=1),
    ]
    assert "  next     ./inv deploy --target sandbox --from fixed" in report_text(
        report_of("r1", [*events, *EVENTS[3:]])
    )
