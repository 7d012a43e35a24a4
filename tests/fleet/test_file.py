"""fleet.yml: what is wrong is said all at once, with its line; who is meant, and who is in which wave."""

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.clients.pacing import FIRST
from pipeline.errors import Mistake
from pipeline.fleet.children import environment_of, missing_tokens
from pipeline.fleet.ends import ProjectEnd
from pipeline.fleet.example import write_example
from pipeline.fleet.file import FleetFile, allowed, load_fleet
from pipeline.fleet.homes import problems_of
from pipeline.fleet.order import OrderAction, OrderPlan, OrderState, ProjectPart
from pipeline.fleet.ordering import chosen, deploy_plan, rollback_plan
from pipeline.fleet.waves import GroupBound, plan_waves
from pipeline.home import home_of
from pipeline.render.fleet import plan_text

SIX = """\
groups:
  shops: {target: production, labels: {tier: "1"}, tokens: {VERCEL_TOKEN: SHOPS_VERCEL}}
projects:
  a: {home: a, group: shops, labels: {country: de}}
  b: {home: b, labels: {country: de}}
  c: {home: c, group: shops, labels: {country: fr, tier: "2"}, tokens: {SENTRY_AUTH_TOKEN: C_SENTRY}}
  d: {home: d}
  e: {home: e}
  f: {home: f, ships: out}
"""


def written(folder: Path, text: str = SIX) -> FleetFile:
    (folder / "fleet.yml").write_text(text, encoding="utf-8")
    return load_fleet(folder / "fleet.yml")


def planned(folder: Path, waves: str) -> list[tuple[str, str]]:
    file = written(folder, f"{SIX}waves:\n{waves}")
    return [(wave.name, "".join(wave.projects)) for wave in plan_waves(file, file.projects)]


def test_every_mistake_is_said_at_once_with_its_line(tmp_path: Path) -> None:
    text = """\
projects:
  Shop: {home: a}
  b: {home: b, group: nobody, labels: {project: x}}
  c: {home: b, tokens: {VERCEL_TOKEN: "vcp_secret value"}}
  d: {hom: d}
at_once: many
"""
    with pytest.raises(Mistake) as caught:
        written(tmp_path, text + "waves: [{name: x, count: 1, percent: 5}]\nbudget: []\n")
    assert [line.split(": ")[:2] for line in str(caught.value).splitlines()] == [
        ["fleet.yml:2", "projects.Shop"],
        ["fleet.yml:3", "projects.b.group"],
        ["fleet.yml:3", "projects.b.labels.project"],
        ["fleet.yml:4", "projects.c.home"],
        ["fleet.yml:4", "projects.c.tokens.VERCEL_TOKEN"],
        ["fleet.yml:5", "projects.d.hom"],
        ["fleet.yml:5", "projects.d.home"],
        ["fleet.yml:6", "at_once"],
        ["fleet.yml:7", "waves[0].percent"],
        ["fleet.yml:8", "budget"],
    ]
    assert "budget: expected a valid integer or a valid string, got []" in str(caught.value)
    assert "vcp_secret" not in str(caught.value)


NOWHERE = """\
projects:
  a: 5
  b: {home: 3, group: s, window: {days: [foo, 1], timezone: Mars/Phobos}}
  c: {labels: {tier: 1, project: x}, tokens: 7}
groups: {s: [1]}
people: {leads: 5}
may: {deploy: [nobody, 5], agree: x}
waves: [5, {count: x, select: de}, {name: a, pause: 10x, select: de}]
workers: {heartbeat: 5s, silent: x}
when_spent: burn
6: x
"""


def test_where_nothing_fits_what_else_is_wrong_is_said_too_and_of_one_value_one_thing(tmp_path: Path) -> None:
    (tmp_path / "runbooks" / "reviews").mkdir(parents=True)
    (tmp_path / "runbooks" / "reviews" / "allowed_signers").write_text("", encoding="utf-8")
    with pytest.raises(Mistake) as caught:
        written(tmp_path, NOWHERE)
    said = [line.split(": ")[:2] for line in str(caught.value).splitlines()]
    assert [(where.removeprefix("fleet.yml:"), key) for where, key in said] == [
        ("1", "name"),
        ("2", "projects.a"),
        ("3", "projects.b.home"),
        ("3", "projects.b.window.days[0]"),
        ("3", "projects.b.window.days[1]"),
        ("3", "projects.b.window.timezone"),
        ("4", "projects.c.home"),
        ("4", "projects.c.labels.project"),
        ("4", "projects.c.labels.tier"),
        ("4", "projects.c.tokens"),
        ("5", "groups.s"),
        ("6", "people.leads"),
        ("7", "may.agree"),
        ("7", "may.deploy[0]"),
        ("7", "may.deploy[1]"),
        ("8", "waves[0]"),
        ("8", "waves[1].count"),
        ("8", "waves[1].name"),
        ("8", "waves[1].select"),
        ("8", "waves[2].pause"),
        ("8", "waves[2].select"),
        ("9", "workers.silent"),
        ("10", "when_spent"),
        ("11", "[6]"),
    ]


@pytest.mark.parametrize("text", ["projects: 5\n", "budget: 1\n", "projects: [a]\nat_once: 0\n"])
def test_a_file_without_projects_says_so_once(text: str, tmp_path: Path) -> None:
    with pytest.raises(Mistake) as caught:
        written(tmp_path, text)
    assert str(caught.value).count("projects: ") == 1
    assert ("at_once: is 0" in str(caught.value)) == ("at_once" in text)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ("budget: some\n", "budget: is 'some'"),
        ("budget: 101%\n", "budget: is '101%'"),
        ("waves: [{name: x, select: de}]\n", "waves[0].select: 'de' is no label=value"),
        ("waves: [{name: x}, {name: x}]\n", "waves[1].name: there is a wave 'x' already"),
        ("workers: {heartbeat: 5s, silent: 6s}\n", "workers.silent: is at least two heartbeats"),
        ("at_once: 2\nat_once: 3\n", "at_once: is given twice"),
        ("waves: [{name: x, gate: {}}]\n", "waves[0].gate: says neither `check` nor `command`"),
        ("waves: [{name: x, gate: {check: uptime.is-well-now, command: [a]}}]\n", "waves[0].gate: says both"),
        (
            "waves: [{name: x, gate: {check: uptime.is-well}}]\n",
            "there is no gate 'uptime.is-well'; did you mean uptime",
        ),
        ("waves: [{name: x, gate: {check: health}}]\n", "waves[0].gate.check: there is no gate 'health'"),
        (
            "waves: [{name: x, gate: {check: release.is-live}}]\n",
            "check: release.is-live needs StagedDeployment, which",
        ),
        ("waves: [{name: x, gate: {check: uptime.is-well-now, within: 0s}}]\n", "waves[0].gate.within: is 0"),
        ("waves: [{name: x, gate: {command: [a], tokens: {A: 'b c'}}}]\n", "waves[0].gate.tokens.A: wants the NAME"),
        (
            "waves: [{name: x, gate: {check: uptime.is-well-now, tokens: {A: B}}}]\n",
            "waves[0].gate.tokens: is for a command",
        ),
        ("waves: [{name: x, gate: {command: ['']}}]\n", "waves[0].gate.command: names no program"),
        ("", "groups.shops.at_once: is 0; at least 1"),
    ],
)
def test_what_cannot_be_meant_is_named(more: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(Mistake) as caught:
        written(tmp_path, SIX + more if more else SIX.replace("shops: {", "shops: {at_once: 0, "))
    assert says in str(caught.value)


def test_a_project_shares_what_its_group_says_and_overrides_it(tmp_path: Path) -> None:
    projects = written(tmp_path).projects
    assert (projects["a"].target, projects["a"].labels) == ("production", {"tier": "1", "country": "de"})
    assert projects["c"].labels["tier"] == "2"
    assert projects["c"].tokens == {"VERCEL_TOKEN": "SHOPS_VERCEL", "SENTRY_AUTH_TOKEN": "C_SENTRY"}


@pytest.mark.parametrize(
    ("select", "meant"),
    [("", "abcdef"), ("country=de", "ab"), ("country=de,group=shops", "a"), ("project=f|b", "bf"), ("tier=1|2", "ac")],
)
def test_who_is_selected(select: str, meant: str, tmp_path: Path) -> None:
    assert "".join(chosen(written(tmp_path), select)) == meant


@pytest.mark.parametrize("select", ["country=es", "country", "=x"])
def test_a_selection_of_nobody_is_a_mistake(select: str, tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="--select"):
        chosen(written(tmp_path), select)


def test_each_project_is_in_the_first_wave_that_wants_it(tmp_path: Path) -> None:
    waves = "  - {name: canaries, select: country=fr}\n  - {name: few, count: 2}\n  - {name: most, percent: 20}\n"
    assert planned(tmp_path, waves) == [("canaries", "c"), ("few", "ab"), ("most", "de"), ("rest", "f")]


def test_a_wave_has_its_gate_in_words_and_a_homes_own_gate_may_be_one(tmp_path: Path) -> None:
    waves = (
        "waves: [{name: few, count: 1, gate: {check: uptime.is-well-now}}, {name: rest, gate: {command: [./ok, -x]}}]\n"
    )
    file = written(tmp_path, SIX + waves)
    assert [wave.gate for wave in plan_waves(file, file.projects)] == ["check.uptime.is-well-now", "./ok -x"]
    assert "2. rest: 5, when ./ok -x says yes" in plan_text(file, deploy_plan(file, file.projects, ""), {})
    written(tmp_path, SIX + "waves: [{name: x, gate: {check: shop.own-gate}}]\n")


def test_an_order_has_the_bounds_of_its_groups_and_the_way_back_too(tmp_path: Path) -> None:
    file = written(tmp_path, SIX.replace("shops: {", "shops: {at_once: 2, "))
    plan = deploy_plan(file, ("a", "b", "c"), "dana")
    assert plan.bounds == (GroupBound("shops", 2, ("a", "c")),)
    assert "4 at once (2 of shops)" in plan_text(file, plan, {})
    assert deploy_plan(file, ("b", "d"), "dana").bounds == ()
    ends = {name: ProjectPart(end=ProjectEnd("deployed")) for name in "abc"}
    back = rollback_plan(file, OrderState(plan, "", ends), ("c", "b"), "dana")
    assert back.bounds == (GroupBound("shops", 2, ("c",)),)


def test_a_wave_for_which_nobody_is_left_is_none_and_without_waves_there_is_one(tmp_path: Path) -> None:
    assert planned(tmp_path, "  - {name: all}\n  - {name: late, count: 3}\n") == [("all", "abcdef")]
    assert planned(tmp_path, "  []\n") == [("rest", "abcdef")]
    assert planned(tmp_path, "  - {name: rest, count: 4}\n") == [("rest", "abcd"), ("rest-2", "ef")]


def test_the_budget_is_a_number_or_a_share() -> None:
    assert (allowed(3, 200), allowed("5%", 200), allowed("5%", 10), allowed("0%", 10)) == (3, 10, 1, 0)


def test_a_project_is_given_its_own_secrets_and_no_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = written(tmp_path).projects["c"]
    monkeypatch.setenv("VERCEL_TOKEN", "of somebody else")
    monkeypatch.setenv("JOURNAL_URL", "postgresql://of.the.fleet/x")
    monkeypatch.setenv("SHOPS_VERCEL", "of the shops")
    assert missing_tokens(project) == ("tokens.SENTRY_AUTH_TOKEN: names C_SENTRY, which is not set here",)
    plan = OrderPlan("o", OrderAction.DEPLOY, (), 1, 0, by="dana")
    given = environment_of(project, plan)
    assert (given["VERCEL_TOKEN"], given["GITHUB_ACTOR"]) == ("of the shops", "dana")
    assert not {"JOURNAL_URL", "SHOPS_VERCEL"} & given.keys()
    back = replace(plan, action=OrderAction.ROLL_BACK)
    assert (FIRST in given, FIRST in environment_of(project, back)) == (False, True)


def test_who_has_no_home_is_said_with_what_is_wrong(tmp_path: Path) -> None:
    file = written(tmp_path)
    assert "there is no folder" in problems_of(file.projects["d"], tmp_path / "d")[0]
    (tmp_path / "d").mkdir()
    assert "there is no deploy.yml" in problems_of(file.projects["d"], tmp_path / "d")[0]
    least = "source: {repository: acme/lms}\ntargets: {sandbox: {kind: sandbox}}\n"
    (tmp_path / "d" / "deploy.yml").write_text(least, encoding="utf-8")
    assert problems_of(file.projects["d"], tmp_path / "d") == ()
    assert "--target production" in problems_of(file.projects["a"], tmp_path / "d")[0]
    (tmp_path / "d" / "deploy.yml").write_text(least + "health: {paht: /}\n", encoding="utf-8")
    assert problems_of(file.projects["d"], tmp_path / "d")[0].startswith("deploy.yml:3: health.paht")


def test_the_example_is_valid_and_its_folder_is_a_home(tmp_path: Path) -> None:
    write_example(tmp_path, 12)
    file = load_fleet(tmp_path / "fleet.yml")
    assert [one.ships for one in file.projects.values() if one.ships] == [
        "broken-health",
        "broken-login",
        "broken-login",
    ]
    assert [len(wave.projects) for wave in plan_waves(file, file.projects)] == [2, 3, 7]
    assert not any(problems_of(one, tmp_path / one.home) for one in file.projects.values())
    assert home_of("", tmp_path) == tmp_path
    with pytest.raises(Mistake, match="is there already"):
        write_example(tmp_path, 12)
