"""Homes in repositories: what is shipped is the commit of the order, and a record outlives its checkout."""

import asyncio
import dataclasses
import fcntl
import os
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pipeline.clients import repositories
from pipeline.clients.repositories import check_out, commit_at, wrong_address
from pipeline.commands.fleet import problems
from pipeline.commands.fleetboard import homes_of
from pipeline.commands.fleetorders import DeployWish, _ready
from pipeline.commands.fleetplan import PlanWish, show_plan
from pipeline.config import load
from pipeline.errors import Mistake, Unreachable
from pipeline.fleet import working
from pipeline.fleet.checkouts import AGE, FleetHomes
from pipeline.fleet.ends import LOST, REFUSED, ProjectEnd
from pipeline.fleet.file import FleetRepository, load_fleet
from pipeline.fleet.order import OrderAction, OrderPlan, plan_from, state_of
from pipeline.fleet.ordering import deploy_plan, give, rollback_plan
from pipeline.fleet.place import Fleet
from pipeline.fleet.queue import FleetJob
from pipeline.fleet.signing import order_text
from pipeline.record.journal import events_of, plain
from pipeline.record.place import Place
from pipeline.record.store import open_store
from pipeline.session.runs import store_of
from tests.fleet.test_whole import until
from tests.processes import slowness

LEAST = "source: {repository: acme/shop}\ntargets: {sandbox: {kind: sandbox}}\n"
needs_git = pytest.mark.skipif(not shutil.which("git"), reason="there is no git")
WELL = ProjectEnd("deployed", staged="dpl_new", before="dpl_old")


class Upstream:
    """A repository of others, with an app in `apps/shop` and one on top."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")
        (folder / "apps" / "shop").mkdir(parents=True)
        self.commit(LEAST)

    def git(self, *words: str) -> str:
        who = ("-c", "user.name=dana", "-c", "user.email=dana@example.com", "-c", "commit.gpgsign=false")
        command = ["git", *who, "-C", str(self.folder), *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self, text: str) -> str:
        for path in ("deploy.yml", "apps/shop/deploy.yml"):
            (self.folder / path).write_text(text, encoding="utf-8")
        self.git("add", ".")
        self.git("commit", "--quiet", "--allow-empty", "-m", "more")
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def upstream(tmp_path: Path) -> Upstream:
    return Upstream(tmp_path / "upstream")


def fleet_of(folder: Path, projects: str, more: str = "") -> Fleet:
    folder.mkdir(exist_ok=True)
    (folder / "fleet.yml").write_text(f"{more}projects:\n{projects}", encoding="utf-8")
    return Fleet(folder, load_fleet(folder / "fleet.yml"), open_store("", folder), Place("", ""), "")


def shop(upstream: Upstream, ref: str = "main", folder: str = "apps/shop") -> str:
    return f"  shop: {{home: {{repository: 'file://{upstream.folder}', ref: {ref}, folder: {folder}}}}}\n"


@needs_git
def test_a_branch_a_tag_a_commit_and_the_usual_branch_are_found(upstream: Upstream) -> None:
    first = upstream.git("rev-parse", "HEAD")
    upstream.git("tag", "-a", "v1", "-m", "one")
    upstream.git("branch", "release/main")
    second = upstream.commit(LEAST + "# more\n")
    address = str(upstream.folder)
    found = [commit_at(address, ref) for ref in ("main", "v1", "release/main", first, "")]
    assert found == [second, first, first, first, second]
    with pytest.raises(Unreachable, match="has no branch or tag nowhere"):
        commit_at(address, "nowhere")
    with pytest.raises(Unreachable, match=r"git: .*gone"):
        commit_at(str(upstream.folder / "gone"), "main")


@needs_git
def test_a_checkout_is_of_that_commit_and_of_it_alone_whatever_the_branch_does(
    upstream: Upstream, tmp_path: Path
) -> None:
    first = upstream.git("rev-parse", "HEAD")
    upstream.commit(LEAST + "# more\n")
    check_out(f"file://{upstream.folder}", "main", first, tmp_path / "out")
    assert (tmp_path / "out" / "deploy.yml").read_text(encoding="utf-8") == LEAST
    said = subprocess.run(["git", "-C", str(tmp_path / "out"), "log", "--format=%H"], capture_output=True, text=True)
    assert said.stdout.split() == [first]
    (tmp_path / "out" / "built").touch()
    check_out("file:///gone", "main", first, tmp_path / "out")  # it is there
    assert (tmp_path / "out" / "built").exists()
    with pytest.raises(Unreachable):
        check_out(f"file://{upstream.folder}", "main", "0" * 40, tmp_path / "other")
    assert not (tmp_path / "other").exists()
    assert not list(tmp_path.glob(".making-*"))


@pytest.mark.parametrize(
    "address",
    [
        "https://dana:ghp_secret@github.com/acme/shop.git",
        "https://ghp_secret@github.com/acme/shop",
        "ssh://git:ghp_secret@github.com/acme/shop",
        "http://github.com/acme/shop.git",
        "ext::sh -c touch% /tmp/ghp_secret",
        "--upload-pack=ghp_secret",
        "https:///shop",
        "",
    ],
)
def test_an_address_with_a_secret_or_of_no_repository_is_refused_and_not_repeated(address: str, tmp_path: Path) -> None:
    with pytest.raises(Mistake) as caught:
        fleet_of(tmp_path, f"  a: {{home: {{repository: '{address}', ref: -x, folder: ../b}}}}\n  b: {{home: 5}}\n")
    lines = str(caught.value).splitlines()
    keys = ["projects.a.home.folder", "projects.a.home.ref", "projects.a.home.repository", "projects.b.home"]
    assert [line.split(": ")[1] for line in lines] == keys
    assert "ghp_secret" not in str(caught.value)
    assert "https://github.com/acme/shop.git" in lines[2]


@pytest.mark.parametrize(
    "address", ["https://github.com/acme/shop.git", "git@github.com:acme/shop.git", "/srv/shop.git"]
)
def test_an_address_that_is_one_is_taken(address: str) -> None:
    assert wrong_address(address) == ""
    assert wrong_address("ssh://git@github.com/acme/shop") == ""


def test_two_projects_of_one_folder_of_a_repository_and_what_it_lacks_are_said(tmp_path: Path) -> None:
    with pytest.raises(Mistake) as caught:
        fleet_of(
            tmp_path,
            "  a: {home: {repository: /srv/shop, folder: apps}}\n"
            "  b: {home: {repository: /srv/shop, folder: apps}}\n"
            "  c: {home: {ref: main}}\n  d: {home: {repository: /srv/shop, branch: main}}\n",
        )
    assert [line.partition(": ")[2].partition(",")[0] for line in str(caught.value).splitlines()] == [
        "projects.b.home: is the home of a already",
        "projects.c.home.repository: is missing",
        "projects.d.home.branch: is no key that this file knows (see the reference in runbooks/reference.md)",
    ]


@needs_git
def test_what_a_project_remembers_is_found_by_its_next_checkout(upstream: Upstream, tmp_path: Path) -> None:
    fleet = fleet_of(tmp_path / "fleet", shop(upstream))
    first = fleet.homes.commits(["shop"])[0]["shop"]
    home = fleet.homes.ready("shop", first)
    assert home == tmp_path / "fleet/.fleet/homes/shop" / first / "apps/shop"
    store = store_of(load(home / "deploy.yml"), home)
    dataclasses.replace(fleet, store=store).journal("run-1").append("run begins")
    store.close()
    second = upstream.commit(LEAST + "# more\n")
    newer = fleet.homes.ready("shop", fleet.homes.commits(["shop"])[0]["shop"])
    assert newer.parents[1].name == second
    assert fleet.homes.folder("shop").resolve() == newer
    assert homes_of(fleet.root, fleet.file) == {"shop": ".fleet/homes/shop/now"}
    shutil.rmtree(home.parents[1])
    for one in (newer, fleet.homes.folder("shop"), fleet.homes.ready("shop", first)):
        again = store_of(load(one / "deploy.yml"), one)
        assert [event.kind for event in events_of(again, "run-1")] == ["run begins"]
        again.close()


@needs_git
def test_checkouts_that_nobody_has_used_for_days_are_removed_but_for_the_last_few(
    upstream: Upstream, tmp_path: Path
) -> None:
    fleet = fleet_of(tmp_path / "fleet", shop(upstream))
    commits = [upstream.commit(LEAST + f"# {number}\n") for number in range(6)]
    for number, commit in enumerate(commits[:5]):
        checkout = fleet.homes.ready("shop", commit).parents[1]
        old = time.time() - AGE - 100 + number
        os.utime(checkout, (old, old))
    fleet.homes.ready("shop", commits[5])
    there = {one.name for one in (tmp_path / "fleet/.fleet/homes/shop").iterdir() if len(one.name) == 40}
    assert there == {*commits[2:]}


class Orders:
    """A fleet of one shop, whose worker's runs are told and not made."""

    def __init__(self, fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
        self.fleet, self.carried = fleet, list[str]()
        monkeypatch.setattr(working, "carry", self.carry)

    async def carry(
        self, nursery: Any, words: list[str], environment: Mapping[str, str], home: Path, *more: Any
    ) -> Any:
        self.carried.append((home / "deploy.yml").read_text(encoding="utf-8"))
        return WELL

    def given(self, **more: Any) -> OrderPlan:
        ready, commits = _ready(self.fleet, DeployWish(**more))
        plan = deploy_plan(self.fleet.file, ready, "dana", commits=commits)
        give(self.fleet, plan)
        return plan

    def worked(self, plan: OrderPlan) -> ProjectEnd:
        asyncio.run(working.FleetWorker(self.fleet).do(FleetJob(plan.order, "shop")))
        state = state_of(plan.order, events_of(self.fleet.store, plan.order))
        assert state
        end = state.parts["shop"].end
        assert end
        return end


@needs_git
def test_every_worker_ships_the_commit_of_the_order_and_the_way_back_has_it_too(
    upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet = fleet_of(tmp_path / "fleet", shop(upstream))
    orders = Orders(fleet, monkeypatch)
    plan = orders.given()
    upstream.commit(LEAST + "# too late\n")
    elsewhere = fleet_of(tmp_path / "elsewhere", shop(upstream))
    other = Orders(dataclasses.replace(elsewhere, store=fleet.store), monkeypatch)
    assert other.worked(plan) == WELL
    assert other.carried == [LEAST]
    read = events_of(fleet.store, plan.order)[0]
    assert plan_from(plan.order, read.body).commits == plan.commits
    assert order_text(plan) != order_text(dataclasses.replace(plan, commits={"shop": "0" * 40}))
    state = state_of(plan.order, events_of(fleet.store, plan.order))
    assert state
    back = rollback_plan(fleet.file, state, ["shop"], "dana")
    assert (back.action, back.commits) == (OrderAction.ROLL_BACK, plan.commits)
    give(fleet, back)
    shutil.rmtree(upstream.folder)
    shutil.rmtree(elsewhere.homes.folder("shop", plan.commits["shop"]).parents[1])
    assert not elsewhere.homes.folder("shop").exists()
    assert other.worked(back).outcome == REFUSED  # this machine has never seen it
    back = dataclasses.replace(back, order="again")
    give(fleet, back)
    shutil.rmtree(fleet.homes.ready("shop", plan.commits["shop"]).parents[1] / ".git")
    assert orders.worked(back) == WELL  # that one has, and does not wait for a repository


@needs_git
def test_a_project_that_has_begun_and_whose_home_cannot_be_had_any_more_is_left_for_a_person(
    upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet = fleet_of(tmp_path / "fleet", shop(upstream))
    orders = Orders(fleet, monkeypatch)
    plan = orders.given()
    shutil.rmtree(tmp_path / "fleet/.fleet/homes")
    shutil.rmtree(upstream.folder)
    fleet.journal(plan.order).append("project begins", "shop", worker="w1")
    end = orders.worked(plan)
    assert end.outcome == LOST
    assert end.reason.startswith("it was begun, and is not gone on with: git: file://")
    assert orders.carried == []


@needs_git
@pytest.mark.parametrize("commit", ["../../../elsewhere", "-x", ""])
def test_an_order_whose_commit_is_none_or_that_disagrees_with_fleet_yml_is_refused(
    commit: str, upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = Orders(fleet_of(tmp_path / "fleet", shop(upstream)), monkeypatch)
    plan = dataclasses.replace(orders.given(), order="changed", commits={"shop": commit} if commit else {})
    give(orders.fleet, plan)
    end = orders.worked(plan)
    assert (end.outcome, orders.carried) == (REFUSED, [])
    assert ("no commit" in end.reason) is True
    (tmp_path / "fleet" / "a").mkdir()
    folders = fleet_of(tmp_path / "fleet", "  shop: {home: a}\n")
    with pytest.raises(Unreachable, match="has a folder as home here, and the order says a commit of a repository"):
        folders.homes.ready("shop", "0" * 40)


@needs_git
def test_all_that_cannot_be_reached_is_said_at_once_and_nothing_is_written_down(
    upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = [f"  {name}: {{home: {{repository: 'file:///gone/{name}'}}}}\n" for name in ("a", "b")]
    other = shop(upstream, ref="gone").replace("shop:", "c:", 1)
    nowhere = shop(upstream, folder="apps/none").replace("shop:", "d:", 1)
    fleet = fleet_of(tmp_path / "fleet", "".join([*lost, other, nowhere, shop(upstream)]))
    orders = Orders(fleet, monkeypatch)
    with pytest.raises(Mistake) as caught:
        orders.given()
    lines = str(caught.value).splitlines()
    assert [line.partition(":")[0] for line in lines[:4]] == ["a", "b", "c", "d"]
    assert all(": has no home: git: file://" in line for line in lines[:4])
    assert "has no branch or tag gone" in lines[2]
    assert "has no folder apps/none" in lines[3]
    assert list(fleet.store.execute("select 1 from deploy_events")) == []
    assert orders.given(skip=True).projects == ("shop",)
    said: list[str] = []
    assert not show_plan(fleet.root, PlanWish(), said.append)
    assert f"@main apps/shop at {upstream.git('rev-parse', 'HEAD')[:12]}" in said[0]


@needs_git
@pytest.mark.parametrize(
    ("state", "fleets", "says"),
    [
        ("", "", ""),
        (".runs/other.db", "", ""),
        ("runs.db", "", "keeps its runs in runs.db, which goes with the checkout; leave `state` out"),
        (
            "",
            "state: SHARED\n",
            "keeps its runs in .runs, which other workers of this fleet do not see; name a variable",
        ),
        ("JOURNAL_URL", "state: SHARED\n", ""),
    ],
)
def test_a_record_that_would_go_with_the_checkout_or_be_one_machines_is_a_mistake(
    state: str, fleets: str, says: str, upstream: Upstream, tmp_path: Path
) -> None:
    upstream.commit(f"{LEAST}state: '{state}'\n")
    fleet = fleet_of(tmp_path / "fleet", shop(upstream), fleets)
    wrong, commits = problems(fleet.root, fleet.file, ("shop",))
    assert says in " ".join(wrong.get("shop", ()))
    assert bool(wrong) is bool(says)
    assert set(commits) == {"shop"}


@needs_git
def test_a_repository_that_has_a_record_among_its_files_is_no_home(upstream: Upstream, tmp_path: Path) -> None:
    (upstream.folder / "apps/shop/.runs").mkdir()
    (upstream.folder / "apps/shop/.runs/x").touch()
    upstream.git("add", "-f", ".")
    commit = upstream.commit(LEAST)
    fleet = fleet_of(tmp_path / "fleet", shop(upstream))
    with pytest.raises(Unreachable, match=r"has \.runs among its files"):
        fleet.homes.ready("shop", commit)


@needs_git
def test_a_folder_that_leads_out_of_the_checkout_is_no_home(upstream: Upstream, tmp_path: Path) -> None:
    (upstream.folder / "apps/out").symlink_to("/")
    commit = upstream.commit(LEAST)
    fleet = fleet_of(tmp_path / "fleet", shop(upstream, folder="apps/out"))
    with pytest.raises(Unreachable, match="has no folder apps/out"):
        fleet.homes.ready("shop", commit)


def a_git(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let ``git`` be a program in Python."""
    (folder / "bin").mkdir()
    script = folder / "bin" / "git"
    script.write_text(f"#!{sys.executable}\n{text}\n", encoding="utf-8")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder / 'bin'}:{os.environ['PATH']}")


def test_without_git_one_line_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet = fleet_of(tmp_path, "  a: {home: {repository: /a}}\n  b: {home: {repository: /b}}\n  c: {home: c}\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        Mistake, match=r"^git: is not installed here, and fleet.yml has homes in repositories; install it"
    ):
        problems(fleet.root, fleet.file, ("a", "b"))
    assert FleetHomes(fleet.root, fleet.file).commits(["c"]) == ({}, {})


def test_git_that_hangs_is_ended_with_all_that_it_has_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    holds = f"import fcntl, time; held = open('{tmp_path}/held', 'w'); fcntl.flock(held, fcntl.LOCK_EX)"
    holds += f"; open('{tmp_path}/ready', 'w').close(); time.sleep(300)"
    a_git(tmp_path, f'import subprocess, sys\nsubprocess.run([sys.executable, "-c", {holds!r}])', monkeypatch)
    monkeypatch.setattr(repositories, "ASKING", 5.0 * slowness())
    began = time.monotonic()
    with pytest.raises(Unreachable, match="has not answered in"):
        commit_at("/srv/shop", "main")
    assert time.monotonic() - began < 200
    assert (tmp_path / "ready").exists()
    with (tmp_path / "held").open("w") as held:
        until(lambda: not _is_held(held))


def _is_held(file: Any) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    return False


def test_git_asks_nobody_knows_no_secret_and_what_it_says_of_signing_in_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    says = "fatal: unable to access 'https://dana:ghp_secret@github.com/acme/shop/': 403"
    tell = f"open({str(tmp_path / 'told')!r}, 'w').write(chr(10).join(map('='.join, os.environ.items())))"
    a_git(tmp_path, f"import os, sys\n{tell}\nsys.exit({says!r})", monkeypatch)
    monkeypatch.setenv("VERCEL_TOKEN", "of somebody")
    with pytest.raises(Unreachable) as caught:
        commit_at("https://github.com/acme/shop", "main")
    assert "https://github.com/acme/shop/': 403" in str(caught.value)
    assert "ghp_secret" not in str(caught.value)
    told = (tmp_path / "told").read_text(encoding="utf-8").splitlines()
    assert {"GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS="} <= {*told}
    assert not any(line.startswith("VERCEL_TOKEN") for line in told)


def test_a_home_in_words_has_no_more_than_it_needs() -> None:
    home = FleetRepository("https://github.com/acme/shop.git", "main", "apps/shop")
    assert str(home) == "https://github.com/acme/shop.git@main apps/shop"
    assert str(FleetRepository("/srv/shop")) == "/srv/shop"
    assert plain(home) == {"repository": "https://github.com/acme/shop.git", "ref": "main", "folder": "apps/shop"}
