"""What is written down, in short: the same as the whole reports say, and only what is new is read."""

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.record.bounded import Store
from pipeline.record.journal import Journal, events_after, events_of
from pipeline.record.overview import Overview, PastDrill, serving
from pipeline.record.report import report_of
from pipeline.record.samples import Samples
from pipeline.record.store import open_store
from pipeline.redact import Redactor
from tests.render.runs import BEGAN, COMMIT, OLD, Telling, promoted


@pytest.fixture(params=["SQLite", "Postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    state = request.getfixturevalue("empty_database_url") if request.param == "Postgres" else str(tmp_path / "x.db")
    made = open_store(state, tmp_path)
    yield made
    made.close()


def write(store: Store, told: Telling) -> None:
    for event in told.events:
        Journal(store, event.run, lambda event=event: _time(event.at), Redactor()).append(  # type: ignore[misc]
            event.kind, event.subject, exact=event.body
        )


def _time(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text)


def ended(run: str, outcome: str, **more: Any) -> Telling:
    return promoted(run).tell(60, "run ended", outcome=outcome, **more)


def test_the_short_report_says_of_a_run_what_the_whole_one_does(store: Store) -> None:
    write(store, ended("r1", "rolled back", reason="bad"))
    overview = Overview(store)
    overview.refresh()
    (short,), whole = overview.reports, report_of("r1", events_of(store, "r1"))
    names = "run target commit by began ended live_at ms outcome reason before staged was_live production committed"
    for name in names.split():
        assert getattr(short, name) == getattr(whole, name), name


def test_only_what_is_new_is_read(store: Store) -> None:
    write(store, promoted("r1"))
    Journal(store, "r1", lambda: BEGAN, Redactor()).append("waiting for people ends", ms=1000)
    overview = Overview(store)
    first = overview.refresh()
    assert (overview.reports[0].outcome, overview.changes) == ("", 1)
    assert overview.refresh() == first
    assert overview.changes == 1
    asked: list[tuple[Any, ...]] = []
    execute = store.execute
    store.execute = lambda sql, *values: asked.append(values) or execute(sql, *values)  # type: ignore[assignment, func-returns-value]
    write(store, Telling("r2"))
    Journal(store, "r1", lambda: BEGAN, Redactor()).append("run ended", outcome="deployed")
    assert overview.refresh() > first
    assert {report.run: report.outcome for report in overview.reports} == {"r1": "deployed", "r2": ""}
    assert overview.reports[-1].waited_ms == 1000, "nothing is counted twice"
    assert [values[0] for values in asked if values and isinstance(values[0], int)] == [first]


def test_incidents_and_drills_are_there_too(store: Store) -> None:
    def tell(run: str, kind: str, subject: str = "", **body: Any) -> None:
        Journal(store, run, lambda: BEGAN, Redactor()).append(kind, subject, **body)

    said = {"severity": "P1", "reason": "x", "since": BEGAN.isoformat(), "by": "kim", "lead": "kim", "cause": ""}
    tell(
        "incident-1", "incident opened", "nothing loads", target="production", playbook="site-down", evidence=[], **said
    )
    tell("drill-site-down-1", "drill begins", "site-down", by="kim")
    overview = Overview(store)
    overview.refresh()
    assert [(one.id, one.open) for one in overview.incidents] == [("incident-1", True)]
    assert overview.drills == (PastDrill("site-down", "kim", BEGAN.isoformat()),)
    tell("incident-1", "incident resolved", "a cable", works="it loads", by="kim")
    tell("drill-site-down-1", "drill ended", "site-down")
    overview.refresh()
    assert [(one.id, one.open) for one in overview.incidents] == [("incident-1", False)]
    assert overview.drills[0].ended
    assert overview.reports == ()


@pytest.mark.parametrize(
    ("outcome", "deployment", "commit"),
    [
        ("deployed", "dpl_new", COMMIT),
        ("held", "dpl_new", COMMIT),
        ("rolled back", "dpl_old", OLD),
        ("stranded", "", ""),
        ("superseded", "", ""),
        ("", "dpl_new", COMMIT),
    ],
)
def test_what_production_serves_follows_from_its_last_move(outcome: str, deployment: str, commit: str) -> None:
    told = ended("r1", outcome) if outcome else promoted("r1")
    found = serving([Telling("r2").report, told.report], "production")
    assert found
    assert (found.deployment, found.commit, found.run) == (deployment, commit, "r1")


def test_who_never_moved_anything_serves_nothing_that_is_known_and_a_rollback_by_hand_counts() -> None:
    blocked = Telling("r1").tell(3, "run ended", outcome="blocked").report
    preview = promoted("r2", pipeline="preview").tell(60, "run ended", outcome="deployed").report
    assert serving([blocked, preview], "production") is None
    assert serving([promoted("r3").report], "sandbox") is None
    hand = Telling("r4", pipeline="rollback").tell(9, "run ended", outcome="rolled back", taken_back="dpl_x").report
    found = serving([hand, promoted("r3").report], "production")
    assert found
    assert (found.says, found.since) == ("went back by hand", hand.ended)


def test_readings_and_new_events_of_a_run_come_from_either_store(store: Store) -> None:
    for run in ("r1", "r2", "r3"):
        write(store, ended(run, "deployed"))
    here, elsewhere = Samples(store, "production"), Samples(store, "sandbox")
    for run, value in (("r1", 1.0), ("r1", 3.0), ("r2", 10.0), ("r3", 20.0)):
        here.add(BEGAN, run, "c", (("health.ms", value),))
    elsewhere.add(BEGAN, "r3", "c", (("health.ms", 99.0),))
    assert [one.value for one in here.of_run("r1")["health.ms"]] == [1.0, 3.0]
    assert elsewhere.of_run("r1") == {}
    assert here.lately_good(5, "r3") == {"health.ms": (10.0, 2.0)}
    assert here.lately_good(1) == {"health.ms": (20.0,)}
    first, *_ = events_after(store, "r2", 0)
    assert [event.kind for _, event in events_after(store, "r2", first[0])][-1] == "run ended"
    assert events_after(store, "r2", 10_000) == []
