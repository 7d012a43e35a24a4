"""What stops a migration breaks the live code, and what does not, does not: tried with a real client of its schema."""

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from checks.evidence import LiveSchema, PlannedChanges
from checks.sql import live_code_survives
from pipeline.clients.postgres import Postgres
from pipeline.sandbox.postgres import Postgres as Server
from pipeline.sql.changes import changes_of
from pipeline.sql.known import Known
from pipeline.sql.liveschema import live_schema

HERE = Path(__file__).resolve().parent.parent / "prismaclient"
SCHEMA = (HERE / "schema.prisma").read_text()

pytestmark = [
    pytest.mark.wide,
    pytest.mark.process,
    pytest.mark.skipif(
        not (HERE / "node_modules/prisma").is_dir() or not shutil.which("node"),
        reason="Prisma's client is not installed in tests/prismaclient: ./inv test --wide",
    ),
]

READ = ("post", "findMany", {"include": {"tags": True, "readers": True}})
CONNECT = ("post", "update", {"where": {"id": 100}, "data": {"tags": {"connect": {"id": 2}}}})
CREATE = ("post", "create", {"data": {"mail": "n@b", "title": "t", "at": 1}})
BY_MAIL = ("post", "upsert", {"where": {"mail": "a@b"}, "create": {"mail": "a@b"}, "update": {"title": "t"}})
BY_BOTH = (
    "post",
    "upsert",
    {
        "where": {"at_place": {"at": 9, "place": 9}},
        "create": {"mail": "a@b", "at": 9, "place": 9},
        "update": {"title": "t"},
    },
)
BY_ID = ("post", "upsert", {"where": {"id": 100}, "create": {"id": 100, "mail": "p@b"}, "update": {"title": "t"}})
FOLLOWERS = ("user", "findMany", {"include": {"followers": True}})
LOUD = ("loud", "findMany", {})
ALL = (READ, CONNECT, CREATE, BY_MAIL, BY_BOTH, BY_ID, FOLLOWERS, LOUD)

BREAKS = {
    "a table between two is dropped": ('DROP TABLE "_PostToTag";', READ, "P2021"),
    "a table between two is renamed": ('ALTER TABLE "_PostToTag" RENAME TO "post_tags";', READ, "P2021"),
    "its column is renamed": ('ALTER TABLE "_PostToTag" RENAME COLUMN "A" TO "postId";', READ, "P2022"),
    "its column is dropped": ('ALTER TABLE "_PostToTag" DROP COLUMN "B";', READ, "P2022"),
    "it gets a required column": (
        'ALTER TABLE "_PostToTag" ADD "by" int NOT NULL DEFAULT 1; ALTER TABLE "_PostToTag" ALTER "by" DROP DEFAULT;',
        CONNECT,
        "P2011",
    ),
    "a table of a relation with a name is dropped": ('DROP TABLE "_Read by";', READ, "P2021"),
    "a table of a relation with itself is moved": (
        'CREATE SCHEMA old; ALTER TABLE "_Follows" SET SCHEMA old;',
        FOLLOWERS,
        "P2021",
    ),
    "a row carries a new value": (
        "ALTER TYPE mood ADD VALUE 'wild'; COMMIT; UPDATE posts SET mood = 'wild' WHERE id = 100;",
        READ,
        "P2023",
    ),
    "a new row carries a new value": (
        "ALTER TYPE mood ADD VALUE 'wild'; COMMIT; INSERT INTO posts (e_mail, mood) VALUES ('w', 'wild');",
        READ,
        "P2023",
    ),
    "the key of an upsert is dropped": ("DROP INDEX posts_e_mail_key;", BY_MAIL, "P2039"),
    "the key of two columns is dropped": ("DROP INDEX posts_at_place_key;", BY_BOTH, "P2039"),
    "the primary key is dropped": ("ALTER TABLE posts DROP CONSTRAINT posts_pkey CASCADE;", BY_ID, "P2039"),
    "the key of an upsert is for some rows": (
        "DROP INDEX posts_e_mail_key; CREATE UNIQUE INDEX posts_e_mail_key ON posts (e_mail) WHERE at > 0;",
        BY_MAIL,
        "P2039",
    ),
    "a type takes its columns along": ("DROP TYPE mood CASCADE;", READ, "P2022"),
    "a column that has another name in the code is dropped": ("ALTER TABLE posts DROP COLUMN e_mail;", READ, "P2022"),
    "a default that the client leaves to the database goes": (
        "ALTER TABLE posts ALTER COLUMN code DROP DEFAULT;",
        CREATE,
        "P2011",
    ),
    "the numbers of a table stop": ("ALTER TABLE posts ALTER COLUMN id DROP DEFAULT;", CREATE, "P2011"),
    "a type has another name": ("ALTER TYPE mood RENAME TO temper;", CREATE, "P2039"),
    "a value has another name": ("ALTER TYPE mood RENAME VALUE 'calm' TO 'still';", READ, "P2023"),
    "a table is renamed, and another emptied": (
        "ALTER TABLE posts RENAME TO articles; TRUNCATE articles CASCADE;",
        READ,
        "P2021",
    ),
    "a view has a column less": ("DROP VIEW loud; CREATE VIEW loud AS SELECT id FROM posts;", LOUD, "P2022"),
    "a view goes": ("DROP VIEW loud;", LOUD, "P2021"),
    "a column is required": (
        "ALTER TABLE posts ADD COLUMN x int NOT NULL DEFAULT 1; ALTER TABLE posts ALTER COLUMN x DROP DEFAULT;",
        CREATE,
        "P2011",
    ),
}
LIVES = {
    "nothing": "SELECT 1;",
    "a column that is ignored goes": "ALTER TABLE posts DROP COLUMN secret;",
    "a column is added": "ALTER TABLE posts ADD COLUMN extra int;",
    "a required column with its default in the end": (
        "ALTER TABLE posts ADD COLUMN s text; UPDATE posts SET s = 'a' WHERE true;"
        " ALTER TABLE posts ALTER COLUMN s SET NOT NULL, ALTER COLUMN s SET DEFAULT 'a';"
    ),
    "a view is made anew": "DROP VIEW loud; CREATE VIEW loud AS SELECT id, mood, at FROM posts;",
    "a new value is the default": (
        "ALTER TYPE mood ADD VALUE 'wild'; COMMIT; ALTER TABLE posts ALTER mood SET DEFAULT 'wild';"
    ),
    "a text is wider": "ALTER TABLE posts ALTER COLUMN title TYPE varchar(40);",
    "a text has no limit": "ALTER TABLE posts ALTER COLUMN title TYPE text;",
    "a number is larger": "ALTER TABLE posts ALTER COLUMN place TYPE bigint;",
    "the key of an upsert has another name": (
        "CREATE UNIQUE INDEX other ON posts (e_mail); DROP INDEX posts_e_mail_key;"
    ),
    "the key between two tables goes": 'ALTER TABLE "_PostToTag" DROP CONSTRAINT "_PostToTag_AB_pkey";',
    "an enum has a value more, as Prisma writes it": (
        "BEGIN; CREATE TYPE m AS ENUM ('calm', 'busy', 'a_sleep', 'wild'); DROP VIEW loud;"
        " ALTER TABLE posts ALTER mood DROP DEFAULT; ALTER TABLE posts ALTER mood TYPE m USING mood::text::m;"
        " ALTER TYPE mood RENAME TO old; ALTER TYPE m RENAME TO mood; DROP TYPE old;"
        " ALTER TABLE posts ALTER mood SET DEFAULT 'calm'; CREATE VIEW loud AS SELECT id, mood FROM posts; COMMIT;"
    ),
    "a default that the client computes goes": "ALTER TABLE posts ALTER COLUMN mood DROP DEFAULT;",
}


class OldCode:
    """A process that uses the database as the live code does."""

    def __init__(self, url: str) -> None:
        words = ["node", str(HERE / "old.mjs"), url]
        self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def does(self, act: tuple[str, str, dict[str, Any]]) -> dict[str, Any]:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps({"model": act[0], "does": act[1], "with": act[2]}) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def end(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        assert self._process.wait(20) == 0


@pytest.fixture(scope="module")
def generated() -> None:
    """Write the client of the schema; no engine is needed for that, and none may be fetched."""
    words = ["node", "node_modules/prisma/build/index.js", "generate", "--schema", "schema.prisma"]
    without = {**os.environ, "PRISMA_SCHEMA_ENGINE_BINARY": shutil.which("true") or "", "CHECKPOINT_DISABLE": "1"}
    done = subprocess.run(words, cwd=HERE, env=without, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def url(postgres: Server) -> Iterator[str]:
    url = postgres.fresh_database("oldcode")
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(b"drop schema public cascade; create schema public")
        db.execute((HERE / "schema.sql").read_bytes())
    yield url
    postgres.drop("oldcode")


@pytest.fixture
def old_code(generated: None, url: str) -> Iterator[OldCode]:
    code = OldCode(url)
    yield code
    code.end()


def stops(known: Known, sql: str) -> list[str]:
    """What the gate stops, for live code of this schema."""
    planned = PlannedChanges(changes_of([("m", sql.encode())], known))
    live: LiveSchema = live_schema("a" * 40, {"schema.prisma": SCHEMA})
    assert live.found, live.says
    return [one.says for one in live_code_survives.judge(planned, live) if one.verdict.stops]


def migrate(url: str, sql: str) -> None:
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(sql.encode())


@pytest.mark.parametrize("name", BREAKS)
def test_what_is_stopped_breaks_the_old_code(old_code: OldCode, url: str, name: str) -> None:
    sql, act, code = BREAKS[name]
    assert "ok" in old_code.does(act), "it works before"
    known = asyncio.run(Postgres(url).known())
    migrate(url, sql)
    answer = old_code.does(act)
    assert answer.get("failed") == code, answer
    assert stops(known, sql)


@pytest.mark.parametrize("name", LIVES)
def test_what_is_not_stopped_leaves_the_old_code_as_it_was(old_code: OldCode, url: str, name: str) -> None:
    known = asyncio.run(Postgres(url).known())
    assert "ok" in old_code.does(READ), "its connection is open before"
    migrate(url, LIVES[name])
    assert {act[0:2]: old_code.does(act).get("failed") for act in ALL} == {act[0:2]: None for act in ALL}
    assert stops(known, LIVES[name]) == []


def test_the_client_knows_its_tables_by_the_names_that_we_read(generated: None) -> None:
    asked = 'const { Prisma } = require("@prisma/client"); console.log(JSON.stringify(Prisma.dmmf.datamodel.models))'
    done = subprocess.run(["node", "-e", asked], cwd=HERE, capture_output=True, text=True, timeout=60, check=True)
    models: list[dict[str, Any]] = json.loads(done.stdout)
    theirs = {
        one.get("dbName") or one["name"]: {
            field.get("dbName") or field["name"] for field in one["fields"] if field["kind"] != "object"
        }
        for one in models
    }
    ours = {one.name: set(one.columns) for one in live_schema("a" * 40, {"schema.prisma": SCHEMA}).tables}
    related = {field["relationName"] for one in models for field in one["fields"] if field["kind"] == "object"}
    assert ours == theirs | {f"_{name}": {"A", "B"} for name in related}, (
        "every relation of this schema is many to many"
    )
