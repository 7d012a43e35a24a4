"""What projects share of deploy.yml: whose word counts, what is wrong by its line, and that a run's gates have it."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from checks.policy import FreezePolicy, HealthPolicy, PerformancePolicy
from pipeline.commands.fleet import problems
from pipeline.commands.fleetplan import PlanWish, show_plan
from pipeline.config import Config, load
from pipeline.config.shared import VARIABLE, SharedSections, shared_here
from pipeline.errors import Mistake
from pipeline.fleet.children import environment_of
from pipeline.fleet.example import write_example
from pipeline.fleet.file import FleetFile, load_fleet
from pipeline.fleet.place import PROGRAM
from pipeline.fleet.sharing import shared_with
from pipeline.sandbox.launch import attach, reset
from tests.fleet.test_whole import FleetAtWork

DEPLOY = """\
source: {repository: acme/shop}
health: {path: /own}
performance: {p95_ms: 300}
targets:
  here: {kind: sandbox, example: false, override: {performance: {visits: 7}}, pace: {watch: {every: 2s}}}
target: here
"""
FLEET = """\
share:
  health: {path: /fleet}
  performance: {p95_ms: 100, visits: 1, request: 9s}
  pace: {watch: {during: 1h, every: 9s, patience: 9s}}
groups:
  shops:
    share: {performance: {request: 8s, budget: 20s}, pace: {watch: {during: 30m}}}
projects:
  a: {home: a, group: shops, override: {performance: {budget: 15s}, pace: {watch: {patience: 5s}}}}
  b: {home: a, target: here}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "deploy.yml").write_text(DEPLOY, encoding="utf-8")
    return tmp_path


def fleet(root: Path, text: str = FLEET) -> FleetFile:
    (root / "fleet.yml").write_text(text, encoding="utf-8")
    return load_fleet(root / "fleet.yml")


def section(config: Config, kind: type) -> Any:
    return config.policies["here"].by_type()[kind]


def test_a_projects_own_word_counts_more_but_for_what_fleet_yml_says_of_it_alone(root: Path) -> None:
    file = fleet(root)
    config = load(root / "a" / "deploy.yml", shared=shared_with(file, "a"))
    pages = section(config, PerformancePolicy)
    assert section(config, HealthPolicy).path == "/own"
    assert (pages.p95_ms, pages.visits, pages.request, pages.budget) == (300, 7, 8, 15)
    assert config.pace("here")["watch"] == {"during": 1800, "every": 2, "patience": 5}
    other = section(load(root / "a" / "deploy.yml", shared=shared_with(file, "b")), PerformancePolicy)
    assert (other.request, other.budget) == (9, PerformancePolicy().budget)
    alone = load(root / "a" / "deploy.yml")
    assert section(alone, PerformancePolicy).request == PerformancePolicy().request
    assert alone.pace("here")["watch"]["every"] == 2


def test_the_process_of_a_project_is_told_by_its_environment(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = fleet(root)
    told = environment_of(file.projects["a"], shared=shared_with(file, "a"))[VARIABLE]
    monkeypatch.setenv(VARIABLE, told)
    assert section(load(root / "a" / "deploy.yml"), PerformancePolicy).budget == 15
    assert (
        section(load(root / "a" / "deploy.yml", shared=SharedSections()), PerformancePolicy).budget
        == PerformancePolicy().budget
    )
    plain = fleet(root, "projects: {a: {home: a}}\n")
    assert VARIABLE not in environment_of(plain.projects["a"], shared=shared_with(plain, "a"))
    monkeypatch.setenv(VARIABLE, "nonsense")
    with pytest.raises(Mistake, match="DEPLOY_SHARED: is set by a fleet for its projects; unset it"):
        load(root / "a" / "deploy.yml")


def test_moments_survive_the_way_to_the_process(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    window = "{reason: sale, starts: 2026-12-23 18:00:00, ends: 2026-12-24T18:00:00+01:00}"
    file = fleet(root, f"share: {{freeze: {{windows: [{window}]}}}}\nprojects: {{a: {{home: a}}}}\n")
    here = section(load(root / "a" / "deploy.yml", shared=shared_with(file, "a")), FreezePolicy)
    monkeypatch.setenv(VARIABLE, str(shared_with(file, "a")))
    assert shared_here()
    assert section(load(root / "a" / "deploy.yml"), FreezePolicy) == here
    said: list[str] = []
    assert show_plan(root, PlanWish(as_json=True), said.append)
    assert "2026-12-23" in json.dumps(json.loads(said[0])["settings"]["a"])


def test_what_a_fleet_says_may_be_what_deploy_yml_lacks_and_its_mistakes_are_said_by_the_project(root: Path) -> None:
    (root / "a" / "deploy.yml").write_text("targets: {here: {kind: sandbox}}\ntarget: here\n", encoding="utf-8")
    file = fleet(root, "share: {source: {repository: acme/shop}}\nprojects: {a: {home: a}}\n")
    assert problems(root, file, ("a",))[0] == {}
    bare = fleet(root, "projects: {a: {home: a}}\n")
    assert "source: is missing" in problems(root, bare, ("a",))[0]["a"][0]


def test_every_mistake_in_what_is_shared_has_its_line(root: Path) -> None:
    with pytest.raises(Mistake) as caught:
        fleet(
            root,
            """\
share:
  targets: {}
  health: {path: nowhere}
  smoke: {routes: [{status: 200}]}
groups:
  shops:
    share: {performance: {p95: 1}, pace: {watch: {durin: 5m}}}
projects:
  a:
    home: a
    override:
      health: 5
      database: {migrations: db}
      smoke: {journeys: [{name: x, steps: [{path: x, headers: {authorization: abc}}, {path: no}]}]}
""",
        )
    said = [line.removeprefix("fleet.yml:").split(": ")[:2] for line in str(caught.value).splitlines()]
    assert said == [
        ["2", "share.targets"],
        ["3", "share.health.path"],
        ["4", "share.smoke.routes[0].path"],
        ["7", "groups.shops.share.pace.watch.durin"],
        ["7", "groups.shops.share.performance.p95"],
        ["12", "projects.a.override.health"],
        ["13", "projects.a.override.database.migrations"],
        ["14", "projects.a.override.smoke.journeys[0].steps[0].headers.authorization"],
        ["14", "projects.a.override.smoke.journeys[0].steps[0].path"],
        ["14", "projects.a.override.smoke.journeys[0].steps[1].path"],
    ]
    assert "abc" not in str(caught.value)


def test_a_plan_of_one_project_says_what_counts_and_where_it_is_said(root: Path) -> None:
    fleet(root)
    said: list[str] = []
    show_plan(root, PlanWish("project=a"), said.append)
    rows = [re.split(r"  +", row.strip()) for row in said[0].split("\n\n")[-1].splitlines()]
    assert rows[0] == ["What fleet.yml says of its deploy.yml, and what counts"]
    assert rows[1:] == [
        ["health.path", '"/own"', "deploy.yml:2"],
        ["pace.watch.during", "1800.0", "fleet.yml:7 groups.shops.share"],
        ["pace.watch.every", "2.0", "deploy.yml:5 targets.here"],
        ["pace.watch.patience", "5.0", "fleet.yml:9 projects.a.override"],
        ["performance.budget", "15.0", "fleet.yml:9 projects.a.override"],
        ["performance.p95_ms", "300", "deploy.yml:3"],
        ["performance.request", "8.0", "fleet.yml:7 groups.shops.share"],
        ["performance.visits", "7", "deploy.yml:5 targets.here.override"],
    ]
    text = DEPLOY.replace("example: false, ", "").replace("health: {path: /own}\n", "")
    (root / "a" / "deploy.yml").write_text(text, encoding="utf-8")
    said.clear()
    show_plan(root, PlanWish("project=a"), said.append)
    assert '"/api/health/db"         the sandbox\'s own app' in said[0]
    said.clear()
    show_plan(root, PlanWish(), said.append)
    assert "What fleet.yml says" not in said[0]


@pytest.fixture
def work(tmp_path: Path, cluster: Path) -> Iterator[FleetAtWork]:
    write_example(tmp_path, 2)
    with attach(tmp_path / ".fleet", timeout=120, program=PROGRAM) as running:
        yield FleetAtWork(tmp_path, running["queue_url"])
    reset(tmp_path / ".fleet")


@pytest.mark.process
def test_the_gates_of_a_run_have_what_fleet_yml_says(work: FleetAtWork) -> None:
    """One is frozen by its entry, and so blocked by its own gate; the other is not."""
    file = work.folder / "fleet.yml"
    frozen = "override: {freeze: {weekdays: [mon, tue, wed, thu, fri, sat, sun]}}"
    text = file.read_text(encoding="utf-8").replace("home: projects/shop-01", f"home: projects/shop-01, {frozen}")
    file.write_text(text.replace("budget: 0", "budget: 1"), encoding="utf-8")
    code, said = work.run("fleet.check", "--gate", "calendar.no-freeze", "--json")
    found = json.loads(said.strip().splitlines()[0])["findings"]
    assert (code, [(one["gate"], one["projects"]) for one in found]) == (1, [("calendar.no-freeze", ["shop-01"])])
    code, said = work.run("fleet.deploy")
    order = work.order
    assert order, said
    ends = {name: part.end.outcome if part.end else "" for name, part in order.parts.items()}
    assert (code, ends) == (1, {"shop-01": "blocked", "blog-02": "deployed"}), said
    end = order.parts["shop-01"].end
    assert end
    assert [fault.gate for fault in end.faults] == ["calendar.no-freeze"]
