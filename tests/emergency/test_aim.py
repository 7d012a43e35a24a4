"""Where a rollback aims: what was named wins, and the sandbox is meant only when it was named."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.cli.direct import order_of
from pipeline.clock import host_of
from pipeline.config import load
from pipeline.emergency.access import Access, RollbackOrder, access
from pipeline.errors import Mistake
from tests.stage import ROOT

NAMES = ("VERCEL_PROJECT_ID", "VERCEL_ORG_ID", "VERCEL_API", "VERCEL_AUTOMATION_BYPASS_SECRET", "DIRECT_URL")
Aim = Callable[..., Access]


@pytest.fixture
def aim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Aim:
    """Where an order aims, in a folder with the example deploy.yml and a token in the environment."""
    text = (ROOT / "deploy.yml").read_text(encoding="utf-8").replace("team_REPLACE_ME", "team_lms")
    (tmp_path / "deploy.yml").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("VERCEL_TOKEN", "t0ken")

    def aimed(**said: str) -> Access:
        with access(RollbackOrder(**said), tmp_path, tmp_path / "deploy.yml") as found:
            return found

    return aimed


def linked(folder: Path, project: str, team: str) -> None:
    (folder / ".vercel").mkdir(exist_ok=True)
    text = json.dumps({"projectId": project, "orgId": team})
    (folder / ".vercel/project.json").write_text(text, encoding="utf-8")


@pytest.mark.parametrize("by", ["link", "environment"])
def test_a_target_that_was_named_wins_over_link_and_environment(
    aim: Aim, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    if by == "link":
        linked(tmp_path, "prj_marketing", "team_web")
    else:
        monkeypatch.setenv("VERCEL_PROJECT_ID", "prj_marketing")
        monkeypatch.setenv("VERCEL_ORG_ID", "team_web")
    found = aim(target="production")
    assert (found.project, found.team, found.domain) == ("lms", "team_lms", "lms.example.com")
    assert found.flags == "--target production"
    assert "prj_marketing" in found.ignored[0]


@pytest.mark.parametrize("key", ["project", "team"])
def test_a_flag_that_contradicts_the_target_is_a_mistake_that_names_both(aim: Aim, key: str) -> None:
    with pytest.raises(Mistake) as caught:
        aim(target="production", **{key: "other"})
    assert all(part in str(caught.value) for part in (f"--{key} other", "--target production", "lms"))
    with pytest.raises(Mistake, match=f"--{key} other: contradicts --target sandbox"):
        aim(target="sandbox", **{key: "other"})


def test_without_a_name_it_is_the_environments_then_the_links_then_the_only_production(
    aim: Aim, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = aim()
    assert (found.name, found.project, found.domain) == ("production", "lms", "lms.example.com")
    assert found.flags == "--target production"
    linked(tmp_path, "prj_linked", "team_web")
    found = aim()
    assert (found.project, found.team, found.domain) == ("prj_linked", "team_web", "")
    assert found.flags == "--project prj_linked --team team_web"
    monkeypatch.setenv("VERCEL_PROJECT_ID", "prj_set")
    assert aim().project == "prj_set"
    assert aim(project="prj_said", team="acme").team == "acme", "a slug is as good as an id"


def test_without_a_token_nothing_falls_back_to_the_sandbox(aim: Aim, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VERCEL_TOKEN")
    with pytest.raises(Mistake, match=r"VERCEL_TOKEN: is not set(.|\n)*only with --target sandbox"):
        aim()


def test_two_productions_are_a_question_and_a_broken_file_none(aim: Aim, tmp_path: Path) -> None:
    file = tmp_path / "deploy.yml"
    text = file.read_text(encoding="utf-8")
    second = "  eu:\n    kind: production\n    project: eu\n    domain: eu.example.com\n"
    file.write_text(text.replace("targets:\n", "targets:\n" + second), encoding="utf-8")
    with pytest.raises(Mistake, match=r"deploy.yml has eu, production; say which one"):
        aim()
    assert aim(target="eu").domain == "eu.example.com"
    file.write_text("targets: [", encoding="utf-8")
    assert aim(project="lms").project == "lms"
    with pytest.raises(Mistake, match=r"--target production: deploy.yml does not say"):
        aim(target="production")


@pytest.mark.parametrize(
    ("pasted", "host"),
    [
        ("https://LMS.example.com/", "lms.example.com"),
        ("lms.example.com/login?next=/", "lms.example.com"),
        (" lms.example.com. ", "lms.example.com"),
        ("http://127.0.0.1:4308/", "127.0.0.1:4308"),
        ("https://lms.example.com:443/a#b", "lms.example.com"),
        ("https://bücher.example/", "xn--bcher-kva.example"),
    ],
)
def test_a_host_is_taken_out_of_what_people_paste(aim: Aim, tmp_path: Path, pasted: str, host: str) -> None:
    assert aim(domain=pasted).domain == host
    file = tmp_path / "deploy.yml"
    written = file.read_text(encoding="utf-8").replace("domain: lms.example.com", f"domain: '{pasted}'")
    file.write_text(written, encoding="utf-8")
    assert load(file).file.targets["production"].domain == host
    assert aim(target="production").domain == host


@pytest.mark.parametrize("pasted", ["*.example.com", "https://", "a b", "ex_ample.com", "user:s3cret@host"])
def test_what_has_no_host_in_it_is_a_mistake_before_anything_moves(aim: Aim, tmp_path: Path, pasted: str) -> None:
    with pytest.raises(Mistake, match="--domain: there is no host name in") as caught:
        aim(domain=pasted)
    assert "s3cret" not in str(caught.value)
    file = tmp_path / "deploy.yml"
    written = file.read_text(encoding="utf-8").replace("domain: lms.example.com", f"domain: '{pasted}'")
    file.write_text(written, encoding="utf-8")
    with pytest.raises(Mistake, match=r"deploy.yml:\d+: targets.production.domain: there is no host name"):
        load(file)


def test_host_names_what_was_wrong() -> None:
    with pytest.raises(Mistake, match=r"^DOMAIN: there is no host name in 'x y'; say it like lms.example.com$"):
        host_of("x y", "DOMAIN")


def test_the_path_that_is_asked_is_the_files_unless_one_is_typed(aim: Aim, tmp_path: Path) -> None:
    file = tmp_path / "deploy.yml"
    held = file.read_text(encoding="utf-8")
    assert aim(target="production").health == "/api/health/db"
    for section in ("health: {path: /api/up}", "health: {path: api/up}"):
        file.write_text(f"{held}\n{section}\n", encoding="utf-8")
        assert aim(target="production").health == "/api/up"
        assert aim(target="production", health="typed").health == "/typed"
    targets = "targets: {production: {kind: production, project: p, override: {health: {path: /own}}}}"
    file.write_text(f"health: {{path: /api/up}}\n{targets}\n", encoding="utf-8")
    assert aim(target="production").health == "/own"
    for odd in ("health: 7", "health: {path: [a]}", "health: {path: /}", "health: [a]"):
        file.write_text(f"{odd}\ntargets: {{production: {{kind: production, project: p}}}}\n", encoding="utf-8")
        assert aim(target="production").health == "/api/health/db", odd


def test_a_hint_says_all_that_was_said(aim: Aim) -> None:
    found = aim(
        project="prj", team="acme", api="https://proxy.example.com", domain="https://a.example.com/x", health="/up?a=1"
    )
    words = shlex.split(found.flags)
    assert order_of(words) == RollbackOrder(
        project="prj", team="acme", api="https://proxy.example.com", domain="https://a.example.com/x", health="/up?a=1"
    )
    again = RollbackOrder(to="dpl one", even_bad=True).choice(break_glass=True)
    assert order_of(shlex.split(again)) == RollbackOrder(to="dpl one", even_bad=True, break_glass=True)
    assert RollbackOrder().choice() == ""
    assert aim(target="production", health="/up").flags == "--target production --health /up"


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ('state: ""', ""),
        ("state: ''  # here", ""),
        ("# state: JOURNAL_URL\npolicy: stateless", ""),
        ("state: JOURNAL_URL", "JOURNAL_URL"),
        ("state:\n  JOURNAL_URL", "JOURNAL_URL"),
        ('"state": JOURNAL_URL', "JOURNAL_URL"),
        ("{policy: x, state: JOURNAL_URL}", "JOURNAL_URL"),
        ("name: x # a state\nstate: JOURNAL_URL", "JOURNAL_URL"),
    ],
)
def test_a_project_that_was_named_still_finds_the_record(aim: Aim, tmp_path: Path, said: str, state: str) -> None:
    """Nothing else of the file is needed then, so it is read as YAML only when it may name a record."""
    (tmp_path / "deploy.yml").write_text(said + "\n", encoding="utf-8")
    assert aim(project="prj", team="team_x").state == state


@pytest.mark.parametrize("by", ["link", "environment"])
def test_the_owner_of_a_personal_account_is_no_team(
    aim: Aim, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    (tmp_path / "deploy.yml").unlink()
    if by == "link":
        linked(tmp_path, "prj_mine", "VyGqCaq5Hh2BCCVwN1Ig2kNr")
    else:
        monkeypatch.setenv("VERCEL_PROJECT_ID", "prj_mine")
        monkeypatch.setenv("VERCEL_ORG_ID", "VyGqCaq5Hh2BCCVwN1Ig2kNr")
    found = aim()
    assert (found.project, found.team) == ("prj_mine", "")


def test_a_placeholder_is_no_team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERCEL_TOKEN", "t0ken")
    order = RollbackOrder(target="production")
    with pytest.raises(Mistake, match="placeholder"), access(order, tmp_path, ROOT / "deploy.yml"):
        pass
