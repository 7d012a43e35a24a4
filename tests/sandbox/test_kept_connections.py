"""The demo app and its database: a connection is kept for the next request, and never for long."""

import time

import psycopg

from tests.processes import LONGEST
from tests.stage import InProcess

OTHERS = "from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"


def healthy(inside: InProcess) -> bool:
    return inside.get(f"http://{inside.settings.domain}/api/health/db").status_code == 200


def test_requests_that_follow_each_other_share_a_connection_that_is_soon_closed(inside: InProcess) -> None:
    with psycopg.connect(inside.database_url, autocommit=True) as db:
        seen = set()
        for _ in range(30):
            assert healthy(inside)
            seen |= {pid for (pid,) in db.execute(f"select pid {OTHERS}")}
        assert 0 < len(seen) < 30
        until = time.monotonic() + LONGEST
        while db.execute(f"select 1 {OTHERS}").fetchone():
            assert time.monotonic() < until
            time.sleep(0.01)


def test_a_connection_that_the_server_ended_meanwhile_fails_no_request(inside: InProcess) -> None:
    with psycopg.connect(inside.database_url, autocommit=True) as db:
        ended = 0
        for _ in range(10):
            assert healthy(inside)
            ended += len(db.execute(f"select pg_terminate_backend(pid, 5000) {OTHERS}").fetchall())
        assert ended
