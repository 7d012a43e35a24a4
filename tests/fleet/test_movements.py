"""What orders have moved since a time, over several of them; what each project goes back to, and who was taken back."""

import datetime
import json
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from pipeline.commands import fleetback
from pipeline.commands.fleetback import RollbackWish, roll_fleet_back, since_of
from pipeline.errors import Mistake
from pipeline.fleet.ends import ProjectEnd
from pipeline.fleet.file import load_fleet
from pipeline.fleet.movements import Movement, TakenBack, movements, orders_of, taken_back
from pipeline.fleet.order import OrderAction, OrderPlan, OrderState
from pipeline.fleet.ordering import back_plan, give, order_state
from pipeline.fleet.place import Fleet
from pipeline.fleet.waves import PlannedWave
from pipeline.record.journal import Journal, plain
from pipeline.record.place import Place
from pipeline.record.store import open_store
from pipeline.redact import Redactor
from tests.documents.test_answers import misfits

NOW = datetime.datetime.now(datetime.UTC)
BLOCKED = ProjectEnd("blocked", "login fails")
YAML = """\
groups: {shops: {}}
projects:
  a: {home: a, group: shops}
  b: {home: b, group: shops}
  c: {home: c}
"""


def ago(hours: float) -> datetime.datetime:
    return NOW - datetime.timedelta(hours=hours)


def deployed(staged: str, before: str) -> ProjectEnd:
    return ProjectEnd("deployed", staged=staged, before=before)


class Past:
    """A fleet of three whose record is written as tests want it."""

    def __init__(self, folder: Path) -> None:
        (folder / "fleet.yml").write_text(YAML)
        for name in "abc":
            (folder / name).mkdir()
        store = open_store("", folder)
        self.fleet = Fleet(folder, load_fleet(folder / "fleet.yml"), store, Place("", ""), "")

    def order(self, name: str, hours: float, ends: Mapping[str, ProjectEnd], waves: str = "all") -> OrderState:
        """An order to deploy that has ended so many hours ago, each of its projects a second after the other."""
        split = tuple(PlannedWave(wave, tuple(ends)[at :: len(waves.split())]) for at, wave in enumerate(waves.split()))
        return self._written(OrderPlan(name, OrderAction.DEPLOY, split, 4, 9), hours, ends)

    def back(self, name: str, hours: float, of: str, ends: Mapping[str, ProjectEnd], outcome: str) -> OrderState:
        """An order that takes back, all of whose projects end with ``outcome``."""
        plan = OrderPlan(name, OrderAction.ROLL_BACK, (PlannedWave("back", tuple(ends)),), 4, 9, of=of, back_to=ends)
        told = {one: ProjectEnd(outcome, "said", staged=end.staged, before=end.before) for one, end in ends.items()}
        return self._written(plan, hours, told)

    def _written(self, plan: OrderPlan, hours: float, ends: Mapping[str, ProjectEnd]) -> OrderState:
        clock = [ago(hours)]
        journal = Journal(self.fleet.store, plan.order, lambda: clock[0], Redactor())
        fields = {key: value for key, value in vars(plan).items() if key not in ("order", "action")}
        journal.append("order begins", plan.action.value, exact={**plain(fields), "action": plan.action.value})
        for wave in plan.waves:
            journal.append("wave begins", wave.name, projects=len(wave.projects))
        for name, end in ends.items():
            clock[0] += datetime.timedelta(seconds=1)
            if end.outcome:
                journal.append("project begins", name, worker="w")
                journal.append("project ended", name, exact=plain(end), seconds=1)
        journal.append("order ended", outcome="done")
        return order_state(self.fleet.store, plan.order)

    def moved(self, hours: float) -> dict[str, Movement]:
        return movements(orders_of(self.fleet.store, ago(hours)), ago(hours))


@pytest.fixture
def past(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Past:
    made = Past(tmp_path)

    def opened(root: Path, file: object) -> AbstractContextManager[Fleet]:
        return nullcontext(made.fleet)

    monkeypatch.setattr(fleetback, "open_fleet", opened)
    return made


def test_a_project_that_two_orders_moved_goes_back_to_what_served_before_the_first(past: Past) -> None:
    past.order("o0", 30, {"a": deployed("a0", "x"), "c": deployed("c0", "x")})
    past.order("o1", 3, {"a": deployed("a1", "a0"), "b": deployed("b1", "b0"), "c": BLOCKED})
    past.order("o2", 1, {"a": deployed("a2", "a1"), "b": BLOCKED})
    found = past.moved(4)
    assert list(found) == ["a", "b"], "newest first, and nobody who was not moved since"
    assert (found["a"].staged, found["a"].before, found["a"].orders) == ("a2", "a0", ("o2", "o1"))
    assert (found["b"].staged, found["b"].before, found["b"].orders) == ("b1", "b0", ("o1",))
    assert {name: one.before for name, one in past.moved(2).items()} == {"a": "a1"}
    assert past.moved(0.5) == {}
    assert movements(orders_of(past.fleet.store), ago(2)) == past.moved(2), "the project's own end counts"


def test_a_release_of_somebody_else_between_two_orders_is_not_taken_away(past: Past) -> None:
    past.order("o1", 3, {"a": deployed("a1", "a0")})
    past.order("o2", 1, {"a": deployed("a2", "theirs")})
    assert (past.moved(4)["a"].before, past.moved(4)["a"].orders) == ("theirs", ("o2",))


@pytest.mark.parametrize("outcome", ["rolled back", "already there"])
def test_who_was_taken_back_is_not_taken_back_again(past: Past, outcome: str) -> None:
    past.order("o1", 3, {"a": deployed("a1", "a0"), "b": deployed("b1", "b0")})
    past.back("r1", 2, "o1", {"a": deployed("a1", "a0")}, outcome)
    assert list(past.moved(4)) == ["b"]
    past.order("o2", 1, {"a": deployed("a2", "a0")})
    assert (past.moved(4)["a"].before, past.moved(4)["a"].orders) == ("a0", ("o2",))


def test_who_went_back_to_before_that_time_has_nothing_to_take_back_and_who_failed_to_has(past: Past) -> None:
    past.order("o1", 9, {"a": deployed("a1", "a0"), "b": deployed("b1", "b0")})
    past.order("o2", 3, {"a": deployed("a2", "a1"), "b": deployed("b2", "b1")})
    past.back("r1", 2, "o2, o1", {"a": deployed("a2", "a0")}, "rolled back")
    past.back("r2", 1, "o2, o1", {"b": deployed("b2", "b0")}, "stranded")
    assert list(past.moved(4)) == ["b"]


def test_an_order_knows_who_was_taken_back_by_which_order_and_what_serves_now(past: Past) -> None:
    of = past.order("o1", 5, {"a": deployed("a1", "a0"), "b": deployed("b1", "b0"), "c": BLOCKED})
    past.back("r1", 4, "o1", {"a": deployed("a1", "a0")}, "rolled back")
    past.back("r2", 3, "o2, o1", {"b": deployed("b1", "b0")}, "refused")
    later = orders_of(past.fleet.store, after="o1")
    assert [one.plan.order for one in later] == ["r2", "r1"]
    assert taken_back(of, later) == {
        "a": TakenBack("r1", "rolled back", "a0", "said"),
        "b": TakenBack("r2", "refused", "", "said"),
    }
    past.order("o3", 2, {"a": deployed("a9", "a0")})
    again = taken_back(of, orders_of(past.fleet.store, after="o1"))["a"]
    assert (again.serves, again.says, again.well) == ("a9", "order o3 moved it on", True)


def said(past: Past, wish: RollbackWish) -> str:
    lines: list[str] = []
    assert roll_fleet_back(past.fleet.root, wish, lines.append, lines.append) == 0
    return "\n".join(lines)


def test_since_goes_with_a_group_a_selection_and_the_wave_of_one_order(past: Past) -> None:
    ends = {"a": deployed("a1", "a0"), "b": deployed("b1", "b0"), "c": deployed("c1", "c0")}
    past.order("o1", 3, ends, "first second")
    text = said(past, RollbackWish(since="4h", plan=True))
    assert text.splitlines()[0] == "3 would go back, newest first (order o1)"
    assert [line.split()[:4] for line in text.splitlines()[1:]] == [
        ["c", "c1", "→", "c0"],
        ["b", "b1", "→", "b0"],
        ["a", "a1", "→", "a0"],
    ]

    def names(wish: RollbackWish) -> list[str]:
        answer = json.loads(said(past, wish))
        assert misfits("fleet.rollback", answer) == []
        return [one["project"] for one in answer["projects"]]

    assert names(RollbackWish(since="4h", group="shops", plan=True, as_json=True)) == ["b", "a"]
    assert names(RollbackWish(since="4h", select="project=a|c", plan=True, as_json=True)) == ["c", "a"]
    assert names(RollbackWish(since="4h", wave="second", plan=True, as_json=True)) == ["b"]
    assert names(RollbackWish(since="1h", as_json=True)) == [], "nobody was moved since, and no order is given"
    assert names(RollbackWish(group="shops", wave="first", plan=True, as_json=True)) == ["a"]
    past.order("o2", 1, {"a": deployed("a2", "a1")})
    with pytest.raises(Mistake, match=r"--wave first: a wave is of one order, and since 4h there are: o2, o1"):
        said(past, RollbackWish(since="4h", wave="first"))
    assert "(moved by o2, o1)" in said(past, RollbackWish(since="4h", plan=True))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("yesterday", "is no time; say e.g. 2h"),
        ("2h30", "is no time"),
        ("-2h", "is no time"),
        ("9" * 400 + "d", "is no time"),
        ("2999-01-01T00:00Z", "is still to come"),
        ("1999-01-01", "is before there was any order"),
        ("0001-01-01T00:00+23:00", "is"),
    ],
)
def test_a_time_that_is_none_is_a_mistake(text: str, says: str) -> None:
    with pytest.raises(Mistake, match=f"--since {text[:4]}.*{says}"):
        since_of(text, NOW)


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        (RollbackWish(order="o1", since="2h"), "--order and --since: say one"),
        (RollbackWish(since="4h", group="cats"), "--group cats: fleet.yml has shops"),
        (RollbackWish(since="4h", wave="third"), "--wave third: order o1 has all"),
        (RollbackWish(since="30m", wave="all"), "since 30m there are: none"),
        (RollbackWish(order="o9"), "--order o9: there is no such order"),
    ],
)
def test_what_there_is_not_is_a_mistake_and_nothing_is_ordered(past: Past, wish: RollbackWish, says: str) -> None:
    past.order("o1", 3, {"a": deployed("a1", "a0")})
    with pytest.raises(Mistake, match=says):
        said(past, wish)
    assert [one.plan.order for one in orders_of(past.fleet.store)] == ["o1"]


def test_a_moment_is_one_of_utc_unless_it_says_a_zone() -> None:
    assert abs((since_of("2h", NOW) - ago(2)).total_seconds()) < 0.001
    at = datetime.datetime(2026, 11, 29, 10, tzinfo=datetime.UTC)
    for text in ("2026-11-29T10:00Z", "2026-11-29T10:00", "2026-11-29T11:00+01:00"):
        assert since_of(text, at) == at


def test_the_plan_of_a_way_back_over_two_orders_names_both_and_is_kept(past: Past) -> None:
    ends = {"a": deployed("a2", "a0")}
    plan = back_plan(past.fleet.file, "o2, o1", ends, "dana")
    give(past.fleet, plan)
    kept = order_state(past.fleet.store, plan.order).plan
    assert (kept.takes_back, kept.back_to) == (("o2", "o1"), ends)
