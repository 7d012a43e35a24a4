"""What the team's channel sees of an order: one message, who has to act below it; and no way back waits for it."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from checks.outcome import Outcome
from pipeline.commands import fleetcarry
from pipeline.commands.fleettelling import OrderBulletin
from pipeline.fleet.deciding import BeginWave, SpendBudget, too_many
from pipeline.fleet.ends import Fault, ProjectEnd
from pipeline.fleet.order import plan_from
from pipeline.fleet.waves import PlannedWave
from pipeline.record.journal import Event, Journal, plain
from pipeline.record.report import Report
from pipeline.redact import Redactor
from pipeline.session import bulletin
from pipeline.session.bulletin import remember_in, remembered
from tests.fleet.test_deciding import BLOCKED, Story
from tests.session.test_bulletin import Team

STRANDED = ProjectEnd("stranded", "the way back failed @here")
LOGIN = ProjectEnd("blocked", "smoke: login", (Fault("smoke.journeys-work", "login fails"),))


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path)


def tell(team: Team, events: list[Event], before: int = 0, patience: float | None = None) -> None:
    """What a process tells that has the events after the first ``before``."""

    async def go() -> None:
        own = Journal(team.store, "news-o", team.clock.now, Redactor())
        made = OrderBulletin("o", events[:before], remembered(team.store, "o"), remember_in(own, "o"), print)
        made.patience = patience
        async with team.world() as world, made.told(world):
            for event in events[before:]:
                made.hear(event)
                for _ in range(30):
                    await asyncio.sleep(0)

    asyncio.run(go())


def ended() -> Story:
    told = Story(PlannedWave("all", ("a", "b", "c", "d")), budget=9, by="dana")
    told.then("wave begins", "all").ended("a").ended("b", LOGIN).ended("c", LOGIN).ended("d", STRANDED)
    return told.then("wave ended", "all", findings=[]).then("order ended", outcome="done")


def test_an_order_is_one_message_with_below_it_only_who_has_to_act_and_what_is_shared(team: Team) -> None:
    tell(team, ended().events)
    assert team.message.text == "Order o to deploy 4 projects is done: 1 well, 3 badly, by dana"
    thread = [one.text for one in team.state.slack.messages if one.thread]
    assert len(thread) == 2, thread
    assert "d is stranded, and somebody has to act: the way back failed" in thread[0]
    assert "smoke.journeys-work login fails: b, c" in thread[1]


def test_who_goes_on_with_an_order_changes_the_message_that_is_there(team: Team) -> None:
    events = ended().events
    tell(team, events[:4])
    assert "goes on: 1 well, 0 badly, 3 to go (wave all), by dana" in team.message.text
    tell(team, events, before=4)
    assert "is done: 1 well, 3 badly" in team.message.text
    assert len([one for one in team.state.slack.messages if one.thread]) == 2


def test_an_order_that_goes_back_by_itself_waits_for_no_channel(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    told = Story(PlannedWave("all", ("a",)), when_spent="roll back all")
    told.then("wave begins", "all").ended("a", LOGIN).then("budget spent", says="1").then("wave ended", "all")
    told.then("order ended", outcome="stopped")
    made = OrderBulletin("o", (), {}, lambda board, posted: None, print)
    for event in told.events:
        made.hear(event)
    assert made.patience == 0

    async def never(request: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(team, "answer", never)
    monkeypatch.setattr(bulletin, "PATIENCE", 1e9)
    tell(team, told.events)


def test_a_run_of_a_fleet_that_tells_itself_tells_nobody(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(team.store, "r1", team.clock.now, Redactor())
    at: Any = SimpleNamespace(kind="production")
    session: Any = SimpleNamespace(settings=at, store=team.store, clock=team.clock, redactor=Redactor())

    def told() -> list[str]:
        async def go() -> None:
            made = bulletin.told_of(session, journal)
            async with team.world() as world, made.told(world):
                journal.append("run begins", target="x", commit="c0ffee", by="dana", production="https://x")
                for _ in range(30):
                    await asyncio.sleep(0)

        asyncio.run(go())
        return [*(one.text for one in team.state.slack.messages), *team.plain]

    monkeypatch.setenv(bulletin.BY_FLEET, "1")
    assert told() == []
    monkeypatch.delenv(bulletin.BY_FLEET)
    assert "has started" in told()[0]


@pytest.mark.parametrize(
    ("outcome", "opens"), [("stranded", True), ("held", True), ("rolled back", False), ("blocked", False)]
)
def test_a_project_is_an_incident_of_its_own_only_where_somebody_has_to_act(
    outcome: str, opens: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(
        fleetcarry, "after_deploy", lambda root, note: lambda session, report: opened.append(report.outcome)
    )
    report = Report("r1")
    report.outcome = outcome
    assert outcome in {one.word for one in Outcome}
    fleetcarry.after_run(tmp_path, print)(None, report)  # type: ignore[arg-type]
    assert bool(opened) is opens


@pytest.mark.parametrize(
    ("bad", "of", "stops"), [(1, 1, False), (1, 4, False), (2, 4, False), (3, 4, True), (3, 20, False), (5, 20, True)]
)
def test_a_wave_is_judged_by_the_share_of_the_budget_and_by_chance(bad: int, of: int, stops: bool) -> None:
    names = tuple(f"p{number:02}" for number in range(of))
    told = Story(PlannedWave("first", names), PlannedWave("rest", ("x",)), budget=50, share=0.05)
    told.then("wave begins", "first")
    for number, name in enumerate(names):
        told.ended(name, BLOCKED) if number < bad else told.ended(name)
    told.then("wave ended", "first")
    assert bool(too_many(told.state)) is stops
    assert isinstance(told.next(), SpendBudget if stops else BeginWave)


def test_a_number_as_budget_says_nothing_of_shares_and_the_share_is_kept() -> None:
    told = Story(PlannedWave("first", ("a", "b", "c")), PlannedWave("rest", ("x",)), budget=50)
    told.then("wave begins", "first").ended("a", BLOCKED).ended("b", BLOCKED).ended("c", BLOCKED)
    assert isinstance(told.then("wave ended", "first").next(), BeginWave)
    body = {**plain(vars(told.state.plan)), "action": "deploy", "share": 0.05}
    assert plan_from("o", body).share == 0.05
