"""What is usual, said with how many readings it stands on; how grave it is; which release was good."""

import datetime
from pathlib import Path

import pytest

from checks.gate import Finding, Verdict, block, not_yet, warn
from checks.severity import Graded, grade
from checks.statistics import median
from pipeline.handbook.exits import exit_code, playbook_of
from pipeline.record.journal import Journal
from pipeline.record.samples import Sample, Samples
from pipeline.record.sqlite import SqliteStore
from pipeline.redact import Redactor
from pipeline.session.baseline import BaselineRow, row, rows

NOW = datetime.datetime(2026, 11, 24, 9, 30, tzinfo=datetime.UTC)  # a Tuesday
HOUR, DAY = datetime.timedelta(hours=1), datetime.timedelta(days=1)


def sample(ago: datetime.timedelta, value: float, metric: str = "load.p95_ms") -> Sample:
    return Sample(NOW - ago, metric, value)


def row_of(samples: list[Sample], good: tuple[float, ...] = ()) -> BaselineRow:
    name = samples[0].metric
    today, before = [one for one in samples if one.at >= NOW - DAY], [one for one in samples if one.at < NOW - DAY]
    return row(name, today, before, NOW, good)


def weeks(hours: int = 1, *, calm: float = 100, busy: float = 400) -> list[Sample]:
    """Four weeks: at nine on a Tuesday it is always ``busy``, at all other hours ``calm``."""
    found = []
    for days in range(2, 29):
        for hour in range(24):
            at = NOW - datetime.timedelta(days=days) - datetime.timedelta(hours=hour)
            peak = at.weekday() == 1 and at.hour == 9
            found.append(Sample(at, "load.p95_ms", (busy if peak else calm) + (days % 5)))
            if peak:
                found.append(Sample(at, "load.p95_ms", busy + 3))
    return found


def test_a_busy_hour_is_compared_with_the_same_hour_of_the_week() -> None:
    today = [sample(datetime.timedelta(minutes=m), 405) for m in (1, 5, 9)]
    seen = row_of(weeks() + today)
    assert seen.usual_by == "hour of the week"
    assert seen.says == "usual"
    assert seen.usual.median == pytest.approx(402, abs=3)


def test_the_same_number_is_far_off_at_another_hour() -> None:
    quiet = NOW - 6 * HOUR
    today = [Sample(quiet + datetime.timedelta(minutes=m), "load.p95_ms", 405) for m in (1, 5, 9)]
    seen = row_of(weeks() + today)
    assert seen.says == "worse"


def test_few_readings_say_nothing_and_say_so() -> None:
    seen = row_of([sample(DAY * 2, 100), sample(DAY * 3, 100), sample(HOUR, 900)])
    assert seen.says == "too few readings"
    assert seen.usual.readings == 2
    assert seen.today.readings == 1


def test_one_outlier_moves_nothing() -> None:
    before = [sample(DAY * 2 + HOUR * n, 100 + n % 3) for n in range(20)]
    seen = row_of([*before, sample(DAY * 2, 99_999), sample(HOUR, 103)])
    assert seen.says == "usual"
    assert seen.usual.median < 110


@pytest.mark.parametrize(
    ("metric", "now", "says"),
    [
        ("uptime.availability_percent", 60.0, "worse"),
        ("uptime.availability_percent", 100.0, "usual"),
        ("load.p95_ms", 40.0, "better"),
        ("visitors.views_a_day", 20.0, "worse"),
        ("redis.keys", 500.0, "different"),
    ],
)
def test_which_way_is_worse(metric: str, now: float, says: str) -> None:
    before = [sample(DAY * 2 + HOUR * n, 99 + n % 3, metric) for n in range(30)]
    assert row_of([*before, sample(HOUR, now, metric)]).says == says


def test_a_week_ago_is_the_same_day_of_the_week_before() -> None:
    seen = row_of([sample(DAY * 7 + HOUR * 3, 120), sample(DAY * 5, 900), sample(HOUR, 130)])
    assert (seen.week_ago.median, seen.week_ago.readings) == (120, 1)


def test_good_releases_are_those_that_ended_deployed(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "journal.db")
    kept = Samples(store, "production")
    for number, outcome in enumerate(("deployed", "rolled back", "deployed", "deployed"), 1):
        run = f"r{number}"
        kept.add(NOW, run, "c", (("load.p95_ms", 100 * number), ("load.p95_ms", 100 * number + 2)))
        Journal(store, run, lambda: NOW, Redactor()).append("run ended", outcome=outcome)
    kept.add(NOW, "r5", "c", (("load.p95_ms", 999),))
    assert kept.good_releases("load.p95_ms", 2) == (401, 301)
    assert kept.good_releases("load.p95_ms", 9) == (401, 301, 101)
    assert kept.good_releases("load.p95_ms", 9, but="r4") == (301, 101)
    assert Samples(store, "sandbox").good_releases("load.p95_ms", 9) == (), "another target's are not ours"


def test_readings_survive_and_are_found_by_time(tmp_path: Path) -> None:
    kept = Samples(SqliteStore(tmp_path / "journal.db"), "production")
    kept.add(NOW - DAY, "r1", "c", (("a", 1.5),))
    kept.add(NOW, "r1", "c", (("a", 2), ("b", 3)))
    again = Samples(SqliteStore(tmp_path / "journal.db"), "production")
    assert again.counts(NOW - HOUR) == {"a": 1, "b": 1}
    assert again.counts(NOW - 2 * DAY) == {"a": 2, "b": 1}
    assert [one.value for one in again.between("a", NOW - 2 * DAY, NOW + HOUR)] == [1.5, 2]
    assert [one.at for one in again.between("b", NOW - HOUR, NOW + HOUR)] == [NOW]


def test_of_very_many_readings_some_are_read_from_all_over(tmp_path: Path) -> None:
    """Also when every fifth reading is the same metric's, as a probe writes them."""
    kept = Samples(SqliteStore(tmp_path / "journal.db"), "production")
    for minute in range(1200):
        five = [(f"m{number}", float(minute)) for number in range(5)]
        kept.add(NOW - datetime.timedelta(minutes=1200 - minute), "r1", "c", five)
    some = [one.value for one in kept.between("m3", NOW - DAY, NOW, 0.25)]
    assert 200 < len(some) < 400
    assert some == sorted(some)
    assert 500 < median(some) < 700, "not the newest ones alone"
    seen = [one for one in rows(kept, NOW, 5) if one.metric == "m3"]
    assert (seen[0].today.readings, seen[0].usual.readings) == (1200, 0)


def test_what_is_seldom_read_is_not_lost_beside_what_is_read_all_the_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.session.baseline.ENOUGH", 100)
    kept = Samples(SqliteStore(tmp_path / "journal.db"), "production")
    for minute in range(1000):
        often = [("often", float(number)) for number in range(20)]
        seldom = [("seldom", float(minute))] if minute % 10 == 0 else []
        kept.add(NOW - datetime.timedelta(minutes=1000 - minute), "r1", "c", [*often, *seldom])
    kept.add(NOW - 100 * DAY, "r0", "c", [("long-ago", 1.0)])
    Samples(SqliteStore(tmp_path / "journal.db"), "preview").add(NOW, "r1", "c", [("another-targets", 1.0)])
    assert kept.metrics() == ("long-ago", "often", "seldom")
    seen = {one.metric: one.today.readings for one in rows(kept, NOW, 5)}
    assert 25 <= seen["seldom"] <= 100, "a quarter of enough at least"
    assert 1_000 < seen["often"] < 4_000, "some of them"
    assert set(seen) == {"often", "seldom"}, "what was read long ago is no row"


UNREAD = Finding(Verdict.UNKNOWN, "sentry", "could not be read")


@pytest.mark.parametrize(
    ("findings", "severity", "code"),
    [
        ([], "", 0),
        ([("a.b", warn("x", "y", severity="P1"))], "", 0),
        ([("a.b", not_yet("x", "y"))], "P3", 13),
        ([("a.b", not_yet("x", "y", severity="P2")), ("c.d", block("z", "w", severity="P1"))], "P1", 11),
        ([("a.b", UNREAD), ("c.d", not_yet("z", "w", severity="P2"))], "P2", 12),
        ([("a.b", UNREAD)], "unknown", 14),
        ([("a.b", block("x", "y", severity="P0")), ("c.d", UNREAD)], "P0", 10),
    ],
)
def test_the_gravest_finding_decides(findings: list[tuple[str, Finding]], severity: str, code: int) -> None:
    graded = grade(findings)
    assert graded.severity == severity
    assert exit_code(graded.severity) == code
    assert graded == grade(findings), "it is a pure function"


def test_the_reason_names_the_gate_and_what_it_saw() -> None:
    graded = grade([("uptime.is-well-now", not_yet("monitor 1", "shows 98 %", severity="P1"))])
    assert graded == Graded("P1", "uptime.is-well-now", "monitor 1 shows 98 %")
    assert playbook_of(graded.gate) == "site-down"
