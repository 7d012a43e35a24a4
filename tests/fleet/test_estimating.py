"""What an order would take and ask, by arithmetic from what earlier runs have measured; and what would stop whom."""

import asyncio
import datetime
import itertools
import json
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from pipeline.clients.pacing import CallsMade, SharedPace
from pipeline.commands import fleetplan
from pipeline.commands.fleetplan import PlanWish, show_plan
from pipeline.fleet import timing, windows
from pipeline.fleet.deciding import BeginWave, EndOrder, EndWave, QueueProjects, WaitSeconds, decide
from pipeline.fleet.estimating import (
    IN_SANDBOX,
    OrderEstimate,
    ProjectMeasured,
    estimated,
    gates_measured,
    measured,
)
from pipeline.fleet.file import load_fleet
from pipeline.fleet.order import OrderAction, OrderPlan, OrderState, ProjectPart, Where, add
from pipeline.fleet.ordering import deploy_plan
from pipeline.fleet.pending import migrations_of
from pipeline.fleet.surveying import ProjectAnswer
from pipeline.fleet.timing import spans
from pipeline.fleet.waves import GroupBound, PlannedWave
from pipeline.fleet.windows import FleetWindow, next_open
from pipeline.record.journal import Event
from pipeline.render.fleetplan import estimate_text, gates_text, migrations_text
from tests.documents.test_answers import misfits
from tests.fleet.test_deciding import Story

NOW = datetime.datetime(2026, 11, 30, 10, tzinfo=datetime.UTC)  # a Monday
YAML = """\
groups: {shops: {}}
at_once: 2
waves:
  - {name: first, count: 1}
  - {name: second, count: 3, pause: 10m}
projects:
  a: {home: a, group: shops}
  b: {home: b, group: shops}
  c: {home: c, group: shops}
  d: {home: d}
"""
ALLOWED = CallsMade(70, most=100, window=60)


YES = {"may": True, "says": "", "findings": []}


def estimate(
    folder: Path,
    known: Mapping[str, ProjectMeasured],
    text: str = YAML,
    least: Mapping[str, float] | None = None,
    asked: Mapping[str, tuple[str, float]] | None = None,
) -> OrderEstimate:
    (folder / "fleet.yml").write_text(text)
    file = load_fleet(folder / "fleet.yml")
    return estimated(file, deploy_plan(file, file.projects, ""), known, least or {}, asked or {}, NOW)


def took(seconds: float, **calls: CallsMade) -> ProjectMeasured:
    return ProjectMeasured("o1", seconds, {f"{service}.abcdefghij": made for service, made in calls.items()})


def test_waves_pauses_and_how_many_at_once_make_the_time(tmp_path: Path) -> None:
    found = estimate(tmp_path, {"a": took(10), "b": took(30), "c": took(20), "d": took(15)})
    spans = [(wave.name, wave.begins, wave.ends) for wave in found.waves]
    assert spans == [("first", 0, 10), ("second", 610, 645)], "b for 30 s; beside it c for 20 s, then d for 15 s"
    assert (found.seconds, found.unknown) == (645, ())
    assert "Time: about 10 min 45 s\n" in estimate_text(found)
    assert "4 by their last deployment (order o1)" in estimate_text(found)


def test_who_was_never_measured_is_as_the_middle_of_his_group_else_of_all(tmp_path: Path) -> None:
    found = estimate(tmp_path, {"a": took(10, vercel=CallsMade(5)), "d": took(90)})
    by = {one.project: (one.seconds, one.of) for one in found.projects}
    assert by["b"] == (10, ("a", "o1"))
    assert by["d"] == (90, ("d", "o1"))
    assert [(one.calls, one.projects) for one in found.calls] == [(15, 3)]
    assert "2 as others of theirs (a)" in estimate_text(found)


def test_of_what_nobody_knows_only_the_watch_is_said_and_the_requests_are_those_of_the_sandbox(tmp_path: Path) -> None:
    found = estimate(tmp_path, {}, least={"a": 60, "b": 60, "c": 60, "d": 60})
    text = estimate_text(found)
    assert "Time: at least 13 min 00 s" in text
    assert "4 by the length of their watch alone: they were never deployed" in text
    assert {one.service: one.calls for one in found.calls} == {name: 4 * one for name, one in IN_SANDBOX.items()}
    assert "as runs in the sandbox ask" in text
    nothing = estimate(tmp_path, {}, text=YAML.replace(", pause: 10m", ""))
    assert "Time: not known\n" in estimate_text(nothing)


def test_a_limit_of_a_token_that_is_asked_more_than_it_allows_binds(tmp_path: Path) -> None:
    known = {name: took(1, vercel=ALLOWED) for name in "abcd"}
    text = YAML.replace(", pause: 10m", "")
    found = estimate(tmp_path, known, text)
    (one,) = found.calls
    assert (one.calls, one.token, one.wait) == (280, "abcdef", 180), "90 of 100 are for the fleet: the fourth minute"
    assert (found.seconds, found.binds) == (180, "the limit of vercel")
    assert "Time: about 3 min 00 s, which is the limit of vercel" in estimate_text(found)
    assert "280  with abcdef; the vendor allows 100 in 1 min 00 s, so 3 min 00 s at least" in estimate_text(found)
    other = {name: ProjectMeasured("o1", 1, {f"vercel.{name * 10}": ALLOWED}) for name in "abcd"}
    apart = estimate(tmp_path, other, text)
    assert (apart.seconds, apart.binds, len(apart.calls)) == (3, "", 4), "tokens of their own bind nobody else"
    assert "280  with 4 tokens, 70 with aaaaaa" in estimate_text(apart)


def test_a_window_that_is_closed_is_waited_for_and_holds_up_nobody_else(tmp_path: Path) -> None:
    window = "window: {timezone: UTC, days: [mon], since: '11:00', until: '12:00'}"
    text = YAML.replace("{home: b, group: shops}", "{home: b, group: shops, " + window + "}").replace(
        ", pause: 10m", ""
    )
    found = estimate(tmp_path, {name: took(10) for name in "abcd"}, text)
    assert found.seconds == 3610
    assert found.waves[1].begins == 10


def test_the_bound_of_a_group_makes_its_projects_wait_and_nobody_else(tmp_path: Path) -> None:
    text = YAML.replace("shops: {}", "shops: {at_once: 1}").replace(", pause: 10m", "")
    found = estimate(tmp_path, {"a": took(10), "b": took(30), "c": took(20), "d": took(15)}, text)
    assert [(wave.begins, wave.ends) for wave in found.waves] == [(0, 10), (10, 60)], "c waits for b; d beside them"


GATED = YAML.replace("pause: 10m", "pause: 1m, gate: {command: [./ok.sh], within: 2m}")


def test_a_gate_takes_what_it_took_last_else_at_most_its_deadline_and_says_which(tmp_path: Path) -> None:
    known = {name: took(10) for name in "abcd"}
    found = estimate(tmp_path, known, GATED, asked={"./ok.sh": ("o7", 7.5)})
    assert [(wave.begins, wave.ends) for wave in found.waves] == [(0, 10), (77.5, 97.5)]
    assert (found.seconds, found.least) == (97.5, 97.5)
    assert "  gate of second           7.5 s, as in order o7: ./ok.sh" in estimate_text(found)
    never = estimate(tmp_path, known, GATED)
    assert (never.seconds, never.least) == (210, 90)
    text = estimate_text(never)
    assert "Time: about 1 min 30 s, and up to 2 min 00 s more for gates that were never asked\n" in text
    assert "gate of second           up to 2 min 00 s, its deadline: it never said yes here: ./ok.sh" in text
    agreed = estimate(tmp_path, known, GATED.replace("pause: 1m", "approval: true"), asked={"./ok.sh": ("o7", 7.5)})
    assert agreed.seconds == 45, "it is asked before somebody agrees, and after that"
    unknown = estimate(tmp_path, {}, GATED)
    assert unknown.least == 60
    assert "Time: at least 1 min 00 s, and up to 2 min 00 s more" in estimate_text(unknown)


def test_what_a_gate_took_is_from_the_moment_it_was_asked_to_its_last_yes() -> None:
    told = Story(PlannedWave("all", ("a",), gate="./ok.sh"), PlannedWave("rest", ("b",), gate="check.x"))
    told.then("gate asked", "all").then("order waits", says="x")  # whoever conducted then has died
    told.then("gate asked", "all").then("order waits", says="x").then("gate answered", "all", **YES)
    told.then("gate asked", "rest").then("gate answered", "rest", **{**YES, "may": False, "says": "no"})
    assert gates_measured([told.state], ["./ok.sh", "check.x"]) == {"./ok.sh": ("o", 2.0)}
    assert gates_measured([told.state], []) == {}


@pytest.mark.parametrize("seed", range(40))
def test_the_times_of_waves_are_those_that_deciding_at_these_times_gives(seed: int) -> None:
    """Any plan: with windows, bounds, pauses; against the product's own decisions, event by event."""
    rng = random.Random(seed)
    names = [f"p{number}" for number in range(rng.randint(1, 12))]
    cuts = sorted({0, rng.randint(0, len(names)), len(names)})
    waves = tuple(
        PlannedWave(f"w{start}", tuple(names[start:end]), rng.choice((0, 7))) for start, end in itertools.pairwise(cuts)
    )
    since = f"10:{rng.randint(0, 3):02}"
    window = FleetWindow("UTC", ("mon", "tue"), since, f"10:{int(since[3:]) + 1:02}")
    within = {name: window for name in names if rng.random() < 0.3}
    groups = {name: rng.choice(("", "x", "y")) for name in names}
    bounds = tuple(
        GroupBound(group, rng.randint(1, 2), members)
        for group in ("x", "y")
        if (members := tuple(name for name in names if groups[name] == group))
    )
    lasts = {name: float(rng.choice((0, 5, 20, 65))) for name in names}
    plan = OrderPlan("o", OrderAction.DEPLOY, waves, rng.randint(1, 4), 9, windows=within, bounds=bounds)
    assert [(one.begins, one.ends) for one in spans(plan, lasts, {}, NOW)] == decided(plan, lasts)


def decided(plan: OrderPlan, lasts: Mapping[str, float]) -> list[tuple[float, float]]:
    """When each wave begins and ends, as it is decided at the moments at which something happens."""
    state = OrderState(plan, NOW.isoformat(), {name: ProjectPart() for name in plan.projects})
    at, ends, begun, over = 0.0, dict[str, float](), list[float](), list[float]()
    for _ in range(1000):
        moment = NOW + datetime.timedelta(seconds=at)

        def tell(kind: str, subject: str = "", moment: datetime.datetime = moment, **body: Any) -> None:
            add(state, Event("o", moment.isoformat(), kind, subject, body))

        for name in [name for name, end in ends.items() if end <= at]:
            tell("project ended", name, outcome="deployed", staged="n", before="o")
            del ends[name]
        match decide(state, moment):
            case BeginWave(wave):
                begun.append(at)
                over.append(at)
                tell("wave begins", wave.name)
            case QueueProjects(projects):
                for name in projects:
                    tell("project queued", name)
                    ends[name] = at + lasts[name]
                    over[-1] = max(over[-1], ends[name])
            case EndWave(wave):
                tell("wave ended", wave.name)
            case WaitSeconds(seconds):
                waiting = [name for name, part in state.parts.items() if part.where is Where.WAITING]
                opens = [(next_open(plan.windows.get(name), moment) - NOW).total_seconds() for name in waiting]
                later = [one for one in (*ends.values(), *opens) if one > at]
                at = at + seconds if seconds else min(later)
            case EndOrder():
                return list(zip(begun, over, strict=True))
    raise AssertionError("it does not end")


def test_ten_thousand_projects_are_looked_at_a_few_times_each(monkeypatch: pytest.MonkeyPatch) -> None:
    names = tuple(f"p{number}" for number in range(10_000))
    window = FleetWindow("Europe/Berlin", ("mon", "tue", "wed"), "09:00", "16:00")
    plan = OrderPlan(
        "o",
        OrderAction.DEPLOY,
        (PlannedWave("all", names),),
        500,
        0,
        windows=dict.fromkeys(names[::2], window),
        bounds=(GroupBound("shops", 20, names[:3000]),),
    )
    looked: list[Any] = []

    def looks(*words: Any) -> bool:
        looked.append(words)
        return windows.is_open(*words)

    monkeypatch.setattr(timing, "is_open", looks)
    (span,) = spans(plan, dict.fromkeys(names, 600.0), {}, NOW)
    assert span.ends >= 3000 / 20 * 600
    assert len(looked) <= 2 * len(names)


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        ("2026-11-30T10:00:00+00:00", "2026-11-30T10:00:00+00:00"),
        ("2026-11-30T07:00:00+00:00", "2026-11-30T08:00:00+00:00"),
        ("2026-11-30T16:00:00+00:00", "2026-12-01T08:00:00+00:00"),
        ("2026-12-01T16:00:00+00:00", "2026-12-07T08:00:00+00:00"),
        ("2026-03-24T20:00:00+00:00", "2026-03-30T07:00:00+00:00"),  # summer time has begun between
    ],
)
def test_a_window_opens_by_the_clock_of_its_time_zone(now: str, opens: str) -> None:
    berlin, at = FleetWindow("Europe/Berlin", ("mon", "tue"), "09:00", "16:00"), datetime.datetime.fromisoformat
    assert next_open(berlin, at(now)) == at(opens)


def test_what_was_measured_is_the_last_deployment_that_went_well_and_in_one_go() -> None:
    made = {"vercel.x": {"calls": 7, "most": 0, "window": 0}}
    told = Story(PlannedWave("all", ("a", "b", "c")), budget=9)
    for name, outcome in (("a", "deployed"), ("b", "blocked"), ("c", "deployed")):
        told.then("project begins", name, worker="w")
        told.then("project ended", name, outcome=outcome, staged="n", before="o", seconds=12.5, calls=made)
    told.events.insert(-1, told.events[-2])  # c was taken up twice
    found = measured([told.state], "abc")
    assert found == {"a": ProjectMeasured("o", 12.5, {"vercel.x": CallsMade(7)})}

    def never() -> Any:
        yield told.state
        raise AssertionError("what is known already is not read")

    assert list(measured(never(), "a")) == ["a"]


class Line:
    """A worker's end of a line, which keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []

    def settimeout(self, seconds: float) -> None: ...

    def sendall(self, said: bytes) -> None:
        self.told.append(json.loads(said))


class Asker:
    """A client, and the clock that it has."""

    name, base, ahead, _headers = "vercel", "https://x", None, dict[str, str]()

    @property
    def _clock(self) -> "Asker":
        return self

    def monotonic(self) -> float:
        return 0.0

    def now(self) -> datetime.datetime:
        return NOW


def test_a_process_counts_its_requests_by_token_and_tells_its_worker() -> None:
    line: Any = Line()
    asker: Any = Asker()

    async def send() -> httpx.Response:
        return httpx.Response(200, headers={"x-ratelimit-limit": "500", "x-ratelimit-remaining": "499"})

    async def go() -> None:
        pace = SharedPace(line, first=False)
        for _ in range(3):
            await pace.sent(asker, send)
        pace.tell()

    asyncio.run(go())
    (made,) = line.told[-1]["made"].values()
    assert (made["calls"], made["most"]) == (3, 500)


def answer(project: str, *pending: str, **gates: Any) -> ProjectAnswer:
    return ProjectAnswer(project, 0, {"seen": [{"pending": list(pending)}, {}], "gates": gates})


BLOCKS = [{"verdict": "block", "subject": "line 1", "says": "drops a column"}]


def test_migrations_are_said_once_with_all_that_would_apply_them_and_what_stops_them() -> None:
    found = migrations_of(
        [
            answer("a", "20261101_add", "20261102_drop", **{"sql.is_safe": BLOCKS}),
            answer("b", "20261101_add"),
            ProjectAnswer("c", 2, None, "DIRECT_URL: is not set"),
            ProjectAnswer("d", 0, {"gates": {}}),
        ]
    )
    text = migrations_text(found)
    assert "Migrations: 4 databases asked; 2 migrations pending" in text
    assert "+ 20261101_add: 2: a, b" in text
    assert "✗ sql.is_safe: line 1 drops a column\n      1: a" in text
    assert "✗ c: could not be asked: DIRECT_URL: is not set" in text
    assert "✗ d: could not be asked: its migrations could not be read" in text
    assert found.stops
    assert not migrations_of([answer("b", "20261101_add")]).stops


Planned = Callable[[PlanWish], tuple[bool, str, list[list[str]]]]


@pytest.fixture
def planned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Planned:
    """Shows a plan of a fleet whose homes answer as told: whether it was fine, what was printed, what was asked."""
    (tmp_path / "fleet.yml").write_text(YAML.replace("{home: d}", "{home: d, ships: dist, target: t}"))
    deploy = "source: {repository: you/app}\ntargets:\n  t: {kind: sandbox, pace: {watch: {during: 42s}}}\ntarget: t\n"
    for name in "abcd":
        (tmp_path / name).mkdir()
        (tmp_path / name / "deploy.yml").write_text(deploy)
    asked: list[list[str]] = []

    def ask(root: Path, file: Any, projects: Any, words: Any) -> Any:
        asked.append(words(file.projects["d"]))
        gates = {name: {"source.ci_is_green": BLOCKS if name == "b" else []} for name in projects}
        return [ProjectAnswer(name, 0, {"gates": gates[name]}) for name in projects]

    monkeypatch.setattr(fleetplan, "ask_all", ask)

    def show(wish: PlanWish) -> tuple[bool, str, list[list[str]]]:
        lines: list[str] = []
        return show_plan(tmp_path, wish, lines.append), "\n".join(lines), asked

    return show


def test_a_plan_asks_nobody_unless_it_is_told_to(planned: Planned) -> None:
    fine, text, asked = planned(PlanWish())
    assert (fine, asked) == (True, [])
    assert "Gates: not asked; --gates asks" in text
    assert "Migrations: not asked; --migrations asks" in text
    assert "Time: at least 12 min 06 s" in text, "three times 42 s, and a pause"
    fine, text, asked = planned(PlanWish(gates=True))
    assert (fine, asked) == (False, [["check", "--json", "--target=t", "--from=dist"]])
    assert "✗ source.ci_is_green: line 1 drops a column\n      1: b" in text
    assert gates_text(()).endswith("nobody would be stopped")


def test_a_plan_for_programs_fits_its_schema(planned: Planned) -> None:
    for wish in (PlanWish(as_json=True), PlanWish(gates=True, migrations=True, as_json=True)):
        answered = json.loads(planned(wish)[1])
        assert misfits("fleet.plan", answered) == []
        assert (answered["gates"] is None) is not wish.gates
    assert answered["migrations"]["unseen"].keys() == {"a", "c", "d"}
