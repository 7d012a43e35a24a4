"""The gate before a wave: whatever is no yes holds the order, and what is run is what fleet.yml here says."""

import asyncio
import dataclasses
import datetime
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pipeline.clients.nursery import Child
from pipeline.errors import Unreachable
from pipeline.fleet import surveying
from pipeline.fleet.ends import ProjectEnd
from pipeline.fleet.file import load_fleet
from pipeline.fleet.gates import ask_gate
from pipeline.fleet.judging import FleetFinding
from pipeline.fleet.order import GateAnswer, OrderState, ProjectPart, Where
from pipeline.fleet.ordering import deploy_plan
from pipeline.fleet.place import Fleet
from pipeline.fleet.waves import PlannedWave
from pipeline.record.journal import Event, plain
from pipeline.record.place import Place
from pipeline.record.store import open_store
from pipeline.render.fleet import event_line, order_text
from pipeline.render.fleetpage import order_page
from pipeline.render.fleetreport import report_text, report_values

PROJECTS = "projects: {a: {home: a}, b: {home: b}, c: {home: c}}\n"
GATE = "uptime.is-well-now"
MOVED = ProjectEnd("deployed", staged="dpl_new", before="dpl_old")


class Held:
    """A fleet whose second wave has a gate, at the moment when that is asked."""

    def __init__(self, folder: Path, gate: Mapping[str, Any], moved: bool = True) -> None:
        waves = [{"name": "few", "count": 1}, {"name": "rest", "gate": gate}]
        (folder / "fleet.yml").write_text(f"{PROJECTS}waves: {json.dumps(waves)}\n", encoding="utf-8")
        for name in "abc":
            (folder / name).mkdir(exist_ok=True)
        self.fleet = Fleet(folder, load_fleet(folder / "fleet.yml"), open_store("", folder), Place("", ""), "")
        plan = deploy_plan(self.fleet.file, "abc", "dana")
        parts = {name: ProjectPart() for name in "abc"}
        end = MOVED if moved else ProjectEnd("blocked")
        parts["a"] = ProjectPart(Where.ENDED, ended="2026-11-29T10:00:00+00:00", end=end)
        self.state = OrderState(plan, "2026-11-29T09:00:00+00:00", parts, 1, ["2026-11-29T10:00:00+00:00"])
        self.wave = plan.waves[1]

    def asked(self, wave: PlannedWave | None = None) -> GateAnswer:
        return asyncio.run(ask_gate(self.fleet, self.state, wave or self.wave))


def python(text: str) -> list[str]:
    return [sys.executable, "-c", text]


FINDING = {"verdict": "block", "subject": "status page", "says": "an incident is open"}


@pytest.mark.parametrize(
    ("text", "may", "says"),
    [
        ("", True, ""),
        ("print('{}')".format(json.dumps({**FINDING, "verdict": "warn"})), True, ""),
        (f"print('{json.dumps(FINDING)}')", False, "status page: an incident is open"),
        ("import sys; print('no way'); sys.exit(1)", False, "the command: says no: no way"),
        ("import sys; sys.exit(3)", False, "could not look: it ended with 3"),
        ("print('{nonsense')", False, "could not look: it printed a line that is no JSON"),
        ("import time; time.sleep(60)", False, "has not answered in 1 s"),
    ],
)
def test_a_command_says_yes_or_the_order_is_held(text: str, may: bool, says: str, tmp_path: Path) -> None:
    within = 1 if "sleep" in text else 60
    began = time.monotonic()
    answer = Held(tmp_path, {"command": python(text), "within": within}).asked()
    assert (answer.may, says in answer.says, bool(answer.says)) == (may, True, not may)
    assert time.monotonic() - began < 30


def test_a_command_that_is_not_there_is_no_yes(tmp_path: Path) -> None:
    answer = Held(tmp_path, {"command": ["./gone"]}).asked()
    assert not answer.may
    assert "cannot be started" in answer.says


def test_a_command_knows_the_order_and_its_own_tokens_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell = "import os, json; open('told', 'w').write(json.dumps(dict(os.environ)))"
    gate = {"command": python(tell), "tokens": {"STATUS_TOKEN": "OUR_STATUS_TOKEN"}}
    held = Held(tmp_path, gate)
    assert held.asked().says.endswith("OUR_STATUS_TOKEN is not set here")
    monkeypatch.setenv("OUR_STATUS_TOKEN", "token-of-the-page")
    monkeypatch.setenv("VERCEL_TOKEN", "of somebody else")
    assert held.asked().may
    told = json.loads((tmp_path / "told").read_text(encoding="utf-8"))
    assert (told["FLEET_WAVE"], told["FLEET_PROJECTS"], told["FLEET_MOVED"]) == ("rest", "b c", "a")
    assert (told["STATUS_TOKEN"], told["FLEET_ORDER"]) == ("token-of-the-page", held.state.plan.order)
    assert not {"VERCEL_TOKEN", "OUR_STATUS_TOKEN"} & told.keys()


def test_what_the_record_says_is_never_run(tmp_path: Path) -> None:
    held = Held(tmp_path, {"command": python("")})
    other = dataclasses.replace(held.wave, gate="touch pwned")
    answer = held.asked(other)
    assert not answer.may
    assert answer.says.startswith("the order has the gate touch pwned, and fleet.yml here has ")
    assert not held.asked(dataclasses.replace(held.wave, name="gone")).may


class Answers:
    """Stands in for the processes of projects: each home answers what it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **answers: Child) -> None:
        self.answers, self.asked = answers, dict[str, list[str]]()
        monkeypatch.setattr(surveying, "nursery", lambda: self)

    async def run(self, words: list[str], environment: Mapping[str, str], home: Path, *more: Any) -> Child:
        self.asked[home.name] = words[3:]
        await asyncio.sleep(0)
        return self.answers.get(home.name, Child(code=0, printed=json.dumps({"gates": {"health.is-healthy": []}})))

    def close(self) -> None:
        self.asked["closed"] = []


NO = Child(code=1, printed=json.dumps({"gates": {"health.is-healthy": [{**FINDING, "fix": ""}]}}))


def test_a_check_is_asked_of_those_that_were_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = Answers(monkeypatch, a=NO, b=NO)
    answer = Held(tmp_path, {"check": GATE}).asked()
    assert answers.asked == {"a": [f"check.{GATE}", "--json"], "closed": []}
    found = FleetFinding("health.is-healthy", "status page an incident is open", ("a",))
    assert answer == GateAnswer(False, f"check.{GATE}: 1 of the 1 asked", (found,))
    Answers(monkeypatch)
    assert Held(tmp_path, {"check": GATE}).asked() == GateAnswer(True)


def test_when_nothing_was_moved_the_waves_own_projects_are_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = Answers(monkeypatch, c=Child(code=2, complaints=["error: no token"]))
    answer = Held(tmp_path, {"check": GATE}, moved=False).asked()
    assert sorted(answers.asked) == ["b", "c", "closed"]
    assert (answer.may, answer.says) == (False, f"check.{GATE}: 1 of the 2 asked")
    assert answer.findings[0].says == "no token"


def test_a_check_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Hanging(Answers):
        async def run(self, *more: Any) -> Child:
            await asyncio.sleep(60)
            raise Unreachable("fleet", "its process", "hangs")

    forks = Hanging(monkeypatch)
    answer = Held(tmp_path, {"check": GATE, "within": 0.2}).asked()
    assert answer == GateAnswer(False, f"check.{GATE} has not answered in 0.2 s")
    assert "closed" in forks.asked


def test_who_looks_at_the_order_sees_why_it_is_held(tmp_path: Path) -> None:
    held = Held(tmp_path, {"check": GATE})
    found = FleetFinding("health.is-healthy", "answered <b>500</b>", ("a",))
    answer = GateAnswer(False, f"check.{GATE}: 1 of the 1 asked", (found,))
    state, plan = dataclasses.replace(held.state, gates={"rest": answer}), held.state.plan
    says = f"is held: check.{GATE}: 1 of the 1 asked"
    assert f"2. rest: {says}, 0 well, 2 not ended; gate: check.{GATE}" in report_text(state, {})
    assert f"rest {says}; mend that, then\n    ./inv fleet.deploy --resume {plan.order}" in report_text(state, {})
    now = datetime.datetime(2026, 11, 29, tzinfo=datetime.UTC)
    values: Any = json.loads(json.dumps(report_values(state, {}, now)))
    assert (values["waves"][1]["stands"], values["waves"][1]["gate"]) == (says, f"check.{GATE}")
    assert f"  held       rest: check.{GATE}: 1 of the 1 asked" in order_text(state)
    page = order_page(state, {}, lambda run: "", "now", "here", here="", places=[], live="")
    assert page.count(says) == 2
    assert f"gate: check.{GATE}" in page
    line = event_line(Event("o", "", "gate answered", "rest", plain(answer)), plan)
    assert line.splitlines()[0] == f"rest: check.{GATE}: 1 of the 1 asked"
    assert "answered <b>500</b>  (a)" in line
    assert f"rest: asks check.{GATE}" in event_line(
        Event("o", "", "gate asked", "rest", {"gate": f"check.{GATE}"}), plan
    )


def test_an_order_that_has_ended_is_held_by_nothing(tmp_path: Path) -> None:
    held = Held(tmp_path, {"check": GATE})
    state = dataclasses.replace(held.state, gates={"rest": GateAnswer(False, "no")}, outcome="stopped")
    assert (held.state.held, state.held) == ("", "")
