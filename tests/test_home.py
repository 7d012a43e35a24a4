"""The home: which folder a command means, and how it is typed there."""

import dataclasses
import importlib.util
import os
import re
import shlex
import sys
import tomllib
from pathlib import Path

import pytest

import tasks
from checks.policy import DatabasePolicy
from pipeline.config import load
from pipeline.config.versions import is_one_of
from pipeline.documents.writing import Sources, changes, generated, stale, workflows, write_documents
from pipeline.emergency.access import _read
from pipeline.errors import Mistake
from pipeline.home import (
    TOOL,
    app_in,
    as_typed,
    below_top,
    command_here,
    command_in,
    home_of,
    suffix_of,
    typed_for,
    without_home,
)
from pipeline.world.extras import EXTRAS, SHIPPING, extra_of, must_have

LEAST = "source: {repository: shop/web}\ntargets: {sandbox: {kind: sandbox}}\n"
PRODUCTION = """\
source: {repository: shop/web}
action: shop/deploy-runbook@0123456789012345678901234567890123456789
app: apps/web
target: production
targets: {production: {kind: production, project: web, domain: shop.example}}
"""


def homed(folder: Path, text: str = LEAST) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "deploy.yml").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def nowhere(tmp_path: Path) -> Path:
    """A tool that is an installed package: it has no deploy.yml."""
    return tmp_path / "site-packages/deploy_runbook"


def test_the_nearest_deploy_yml_upwards_is_the_home(tmp_path: Path, nowhere: Path) -> None:
    shop, web = homed(tmp_path / "shop"), homed(tmp_path / "shop/apps/web")
    (web / "src/lib").mkdir(parents=True)
    assert home_of("", web / "src/lib", nowhere) == web
    assert home_of("", shop / "apps", nowhere) == shop
    assert home_of("../shop", tmp_path / "shop", nowhere) == shop


def test_a_workflow_of_github_is_no_home(tmp_path: Path, nowhere: Path) -> None:
    shop = homed(tmp_path / "shop")
    assert home_of("", homed(shop / ".github/workflows"), nowhere) == shop


def test_without_one_it_is_the_tools_own_checkout_or_the_current_folder(tmp_path: Path, nowhere: Path) -> None:
    checkout = homed(tmp_path / "tool")
    (tmp_path / "elsewhere").mkdir()
    assert home_of("", tmp_path / "elsewhere", checkout) == checkout
    assert home_of("", tmp_path / "elsewhere", nowhere) == tmp_path / "elsewhere"


def test_what_another_user_put_above_is_no_home(tmp_path: Path, nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its addresses would be sent our tokens."""
    shared = homed(tmp_path / "shared")
    (shared / "mine").mkdir()
    whole = Path.stat

    def of_somebody(path: Path, **how: bool) -> os.stat_result:
        found = whole(path, **how)
        return os.stat_result((*found[:4], 4711, *found[5:])) if path == shared / "deploy.yml" else found

    monkeypatch.setattr(Path, "stat", of_somebody)
    assert home_of("", shared / "mine", nowhere) == shared / "mine"
    assert home_of("", shared, nowhere) == shared, "who stands there means it"


@pytest.mark.parametrize(
    ("words", "said", "rest"),
    [
        (["deploy", "--home", "shop", "--plan"], "shop", ["deploy", "--plan"]),
        (["--home=shop", "rollback"], "shop", ["rollback"]),
        (["deploy", "--home"], "", ["deploy", "--home"]),
        (["deploy", "--home", "--plan"], "", ["deploy", "--home", "--plan"]),
        (["deploy", "--home="], "", ["deploy", "--home="]),
    ],
)
def test_every_command_takes_a_home(words: list[str], said: str, rest: list[str]) -> None:
    assert without_home(words) == (said, rest)


def test_a_command_is_written_as_it_is_typed_there(tmp_path: Path, nowhere: Path) -> None:
    (tmp_path / "shop/tools/deploy").mkdir(parents=True)
    (tmp_path / "shop/tools/deploy/inv").touch()
    assert command_in(TOOL) == "./inv"
    assert command_in(tmp_path / "shop", tmp_path / "shop/tools/deploy") == "./tools/deploy/inv"
    assert command_in(tmp_path / "shop", nowhere) == "deploy-runbook"


@pytest.mark.parametrize(("folder", "quote"), [("tool", ""), ("my tool (2)", "'"), ("it's", None), ("a;b", None)])
def test_a_checkout_elsewhere_is_typed_by_its_path_as_a_shell_wants_it(
    folder: str, quote: str | None, tmp_path: Path
) -> None:
    tool = tmp_path / folder
    tool.mkdir()
    (tool / "inv").touch()
    typed = typed_for(tmp_path / "shop", tool)
    assert typed == ("deploy-runbook" if quote is None else f"{quote}{tool}/inv{quote}")
    if quote is not None:
        assert shlex.split(typed) == [f"{tool}/inv"]


def test_several_homes_in_one_repository_have_workflows_of_their_own(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    home = homed(tmp_path / "shops/one", PRODUCTION)
    assert below_top(home) == "shops/one/"
    assert (below_top(tmp_path), suffix_of(tmp_path), suffix_of(home)) == ("", "", "-shops-one")
    config = load(home / "deploy.yml")
    assert "deploy-shops-one.yml" in config.policies["production"].ci.own, "it would wait for itself"
    made = workflows(config, Sources(config, home, (), "deploy-runbook", below_top(home)))
    text = made["../../.github/workflows/deploy-shops-one.yml"]
    assert 'env: {DEPLOY_HOME: "shops/one"}' in text
    assert "--from=shops/one/apps/web " in text
    for command in ("build.pull", "build.output"):  # from the repository's top nobody would look below it
        assert f'{command} --target="$TARGET" --from=shops/one/apps/web\n' in text
    assert 'group: "deploy-shops-one-${{' in text
    assert "uses: shop/deploy-runbook@0123456789012345678901234567890123456789\n" in text


def test_the_app_may_be_below_its_home(tmp_path: Path) -> None:
    home = homed(tmp_path / "shop", PRODUCTION)
    assert app_in(home, "apps/web", tmp_path) == home / "apps/web"
    assert app_in(home, "", home / "docs") == home
    assert app_in(home, "", tmp_path) == tmp_path, "as with a tool that is its own home, from the app's folder"
    paths = _read(home / "deploy.yml", all_of_it=False).paths({"kind": "production"})
    assert paths["schema"] == "apps/web/prisma/schema.prisma", "what a rollback reads at the old commit"


@pytest.fixture(scope="module")
def adopter(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    home = homed(tmp_path_factory.mktemp("shop"), PRODUCTION)
    return Sources(load(home / "deploy.yml"), home, tasks.command_words(), "deploy-runbook")


def test_the_documents_of_a_home_say_its_own_command(adopter: Sources) -> None:
    made = generated(adopter)
    assert not [name for name, text in made.items() if "./inv " in text]
    assert "exec deploy-runbook deploy --target" in made[".github/workflows/deploy.yml"]
    assert "vercel-cli" not in made[".github/workflows/deploy.yml"], "nothing of the tool is in this repository"


def test_what_was_written_into_another_folder_is_looked_at_there(adopter: Sources, tmp_path: Path) -> None:
    write_documents(adopter, str(tmp_path))
    assert stale(adopter, str(tmp_path)) == ""
    (tmp_path / "monitoring.md").unlink()
    page = tmp_path / "troubleshooting.md"
    page.write_text(page.read_text(encoding="utf-8").replace("#", "##", 1), encoding="utf-8")
    said = stale(adopter, str(tmp_path))
    assert f"monitoring.md: is not there; run ./inv runbooks --to {tmp_path}\n" in said
    assert "monitoring.md (from the code)" not in said, "a page that is missing is one line"
    assert "troubleshooting.md: was edited by hand" in said
    with pytest.raises(Mistake, match="edited by hand"):
        write_documents(adopter, str(tmp_path))


@pytest.mark.parametrize("change", ["below", "no seal", "theirs", "in another encoding"])
def test_what_people_write_is_kept_wherever_they_write_it(change: str, adopter: Sources, tmp_path: Path) -> None:
    """A page that is written on below its seal, one whose seal is gone, and one that was there before."""
    home = homed(tmp_path, PRODUCTION)
    mine = dataclasses.replace(adopter, root=home, config=load(home / "deploy.yml"))
    page = home / "runbooks/monitoring.md"
    if ours := change in ("below", "no seal"):
        write_documents(mine)
    text = page.read_text(encoding="utf-8") if ours else "# Our Überwachung\n"
    changed = {"below": f"{text}Call Kim.\n", "no seal": text.rpartition("\n<!--")[0] + "\nCall Kim.\n"}.get(
        change, text
    )
    page.parent.mkdir(exist_ok=True)
    page.write_text(changed, encoding="latin-1" if change == "in another encoding" else "utf-8")
    kept = page.read_bytes()
    assert "runbooks/monitoring.md: was edited by hand; run ./inv runbooks\n" in stale(mine)
    with pytest.raises(Mistake, match=r"(?s)runbooks/monitoring.md: edited by hand.*say --force"):
        write_documents(mine)
    assert page.read_bytes() == kept
    write_documents(mine, force=True)
    assert stale(mine) == ""


def test_the_sandbox_asks_its_own_app_what_its_own_app_can_answer(tmp_path: Path) -> None:
    """A deploy.yml that describes somebody's own app does not make the sandbox and the drills red."""
    own = "source: {repository: shop/web, branch: trunk}\nsmoke: {routes: [/cart]}\ndatabase: {migrations: db/steps}\n"
    text = own + "targets: {sandbox: {kind: sandbox}, ours: {kind: sandbox, example: false}}\n"
    config = load(homed(tmp_path, text.replace("[/cart]", "[{path: /cart}]")) / "deploy.yml")
    sandbox, ours = config.policies["sandbox"], config.policies["ours"]
    assert [route.path for route in ours.smoke.routes] == ["/cart"]
    assert "/cart" not in [route.path for route in sandbox.smoke.routes]
    assert (sandbox.source.branch, ours.source.branch) == ("main", "trunk")
    assert sandbox.database.migrations == DatabasePolicy().migrations
    assert config.pace("sandbox")["watch"]["during"] < 60, "nobody waits for production's times there"


def test_invoke_itself_takes_a_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``invoke --home DIR deploy``: invoke knows no such flag, so the namespace takes it out before it is parsed."""
    import importlib

    from invoke.main import program

    monkeypatch.setattr(sys, "argv", ["invoke", "--home", str(tmp_path), "--list"])
    program.parse_core(sys.argv)
    assert "--home" in program.core.unparsed
    importlib.reload(tasks)
    assert "--home" not in program.core.unparsed
    program.core = None


@pytest.mark.parametrize(
    ("requires", "fits"),
    [(">=0.1", True), (">=0.1,<0.2", True), ("==0.1", True), (">0.1", False), ("!=0.1.0", False), (">=10", False)],
)
def test_versions_are_compared_by_their_numbers(requires: str, fits: bool) -> None:
    assert is_one_of("0.1.0", requires) is fits
    assert is_one_of("10.0.0", ">=9")


@pytest.mark.parametrize(
    ("requires", "says"),
    [
        (">=99", r"deploy.yml:3: requires: wants >=99, and this is \S+; type +pip install 'deploy-runbook>=99'"),
        ("new", "deploy.yml:3: requires: 'new' is no version; say e.g. >=0.1,<0.2"),
    ],
)
def test_a_file_for_another_version_is_refused_before_its_keys_are_judged(
    requires: str, says: str, tmp_path: Path
) -> None:
    home = homed(tmp_path, f"{LEAST}requires: '{requires}'\nof_tomorrow: 1\n")
    with pytest.raises(Mistake, match=says) as caught:
        load(home / "deploy.yml")
    assert "of_tomorrow" not in str(caught.value)


def test_a_missing_package_is_named_with_the_extra_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "obstore" else find(name))
    with pytest.raises(Mistake, match=r"^obstore: not installed; type +pip install 'deploy-runbook\[production\]'"):
        must_have("production")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "apprise" else find(name))
    must_have("production", *SHIPPING)
    with pytest.raises(Mistake, match="apprise"):
        must_have("production")
    assert (extra_of("apprise.plugins"), extra_of("lupa.lua54"), extra_of("json")) == ("production", "sandbox", "")


def test_every_package_that_may_be_missing_is_one_of_an_extra() -> None:
    """By the names that are imported: what is no extra's is the core's."""
    project = tomllib.loads((TOOL / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for extra, modules in EXTRAS.items():
        named = {re.split(r"[\[=<>]", one)[0].replace("-", "_") for one in project["optional-dependencies"][extra]}
        others = {*EXTRAS["report"]} if extra == "sandbox" else set()
        expected = named - {"deploy_runbook"} | others
        assert expected == {*modules}


def test_workflows_take_no_package_from_an_index_by_its_name(tmp_path: Path) -> None:
    """Whoever had the name there would be given every secret of the job."""
    for least in (LEAST, f"action: acme/deploy-runbook@{'a' * 40}\n{LEAST}"):
        home = homed(tmp_path, least)
        made = workflows(load(home / "deploy.yml"), Sources(load(home / "deploy.yml"), home, (), "deploy-runbook"))
        for text in made.values():
            assert "pipx" not in text
            if "name: tool" in text:
                assert ("say in action:" in text) is ("deploy-runbook@" not in least)


def test_the_workflow_that_others_call_is_this_repositorys_and_a_home_may_have_one_of_that_name(
    adopter: Sources, tmp_path: Path
) -> None:
    called = {f".github/workflows/{name}.yml" for name in ("ship", "call-rollback", "call-monitor")}
    assert called < set(workflows(load(TOOL / "deploy.yml")))
    assert not called & set(generated(adopter))
    theirs = dataclasses.replace(adopter, root=tmp_path)
    write_documents(theirs)
    (tmp_path / ".github/workflows/ship.yml").write_text("name: ship\n", encoding="utf-8")
    assert stale(theirs) == ""


def test_what_an_upgrade_changes_is_said_first(adopter: Sources) -> None:
    assert [line for line in changes(adopter) if line.startswith("runbooks/monitoring.md: +")]
    write_documents(adopter)
    assert changes(adopter) == ()
    page = adopter.root / "runbooks/reference.md"
    page.write_text(page.read_text(encoding="utf-8") + "\nof yesterday\n", encoding="utf-8")
    assert changes(adopter) == ("runbooks/reference.md: +0 -2 lines",)


def test_what_is_copied_from_the_screen_is_about_the_home_that_is_on_it(tmp_path: Path) -> None:
    for name in ("tool", "shop", "my fleet"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "deploy.yml").touch()
    tool, shop, fleet = (tmp_path / name for name in ("tool", "shop", "my fleet"))
    (tool / "inv").touch()
    (shop / "src").mkdir()
    assert command_here(tool, tool, tool) == "./inv"
    assert command_here(tool, tool, tmp_path) == f"{tool}/inv"
    assert command_here(shop, tool, shop) == command_here(shop, tool, shop / "src") == f"{tool}/inv"
    assert command_here(shop, tool, tool) == f"{tool}/inv --home {shop}"
    assert command_here(shop, tmp_path / "nowhere", fleet) == f"deploy-runbook --home {shop}"
    text = as_typed("./inv fleet.report, ./inv --home projects/a accept R", command_here(fleet, tool, shop))
    assert text == f"{tool}/inv --home '{fleet}' fleet.report, {tool}/inv --home '{fleet}/projects/a' accept R"
