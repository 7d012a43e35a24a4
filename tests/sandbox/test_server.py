from pathlib import Path

import psycopg
import pytest

from pipeline.sandbox.postgres import DURABLE, Postgres


@pytest.mark.parametrize(("durable", "says"), [(True, "on"), (False, "off")])
def test_a_commit_waits_for_the_disk_where_that_is_measured(
    cluster: Path, tmp_path: Path, durable: bool, says: str
) -> None:
    server = Postgres(tmp_path, durable=durable)
    try:
        with psycopg.connect(server.start()) as db:
            assert [db.execute(f"show {name}".encode()).fetchone() for name in DURABLE] == [(says,)] * len(DURABLE)
    finally:
        server.destroy()
