"""Every *next* line leads on: what it says to type is a command with flags that there are, in each state of a run."""

import re
import shlex
from pathlib import Path

import pytest
from invoke.parser import Parser  # type: ignore[attr-defined]

import tasks
from checks.outcome import HELD
from pipeline.record.report import Report
from pipeline.render.report import next_steps, report_text, summary_text
from pipeline.render.runpage import RunFacts, run_page
from tests.render import runs
from tests.render.runs import Telling, finding, promoted
from tests.render.test_run_page import KINDS

ROOT = Path(__file__).resolve().parents[2]
PARSER = Parser(contexts=tasks.namespace.to_contexts())


def taken_back_before() -> Report:
    """A run of the sandbox that preflight stops after a rollback."""
    told = Telling(target="sandbox").stage(1, "preflight")
    told.gate(2, "order.was-not-taken-back", "block", 10, finding("block", "c0ffee", "was taken back", "ship another"))
    return told.tell(3, "going back", reason="x").tell(4, "run ended", outcome="blocked", reason="x").report


ENDS: dict[str, Report] = {
    **{name: make() for name, make in KINDS.items()},
    **{
        f"held: {why}": promoted()
        .tell(50, "holding", reason="x", because=why)
        .tell(60, "run ended", outcome="held")
        .report
        for why in HELD
    },
    "kept": promoted()
    .tell(60, "run ended", outcome="held")
    .tell(90, "release accepted", by="kim", because="it is well", deployment="dpl_new")
    .report,
    "superseded": promoted().tell(60, "run ended", outcome="superseded").report,
    "stopped in the sandbox": taken_back_before(),
    "preview": Telling(pipeline="preview").tell(9, "run ended", outcome="deployed").report,
}


def typed(text: str) -> list[list[str]]:
    """The words of each command of ours that ``text`` says to type."""
    found = re.findall(r"\./inv (.+?)(?=   |;|$)", text, re.MULTILINE)
    return [shlex.split(command) for command in found]


def followed(report: Report) -> str:
    """The *next* lines of a run as they are printed."""
    return "\n".join(re.findall(r"^  next     (.*)$", summary_text(report), re.MULTILINE))


@pytest.mark.parametrize("end", ENDS)
def test_what_to_do_next_can_be_done(end: str) -> None:
    report = ENDS[end]
    assert next_steps(report), "nobody is left alone"
    for words in typed("\n".join(next_steps(report))) + typed(followed(report)):
        (context,) = PARSER.parse_argv(words)
        assert not context.missing_positional_args, words


@pytest.mark.parametrize("end", ENDS)
def test_nobody_is_sent_to_the_report_that_they_read(end: str) -> None:
    report = ENDS[end]
    assert f"./inv report {report.run}" not in report_text(report)
    assert f"./inv report {report.run}" not in run_page(RunFacts(report))
    if report.outcome == "rolled back":
        assert "next     runbooks/incident-response.md says how to go on" in report_text(report)


def test_on_a_page_no_flag_is_cut_in_two() -> None:
    page = run_page(RunFacts(ENDS["rolled back"]))
    assert '<code>./inv status <span class="flag">--target</span> production</code>' in page


@pytest.mark.parametrize("end", ENDS)
def test_a_page_that_is_named_is_there(end: str) -> None:
    for page in re.findall(r"runbooks/[\w./-]+\.md", summary_text(ENDS[end])):
        assert (ROOT / page).is_file(), page


def test_a_target_that_is_not_the_usual_one_is_in_every_command_that_takes_one() -> None:
    said = followed(runs.rolled_back())
    (status,) = [words for words in typed(said) if words[0] == "status"]
    assert status[1:3] == ["--target", "production"]
