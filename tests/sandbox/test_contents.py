"""What GitHub says the repository held, and the releases that have trouble with the database."""

import base64
import hashlib

import psycopg
import pytest

from pipeline.sandbox import releases, schema
from tests.sandbox.fixtures import create

REPO = "/repos/acme/lms/contents"
SHAPE = {
    "type", "size", "name", "path", "sha", "url", "git_url", "html_url", "download_url", "_links",
}  # fmt: skip


def test_a_file_of_a_release_is_given_as_json_and_raw(sandbox, play):
    async def scenario(services):
        github, folder = services["github"], sandbox.release("good")[0]
        path = "prisma/migrations/migration_lock.toml"
        content = (folder / path).read_bytes()
        found = (await github.get(f"{REPO}/{path}", params={"ref": sandbox.state.github.head})).json()
        assert set(found) == SHAPE | {"encoding", "content"}
        assert (found["encoding"], base64.b64decode(found["content"])) == ("base64", content)
        assert found["sha"] == hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        raw = await github.get(f"{REPO}/{path}", headers={"accept": "application/vnd.github.raw+json"})
        assert (raw.content, raw.headers["content-type"]) == (content, "application/vnd.github.raw+json; charset=utf-8")

    play(scenario)


def test_folders_are_listed_without_what_is_never_committed(sandbox, play):
    async def scenario(services):
        sandbox.release("good")
        for url in (REPO, f"{REPO}/", f"{REPO}?ref=main"):
            assert [one["name"] for one in (await services["github"].get(url)).json()] == ["prisma", "vercel.json"]
        listed = (await services["github"].get(f"{REPO}/prisma/migrations")).json()
        assert (listed[0]["type"], listed[0]["path"]) == ("dir", "prisma/migrations/20260101000000_init")
        assert all(set(one) == SHAPE for one in listed)

    play(scenario)


def test_the_commits_before_have_the_schema_of_then(sandbox, play):
    async def scenario(services):
        github = services["github"]
        for sha in list(sandbox.state.github.commits):
            at = {"ref": sha}
            text = base64.b64decode((await github.get(f"{REPO}/prisma/schema.prisma", params=at)).json()["content"])
            assert (b"model Course" in text, b"level" in text) == (True, False)
            listed = (await github.get(f"{REPO}/prisma/migrations", params=at)).json()
            assert [one["name"] for one in listed] == [*schema.APPLIED, "migration_lock.toml"]
        _, sha = sandbox.release("good")
        text = base64.b64decode(
            (await github.get(f"{REPO}/prisma/schema.prisma", params={"ref": sha})).json()["content"]
        )
        assert b"level" in text

    play(scenario)


def test_what_is_not_there_is_404_in_githubs_words(sandbox, play):
    async def scenario(services):
        github = services["github"]
        sandbox.release("good")
        sandbox.commit("c" * 40, "a commit whose files nobody gave")
        for path in ("nothing", "..%2F..%2Fstate.json", ".vercel/project.json", "prisma%2F..%2Fprisma"):
            answer = await github.get(f"{REPO}/{path}", params={"ref": list(sandbox.state.github.commits)[-2]})
            assert (answer.status_code, answer.json()["message"]) == (404, "Not Found"), path
        assert (await github.get(f"{REPO}/prisma", params={"ref": "c" * 40})).status_code == 404
        unknown = await github.get(f"{REPO}/prisma", params={"ref": "d" * 40})
        assert (unknown.status_code, unknown.json()["message"]) == (404, f"No commit found for the ref {'d' * 40}")

    play(scenario)


def migrate(url: str, folder) -> None:
    """Run each pending migration as Prisma does: the whole file at once."""
    with psycopg.connect(url, autocommit=True) as db:
        done = {name for (name,) in db.execute("select migration_name from _prisma_migrations").fetchall()}
        for path in sorted((folder / "prisma" / "migrations").glob("*/migration.sql")):
            if path.parent.name not in done:
                db.execute(path.read_bytes())


@pytest.mark.parametrize("name", ["drops-column", "contract-after"])
def test_releases_that_drop_a_column_migrate_and_work(name, sandbox, clock, play):
    async def scenario(services):

        before = await create(services, sandbox, "good")
        made = await create(services, sandbox, name)
        clock.tick(1)
        migrate(sandbox.core.database_url, sandbox.release(name)[0])
        assert (await services.at(made["url"]).get("/")).status_code == 200
        old = (await services.at(before["url"]).get("/")).status_code
        assert old == (500 if name == "drops-column" else 200), "only the first is still read by the code before"

    play(scenario)


@pytest.mark.parametrize(
    ("name", "error"),
    [("broken-migration", psycopg.errors.DivisionByZero), ("locks-table", psycopg.errors.NotNullViolation)],
)
def test_releases_whose_migration_fails(name, error, sandbox):
    with pytest.raises(error):
        migrate(sandbox.core.database_url, sandbox.release(name)[0])


def test_the_edited_migration_is_not_what_was_applied(sandbox):
    with psycopg.connect(sandbox.core.database_url) as db:
        applied = dict(db.execute("select migration_name, checksum from _prisma_migrations").fetchall())
    for name, differs in (("good", False), ("edited-migration", True)):
        migrations = sandbox.release(name)[0] / "prisma" / "migrations"
        now = {one: hashlib.sha256((migrations / one / "migration.sql").read_bytes()).hexdigest() for one in applied}
        assert (now != applied) is differs


def test_every_release_holds_its_schema_and_migrations(sandbox):
    for name in releases.NAMES:
        prisma = sandbox.release(name)[0] / "prisma"
        assert 'provider  = "postgresql"' in (prisma / "schema.prisma").read_text()
        assert 'provider = "postgresql"' in (prisma / "migrations" / "migration_lock.toml").read_text()
        assert all((prisma / "migrations" / one / "migration.sql").is_file() for one in schema.APPLIED)


@pytest.mark.parametrize("name", ["good", "drops-column"])
def test_schema_prisma_names_the_columns_that_the_migrations_make(name, sandbox):
    folder = sandbox.release(name)[0]
    migrate(sandbox.core.database_url, folder)
    with psycopg.connect(sandbox.core.database_url) as db:
        rows = db.execute(
            "select table_name, column_name from information_schema.columns where table_schema = 'public'"
            " and table_name ~ '^[A-Z]' order by table_name, ordinal_position"
        ).fetchall()
    text = (folder / "prisma" / "schema.prisma").read_text()
    models = {part.split(" ")[0]: part.partition("}")[0] for part in text.split("\nmodel ")[1:]}
    listed = []
    for model, body in models.items():
        for line in body.splitlines()[1:]:
            words = line.split()
            if words and not words[0].startswith("@@") and words[1].rstrip("[]?") not in models:
                listed.append((model, words[0]))
    assert set(rows) - set(listed) == {("Enrolment", "enrolledAt")}, "the column that nobody reads any more"
    assert not set(listed) - set(rows)
