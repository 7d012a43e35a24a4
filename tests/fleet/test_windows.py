"""A project is begun in the window of its own time zone, and nothing of a frozen fleet is begun at all."""

import datetime
from pathlib import Path

import pytest

from pipeline.commands.fleetfreezing import FreezeWish, freeze_fleet, frozen_lines
from pipeline.errors import Mistake
from pipeline.fleet.deciding import EndWave, QueueProjects, WaitSeconds, decide
from pipeline.fleet.file import load_fleet
from pipeline.fleet.freezing import freeze_now
from pipeline.fleet.order import OrderAction, OrderPlan, OrderState, plan_from, state_of
from pipeline.fleet.ordering import deploy_plan
from pipeline.fleet.place import fleet_file, open_record
from pipeline.fleet.signing import FleetPermits
from pipeline.fleet.waves import PlannedWave
from pipeline.fleet.windows import FleetWindow, is_open
from pipeline.record.journal import Event, plain
from pipeline.render.fleet import status_text

BERLIN = FleetWindow("Europe/Berlin", ("mon", "tue"), "09:00", "16:00")
FLEET = """\
groups:
  de: {window: {timezone: Europe/Berlin, days: [mon, tue], since: "09:00", until: "16:00"}}
projects:
  a: {home: a, group: de}
  b: {home: b, group: de, window: {timezone: America/New_York}}
  c: {home: c}
"""


def at(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("moment", "may"),
    [
        ("2026-11-30T07:59:00+00:00", False),  # a Monday, 8:59 in Berlin
        ("2026-11-30T08:00:00+00:00", True),
        ("2026-11-30T15:00:00+00:00", False),
        ("2026-07-06T07:00:00+00:00", True),  # in summer
        ("2026-12-02T10:00:00+00:00", False),  # a Wednesday
        ("2026-11-30T20:00:00+12:00", True),
    ],
)
def test_the_clock_of_the_projects_own_time_zone_counts(moment: str, may: bool) -> None:
    assert is_open(BERLIN, at(moment)) is may
    assert is_open(None, at(moment))


def test_a_project_has_its_groups_window_unless_it_has_its_own_and_the_order_keeps_it(tmp_path: Path) -> None:
    (tmp_path / "fleet.yml").write_text(FLEET)
    plan = deploy_plan(load_fleet(tmp_path / "fleet.yml"), "abc", "dana")
    assert plan.windows == {"a": BERLIN, "b": FleetWindow("America/New_York")}
    assert plan_from("o", {**plain(vars(plan)), "action": "deploy"}).windows == plan.windows


def test_every_mistake_in_a_window_has_its_line(tmp_path: Path) -> None:
    wrong = '  d: {home: d, window: {timezone: Mars/Base, since: "9:00", until: "08:00", days: []}}\n'
    (tmp_path / "fleet.yml").write_text(FLEET + wrong)
    with pytest.raises(Mistake) as mistake:
        load_fleet(tmp_path / "fleet.yml")
    lines = str(mistake.value).splitlines()
    assert len(lines) == 4
    assert all(line.startswith("fleet.yml:7: projects.d.window.") for line in lines)


def story(windows: dict[str, FleetWindow], *events: Event) -> OrderState:
    plan = OrderPlan("o", OrderAction.DEPLOY, (PlannedWave("rest", ("a", "b")),), 4, 0, windows=windows)
    begins = Event("o", "2026-11-29T10:00:00+00:00", "order begins", "", {**plain(vars(plan)), "action": "deploy"})
    begun = Event("o", "2026-11-29T10:00:01+00:00", "wave begins", "rest", {})
    state = state_of("o", [begins, begun, *events])
    assert state
    return state


def test_who_has_no_window_is_not_kept_waiting_by_who_has_and_the_wave_ends_when_all_had_theirs() -> None:
    sunday, monday = at("2026-11-29T10:00:00+00:00"), at("2026-11-30T10:00:00+00:00")
    assert decide(story({"a": BERLIN}), sunday) == QueueProjects(("b",))
    ended = {"outcome": "deployed", "staged": "n", "before": "o"}
    b = Event("o", "2026-11-29T10:01:00+00:00", "project ended", "b", ended)
    waits = story({"a": BERLIN}, b)
    assert decide(waits, sunday) == WaitSeconds()
    assert "for its window (09:00 to 16:00 Europe/Berlin, mon tue)" in status_text("a", {"a": waits}, {}, sunday)
    assert decide(waits, monday) == QueueProjects(("a",))
    a = Event("o", "2026-11-30T10:01:00+00:00", "project ended", "a", ended)
    assert isinstance(decide(story({"a": BERLIN}, b, a), monday), EndWave)


def test_a_frozen_fleet_begins_nothing_until_that_is_over_or_lifted(tmp_path: Path) -> None:
    (tmp_path / "fleet.yml").write_text(FLEET)
    said: list[str] = []

    def freeze(seconds: float = 0, reason: str = "", *, lift: bool = False) -> None:
        freeze_fleet(tmp_path, FreezeWish(seconds, reason, lift), said.append, lambda line: None)

    for words, says in (
        ({"reason": " "}, "--because: say why"),
        ({"lift": True}, "--lift: the fleet is not frozen"),
        ({"lift": True, "reason": "x"}, "leave --for and --because out"),
        ({"seconds": 1e12, "reason": "x"}, "--for: at most 366d"),
    ):
        with pytest.raises(Mistake, match=says):
            freeze(**words)  # type: ignore[arg-type]
    freeze(3600, "Black Friday")
    now, file = datetime.datetime.now(datetime.UTC), fleet_file(tmp_path)
    permits = FleetPermits(tmp_path, file)
    with open_record(tmp_path, file) as (store, _):
        found = freeze_now(store, now, permits)
        assert found
        assert "Black Friday" in str(found)
        assert len(frozen_lines(tmp_path, file)) == 1
        assert freeze_now(store, now + datetime.timedelta(hours=2), permits) is None
        freeze(lift=True)
        assert freeze_now(store, now, permits) is None
    assert said[1:] == ["the fleet is not frozen"]
