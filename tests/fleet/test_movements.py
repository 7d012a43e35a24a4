"""What orders have moved since a time, over several of them; what each project goes back to, and who was taken back."""

import dataclasses
import datetime
import json
import re
import shlex
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest
from invoke.parser import Parser  # type: ignore[attr-defined]

import tasks
from pipeline.clock import SystemClock
from pipeline.commands import fleetback, fleetorders
from pipeline.commands.fleetback import RollbackWish, roll_fleet_back, since_of
from pipeline.commands.fleetboard import FleetBoard
from pipeline.commands.fleetfreezing import frozen_lines
from pipeline.commands.fleetorders import DeployWish, deploy_fleet, to_take_back
from pipeline.commands.fleetwork import be_worker
from pipeline.errors import Locked, Mistake
from pipeline.fleet.concluding import exit_code
from pipeline.fleet.conducting import ORDERS
from pipeline.fleet.deciding import EndOrder
from pipeline.fleet.ends import ProjectEnd, TakenBack
from pipeline.fleet.file import load_fleet
from pipeline.fleet.freezing import FREEZE, FleetFreeze, freeze
from pipeline.fleet.movements import Movement, known_order, movements, orders_of, taken_back
from pipeline.fleet.order import OrderAction, OrderPlan, OrderState, latest_orders
from pipeline.fleet.ordering import SeenThrough, back_plan, deploy_plan, give, order_state
from pipeline.fleet.place import Fleet
from pipeline.fleet.waves import PlannedWave
from pipeline.record.journal import Journal, plain
from pipeline.record.lock import Lock
from pipeline.record.place import Place
from pipeline.record.store import open_store
from pipeline.redact import Redactor
from pipeline.render.fleet import order_text, status_text
from pipeline.render.fleetpage import order_page
from pipeline.render.fleetreport import left_to_do, report_text, report_values
from tests.documents.test_answers import misfits
from tests.fleet.test_deciding import T0, Story

ROOT = Path(__file__).resolve().parents[2]
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
    past.back("r3", 1, "o1", {"a": deployed("a1", "a0")}, "superseded")
    again = taken_back(of, orders_of(past.fleet.store, after="o1"))["a"]
    assert (again.order, again.serves, again.moved_on, again.well) == ("r1", "a9", "o3", True)


def said(past: Past, wish: RollbackWish) -> str:
    lines: list[str] = []
    assert roll_fleet_back(past.fleet.root, wish, lines.append, lines.append) == 0
    return "\n".join(lines)


def test_while_an_order_is_conducted_a_rollback_of_another_one_writes_nothing_down(past: Past) -> None:
    """Else the next order would be told that it comes first, though nobody conducts it."""
    past.order("o1", 3, {"a": deployed("a1", "a0")})
    Lock(past.fleet.store, ORDERS, "o2", SystemClock()).take("order o2")
    with pytest.raises(Locked, match=r"an order is under way: .*; press Ctrl-C where it runs"):
        said(past, RollbackWish(order="o1"))
    assert latest_orders(past.fleet.store, 9) == ("o1",)


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
    text = said(past, RollbackWish(since="4h", plan=True))
    assert "a2 → a0 *\n" in text
    assert text.endswith("* moved by several of these orders: back to before the first")


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
    plan = back_plan(past.fleet.file, "o2, o1", ends, "dana", {})
    give(past.fleet, plan)
    kept = order_state(past.fleet.store, plan.order).plan
    assert (kept.takes_back, kept.back_to) == (("o2", "o1"), ends)


def two_back_one_not(past: Past) -> OrderState:
    """An order that moved three of which a later one took two back, and failed with the third."""
    held = ProjectEnd("held", "who knows", staged="b1", before="b0")
    past.order("o1", 5, {"a": deployed("a1", "a0"), "b": held, "c": deployed("c1", "c0")}, "first second")
    past.back("r1", 4, "o1", {"a": deployed("a1", "a0"), "b": held}, "rolled back")
    past.back("r2", 3, "o1", {"c": deployed("c1", "c0")}, "stranded")
    return known_order(past.fleet.store, "o1")


def test_the_report_of_an_order_says_who_was_taken_back_by_which_and_what_is_left(past: Past) -> None:
    state = two_back_one_not(past)
    text = report_text(state, {})
    assert text.splitlines()[0].endswith("is done: 2 well, 1 badly; 2 taken back by order r1, 1 not")
    assert "2 taken back by order r1: a, b" in text
    assert "1 not taken back by order r2, which ended as stranded there: c" in text
    assert "↩" not in text, "who went back is counted, and said once"
    assert "1. first: stopped, 2 well, 1 taken back" in text
    left = [(one.projects, one.command) for one in left_to_do(state, {})]
    assert left == [
        (("c",), "./inv fleet.report --order r2"),
        (("a", "b"), "./inv fleet.deploy --select 'project=a|b'"),
    ], "what is held no more is not to be decided"
    values = report_values(state, {}, NOW)
    assert misfits("fleet.report", values) == []
    assert values["exit"] == 4
    told = {one["project"]: (one["taken_back"], one["serves"]) for one in values["projects"]}  # type: ignore[attr-defined]
    assert told == {"a": ("r1", "a0"), "b": ("r1", "b0"), "c": ("", "c1")}


def test_status_and_page_of_such_an_order_say_so_too(past: Past) -> None:
    state = two_back_one_not(past)
    lines = status_text("abc", dict.fromkeys("abc", state), {}, NOW).splitlines()
    assert [line.split()[1:3] for line in lines] == [["taken", "back"], ["taken", "back"], ["deployed", "✓"]]
    assert lines[0].endswith("taken back   ↩ a0 serves")
    assert lines[2].endswith("not taken back, stranded: said")
    assert "takes back the 1 it moved" in order_text(state)
    assert "a person" not in order_text(state)
    board = FleetBoard(past.fleet.root, past.fleet.file, past.fleet.store, "here", folder=True)
    page = board.order("o1")
    assert '<span class="mark s-taken-back"><span aria-hidden="true">↩</span> taken back</span> a' in page
    assert "2 taken back by order r1, 1 not" in board.listing()
    assert 's-done"><span aria-hidden="true">✓</span> rolled back' in board.order("r1"), "what is well looks so"


def test_a_project_is_one_line_of_a_usual_terminal_whatever_its_end_says(past: Past) -> None:
    state = past.order("o1", 5, {"a": ProjectEnd("blocked", "it did not work " * 20), "b": deployed("b1", "b0")})
    lines = status_text("ab", dict.fromkeys("ab", state), {}, NOW).splitlines()
    assert [len(line) <= 80 for line in lines] == [True, True]
    assert lines[0].endswith("…")
    assert "it did not work" in lines[0]


def test_an_order_that_went_well_and_was_taken_back_by_hand_is_not_green(past: Past) -> None:
    past.order("o1", 5, {"a": deployed("a1", "a0")})
    assert exit_code(known_order(past.fleet.store, "o1"), NOW) == 0
    past.back("r1", 4, "o1", {"a": deployed("a1", "a0")}, "rolled back")
    state = known_order(past.fleet.store, "o1")
    assert "look-back" in order_page(state, {}, lambda run: "", "now", "here")
    assert exit_code(state, NOW) == 0, "it did what was ordered"
    assert state.still_moved == ()
    past.order("o2", 3, {"a": deployed("a2", "a0")})
    again = known_order(past.fleet.store, "o1")
    assert left_to_do(again, {}) == (), "it was deployed again"
    assert "1 taken back by order r1, and moved again by o2: a" in report_text(again, {})


def test_what_a_later_order_has_deployed_well_is_left_to_nobody(past: Past) -> None:
    past.order("o1", 5, {"a": BLOCKED, "b": ProjectEnd("stranded", "x"), "c": ProjectEnd("")})
    assert [one.projects for one in left_to_do(known_order(past.fleet.store, "o1"), {})] == [("b",), ("a",), ("c",)]
    past.order("o2", 3, {"a": deployed("a2", "a0"), "b": BLOCKED, "c": deployed("c2", "c0")})
    assert [one.projects for one in left_to_do(known_order(past.fleet.store, "o1"), {})] == [("b",)]


def test_a_budget_that_is_spent_takes_back_once(past: Past) -> None:
    state = two_back_one_not(past)
    state.plan = dataclasses.replace(state.plan, when_spent="roll back all")
    state.spent = "1 ended badly"
    assert to_take_back(state) == ("c",)
    state.plan = dataclasses.replace(state.plan, when_spent="roll back the wave")
    assert to_take_back(state) == (), "c is of another wave than the last"


def test_who_did_not_go_back_is_said_to_serve_it_still_and_how_to_try_again(past: Past) -> None:
    ends = {"a": deployed("a2", "a0")}
    left = left_to_do(past.back("r1", 1, "o1", ends, "refused"), {})
    assert [(one.says, one.command) for one in left] == [
        (
            "ended badly, and did not go back: mend what is found, then",
            "./inv fleet.rollback --order o1 --select 'project=a'",
        )
    ]
    many = past.back("r2", 1, "20261129-100203-ab12, 20261128-090807-cd34", ends, "refused")
    assert left_to_do(many, {})[0].command == "./inv fleet.rollback --since 2026-11-28T09:08:07Z --select 'project=a'"
    assert since_of("2026-11-28T09:08:07Z", NOW) is not None


def test_an_order_that_goes_on_has_no_exit_code_yet_and_one_that_waits_has() -> None:
    told = Story(PlannedWave("one", ("a",)), PlannedWave("two", ("b",), approval=True), budget=1)
    assert exit_code(told.state, T0) is None
    told.then("wave begins", "one").ended("a").then("wave ended", "one")
    assert exit_code(told.state, T0) == 5


def test_every_command_that_a_report_or_the_page_about_fleets_names_can_be_typed(past: Past) -> None:
    parser = Parser(contexts=tasks.namespace.to_contexts())
    text = "\n".join([report_text(two_back_one_not(past), {}), (ROOT / "docs/fleet.md").read_text(encoding="utf-8")])
    found = [words for words in re.findall(r"\./inv (fleet\.[^`#\n]+)", text) if not words.endswith("…")]
    assert len(found) >= 20
    for words in found:
        typed = shlex.split(words.partition("   ")[0])
        at = typed.index("--home") if "--home" in typed else len(typed)
        (context,) = parser.parse_argv([*typed[:at], *typed[at + 2 :]])
        assert not context.missing_positional_args, words


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        (DeployWish(agreed_by="kim"), "--agreed-by kim: say with --resume ORDER"),
        (DeployWish(resume="o1", select="project=a", anew=True), "leave --select and --anew out"),
        (DeployWish(resume="o9"), "--resume o9: there is no such order"),
        (DeployWish(resume="latest"), "--resume: no order is written down yet"),
    ],
)
def test_words_that_would_count_for_nothing_are_a_mistake(
    past: Past, wish: DeployWish, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleetorders, "open_fleet", lambda root, file: nullcontext(past.fleet))
    with pytest.raises(Mistake, match=says):
        deploy_fleet(past.fleet.root, wish, print, print)
    assert orders_of(past.fleet.store) == ()


def test_a_worker_that_shall_do_less_than_nothing_is_a_mistake(past: Past) -> None:
    with pytest.raises(Mistake, match="--at-once -1: at least 1"):
        be_worker(past.fleet.root, "", -1, print)


@pytest.mark.parametrize("as_json", [False, True])
def test_an_order_that_takes_back_by_itself_prints_one_document_and_keeps_the_graver_code(
    past: Past, monkeypatch: pytest.MonkeyPatch, as_json: bool
) -> None:
    (past.fleet.root / "fleet.yml").write_text("when_spent: roll back all\n" + YAML)
    fleet = dataclasses.replace(past.fleet, file=load_fleet(past.fleet.root / "fleet.yml"))

    def seen(fleet: Fleet, plan: OrderPlan, *more: object, **said: object) -> SeenThrough:
        journal = fleet.journal(plan.order)
        for name in plan.projects:
            well = ProjectEnd("rolled back", "back") if plan.of else deployed(f"{name}1", f"{name}0")
            journal.append("project ended", name, exact=plain(BLOCKED if name == "c" else well), seconds=1)
        if not plan.of:
            journal.append("wave begins", "rest", projects=3)
            journal.append("budget spent", says="1 ended badly")
        journal.append("order ended", outcome="stopped")
        return SeenThrough(order_state(fleet.store, plan.order), EndOrder("stopped"))

    monkeypatch.setattr(fleetorders, "open_fleet", lambda root, file: nullcontext(fleet))
    monkeypatch.setattr(fleetorders, "problems", lambda *more: ({}, {}))
    monkeypatch.setattr(fleetorders, "seen_through", seen)
    lines: list[str] = []
    assert deploy_fleet(fleet.root, DeployWish(as_json=as_json), lines.append, lambda line: None) == 1
    if not as_json:
        assert "2 well, 1 badly" in lines[0]
        assert "fleet.rollback" not in lines[0], "that is done next"
        return
    (text,) = lines
    answered = json.loads(text)
    assert misfits("fleet.deploy", answered) == []
    back = {one["project"]: (one["outcome"], bool(one["taken_back"]), one["serves"]) for one in answered["projects"]}
    assert back == {"a": ("deployed", True, "a0"), "b": ("deployed", True, "b0"), "c": ("blocked", False, "")}


def test_an_order_that_is_under_way_and_has_moved_nobody_yet_keeps_the_others_from_going_back(past: Past) -> None:
    """Two must not conduct at once; and nothing is written down then."""
    past.order("o1", 3, {"a": deployed("a1", "a0")})
    plan = deploy_plan(past.fleet.file, ["b"], "dana")
    give(past.fleet, plan)
    past.fleet.journal(plan.order).append("project begins", "b", worker="w")
    with pytest.raises(Locked, match=f"order {plan.order}: under way still: b"):
        said(past, RollbackWish(since="4h"))
    assert [one.plan.order for one in orders_of(past.fleet.store)] == [plan.order, "o1"]


def test_what_others_have_written_stays_within_its_line(past: Past) -> None:
    """Ids are a vendor's, and a freeze's reason is anybody's."""
    past.order("o1", 3, {"a": deployed("d1\n  b  x → y", "d0\x1b[2J")})
    text = said(past, RollbackWish(since="4h", plan=True))
    assert len(text.splitlines()) == 2
    assert "\x1b" not in text
    past.back("r1", 2, "o1", {"a": deployed("d1\n  b  x → y", "d0\n✗ b")}, "rolled back")
    assert len(status_text("a", {"a": known_order(past.fleet.store, "o1")}, {}, NOW).splitlines()) == 1
    freeze(past.fleet.journal(FREEZE), FleetFreeze("kim", "x\nthe fleet is not frozen"))
    (line,) = frozen_lines(past.fleet.root, past.fleet.file)
    assert "\n" not in line
