"""Looks at all projects: what several share is said once, the worst first, and no value of a variable leaves."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from checks.policy import EnvironmentPolicy
from checks.policy.release import RequiredVariable
from pipeline.clients.nursery import Child
from pipeline.clients.vercelshapes import EnvironmentVariable
from pipeline.commands import fleetlooks
from pipeline.errors import Mistake
from pipeline.fleet import surveying
from pipeline.fleet.file import load_fleet
from pipeline.fleet.surveying import ProjectAnswer, ask_all, ends_of, exit_code_of, worst_first
from pipeline.fleet.variables import (
    DIFFERS,
    KEY,
    LACKS,
    ProjectVariables,
    VariableFinding,
    compared,
    fingerprints,
    variables_from,
)

FLEET = """\
groups: {shops: {target: production, tokens: {VERCEL_TOKEN: SHOPS_TOKEN}}}
projects:
  a: {home: a, group: shops}
  b: {home: b, group: shops}
  c: {home: c}
  d: {home: gone}
"""


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "fleet.yml").write_text(FLEET)
    for name in "abc":
        (tmp_path / name).mkdir()
    monkeypatch.setenv("SHOPS_TOKEN", "token-of-the-shops")
    return tmp_path


class Forks:
    """Stands in for the nursery: each home answers what it is told to, and who was asked with what is kept."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **answers: Child) -> None:
        self.answers, self.asked = answers, dict[str, tuple[list[str], Mapping[str, str]]]()
        monkeypatch.setattr(surveying, "nursery", lambda: self)

    async def run(self, words: list[str], environment: Mapping[str, str], home: Path, *more: Any) -> Child:
        self.asked[home.name] = (words, environment)
        return self.answers.get(home.name, Child(code=0, printed="{}"))

    def close(self) -> None:
        self.asked["closed"] = ([], {})


def gates(*says: str) -> dict[str, Any]:
    found = [{"verdict": "block", "subject": "/login", "says": one, "fix": ""} for one in says]
    return {"gates": {"smoke.journeys-work": found, "health.is-healthy": []}}


def test_a_gate_that_there_is_not_is_said_once_and_a_mistake(fleet: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    no = Child(code=2, complaints=["error: there is no command check.helth"])
    (fleet / "fleet.yml").write_text(FLEET.replace("  d: {home: gone}\n", ""))
    Forks(monkeypatch, a=no, b=no, c=no)
    with pytest.raises(Mistake, match=r"^there is no command check\.helth$"):
        fleetlooks.check_fleet(fleet, "", "helth", print, as_json=False)
    Forks(monkeypatch, a=no, b=no, c=Child(code=0, printed=json.dumps(gates())))
    assert not fleetlooks.check_fleet(fleet, "", "own.gate", print, as_json=False), "one of them has such a gate"


def test_each_project_is_asked_in_its_home_with_its_own_secrets(fleet: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forks = Forks(monkeypatch, b=Child(code=2, complaints=["error: deploy.yml:2: wrong"]))
    file = load_fleet(fleet / "fleet.yml")
    answers = ask_all(fleet, file, "abcd", lambda project: ["check", *surveying.to_target(project)], {"MORE": "x"})
    found = {one.project: one for one in answers}
    words, environment = forks.asked["a"]
    assert words == ["inv", "--home", str(fleet / "a"), "check", "--target=production"]
    assert (environment["VERCEL_TOKEN"], environment["MORE"]) == ("token-of-the-shops", "x")
    assert "VERCEL_TOKEN" not in forks.asked["c"][1]
    assert found["b"] == ProjectAnswer("b", 2, None, "deploy.yml:2: wrong")
    assert "there is no folder" in found["d"].says
    assert "closed" in forks.asked


def test_what_would_stop_several_is_one_finding_and_who_gave_no_answer_may_not_go_on(
    fleet: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    printed = json.dumps(gates("answered 500"))
    bad = Child(code=1, printed=f"something else\n{printed}")
    Forks(monkeypatch, a=bad, b=bad, c=Child(code=0, printed=json.dumps(gates())))
    said: list[str] = []
    assert not fleetlooks.check_fleet(fleet, "", "smoke", said.append, as_json=False)
    assert said[0].startswith("4 projects were asked; 1 may go on")
    assert "smoke.journeys-work: /login answered 500\n  2: a, b" in said[0]
    assert "no answer: there is no folder" in said[0]
    assert fleetlooks.check_fleet(fleet, "project=c", "", said.append, as_json=True)
    assert json.loads(said[1]) == {"asked": 1, "findings": []}
    assert ends_of([ProjectAnswer("x", 0, gates())]) == {}


def test_the_worst_project_is_first_and_gives_the_exit_code(fleet: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [ProjectAnswer(name, code, {}) for name, code in zip("abcdef", (0, 13, 11, 14, 12, 10), strict=True)]
    answers.append(ProjectAnswer("g", 1, None, "error"))
    assert "".join(one.project for one in worst_first(answers)) == "fcdgeba"
    assert exit_code_of(answers) == 10
    assert exit_code_of(answers[:2]) == 13
    assert exit_code_of([*answers[:1], answers[-1]]) == 14
    assert exit_code_of(answers[:1]) == 0

    ill = {"severity": "P1", "gate": "health.is-healthy", "reason": "answers 500", "exit": 11}
    Forks(monkeypatch, b=Child(code=11, printed=json.dumps(ill)), a=Child(printed='{"exit": 0}', code=0))
    said: list[str] = []
    assert fleetlooks.monitor_fleet(fleet, "group=shops", said.append, weekly=True, as_json=False) == 11
    first, second = said[0].splitlines()
    assert first.split() == ["✗", "b", "P1", "health.is-healthy:", "answers", "500"]
    assert second.split() == ["✓", "a", "well"]


def known(required: str = "", **names: str) -> ProjectVariables:
    return ProjectVariables(frozenset(required.split()), names)


def test_within_a_group_who_lacks_what_most_have_and_who_differs_from_most_is_named() -> None:
    seen = {
        "a": known(REGION="1", DATABASE_URL="a1", SENTRY_DSN="", OWN="x"),
        "b": known(REGION="1", DATABASE_URL="b1", SENTRY_DSN=""),
        "c": known(REGION="2", DATABASE_URL="c1"),
        "alone": known("AUTH_SECRET", REGION="9"),
    }
    assert compared(seen, dict.fromkeys("abc", "shops")) == (
        VariableFinding("shops", "REGION", DIFFERS, ("c",)),
        VariableFinding("shops", "SENTRY_DSN", LACKS, ("c",)),
        VariableFinding("", "AUTH_SECRET", LACKS, ("alone",)),
    )
    assert compared({"a": known(REGION="1"), "b": known(REGION="2")}, dict.fromkeys("ab", "shops")) == ()


class Vercel:
    """A project with a variable of each kind."""

    async def variables(self) -> tuple[EnvironmentVariable, ...]:
        return (
            EnvironmentVariable("1", "REGION", "encrypted", ("production",), ""),
            EnvironmentVariable("2", "REGION", "encrypted", ("production",), branch="next"),
            EnvironmentVariable("3", "AUTH_SECRET", "sensitive", ("production",), ""),
            EnvironmentVariable("4", "ELSEWHERE", "plain", ("preview",), ""),
        )

    async def project(self) -> Any:
        return SimpleNamespace(id="prj_1")

    async def shared_variables(self, project: str) -> tuple[EnvironmentVariable, ...]:
        return (EnvironmentVariable("9", "SHARED", "encrypted", ("production",), ""),)

    async def value(self, id: str) -> str:
        return {"1": "eu-central", "2": "of a branch"}[id]


def test_a_fingerprint_says_only_under_its_key_whether_two_values_are_the_same() -> None:
    world: Any = SimpleNamespace(vercel=Vercel(), vercel_target="production")
    policy = EnvironmentPolicy(required=(RequiredVariable("AUTH_SECRET"), RequiredVariable("MISSING")))
    first, again, other = (asyncio.run(fingerprints(world, policy, key)) for key in (b"k1", b"k1", b"k2"))
    seen = variables_from(json.loads(json.dumps(first)))
    assert seen.required == {"AUTH_SECRET", "MISSING"}
    assert set(seen.known) == {"REGION", "AUTH_SECRET", "SHARED"}
    assert (seen.known["AUTH_SECRET"], seen.known["SHARED"]) == ("", "")
    assert first == again
    assert first["known"]["REGION"] != other["known"]["REGION"]
    assert "eu-central" not in json.dumps(first)


def test_the_variables_of_all_are_compared_under_one_key_that_nobody_else_has(
    fleet: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(region: str) -> Child:
        return Child(code=0, printed=json.dumps({"required": ["AUTH_SECRET"], "known": {"REGION": region}}))

    forks = Forks(monkeypatch, a=answer("1"), b=answer("1"), c=Child(code=1, complaints=["vercel: away"]))
    said: list[str] = []
    assert not fleetlooks.compare_variables(fleet, "project=a|b|c", said.append, as_json=False)
    keys = {environment[KEY] for _, environment in forks.asked.values() if environment}
    assert [len(key) for key in keys] == [64]
    assert said == ["✗ AUTH_SECRET is not set: 2 of shops: a, b\n✗ c: could not be looked at: vercel: away"]
