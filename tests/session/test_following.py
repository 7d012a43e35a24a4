"""A run that goes on elsewhere is shown as it is written down, until it ends or nobody is at it."""

import asyncio
import datetime
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli.progress import Progress
from pipeline.errors import Unreachable
from pipeline.record.journal import Event, Journal
from pipeline.record.lock import Lock
from pipeline.record.report import Report
from pipeline.record.sqlite import SqliteStore
from pipeline.redact import Redactor
from pipeline.session.following import LOST_AFTER, follow
from tests.render.runs import promoted
from tests.scripted import MovingClock


class Elsewhere:
    """A run of which another process writes the events while time passes here."""

    def __init__(self, folder: Path) -> None:
        self.clock, self.store, self.heard = MovingClock(), SqliteStore(folder / "journal.db"), list[Event]()
        self.lock = Lock(self.store, "production", "r1", self.clock, lease=30)

    def write(self, *events: Event) -> None:
        for event in events:
            at = datetime.datetime.fromisoformat(event.at)
            Journal(self.store, event.run, lambda at=at: at, Redactor()).append(  # type: ignore[misc]
                event.kind, event.subject, exact=event.body
            )

    def follow(self) -> Report:
        return asyncio.run(follow(self.store, "r1", self.heard.append, self.clock))


def told_of(events: list[Event]) -> list[tuple[str, str, str]]:
    return [(event.at, event.kind, event.subject) for event in events]


@pytest.fixture
def elsewhere(tmp_path: Path) -> Elsewhere:
    return Elsewhere(tmp_path)


def test_what_is_there_and_what_comes_is_told_once_each_and_in_order(elsewhere: Elsewhere) -> None:
    told = promoted().tell(60, "run ended", outcome="rolled back", reason="bad")
    elsewhere.write(*told.events[:5])
    elsewhere.lock.take("deploys")
    elsewhere.clock.at[10.0] = lambda: elsewhere.write(*told.events[5:12])
    elsewhere.clock.at[20.0] = lambda: elsewhere.write(*told.events[12:])
    report = elsewhere.follow()
    assert (report.outcome, report.exit_code) == ("rolled back", 3)
    assert told_of(elsewhere.heard) == told_of(told.events)
    assert elsewhere.clock.seconds < 25


def test_a_run_that_waits_in_silence_is_followed_as_long_as_somebody_has_its_lock(elsewhere: Elsewhere) -> None:
    told = promoted()
    elsewhere.write(*told.events)
    elsewhere.lock.take("deploys")
    for moment in range(20, 400, 20):
        elsewhere.clock.at[float(moment)] = lambda: elsewhere.lock.renew()
    ended = told.tell(400, "run ended", outcome="deployed").events[-1]
    elsewhere.clock.at[400.0] = lambda: elsewhere.write(ended)
    assert elsewhere.follow().outcome == "deployed"
    assert elsewhere.clock.seconds >= 400


def test_a_run_that_nobody_is_at_is_given_up_after_a_while(elsewhere: Elsewhere) -> None:
    elsewhere.write(*promoted().events)
    assert elsewhere.follow().outcome == ""
    assert LOST_AFTER < elsewhere.clock.seconds < LOST_AFTER + 5


def test_a_record_that_is_away_for_a_moment_loses_nothing(
    elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = promoted().tell(60, "run ended", outcome="deployed")
    elsewhere.write(*told.events[:5])
    elsewhere.lock.take("deploys")
    execute = elsewhere.store.execute

    def away(sql: str, *values: Any) -> Any:
        raise Unreachable("journal", "select", "gone")

    elsewhere.clock.at[5.0] = lambda: setattr(elsewhere.store, "execute", away)

    def back() -> None:
        monkeypatch.setattr(elsewhere.store, "execute", execute)
        elsewhere.write(*told.events[5:])

    elsewhere.clock.at[25.0] = back
    assert elsewhere.follow().outcome == "deployed"
    assert told_of(elsewhere.heard) == told_of(told.events)
    monkeypatch.setattr(elsewhere.store, "execute", away)
    with pytest.raises(Unreachable):
        elsewhere.follow()


def test_it_looks_as_where_it_runs(elsewhere: Elsewhere) -> None:
    told = promoted().tell(60, "run ended", outcome="deployed")
    elsewhere.write(*told.events)
    lines = {"here": list[str](), "there": list[str]()}
    shown = {name: Progress("r1", some.append, lambda line: None) for name, some in lines.items()}
    for event in told.events:
        shown["there"](event)
    asyncio.run(follow(elsewhere.store, "r1", shown["here"], elsewhere.clock))
    assert lines["here"] == lines["there"] != []
