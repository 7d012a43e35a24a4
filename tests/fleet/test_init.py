"""fleet.init: a team's projects are read to the end of the list, each finds its home, and nothing is overwritten."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from pipeline.clients.vercelteam import TeamProject, VercelTeam, repository_of
from pipeline.commands import fleetinit
from pipeline.commands.fleetinit import FleetInitWish, init_fleet
from pipeline.errors import Mistake, Unreadable
from pipeline.fleet.file import load_fleet
from pipeline.fleet.proposing import found_homes, proposed, slug
from tests.scripted import MovingClock

MONO = "acme/sites"
TEAM = (
    TeamProject("prj_1", "Shop.DE", MONO, "main", "apps/de"),
    TeamProject("prj_2", "shop-de", MONO, "main", "apps/fr"),
    TeamProject("prj_3", "blog", "acme/blog", "main"),
    TeamProject("prj_4", "nobody's: {x}\n  y: 1"),
)


def asked(pages: dict[str, dict[str, Any]], queries: list[dict[str, str]]) -> tuple[TeamProject, ...]:
    """What a client reads whose Vercel gives a page for each ``from``."""

    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/v10/projects"
        queries.append(dict(request.url.params))
        return httpx.Response(200, json=pages[request.url.params.get("from", "")])

    async def go() -> tuple[TeamProject, ...]:
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
            return await VercelTeam("http://a", "t", "acme", http, MovingClock()).projects()

    return asyncio.run(go())


def listed(*names: str, following: object = None) -> dict[str, Any]:
    projects = [{"id": f"prj_{name}", "name": name, "rootDirectory": None} for name in names]
    return {"projects": projects, "pagination": {"count": len(names), "next": following}}


def test_a_teams_list_is_read_to_its_end_whether_a_time_or_a_word_continues_it() -> None:
    pages = {
        "": listed("c", "b", following=1540095775951),
        "1540095775951": listed("b", "a", following="MFRGG==="),
        "MFRGG===": listed("d"),
    }
    queries: list[dict[str, str]] = []
    assert [one.name for one in asked(pages, queries)] == ["a", "b", "c", "d"]
    assert queries[0] == {"slug": "acme", "limit": "100"}
    assert [one.get("from") for one in queries] == [None, "1540095775951", "MFRGG==="]
    with pytest.raises(Unreadable, match="leads back to x"):
        asked({"": listed("a", following="x"), "x": listed("b", following="x")}, [])


@pytest.mark.parametrize(
    ("link", "repository"),
    [
        ({"type": "github", "org": "acme", "repo": "shop"}, "acme/shop"),
        ({"type": "github-custom-host", "host": "git.acme.com", "org": "acme", "repo": "shop"}, "acme/shop"),
        (
            {"type": "gitlab", "projectUrl": "https://gitlab.com/acme/web/shop.git", "projectName": "Shop"},
            "acme/web/shop",
        ),
        ({"type": "gitlab", "projectNamespace": "acme", "projectName": "shop"}, "acme/shop"),
        ({"type": "bitbucket", "owner": "acme", "slug": "shop", "name": "The Shop"}, "acme/shop"),
        ({"type": "cursor-origin", "owner": "acme", "repo": "shop"}, "acme/shop"),
        ({"type": "github", "org": "acme"}, ""),
        ({}, ""),
    ],
)
def test_a_repository_is_read_as_each_kind_of_host_says_it(link: dict[str, str], repository: str) -> None:
    assert repository_of(link) == repository


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Homes of the first three projects; a broken one, and one that nobody should look into."""
    homes = {
        "de": "targets: {production: {project: prj_1}}",
        "de/old": "target: staging\ntargets: {staging: {project: Shop.DE}, preview: {kind: preview, project: blog}}",
        "fr/web": "targets: {production: {project: shop-de}, staging: {project: other}}\ntarget: staging",
        "blog": "targets: {live: {project: blog}}",
        "broken": "targets: [",
        "de/node_modules/x": "targets: {production: {project: prj_4}}",
    }
    for name, text in homes.items():
        (tmp_path / "apps" / name).mkdir(parents=True)
        (tmp_path / "apps" / name / "deploy.yml").write_text(text)
    monkeypatch.setattr(fleetinit, "team_projects", lambda root, team: TEAM)
    return tmp_path


def wish(folder: Path, yes: bool = True) -> FleetInitWish:
    return FleetInitWish((folder / "apps",), "Acme", yes)


def test_projects_find_their_homes_and_the_file_that_is_written_can_be_read(folder: Path) -> None:
    said: list[str] = []
    root = folder / "fleet"
    assert init_fleet(root, wish(folder, yes=False), said.append)
    assert not (root / "fleet.yml").exists()
    text = "\n".join(said)
    assert "4 projects of Acme: 3 have a home" in text
    assert "✗ nobody's: {x} / y: 1" in text
    assert "apps/de (production) counts, not" in text
    assert "apps/broken: deploy.yml" in text
    assert "+++ fleet.yml" in text
    assert not init_fleet(root, wish(folder), said.append)
    file = load_fleet(root / "fleet.yml")
    assert file.name == "acme"
    assert {name: (one.home, one.group, one.target) for name, one in file.projects.items()} == {
        "shop-de": ("../apps/de", "sites", "production"),
        "shop-de-2": ("../apps/fr/web", "sites", "production"),
        "blog": ("../apps/blog", "acme", "live"),
    }
    assert file.projects["blog"].labels == {"repository": "acme/blog"}
    assert "# nobody-s-x-y-1: {home: ?" in (root / "fleet.yml").read_text()


def test_a_file_that_is_there_is_left_and_what_it_lacks_is_named_as_lines_to_add(folder: Path) -> None:
    said: list[str] = []
    file = folder / "fleet.yml"
    file.write_text("projects:\n  blog-2: {home: apps/blog, target: live}\n  shop-de: {home: apps/de/old}\n")
    before = file.read_text()
    assert init_fleet(folder, wish(folder), said.append)
    assert file.read_text() == before
    assert said[-1] == "  shop-de-2: {home: apps/fr/web, labels: {repository: acme/sites}, target: production}"
    assert "lacks 1" in said[-2]
    file.write_text(before + said[-1] + "\n")
    assert not init_fleet(folder, wish(folder), said.append)


def test_nothing_is_written_without_a_home_a_token_or_the_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    with pytest.raises(Mistake, match="no such folder"):
        init_fleet(folder, FleetInitWish((folder / "gone",)), said.append)
    (folder / "empty").mkdir()
    assert init_fleet(folder / "empty", FleetInitWish((), "acme", True), said.append)
    assert "no project has a home" in said[-1]
    assert not (folder / "empty/fleet.yml").exists()
    monkeypatch.undo()
    monkeypatch.delenv("VERCEL_TOKEN", raising=False)
    with pytest.raises(Mistake, match="VERCEL_TOKEN: is not set"):
        init_fleet(folder, wish(folder), said.append)


def test_names_are_made_to_fit_and_stay_apart() -> None:
    long = [TeamProject(f"prj_{number}", "a" * 60) for number in range(3)]
    names = [one.name for one in proposed(long, (), "")]
    assert names == ["a" * 40, "a" * 38 + "-2", "a" * 38 + "-3"]
    assert (slug("Shöp.DE_1"), slug("...")) == ("sh-p-de-1", "")
    assert found_homes(()) == ((), ())
