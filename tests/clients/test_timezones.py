"""Whether a zone has always been UTC, asked of Postgres as a judge: what it rewrites when a column changes its type."""

import asyncio

import psycopg
import pytest

from pipeline.clients.postgres import Postgres
from pipeline.sandbox.postgres import Postgres as Server

ZONES = (
    "UTC",
    "Etc/GMT",
    "UTC0",
    "Africa/Abidjan",
    "Atlantic/Reykjavik",
    "Europe/London",
    "Europe/Berlin",
    "Asia/Kolkata",
)
FILE = b"select pg_relation_filenode('kept')"


@pytest.mark.parametrize("zone", ZONES)
def test_a_zone_is_utc_where_postgres_keeps_the_bytes(postgres: Server, zone: str) -> None:
    name = "zone_" + "".join(letter for letter in zone.lower() if letter.isalnum())
    url = postgres.fresh_database(name)
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(f"alter database {name} set timezone to '{zone}'".encode())
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(b"create table kept (at timestamp)")
        before = db.execute(FILE).fetchone()
        db.execute(b"alter table kept alter at type timestamptz")
        kept = db.execute(FILE).fetchone() == before
    assert asyncio.run(Postgres(url).known()).utc == kept
