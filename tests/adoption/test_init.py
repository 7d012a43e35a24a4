"""``init``: the file that it makes loads, says what is open by line, and nothing that people wrote is lost."""

import json
import re
from pathlib import Path

import pytest

from pipeline.adoption.keys import TODO, deploy_yml
from pipeline.adoption.seen import seen_in
from pipeline.commands.adopt import InitOrder, init
from pipeline.config import Config, load
from pipeline.documents.writing import Sources, stale, write_documents
from pipeline.errors import Mistake
from pipeline.render.adoption import points_text
from tests.adoption.layouts import MONOREPO, SCHEMA, SHOP, folder, package
from tests.adoption.test_seen import written

BARE = {"package.json": package("bare", {"next": "15"}), "pages/about.tsx": "x"}
LAYOUTS = {"shop": SHOP, "monorepo": MONOREPO, "bare": BARE}


def loaded(place: Path, text: str) -> Config:
    (place / "deploy.yml").write_text(text, encoding="utf-8")
    return load(place / "deploy.yml")


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_file_loads_is_short_and_every_open_point_has_its_line(name: str, tmp_path: Path) -> None:
    text, points = deploy_yml(seen_in(folder(LAYOUTS[name], remote="")))
    config = loaded(tmp_path, text)
    assert config.file.target == "sandbox"
    assert config.shipped == "production"
    lines = text.splitlines()
    assert len(lines) < 70
    for point in points:
        assert not point.line or (TODO in lines[point.line - 1] and point.key.rpartition(".")[2] in text)
    assert sum(TODO in line for line in lines) == sum(bool(point.line) for point in points)
    assert any(point.key == "source.repository" for point in points)


def test_what_was_seen_stands_in_the_file_and_what_was_not_needed_does_not(tmp_path: Path) -> None:
    text, points = deploy_yml(seen_in(folder(SHOP)))
    found = loaded(tmp_path, text)
    policies = found.policies["production"]
    assert [one.name for one in policies.environment.required] == [
        *("DATABASE_URL", "DIRECT_URL", "NEXTAUTH_SECRET", "NEXTAUTH_URL")
    ]
    assert [route.path for route in policies.smoke.routes] == ["/", "/enter"]
    assert policies.smoke.sign_in
    assert found.file.targets["own"].own
    assert policies.auth.providers == ("credentials",)
    assert policies.health.path == "/api/health"
    assert (found.file.targets["production"].project, found.file.targets["production"].team) == ("prj_1", "team_1")
    assert [point.key for point in points] == ["targets.production.domain", "action"]
    assert not {"errors", "database", "uptime", "redis"} & {line.rstrip(":") for line in text.splitlines()}


def test_an_app_without_nextauth_and_with_its_data_elsewhere(tmp_path: Path) -> None:
    text, points = deploy_yml(seen_in(folder(MONOREPO)))
    found = loaded(tmp_path, text).policies["production"]
    assert (found.auth.path, found.smoke.journeys) == ("", ())
    assert (found.database.migrations, found.database.schema) == ("packages/db/history", "packages/db/schema")
    assert found.database.url_variables == ("DATABASE_URL", "DIRECT_DATABASE_URL")
    assert (found.errors.organization, found.errors.project) == ("acme-inc", "acme-web")
    assert '"deploymentEnabled": {"main": false}' in points_text(points)
    assert "/api/status must answer as JSON `commit`" in points_text(points)


def test_what_others_wrote_is_a_value_and_no_key_of_the_file(tmp_path: Path) -> None:
    odd = '"waivers: []\n#'
    hostile = {
        **SHOP,
        "package.json": package(odd, {"next": "15", "next-auth": "4"}),
        ".vercel/project.json": json.dumps({"projectId": odd, "orgId": f"team_{odd}"}),
    }
    found = loaded(tmp_path, deploy_yml(seen_in(folder(hostile, remote="git@github.com:ac: me/sh: op")))[0])
    target = found.file.targets["production"]
    assert (target.project, target.team) == (odd, f"team_{odd}")
    assert found.policies["production"].source.repository == "owner/REPLACE_ME"


def test_what_this_tool_cannot_do_for_an_app_is_said() -> None:
    for change, words in (
        (
            {"prisma/schema.prisma": SCHEMA.replace("postgresql", "mysql")},
            "mysql: this tool reads and migrates Postgres",
        ),
        (
            {"package.json": package("shop", {"next": "15", "drizzle-orm": "1"})},
            "the migrations of Drizzle are not applied",
        ),
        ({"package.json": package("shop", {"next": "15"})}, "none was seen"),
    ):
        files = {path: text for path, text in SHOP.items() if "prisma" not in path or path in change}
        assert words in points_text(deploy_yml(seen_in(folder({**files, **change})))[1])


def test_the_sandbox_is_asked_for_what_its_own_app_has(tmp_path: Path) -> None:
    found = loaded(tmp_path, deploy_yml(seen_in(folder({**MONOREPO}, remote="")))[0]).policies["sandbox"]
    assert (found.health.path, found.source.branch) == ("/api/health/db", "main")
    assert (found.database.migrations, found.auth.path) == ("prisma/migrations", "/api/auth")


class Desk:
    """Somebody who answers each question with the next of ``answers``; what is printed is kept."""

    def __init__(self, *answers: str) -> None:
        self.answers, self.asked, self.said = [*answers], list[str](), list[str]()

    def asks(self, question: str) -> str:
        self.asked.append(question)
        return self.answers.pop(0)

    def begin(self, place: Path, *, nobody: bool = False, **more: bool) -> bool:
        return init(InitOrder(place, asks=None if nobody else self.asks, **more), (), self.said.append)


@pytest.fixture(autouse=True)
def _few_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """The generators have tests of their own, and take seconds."""
    monkeypatch.setattr(
        "pipeline.commands.adopt.generated",
        lambda sources: {
            "runbooks/a.md": f"# {sources.config.file.targets['production'].domain}\n",
            "runbooks/b.md": "b\n",
        },
    )


def files_in(place: Path) -> dict[str, str]:
    return {str(path.relative_to(place)): path.read_text() for path in place.rglob("*") if path.is_file()}


def test_without_a_terminal_nothing_is_written_until_yes_is_said(tmp_path: Path) -> None:
    place, desk = written(tmp_path, SHOP), Desk()
    before = files_in(place)
    assert desk.begin(place, nobody=True)
    assert files_in(place) == before
    assert "+source:" in "\n".join(desk.said)
    assert not desk.begin(place, nobody=True, yes=True)
    assert {*files_in(place)} - {*before} == {"deploy.yml", ".gitignore", "runbooks/a.md", "runbooks/b.md"}
    assert "deploy.yml:" in "\n".join(desk.said)


def test_a_second_run_has_nothing_to_change(tmp_path: Path) -> None:
    place = written(tmp_path, SHOP)
    Desk().begin(place, nobody=True, yes=True)
    before, desk = files_in(place), Desk()
    assert not desk.begin(place, nobody=True, yes=True, force=True)
    assert desk.said[-1] == "Nothing to change."
    assert files_in(place) == before


def test_at_most_two_questions_and_their_answers_are_in_the_file(tmp_path: Path) -> None:
    two = {
        **MONOREPO,
        "apps/viewer/package.json": package("viewer", {"next": "16"}),
        "apps/viewer/pages/index.tsx": "x",
    }
    place, desk = written(tmp_path, two), Desk("apps/viewer", "www.acme.com", "y")
    assert not desk.begin(place)
    assert len(desk.asked) == 3, "two questions, and whether to write"
    target = load(place / "deploy.yml").file.targets["production"]
    assert (target.domain, target.project) == ("www.acme.com", "viewer")
    desk = Desk()
    assert not desk.begin(place, yes=True)
    assert not desk.asked


def test_a_no_writes_nothing_and_a_wrong_domain_is_a_mistake(tmp_path: Path) -> None:
    place = written(tmp_path, SHOP)
    before = files_in(place)
    assert Desk("", "acme/shop", "n").begin(place)
    with pytest.raises(Mistake, match="domain"):
        Desk("www acme com").begin(place)
    assert files_in(place) == before


OWN = """\
source: {repository: acme/own}
health: {path: /well}
targets:
  sandbox: {kind: sandbox}
  production: {kind: production}
"""


def test_a_key_that_somebody_wrote_is_never_overwritten(tmp_path: Path) -> None:
    place = written(tmp_path, {**SHOP, "deploy.yml": OWN, ".gitignore": "/.env\n"})
    desk = Desk()
    desk.begin(place, nobody=True, yes=True)
    assert (place / "deploy.yml").read_text() == OWN
    assert "deploy.yml: is left as it is; --force adds the sections that it has not" in "\n".join(desk.said)
    assert (place / ".gitignore").read_text() == "/.env\n\n.runs/\n.sandbox/\n"
    Desk().begin(place, nobody=True, yes=True, force=True)
    text = (place / "deploy.yml").read_text()
    assert text.startswith(OWN)
    found = load(place / "deploy.yml")
    assert (found.policies["production"].health.path, found.policies["production"].source.repository) == (
        *("/well", "acme/own"),
    )
    assert [route.path for route in found.policies["production"].smoke.routes] == ["/", "/enter"]
    assert not Desk().begin(place, nobody=True, yes=True, force=True)


def test_a_page_that_somebody_wrote_is_shown_and_left_unless_forced(tmp_path: Path) -> None:
    place = written(tmp_path, {**SHOP, "runbooks/b.md": "ours\n"})
    desk = Desk()
    desk.begin(place, nobody=True, yes=True)
    assert (place / "runbooks/b.md").read_text() == "ours\n"
    assert "-ours\n+b" in "\n".join(desk.said)
    Desk().begin(place, nobody=True, yes=True, force=True)
    assert (place / "runbooks/b.md").read_text() == "b\n"


def test_a_workflow_of_theirs_by_one_of_our_names_is_named_and_never_overwritten_unasked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = ".github/workflows/deploy.yml"
    place, desk = written(tmp_path, {**SHOP, name: "on: push\n"}), Desk()
    for module in ("commands.adopt", "documents.writing"):
        monkeypatch.setattr(f"pipeline.{module}.generated", lambda sources: {name: "# Generated by ./inv runbooks\n"})
    desk.begin(place, nobody=True, yes=True)
    said = "\n".join(desk.said)
    assert f"1 left as they are: {name}." in said
    assert "it is not of this tool: call yours otherwise, and say init again" in said
    sources = Sources(load(place / "deploy.yml"), place, ())
    with pytest.raises(Mistake, match=r"deploy.yml: was there before, and is not of this tool; call yours otherwise"):
        write_documents(sources)
    assert f"{name}: was there before, and is not of this tool; call yours otherwise\n" in stale(sources)
    assert files_in(place)[name] == "on: push\n"
    (place / name).rename(place / ".github/workflows/theirs.yml")
    desk.begin(place, nobody=True, yes=True)
    assert name not in stale(sources)
    (place / name).write_text("# Generated by ./inv runbooks\nname: older\n", encoding="utf-8")
    write_documents(sources)
    assert "older" not in files_in(place)[name], "ours is written anew, as ever"


def test_an_address_that_is_a_path_of_the_app_is_no_url(tmp_path: Path) -> None:
    listed = "export const env = createEnv({\n  client: {\n" + "".join(
        f"    {name}: z.string(),\n" for name in ("NEXT_PUBLIC_CLERK_SIGN_IN_URL", "LOGIN_URL", "API_URL")
    )
    text, _ = deploy_yml(seen_in(folder({**SHOP, "env.ts": listed + "  },\n})\n"})))
    assert "- {name: NEXT_PUBLIC_CLERK_SIGN_IN_URL}" in text
    assert "- {name: LOGIN_URL}" in text
    assert "- {name: API_URL, shape: url}" in text


def test_the_names_in_an_example_are_kept_and_only_those_that_are_wanted_are_added(tmp_path: Path) -> None:
    place = written(tmp_path, {**SHOP, ".env.example": "# mine\nDIRECT_URL=x\n"})
    Desk().begin(place, nobody=True, yes=True)
    text = (place / ".env.example").read_text()
    assert text.startswith("# mine\nDIRECT_URL=x\n")
    assert text.count("DIRECT_URL=") == 1
    assert "VERCEL_TOKEN=" in text
    assert "SMOKE_PASSWORD=" in text
    assert not {"SENTRY_AUTH_TOKEN", "UPSTASH_REDIS_REST_URL", "R2_BUCKET"} & {
        line.partition("=")[0] for line in text.split("\n")
    }


def test_the_example_of_an_app_without_a_database_says_why_an_address_is_wanted(tmp_path: Path) -> None:
    bare = {path: text for path, text in SHOP.items() if "prisma" not in path}
    place = written(tmp_path, {**bare, "package.json": package("shop", {"next": "15"})})
    Desk().begin(place, nobody=True, yes=True)
    (line,) = re.findall(r"^DIRECT_URL=\s+# (.*)$", (place / ".env.example").read_text(), re.M)
    assert line == "no database was seen in this app; a real target does not open without the address of a Postgres"


def test_a_link_that_leads_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    place, outside = written(tmp_path / "app", SHOP), tmp_path / "outside"
    outside.mkdir()
    (place / "runbooks").symlink_to(outside)
    with pytest.raises(Mistake, match="is a link"):
        Desk().begin(place, nobody=True, yes=True)
    assert not [*outside.iterdir()]
    assert not (place / "deploy.yml").exists()


def test_a_deploy_yml_that_cannot_be_read_is_said_with_its_line(tmp_path: Path) -> None:
    place = written(tmp_path, {**SHOP, "deploy.yml": "source: {repositry: acme/own}\n"})
    with pytest.raises(Mistake, match=r"deploy.yml:1: source.repositry"):
        Desk().begin(place, nobody=True, yes=True)
