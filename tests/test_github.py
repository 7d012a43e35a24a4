"""What a command leaves on the page of a GitHub job, and that it leaves nothing anywhere else."""

import contextlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.cli import build, release, terminal
from pipeline.cli.summary import CUT, MOST, fenced, fitting, to_outputs, to_summary
from pipeline.commands import build as building
from pipeline.config import load
from pipeline.errors import Mistake
from pipeline.record.report import Report
from pipeline.render.annotation import shown_whole
from pipeline.render.gantt import gantt
from pipeline.render.links import Places, links_markdown
from pipeline.render.report import annotations, outputs
from tests.render import runs
from tests.render.runs import Telling, finding

LIVE, NEXT = "a" * 40, "b" * 40
PLACES = Places("https://github.com", "acme/lms", "https://us.sentry.io", "acme", kept=True)


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The summary of a job, as the runner gives it to a step."""
    file = tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(file))
    return file


def test_a_long_summary_is_cut_because_of_a_longer_one_nothing_is_shown(page: Path) -> None:
    to_summary("a line with an ü\n" * MOST)
    to_summary("and more\n")
    written = page.read_bytes()
    assert len(written) <= MOST < 1 << 20
    assert written.decode().endswith(CUT)


@pytest.mark.parametrize("room", [0, 1, len(CUT.encode()), 100])
def test_what_is_cut_fits_however_little_room_there_is(room: int) -> None:
    assert len(fitting("x\n" * 200, room)) <= room


def test_nothing_is_written_outside_of_a_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    to_summary("text")
    assert not (tmp_path / "summary.md").exists()


def test_a_summary_that_cannot_be_written_stops_nothing(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page.parent / "gone" / "summary.md"))
    to_summary("text")


PULLED = """\
STRIPE_SECRET_KEY="sk_live_pulled_1"
DATABASE_URL="postgres://u:pulled-2-pw@h/db"
SIGNING_KEY="first\\nsecond 100%"
HIDDEN_TOKEN="[SENSITIVE]"
API_KEY="short"
NEXT_PUBLIC_KEY="everybody-reads-this"
SITE_URL="https://lms.example.com"
MONKEY="a banana a day"
"""


def test_what_was_pulled_is_hidden_from_the_log_of_a_job_and_printed_nowhere_else(
    page: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The app's own build knows it, and what that prints does not come through our hands."""
    file = page.parent / ".vercel/.env.production.local"
    file.parent.mkdir()
    file.write_text(PULLED, encoding="utf-8")
    monkeypatch.setattr(building, "pull", lambda config, built, root, out: None)
    pull: Any = build.pull
    pull.body(None, "production", str(page.parent))
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if "stop-commands" not in line and len(line) != 36] == [
        "::add-mask::sk_live_pulled_1",
        "::add-mask::postgres://u:pulled-2-pw@h/db",
        "::add-mask::first%0Asecond 100%25",
    ]
    assert lines[0].startswith("::stop-commands::")
    assert lines[1] == f"::{lines[0].removeprefix('::stop-commands::')}::", "the runner hears us again before that"
    monkeypatch.delenv("GITHUB_ACTIONS")
    pull.body(None, "production", str(page.parent))
    assert capsys.readouterr().out == ""


def test_later_steps_are_told_of_the_run_one_line_each(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = page.parent / "outputs"
    monkeypatch.setenv("GITHUB_OUTPUT", str(file))
    report = runs.deployed()
    report.staged["url"] = "https://new.vercel.app\noutcome=stranded\nrun<<E"
    to_outputs(outputs(report))
    assert file.read_text(encoding="utf-8").splitlines() == [
        "run=r1",
        "outcome=deployed",
        "deployment=dpl_new",
        "url=https://new.vercel.app / outcome=stranded / run<<E",
    ]
    monkeypatch.delenv("GITHUB_ACTIONS")
    to_outputs({"run": "r2"})
    assert "r2" not in file.read_text(encoding="utf-8")


def test_the_command_that_ends_a_run_gives_the_outputs(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_OUTPUT", str(page.parent / "outputs"))
    with pytest.raises(SystemExit):
        terminal.conclude(runs.rolled_back(), load(terminal.ROOT / "deploy.yml"), as_json=False)
    assert "outcome=rolled back\n" in (page.parent / "outputs").read_text(encoding="utf-8")
    assert "```mermaid\ngantt" in page.read_text(encoding="utf-8")


def test_what_is_about_a_line_of_a_migration_is_annotated_there() -> None:
    said = finding("block", "20260401000000_drop:3", "drops a column", "expand first")
    odd = finding("warn", "20260401000001_fill:12", "updates all rows")
    told = Telling().stage(1, "preflight").gate(2, "sql.can-run", "block", 1, said, odd, finding("block", "x", "no"))
    told.tell(3, "going back", reason="preflight: no").tell(4, "run ended", outcome="blocked", reason="preflight: no")
    assert annotations(told.report).splitlines()[1:] == [
        "::error title=sql.can-run,file=prisma/migrations/20260401000000_drop/migration.sql,line=3::"
        "20260401000000_drop:3 drops a column%0A→ expand first",
        "::warning title=sql.can-run,file=prisma/migrations/20260401000001_fill/migration.sql,line=12::"
        "20260401000001_fill:12 updates all rows",
    ]


def test_of_more_annotations_than_github_shows_the_last_one_says_how_many() -> None:
    said = [finding("warn", f"20260401000001_fill:{line}", "updates all rows") for line in range(1, 31)]
    told = Telling().stage(1, "preflight").gate(2, "sql.can-run", "warn", 1, *said).settled(3, "preflight")
    lines = annotations(told.tell(4, "run ended", outcome="held", reason="x").report).splitlines()
    assert [line.split(" ")[0] for line in lines] == ["::error", *["::warning"] * 9, "::warning::and"]
    assert lines[-1] == "::warning::and 21 more: the log of this step has them all"
    assert shown_whole(lines[:10]) == lines[:10]


def test_the_picture_of_a_run_has_its_stages_and_no_sign_of_others() -> None:
    report = runs.rolled_back()
    report.stages[0].name = "x: crit\n  click a call"
    lines = gantt(report).splitlines()
    assert lines[:2] == ["```mermaid", "gantt"]
    assert lines[4] == "  x crit  click a call (passed) :done, 1793613601000, 5000ms"
    assert [line.strip().split(" (")[0] for line in lines[5:-1]] == ["build", "promote", "watch", "going back"]
    assert "(stopped) :crit" in lines[-3]
    assert gantt(runs.empty()) == ""


def test_text_cannot_end_its_fence() -> None:
    assert fenced("h", "before\n````\nafter").splitlines()[2:] == ["`````text", "before", "````", "after", "`````", ""]


def test_a_mistake_is_on_the_page_of_the_job(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left, terminal.honest():
        raise Mistake("deploy.yml:3: target: there is no 'prod'\nVERCEL_TOKEN: is not set")
    assert left.value.code == 2
    assert "Refused: nothing was touched" in page.read_text()
    assert "VERCEL_TOKEN: is not set" in page.read_text()
    assert "::error file=deploy.yml,line=3::target: there is no 'prod'" in capsys.readouterr().err


@pytest.mark.parametrize(("code", "heading"), [(0, "production is back"), (4, "NOT PROVED")])
def test_a_rollback_writes_what_it_said(page: Path, monkeypatch: pytest.MonkeyPatch, code: int, heading: str) -> None:
    def rolled(wanted: Any, root: Path, file: Path, out: Any) -> int:
        out("  proved     2.10 s")
        return code

    monkeypatch.setattr("pipeline.emergency.rollback.rollback_now", rolled)
    context: Any = SimpleNamespace()
    with pytest.raises(SystemExit) if code else contextlib.nullcontext():
        release.rollback.body(context)
    assert f"## Rollback: {heading}" in page.read_text()
    assert "proved     2.10 s" in page.read_text()


def report(outcome: str) -> Report:
    made = Report("gh-1-1", "deploy", "production", NEXT, outcome=outcome, production="https://lms.example.com")
    made.staged, made.was_live = {"id": "dpl_1", "url": "https://lms-1.vercel.app"}, LIVE
    return made


def test_a_summary_links_to_what_is_opened_next() -> None:
    text = "\n".join(links_markdown(report("deployed"), PLACES))
    for address in (
        "https://lms-1.vercel.app",
        f"https://github.com/acme/lms/compare/{LIVE}...{NEXT}",
        f"https://acme.sentry.io/releases/{NEXT}/",
        "https://github.com/acme/lms/actions/workflows/rollback.yml",
        f"https://github.com/acme/lms/blob/{NEXT}/runbooks/deployment-runbook.md#rollback-procedure",
    ):
        assert f"({address})" in text
    assert "incident" not in text


def test_the_heading_that_a_summary_links_to_is_there() -> None:
    page = (terminal.ROOT / "runbooks/deployment-runbook.md").read_text(encoding="utf-8")
    assert "\n## Rollback Procedure\n" in page


def test_after_a_bad_end_the_summary_leads_to_the_incident_and_not_to_a_rollback_that_was() -> None:
    text = "\n".join(links_markdown(report("rolled back"), PLACES))
    assert "incident-response.md" in text
    assert "workflows/rollback.yml" not in text
    assert "workflows/rollback.yml" in "\n".join(links_markdown(report("stranded"), PLACES))


def test_a_sentry_of_ones_own_and_a_journal_that_is_lost_are_told_apart() -> None:
    own = Places("https://github.com", "acme/lms", "https://sentry.acme.dev/", "acme", kept=False)
    text = "\n".join(links_markdown(report("deployed"), own))
    assert f"(https://sentry.acme.dev/organizations/acme/releases/{NEXT}/)" in text
    assert "`state: JOURNAL_URL` keeps it" in text
