"""What the journal tells of many runs: which are wanted, four figures, every gate, every person."""

import datetime
import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.commands.history import HistoryOrder, show_history
from pipeline.config import load
from pipeline.errors import Mistake
from pipeline.record.dora import Spread, delivery
from pipeline.record.history import GateRecord, PersonRecord, Wanted, by_gate, by_person, past
from pipeline.record.journal import Journal
from pipeline.record.report import Report
from pipeline.record.sqlite import SqliteStore
from pipeline.redact import Redactor
from pipeline.render.history import delivery_text, history_csv, inert

ROOT = Path(__file__).resolve().parent.parent.parent
CONFIG = load(ROOT / "deploy.yml")
MONDAY = datetime.datetime(2026, 11, 2, 10, tzinfo=datetime.UTC)
HOUR = 3600.0


class Past:
    """A journal that is filled by telling what happened and when, in hours from Monday, 10 o'clock."""

    def __init__(self, folder: Path) -> None:
        self.store, self.hours = SqliteStore(folder / ".runs/journal.db"), 0.0

    def now(self) -> datetime.datetime:
        return MONDAY + datetime.timedelta(hours=self.hours)

    def tell(self, run: str, hours: float, kind: str, subject: str = "", **body: Any) -> None:
        self.hours = hours
        Journal(self.store, run, self.now, Redactor()).append(kind, subject, **body)

    def begin(self, run: str, hours: float, by: str = "kim", *, committed: float | None = None, **more: Any) -> None:
        at = MONDAY + datetime.timedelta(hours=committed or 0)
        release = {"committed": at.isoformat()} if committed is not None else {}
        said = {"pipeline": "deploy", "target": "production", "commit": f"{run:0<40}", **more}
        self.tell(run, hours, "run begins", by=by, production="https://x", release=release, **said)
        self.tell(run, hours, "stage begins", "preflight")

    def promote(self, run: str, hours: float) -> None:
        staged = {"type": "StagedDeployment", "value": {"id": f"dpl_{run}", "url": "x"}}
        self.tell(run, hours, "step done", "build", gives=staged)
        self.tell(run, hours, "step begins", "promote")
        self.tell(run, hours, "step done", "promote")

    def end(self, run: str, hours: float, outcome: str, **more: Any) -> None:
        self.tell(run, hours, "run ended", outcome=outcome, **more)

    def reports(self, **wanted: Any) -> list[Report]:
        return list(past(self.store, Wanted(**wanted)))


@pytest.fixture
def written(tmp_path: Path) -> Past:
    """A week: a good release that waited for people, one blocked, one taken back, one that a person took back."""
    made = Past(tmp_path)
    made.begin("r1", 10, committed=4)
    made.tell("r1", 10, "gate answered", "source.ci-is-green", verdict="warn", ms=40, findings=[])
    made.tell("r1", 10, "waiting for people begins", "approval.is-approved")
    made.tell("r1", 13, "waiting for people ends", "approval.is-approved", ms=3 * 3_600_000)
    made.promote("r1", 14)
    made.end("r1", 15, "deployed")
    made.begin("r2", 20, "dana")
    made.tell("r2", 20, "gate answered", "source.ci-is-green", verdict="block", ms=60, findings=[])
    made.tell("r2", 20, "gate answered", "calendar.no-freeze", verdict="pass", ms=1, findings=[])
    made.tell("r2", 20, "going back", reason="preflight: test is failure")
    made.end("r2", 20, "blocked", reason="preflight: test is failure")
    made.begin("r3", 30, committed=28)
    made.promote("r3", 31)
    made.end("r3", 32, "rolled back", reason="pages answered 500")
    made.begin("r4", 40, committed=38)
    made.promote("r4", 42)
    made.end("r4", 43, "held")
    made.tell("r4", 44, "release accepted", by="dana", because="it is well")
    made.begin("b1", 50, pipeline="rollback")
    made.end("b1", 50.5, "rolled back", taken_back="dpl_r4")
    made.begin("s1", 60, target="sandbox")
    made.end("s1", 61, "deployed")
    return made


@pytest.mark.parametrize(
    ("wanted", "runs"),
    [
        ({}, "s1 b1 r4 r3 r2 r1"),
        ({"limit": 2}, "s1 b1"),
        ({"since": MONDAY + datetime.timedelta(hours=30)}, "s1 b1 r4 r3"),
        ({"until": MONDAY + datetime.timedelta(hours=30)}, "r2 r1"),
        ({"outcome": "rolled back"}, "b1 r3"),
        ({"outcome": "held"}, "r4"),
        ({"by": "DANA"}, "r4 r2"),
        ({"target": "sandbox"}, "s1"),
        ({"target": "production", "outcome": "rolled back", "limit": 1}, "b1"),
    ],
)
def test_only_what_is_wanted_is_told_newest_first(written: Past, wanted: dict[str, Any], runs: str) -> None:
    assert [report.run for report in written.reports(**wanted)] == runs.split()


def test_a_run_that_was_begun_before_is_left_out_although_it_ended_after(written: Past) -> None:
    written.begin("r0", 1)
    written.end("r0", 70, "blocked")
    assert [report.run for report in written.reports(since=MONDAY + datetime.timedelta(hours=50))] == ["s1", "b1"]


def test_the_four_figures_of_a_week(written: Past) -> None:
    seen = delivery(written.reports(target="production"), MONDAY, MONDAY + datetime.timedelta(days=5))
    assert (seen.releases, seen.a_day, seen.failed, seen.open) == (3, 0.6, 2, 0)
    assert seen.failure_rate == pytest.approx(2 / 3)
    assert seen.lead == Spread(3, 4 * HOUR, 10 * HOUR)
    assert seen.people == Spread(3, 0, 3 * HOUR)
    assert seen.machine == Spread(3, 1 * HOUR, 2 * HOUR)
    assert seen.before == Spread(3, 2 * HOUR, 6 * HOUR)
    assert seen.recovery == Spread(2, 4.75 * HOUR, 8.5 * HOUR)
    assert "67%: 2 of 3" in delivery_text(seen, "production")


def test_what_nobody_has_put_right_yet_is_said_and_no_recovery(written: Past) -> None:
    written.begin("r5", 70)
    written.promote("r5", 71)
    written.end("r5", 72, "stranded")
    end = MONDAY + datetime.timedelta(days=5)
    seen = delivery(written.reports(target="production"), MONDAY, end)
    assert (seen.failed, seen.open, seen.recovery.known) == (3, 1, 2)
    assert "1 not put right yet" in delivery_text(seen, "production")
    written.begin("r6", 73)
    written.promote("r6", 74)
    written.end("r6", 75, "deployed")
    seen = delivery(written.reports(target="production"), MONDAY, end)
    assert (seen.open, seen.recovery.known) == (0, 3)


def test_without_any_run_nothing_is_divided_by_nothing() -> None:
    seen = delivery([], MONDAY, MONDAY)
    assert (seen.a_day, seen.failure_rate, seen.lead) == (0.0, 0.0, Spread())
    assert "nothing to say" in delivery_text(seen, "production")


def test_a_gate_has_stopped_only_what_it_has_ended(written: Past) -> None:
    assert by_gate(written.reports()) == (
        GateRecord("source.ci-is-green", 2, 1, 1, 50),
        GateRecord("calendar.no-freeze", 1, 0, 0, 1),
    )


def test_each_person_has_begun_released_and_accepted(written: Past) -> None:
    assert by_person(written.reports()) == (PersonRecord("dana", 1, 0, 0, 1), PersonRecord("kim", 5, 4, 1, 0))


@pytest.mark.parametrize("text", ["=1+1", "+1", "-2", "@SUM(A1)", "\t=1", "\r\n=cmd", " =1"])
def test_what_a_spreadsheet_would_calculate_is_text(text: str) -> None:
    assert str(inert(text)).startswith("'")
    assert "\n" not in history_csv([Report("r1", by=text, reason="a\nb")]).splitlines()[1]


def test_harmless_cells_and_numbers_are_as_they_are() -> None:
    assert inert("kim <k@x>, a=b") == "kim <k@x>, a=b"
    assert inert(-5) == -5


def shown(folder: Path, **order: Any) -> str:
    lines: list[str] = []
    show_history(CONFIG, folder, HistoryOrder(**order), MONDAY + datetime.timedelta(days=5), lines.append)
    return "\n".join(lines)


def test_the_command_shows_runs_figures_gates_and_people(written: Past, tmp_path: Path) -> None:
    assert "held, accepted by dana\n  because  it is well\n" in shown(tmp_path)
    assert [one["run"] for one in json.loads(shown(tmp_path, form="json", outcome="held"))] == ["r4"]
    assert shown(tmp_path, form="csv", by="dana").splitlines()[1].startswith("r4,production,deploy,r4")
    figures = json.loads(shown(tmp_path, shows="dora", target="production", form="json"))
    assert (figures["releases"], figures["days"]) == (3, 30)
    text = shown(tmp_path, shows="dora", target="production", since="2026-11-02T10:00")
    assert "recovery time         4.8 hours usually, 8.5 hours at most" in text
    assert "change failure rate   releases that were taken back" in text, "what it means stands below"
    assert "never stopped a run: calendar.no-freeze" in shown(tmp_path, shows="gates")
    assert "dana" in shown(tmp_path, shows="people")


@pytest.mark.parametrize(
    ("order", "says"),
    [
        ({"outcome": "nice"}, "--outcome nice: there are deployed, "),
        ({"target": "moon"}, "--target moon: is no target"),
        ({"since": "yore"}, "--since yore: expected"),
        ({"shows": "dora", "form": "csv"}, "history --dora: has no --csv"),
        ({"shows": "dora", "by": "kim"}, "leave --by out"),
    ],
)
def test_what_cannot_be_told_is_refused(tmp_path: Path, order: dict[str, Any], says: str) -> None:
    with pytest.raises(Mistake, match=says):
        shown(tmp_path, **order)
