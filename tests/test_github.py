"""What a command leaves on the page of a GitHub job, and that it leaves nothing anywhere else."""

import contextlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.cli import release, terminal
from pipeline.cli.summary import CUT, MOST, fenced, fitting, to_summary
from pipeline.errors import Mistake
from pipeline.record.report import Report
from pipeline.render.links import Places, links_markdown

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
