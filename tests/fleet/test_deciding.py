"""What an order does next, and what its ends tell together: pure functions of its events."""

import datetime
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from pipeline.fleet.deciding import (
    AskApproval,
    AskGate,
    BeginWave,
    Decision,
    EndOrder,
    EndWave,
    HoldWave,
    QueueProjects,
    SpendBudget,
    WaitSeconds,
    decide,
)
from pipeline.fleet.ends import Fault, ProjectEnd, alike, end_from, end_of
from pipeline.fleet.judging import judged
from pipeline.fleet.order import BEGINS, OrderAction, OrderPlan, OrderState, Where, plan_from, state_of
from pipeline.fleet.waves import GroupBound, PlannedWave
from pipeline.record.journal import Event, plain
from pipeline.record.report import Line, Report, StageReport
from pipeline.render.fleet import order_text, status_text

T0 = datetime.datetime(2026, 11, 28, 12, tzinfo=datetime.UTC)
WELL = ProjectEnd("deployed", staged="dpl_new", before="dpl_old")
BLOCKED = ProjectEnd("blocked", "smoke: login fails", (Fault("smoke.journeys-work", "login fails"),))


class Story:
    """An order that is told event by event; a second passes with each."""

    def __init__(self, *waves: PlannedWave, at_once: int = 2, budget: int = 0, **more: Any) -> None:
        plan = OrderPlan("o", OrderAction.DEPLOY, waves, at_once, budget, **more)
        fields = {**plain(vars(plan)), "action": plan.action.value}
        self.events = [Event("o", T0.isoformat(), BEGINS, "", fields)]

    def then(self, kind: str, subject: str = "", **body: Any) -> "Story":
        moment = T0 + datetime.timedelta(seconds=len(self.events))
        self.events.append(Event("o", moment.isoformat(), kind, subject, body))
        return self

    def ended(self, project: str, end: ProjectEnd = WELL) -> "Story":
        self.then("project begins", project, worker="w1")
        return self.then("project ended", project, **plain(end))

    @property
    def state(self) -> OrderState:
        found = state_of("o", self.events)
        assert found
        return found

    def next(self, after: float = 0) -> Decision:
        return decide(self.state, T0 + datetime.timedelta(seconds=len(self.events) + after))

    def play(self, ends: Mapping[str, ProjectEnd]) -> list[str]:
        """Let it go on to its end; the projects in the order in which they were queued."""
        queued: list[str] = []
        for _ in range(100):
            match self.next():
                case BeginWave(wave):
                    self.then("wave begins", wave.name)
                case QueueProjects(projects):
                    queued += projects
                    for project in projects:
                        self.then("project queued", project)
                case WaitSeconds():
                    first = self.state.in_flight[0]
                    self.ended(first, ends.get(first, WELL))
                case EndWave(wave):
                    self.then("wave ended", wave.name)
                case SpendBudget(says):
                    self.then("budget spent", says=says)
                case EndOrder(outcome):
                    self.then("order ended", outcome=outcome)
                    return queued
                case AskApproval(wave):
                    self.then("wave approved", wave.name, by="dana")
        raise AssertionError("it does not end")


CANARY, REST = PlannedWave("canary", ("a",)), PlannedWave("rest", ("b", "c", "d", "e"))


def test_nothing_of_a_later_wave_is_queued_before_the_one_before_has_ended() -> None:
    story = Story(CANARY, REST)
    assert story.next() == BeginWave(CANARY)
    assert story.then("wave begins", "canary").next() == QueueProjects(("a",))
    assert story.then("project queued", "a").next() == WaitSeconds()
    assert story.ended("a").next() == EndWave(CANARY)
    assert story.then("wave ended", "canary").next() == BeginWave(REST)
    assert story.then("wave begins", "rest").next() == QueueProjects(("b", "c"))


def test_never_more_are_under_way_than_may_be_at_once() -> None:
    story = Story(CANARY, REST, at_once=3).then("wave begins", "canary").ended("a")
    story.then("wave ended", "canary").then("wave begins", "rest")
    for name in "bcd":
        story.then("project queued", name)
    assert story.next() == WaitSeconds()
    assert story.ended("c").next() == QueueProjects(("e",))


def test_never_more_of_a_group_are_under_way_than_its_own_bound_lets_and_nobody_waits_for_them() -> None:
    shops = GroupBound("shops", 1, ("b", "c", "e"))
    story = Story(REST, at_once=3, bounds=(shops,)).then("wave begins", "rest")
    assert story.next() == QueueProjects(("b", "d"))
    story.then("project queued", "b").then("project queued", "d")
    assert story.next() == WaitSeconds()
    rows = status_text("ce", dict.fromkeys("ce", story.state), {}, T0).splitlines()
    assert all("for its turn in rest, and among shops" in row for row in rows)
    assert story.ended("d").next() == WaitSeconds()
    assert story.ended("b").next() == QueueProjects(("c",))
    assert story.then("project queued", "c").ended("c").next() == QueueProjects(("e",))
    assert story.play({}) == ["e"]


def test_what_somebody_says_again_who_did_not_know_that_he_conducts_no_more_changes_nothing() -> None:
    story = Story(CANARY, REST).then("wave begins", "canary").then("wave begins", "canary")
    assert story.next() == QueueProjects(("a",))
    story.ended("a").then("wave ended", "canary").then("wave ended", "canary")
    assert story.next() == BeginWave(REST)
    story.then("order ended", outcome="stopped").then("order ended", outcome="done")
    assert story.state.outcome == "stopped"


def test_a_good_order_reaches_everybody() -> None:
    story = Story(CANARY, REST)
    assert story.play({}) == ["a", "b", "c", "d", "e"]
    assert (story.state.outcome, story.state.failed()) == ("done", ())


def test_a_spent_budget_stops_the_rest_which_is_said_to_be_not_begun() -> None:
    story = Story(CANARY, REST, budget=1)
    assert story.play({"b": BLOCKED, "c": BLOCKED}) == ["a", "b", "c", "d"]
    state = story.state
    assert state.outcome == "stopped"
    assert state.spent == "2 ended badly, and 1 may: b, c"
    assert [name for name, part in state.parts.items() if part.where is Where.NOT_BEGUN] == ["e"]
    assert state.parts["d"].end == WELL  # it was under way, and ended by itself
    assert "not begun  1: e" in order_text(state)


def test_a_canary_that_fails_keeps_every_later_wave_from_beginning() -> None:
    story = Story(CANARY, REST)
    assert story.play({"a": BLOCKED}) == ["a"]
    assert story.state.waves_begun == 1


def test_a_budget_that_lasts_lets_the_order_go_on() -> None:
    story = Story(CANARY, REST, budget=1)
    assert story.play({"a": BLOCKED}) == ["a", "b", "c", "d", "e"]
    assert (story.state.outcome, story.state.failed()) == ("done", ("a",))


def test_a_newer_release_of_somebody_else_is_no_failure() -> None:
    story = Story(CANARY, REST)
    assert len(story.play({"a": ProjectEnd("superseded")})) == 5
    assert story.state.failed() == ()


def test_a_wave_waits_for_its_pause_and_for_somebody_to_agree() -> None:
    late = PlannedWave("late", ("b",), pause=60, approval=True)
    story = Story(CANARY, late).then("wave begins", "canary").ended("a").then("wave ended", "canary")
    assert story.next() == WaitSeconds(59)
    assert story.next(after=58) == WaitSeconds(1)
    assert story.next(after=60) == AskApproval(late)
    story.then("wave approved", "late", by="dana")
    assert story.next(after=60) == BeginWave(late)


def test_the_gate_before_a_wave_is_asked_after_the_pause_and_again_whenever_somebody_goes_on() -> None:
    late = PlannedWave("late", ("b",), pause=60, approval=True, gate="check.health")
    story = Story(CANARY, late).then("wave begins", "canary").ended("a").then("wave ended", "canary")
    assert story.next(after=58) == WaitSeconds(1)
    assert story.next(after=60) == AskGate(late)
    story.then("gate asked", "late", gate="check.health")
    assert story.next(after=60) == AskGate(late)  # whoever asked has died
    story.then("gate answered", "late", may=False, says="check.health: 1 of the 1 asked", findings=[])
    assert story.next(after=60) == HoldWave(late, "check.health: 1 of the 1 asked")
    rows = status_text("b", {"b": story.state}, {}, T0)
    assert "for wave late, which is held: check.health: 1 of the 1 asked" in rows
    story.then("order resumed", by="dana")
    assert story.next(after=60) == AskGate(late)
    story.then("gate answered", "late", may=True, says="", findings=[])
    assert story.next(after=60) == AskApproval(late)
    story.then("wave approved", "late", by="lee")
    assert story.next(after=60) == AskGate(late)
    story.then("gate answered", "late", may=True, says="", findings=[])
    assert story.next(after=60) == BeginWave(late)


def test_a_part_that_two_workers_have_told_counts_as_the_first_has_told_it() -> None:
    story = (
        Story(CANARY).then("wave begins", "canary").then("project queued", "a").then("project begins", "a", worker="w1")
    )
    story.then("project begins", "a", worker="w2").then("project ended", "a", **plain(WELL))
    story.then("project ended", "a", **plain(BLOCKED))
    part = story.state.parts["a"]
    assert (part.times, part.worker, part.end) == (2, "w2", WELL)


def test_only_what_was_moved_can_be_taken_back_the_newest_first() -> None:
    held = ProjectEnd("held", "nobody could look", staged="dpl_new", before="dpl_old")
    back = ProjectEnd("rolled back", staged="dpl_new", before="dpl_old")
    story = Story(CANARY, REST, budget=9).then("wave begins", "canary").then("wave begins", "rest")
    for name, end in {"c": WELL, "a": WELL, "b": BLOCKED, "d": held, "e": back}.items():
        story.ended(name, end)
    assert story.state.moved() == ("d", "a", "c")
    assert story.state.moved("rest") == ("d", "c")


def test_a_plan_comes_back_as_it_was_written_down() -> None:
    plan = OrderPlan(
        "o", OrderAction.ROLL_BACK, (CANARY, REST), 3, 1, "keep", "dana", "p", ("--over-rollback",), {"a": WELL}
    )
    plan = replace(plan, bounds=(GroupBound("shops", 2, ("a", "b")),))
    assert plan_from("o", {**plain(vars(plan)), "action": plan.action.value}) == plan
    assert end_from(plain(BLOCKED)) == BLOCKED


def test_what_several_projects_share_is_one_finding_with_the_list_of_them() -> None:
    def fails(gate: str, says: str) -> ProjectEnd:
        return ProjectEnd("blocked", says, (Fault(gate, says), Fault("smoke.pages", "follows from that")))

    found = judged(
        {
            "de": fails("smoke.journeys-work", "login fails: https://de.shop.com/login answered 401 after 12 ms"),
            "noisy": fails("smoke.routes-answer", "/ answered 500"),
            "fr": fails("smoke.journeys-work", "login fails: https://shop.fr/login answered 401 after 7 ms"),
            "it": fails("health.is-healthy", "login fails: https://shop.it/login answered 401 after 7 ms"),
        }
    )
    assert [(one.gate, one.projects) for one in found] == [
        ("smoke.journeys-work", ("de", "fr")),
        ("health.is-healthy", ("it",)),
        ("smoke.routes-answer", ("noisy",)),
    ]


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("shop-de is not built", "shop-fr is not built", True),
        ("dpl_Ab1 of 1234567890abcdef is gone", "dpl_Zz9 of abcdef1234567890 is gone", True),
        ("taken back by run 20261129-094021-116c", "taken back by run 20261129-094021-beef.shop", True),
        ("DATABASE_URL is not set", "DIRECT_URL is not set", False),
        ("www.shop.de:443 answered in 1.5 s", "www.shop.fr:443 answered in 20 s", False),
    ],
)
def test_words_are_the_same_without_what_is_a_projects_own(first: str, second: str, same: bool) -> None:
    assert (alike(first, "shop-de") == alike(second, "shop-fr")) is same


def test_the_end_of_a_run_says_which_gates_of_the_stage_that_stopped_said_no() -> None:
    def line(kind: str, name: str, state: str, verdict: str = "") -> Line:
        findings = [{"verdict": verdict, "subject": "login", "says": "fails", "fix": ""}] if verdict else []
        return Line(kind, name, state, "", says="it broke", findings=findings)

    stages = [
        StageReport("preflight", "warned", "", lines=[line("gate", "ci.passed", "warn", "warn")]),
        StageReport(
            "smoke",
            "stopped",
            "",
            lines=[
                line("gate", "a.fine", "pass"),
                line("gate", "b.no", "not yet", "not yet"),
                line("step", "c", "failed"),
            ],
        ),
    ]
    report = Report("r", outcome="blocked", reason="smoke: login\n fails", stages=stages, staged={"id": "dpl_1"})
    end = end_of(report)
    assert end.faults == (Fault("b.no", "login fails"), Fault("c", "it broke"))
    assert (end.reason, end.staged, end.moved, end.code) == ("smoke: login fails", "dpl_1", False, 1)


def test_the_status_says_in_one_line_what_each_project_waits_for() -> None:
    story = Story(CANARY, REST).then("wave begins", "canary").ended("a").then("wave ended", "canary")
    story.then("wave begins", "rest")
    story.then("project queued", "b").then("project queued", "c").then("project begins", "b", worker="w1")
    state = story.state
    text = status_text("abcdef", dict.fromkeys("abcde", state), {"b": "smoke"}, T0 + datetime.timedelta(seconds=20))
    rows = [" ".join(row.split()) for row in text.splitlines()]
    assert rows == [
        "a deployed ✓ 17 s ago, canary",
        "b running … at smoke, begun 12 s ago on w1",
        "c queued … for a worker",
        "d waits … for its turn in rest",
        "e waits … for its turn in rest",
        "f - was in no order yet",
    ]
