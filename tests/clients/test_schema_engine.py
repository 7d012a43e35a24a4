"""Prisma's own schema engine agrees with us: on what a database's history says, and on what is left behind."""

import asyncio
import hashlib
import json
import subprocess
import threading
import uuid
from pathlib import Path
from typing import Any

import psycopg
import pytest

from checks.evidence import Migrations
from pipeline.clients.migrator import Limits, Migrator
from pipeline.clients.postgres import Postgres
from pipeline.clients.prisma import migrations_in, provider_of
from pipeline.errors import Rejected
from pipeline.probes.database import compare
from pipeline.sandbox.postgres import Postgres as Server
from pipeline.world import SystemClock
from tests.scripted import MovingClock

HERE = Path(__file__).resolve().parent.parent / "schemaengine"
pytestmark = [
    pytest.mark.wide,
    pytest.mark.skipif(
        not (HERE / "node_modules/@prisma/schema-engine-wasm").is_dir(),
        reason="Prisma's schema engine is not there: ./inv test --wide installs it",
    ),
]
FILES = {
    "20260101_a": 'create table "A" (id int primary key);\ncreate function f() returns int language plpgsql as'
    " $$ begin perform 1; return 2; end $$;",
    "20260102_b": 'alter table "A" add b text;\ncreate unique index "A_b_key" on "A" (b);',
    "20260103_c": "create type t as enum ('x');",
    "20260104_d": 'begin;\nalter table "A" add d int;\ncommit;',
    "20260105_e": 'create index concurrently e on "A" (d)',
}


class Both:
    """One empty database and one folder of migrations, seen by us and by Prisma's engine."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder
        folder.mkdir()
        (folder / "migration_lock.toml").write_text('provider = "postgresql"\n')
        with psycopg.connect(url, autocommit=True) as db:
            db.execute(b"drop schema public cascade; create schema public")

    def write(self, **files: str) -> None:
        for name, sql in files.items():
            to = self.folder / name.lstrip("m")
            to.mkdir(exist_ok=True)
            (to / "migration.sql").write_bytes(sql.encode())

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url, autocommit=True) as db:
            return db.execute(sql.encode()).fetchall()

    def prisma(self, command: str, *more: str) -> dict[str, Any]:
        words = ["node", str(HERE / "oracle.mjs"), command, self.url, str(self.folder), *more]
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def ours(self) -> Migrations:
        seen = asyncio.run(Postgres(self.url).history())
        return compare(migrations_in(self.folder), seen, provider_of(self.folder))

    def apply(self, clock: Any = None) -> tuple[str, ...]:
        migrator = Migrator(Postgres(self.url), Limits(1, 5, 30), clock or SystemClock(), run="t")
        return asyncio.run(migrator.apply(migrations_in(self.folder)))

    def agree(self) -> Migrations:
        """Both say the same; what we say."""
        us, them = self.ours(), self.prisma("diagnose")
        said = them["history"] or {}
        assert set(us.edited) == set(them["editedMigrationNames"])
        assert {left.name for left in us.failed} == set(them["failedMigrationNames"])
        unapplied = set(said.get("unappliedMigrationNames", ()))
        assert set(us.pending) == unapplied - {left.name for left in us.failed}
        assert set(us.unknown) <= set(said.get("unpersistedMigrationNames", us.unknown))
        return us


@pytest.fixture
def both(postgres: Server, tmp_path: Path) -> Both:
    return Both(postgres.fresh_database(f"p{uuid.uuid4().hex[:12]}"), tmp_path / "migrations")


def test_clean_pending_and_applied(both: Both) -> None:
    both.write(**FILES)
    assert both.agree().pending == tuple(FILES)
    assert both.apply() == tuple(FILES)
    assert both.agree().applied == tuple(FILES)
    assert both.prisma("deploy") == {"appliedMigrationNames": []}


def test_one_begins_and_the_other_goes_on_both_ways(both: Both) -> None:
    names = list(FILES)
    both.write(**dict(list(FILES.items())[:2]))
    assert both.prisma("deploy")["appliedMigrationNames"] == names[:2]
    both.write(**dict(list(FILES.items())[:3]))
    assert both.agree().pending == (names[2],)
    assert both.apply() == (names[2],)
    both.write(**FILES)
    assert both.prisma("deploy")["appliedMigrationNames"] == names[3:]
    assert both.agree().pending == ()
    assert both.apply() == ()


def test_our_rows_are_prismas_rows(both: Both, postgres: Server, tmp_path: Path) -> None:
    other = Both(postgres.fresh_database(f"q{uuid.uuid4().hex[:12]}"), tmp_path / "others")
    for one in (both, other):
        one.write(**FILES)
    both.apply()
    other.prisma("deploy")
    sql = (
        "select migration_name, checksum, applied_steps_count, finished_at is not null, rolled_back_at, logs,"
        " length(id) from _prisma_migrations order by migration_name"
    )
    assert both.rows(sql) == other.rows(sql)


def test_prismas_failure_is_read_and_its_resolutions_too(both: Both) -> None:
    both.write(**{"1_a": "create table a (id int);\nselect 1 / 0;"})
    assert "division by zero" in both.prisma("deploy")["error"]["message"]
    (left,) = both.agree().failed
    assert "division by zero" in left.says
    with pytest.raises(Rejected) as refused:
        both.apply()
    assert refused.value.code == both.prisma("deploy")["error"]["code"] == "P3009"
    both.prisma("rolled-back", "1_a")
    assert both.agree().pending == ("1_a",)
    both.write(**{"1_a": "create table a (id int);"})
    assert both.apply() == ("1_a",)
    assert both.agree().applied == ("1_a",)


def test_resolved_as_applied(both: Both) -> None:
    both.write(**{"1_a": "select 1 / 0;"})
    both.prisma("deploy")
    both.prisma("applied", "1_a")
    assert both.agree().applied == ("1_a",)
    assert both.apply() == ()


def test_our_failure_of_one_transaction_is_pending_for_prisma(both: Both) -> None:
    both.write(**{"1_a": "create table a (id int);\nselect 1 / 0;"})
    with pytest.raises(Rejected):
        both.apply()
    assert both.agree().pending == ("1_a",)
    both.write(**{"1_a": "create table a (id int);"})
    assert both.prisma("deploy")["appliedMigrationNames"] == ["1_a"]


def test_our_failure_after_a_commit_is_p3009_for_prisma(both: Both) -> None:
    both.write(**{"1_a": "begin;\ncreate table a (id int);\ncommit;\nselect 1 / 0;"})
    with pytest.raises(Rejected):
        both.apply()
    assert [left.name for left in both.agree().failed] == ["1_a"]
    assert both.prisma("deploy")["error"]["code"] == "P3009"
    both.prisma("rolled-back", "1_a")
    assert both.agree().pending == ("1_a",)


def test_edited_and_newlines(both: Both) -> None:
    both.write(**{"1_a": "select 1;\nselect 2;\n", "2_b": "select 3;\n"})
    both.apply()
    both.write(**{"1_a": "select 1;\r\nselect 2;\r\n"})
    assert both.agree().edited == ()
    both.write(**{"2_b": "select 4;\n"})
    assert both.agree().edited == ("2_b",)
    assert both.prisma("deploy") == {"appliedMigrationNames": []}, "Prisma itself says nothing"


def test_missing_late_and_diverged(both: Both) -> None:
    both.write(**{"1_a": "select 1;", "3_c": "select 3;"})
    both.apply()
    (both.folder / "3_c" / "migration.sql").unlink()
    (both.folder / "3_c").rmdir()
    assert both.agree().unknown == ("3_c",)
    both.write(**{"2_b": "select 2;"})
    assert both.agree().pending == ("2_b",)
    both.write(**{"3_c": "select 3;"})
    assert both.agree().late == ("2_b",)
    assert both.prisma("deploy")["appliedMigrationNames"] == ["2_b"]


def test_a_database_without_history_and_another_provider(both: Both) -> None:
    both.write(**{"1_a": "select 1;"})
    with psycopg.connect(both.url, autocommit=True) as db:
        db.execute(b"create table x (id int)")
    assert both.ours().unmanaged
    with pytest.raises(Rejected) as refused:
        both.apply()
    assert refused.value.code == both.prisma("deploy")["error"]["code"] == "P3005"
    (both.folder / "migration_lock.toml").write_text('provider = "mysql"\n')
    assert both.prisma("deploy")["error"]["code"] == "P3019"
    assert both.ours().provider == "mysql"


def test_the_lock_is_the_same_one(both: Both) -> None:
    both.write(**{"1_a": "select 1;"})
    with psycopg.connect(both.url, autocommit=True) as other:
        other.execute(b"select pg_advisory_lock(72707369)")
        with pytest.raises(Rejected) as refused:
            both.apply(MovingClock())
        assert refused.value.code == both.prisma("deploy")["error"]["code"] == "P1002"


def test_two_at_once_apply_each_migration_once(both: Both) -> None:
    both.write(
        **{name: sql for name, sql in FILES.items() if "concurrently" not in sql}, **{"9_z": "select pg_sleep(0.5)"}
    )
    said: list[dict[str, Any]] = []
    thread = threading.Thread(target=lambda: said.append(both.prisma("deploy")))
    thread.start()
    mine = both.apply()
    thread.join()
    assert "error" not in said[0]
    everything = sorted(path.name for path in both.folder.iterdir() if path.is_dir())
    assert sorted([*mine, *said[0]["appliedMigrationNames"]]) == everything
    assert both.agree().pending == ()


def test_the_checksum_is_prismas(both: Both) -> None:
    both.write(**{"1_a": "select 1;\r\n"})
    both.prisma("deploy")
    assert both.rows("select checksum from _prisma_migrations") == [(hashlib.sha256(b"select 1;\r\n").hexdigest(),)]
