"""The app's pages, its database, its files, and the services that watch them."""

import contextlib
import threading
import time
from typing import Any

import psycopg

from tests.byhand.reader import Reader
from tests.byhand.scenarios.model import Scenario, Typed
from tests.vendors.world import Ran

SENTRY = (
    'curl -sS -G -H "Authorization: Bearer $SENTRY_AUTH_TOKEN" $SENTRY/api/0/organizations/$SENTRY_ORG/issues/'
    " --data-urlencode 'query=is:unresolved {}' -d sort=freq -d environment=production"
    " | jq -r '.[] | [.level, .count, .userCount, .title{}] | @tsv'"
)
BETTERSTACK = (
    'curl -sS -H "Authorization: Bearer $BETTERSTACK_API_TOKEN" https://uptime.betterstack.com/api/v2/monitors/$MONITOR'
)
NEON = 'curl -sS -H "Authorization: Bearer $NEON_API_KEY" https://console.neon.tech/api/v2/projects/$NEON_PROJECT/endpoints'
REDIS = 'curl -sS -H "Authorization: Bearer $UPSTASH_REDIS_REST_TOKEN"'
KEYS = (
    'AWS_ACCESS_KEY_ID="$R2_ACCESS_KEY_ID" AWS_SECRET_ACCESS_KEY="$R2_SECRET_ACCESS_KEY" AWS_DEFAULT_REGION=auto'
    " aws s3 ls s3://$R2_BUCKET"
)
ENDPOINT = "--endpoint-url https://$R2_ACCOUNT_ID.r2.cloudflarestorage.com"
AT = "s3://$R2_BUCKET/deploy-probe/by-hand"
SPELT = (
    'export AWS_ACCESS_KEY_ID="$R2_ACCESS_KEY_ID" AWS_SECRET_ACCESS_KEY="$R2_SECRET_ACCESS_KEY"'
    " AWS_DEFAULT_REGION=auto AWS_ENDPOINT_URL=https://$R2_ACCOUNT_ID.r2.cloudflarestorage.com;"
    f" date | aws s3 cp - {AT} && aws s3 cp {AT} - && aws s3 rm {AT}"
)
LIMITS = (
    f'{REDIS} "$UPSTASH_REDIS_REST_URL/scan/0/match/*ratelimit*/count/1000"'
    " | jq -r '.result[1][]' | sort | uniq -c | sort -rn | head"
)
FORGET = (
    'curl -sS -X POST -H "Authorization: Bearer $UPSTASH_REDIS_REST_TOKEN" $UPSTASH_REDIS_REST_URL'
    " -d '[\"DEL\", \"'$KEY'\"]'"
)
WATCHED = "watch -n {} curl -sS -o /dev/null -w '%{{http_code}}' {}"


def answers(name: str) -> Any:
    """Production's answer says which deployment gave it."""
    return lambda reader, ran: f"x-deployment-id: {reader.names[name]}" in ran.out


def watched(seconds: int, address: str) -> Typed:
    """Looked at until the reader presses Ctrl-C."""
    return Typed(WATCHED.format(seconds, address), asked=(("200", "\x03"),))


@contextlib.contextmanager
def connected(reader: Reader) -> Any:
    with psycopg.connect(reader.names["DIRECT_URL"], autocommit=True) as connection:
        yield connection


def long_query(reader: Reader) -> None:
    """Somebody else's query runs for a minute; its process id is noted."""
    connection = psycopg.connect(reader.names["DIRECT_URL"], autocommit=True)
    reader.names["PID"] = str(connection.info.backend_pid)

    def run() -> None:
        with contextlib.suppress(psycopg.Error), connection:
            connection.execute("select pg_sleep(60) /* a report */")

    threading.Thread(target=run, daemon=True).start()
    reader.world.until(lambda: running(reader))


def running(reader: Reader) -> bool:
    with connected(reader) as connection:
        asked = "select 1 from pg_stat_activity where pid = %s and state = 'active'"
        return bool(connection.execute(asked, [int(reader.names["PID"])]).fetchone())


def stopped(reader: Reader, ran: Ran) -> bool:
    reader.world.until(lambda: not running(reader), 5)
    return not running(reader)


def blocked(reader: Reader) -> None:
    """Somebody waits for a lock that somebody else has for some seconds."""

    def hold() -> None:
        with psycopg.connect(reader.names["DIRECT_URL"]) as one:
            one.execute('lock table "Lesson"')
            time.sleep(3)

    def wait() -> None:
        with psycopg.connect(reader.names["DIRECT_URL"]) as other:
            other.execute('lock table "Lesson" /* the one that waits */')

    threading.Thread(target=hold, daemon=True).start()
    time.sleep(0.3)
    threading.Thread(target=wait, daemon=True).start()
    time.sleep(0.3)


def dumped(reader: Reader, ran: Ran) -> bool:
    reader.names["DUMP"] = "before.dump"
    return (reader.folder / "before.dump").stat().st_size > 1000


def connection_kept(reader: Reader) -> None:
    """Somebody is connected, and the compute is known."""
    found = reader.world.ask("neon", f"/api/v2/projects/{reader.names['NEON_PROJECT']}/endpoints")["endpoints"]
    reader.names["NEON_ENDPOINT"] = found[0]["id"]
    long_query(reader)


def lost(reader: Reader, sql: str) -> None:
    """Somebody's statement takes away what users had made."""
    with connected(reader) as connection:
        connection.execute(sql)
    assert lessons(reader) == 0


def lessons(reader: Reader) -> int:
    with contextlib.suppress(psycopg.Error), connected(reader) as connection:
        return int(connection.execute('select count(*) from "Lesson"').fetchone()[0])
    return 0


def back(reader: Reader, ran: Ran) -> bool:
    reader.world.until(lambda: lessons(reader) == 9)
    return lessons(reader) == 9


def restore_point(reader: Reader) -> None:
    """A branch was kept before a migration; then the lessons are lost."""
    root = f"/api/v2/projects/{reader.names['NEON_PROJECT']}/branches"
    (main,) = [one for one in reader.world.ask("neon", root)["branches"] if one["default"]]
    asked = {"branch": {"name": "before-by-hand", "parent_id": main["id"]}}
    bearer = {"authorization": f"Bearer {reader.world.tokens['neon']}"}
    made: dict[str, Any] = {}

    def kept() -> bool:
        """Neon refuses it while the operation before, a restart, is under way."""
        made.update(reader.world.web.post(reader.world.urls["neon"] + root, json=asked, headers=bearer).json())
        return "branch" in made

    def quiet() -> bool:
        listed = reader.world.ask("neon", f"/api/v2/projects/{reader.names['NEON_PROJECT']}/operations")["operations"]
        return all(one["status"] in ("finished", "failed", "skipped", "cancelled") for one in listed)

    reader.world.until(kept)
    reader.world.until(quiet)
    reader.names |= {"NEON_BRANCH": main["id"], "POINT": made["branch"]["id"], "RUN": "before-by-hand"}
    lost(reader, 'truncate "Lesson"')


def an_error(reader: Reader) -> None:
    """Visitors meet an error that Sentry hears of."""
    reader.world.fault("app failing-route /courses/algebra-1 times=2")
    for _ in range(2):
        reader.world.served("/courses/algebra-1")
    reader.staged()


def sourcemaps(reader: Reader) -> None:
    folder = reader.folder / ".next/static"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "app.js").write_text("console.log(1);\n//# sourceMappingURL=app.js.map\n")
    (folder / "app.js.map").write_text(
        '{"version":3,"sources":["app.ts"],"names":[],"mappings":"AAAA","file":"app.js","sourcesContent":["1"]}'
    )


def there(reader: Reader, database: str) -> bool:
    with connected(reader) as connection:
        return bool(connection.execute("select 1 from pg_database where datname = %s", [database]).fetchone())


def noted(reader: Reader, key: str) -> bool:
    reader.names["KEY"] = key
    return True


def release(reader: Reader) -> Any:
    return reader.world.sentry(f"/organizations/acme/releases/{reader.names['COMMIT']}/")


PAGES = Scenario(
    "the pages answer",
    (
        Typed("curl -sS -i $PRODUCTION/api/health/db", 'HTTP/1.1 200 OK.*"database": "ok"'),
        Typed("curl -sS -i $STAGED/api/health/db", "200 OK", answers("DEPLOYMENT")),
        Typed("curl -sS -i $PREVIOUS_URL/api/health/db", "200 OK", answers("PREVIOUS")),
        Typed("curl -sS -i https://api.vercel.com/v2/user", r"date: \w{3}, \d\d \w{3} \d{4}"),
        Typed("date -u", "UTC"),
        Typed("curl -sS -i -L $PRODUCTION/", "Courses"),
        Typed("curl -sS -i -L $STAGED/", "Courses", answers("DEPLOYMENT")),
        Typed("curl -sS -i -L $PREVIOUS_URL/", "Courses", answers("PREVIOUS")),
        Typed("curl -sS -i $PRODUCTION/api/auth/providers", "200 OK.*credentials"),
        Typed("curl -sS -i $PRODUCTION/api/auth/csrf", "set-cookie: next-auth.csrf-token"),
        Typed("curl -sS -i $PRODUCTION/api/auth/session", r"200 OK.*\{\}"),
        Typed("curl -sS $PRODUCTION/api/auth/providers", "credentials"),
        Typed("curl -sS $PRODUCTION/api/auth/providers | jq '.[].callbackUrl'", "/api/auth/callback/credentials"),
        Typed("curl -sS $PRODUCTION/api/auth/providers | jq keys", "credentials"),
        Typed("curl -sS -o /dev/null -w '%{time_total}\\n' $PRODUCTION/api/health/db", r"^0\.\d+"),
        Typed(
            "curl -sS -o /dev/null -w 'dns %{time_namelookup} tls %{time_appconnect} first byte"
            " %{time_starttransfer} all %{time_total}\\n' $PRODUCTION/",
            r"dns 0\.\d+ tls 0\.\d+ first byte 0\.\d+ all 0\.\d+",
        ),
        Typed(
            "for i in $(seq 20); do curl -sS -o /dev/null -w '%{time_total}\\n' $PRODUCTION/; done | sort -n | tail -2",
            effect=lambda reader, ran: len(ran.out.splitlines()) == 2,
        ),
        watched(10, "$PRODUCTION/api/health/db"),
        watched(10, "$STAGED/api/health/db"),
        watched(30, "$PRODUCTION/api/auth/session"),
    ),
    lambda reader: reader.staged(),
)
DATABASE = Scenario(
    "the database",
    (
        Typed('psql "$DATABASE_URL" -c "select 1"', r"\(1 row\)"),
        Typed("psql \"$DATABASE_URL\" -c 'select 1'", r"\(1 row\)"),
        Typed('psql "$DIRECT_URL" -c "select 1"', r"\(1 row\)"),
        Typed('psql "$DIRECT_URL"', "from a person", says="select 'from a person';\n"),
        Typed("psql \"$DIRECT_URL\" -c '\\dt'", "_prisma_migrations"),
        Typed("psql \"$DIRECT_URL\" -c 'select current_user'", "postgres"),
        Typed(
            'psql "$DIRECT_URL" -c \'select migration_name, finished_at, rolled_back_at, logs from _prisma_migrations'
            " order by started_at'",
            "20260101000000_init",
        ),
        Typed(
            'psql "$DIRECT_URL" -c "select count(*), current_setting(\'max_connections\') from pg_stat_activity"',
            r"\| 100",
        ),
        Typed(
            'psql "$DIRECT_URL" -c "EXPLAIN (ANALYZE, BUFFERS) $QUERY"',
            "Seq Scan.*Execution Time",
            before=lambda reader: reader.names.update(QUERY='SELECT * FROM "Lesson"'),
        ),
        Typed(
            'psql "$DIRECT_URL" -c "select state, count(*) from pg_stat_activity'
            " where backend_type = 'client backend' group by 1\"",
            "active",
        ),
        Typed(
            'psql "$DIRECT_URL" -c "select pid, pg_blocking_pids(pid), left(query, 80) from pg_stat_activity'
            ' where cardinality(pg_blocking_pids(pid)) > 0"',
            "the one that waits",
            before=blocked,
        ),
        Typed(
            'psql "$DIRECT_URL" -c "select pid, now() - query_start as duration, left(query, 80) from pg_stat_activity'
            " where state = 'active' and now() - query_start > interval '5 seconds' order by 2 desc\"",
            "a report",
            before=lambda reader: (long_query(reader), time.sleep(5.2)),
        ),
        Typed('psql "$DIRECT_URL" -c "select pg_cancel_backend($PID)"', r"\bt\b", stopped),
        Typed('psql "$DIRECT_URL" -c "select pg_terminate_backend($PID)"', r"\bt\b", stopped, before=long_query),
        Typed('pg_dump -Fc "$DIRECT_URL" -f before.dump', effect=dumped),
        Typed("pg_restore --list $DUMP", "TABLE DATA public Lesson"),
        Typed("createdb scratch", effect=lambda reader, ran: there(reader, "scratch")),
        Typed("pg_restore --no-owner -d scratch $DUMP"),
        Typed(
            'psql "$DIRECT_URL" -c "select relname, n_live_tup, n_tup_del from pg_stat_user_tables'
            ' order by n_tup_del desc limit 10"',
            "Lesson",
        ),
        Typed(
            'psql "$DIRECT_URL" -c "select pid, usename, application_name, left(query, 80) from pg_stat_activity'
            " where state <> 'idle' and backend_type = 'client backend'\"",
            "psql",
        ),
        Typed(
            'pg_restore --clean --if-exists --no-owner --single-transaction -d "$DIRECT_URL" $DUMP',
            effect=lambda reader, ran: lessons(reader) == 9,
            before=lambda reader: lost(reader, 'truncate "Lesson"'),
        ),
    ),
)
WITNESSES = Scenario(
    "those who watch and those who serve",
    (
        Typed(BETTERSTACK, '"status":"up"'),
        Typed(
            f"{BETTERSTACK}/response-times | jq '.data.attributes.regions[] | [.region, .response_times[-1].at]'",
            '"us".*"eu"',
        ),
        Typed(
            f"{BETTERSTACK}/sla | jq '.data.attributes | {{availability, number_of_incidents, total_downtime}}'",
            '"availability": 9',
        ),
        Typed("curl -sS https://www.vercel-status.com/api/v2/summary.json | jq .status", '"indicator": "none"'),
        Typed("curl -sS https://neonstatus.com/api/v1/summary | jq .", '"ongoing_incidents": \\[\\]'),
        Typed(
            "curl -sS https://www.cloudflarestatus.com/api/v2/summary.json | jq .status",
            '"indicator": "major"',
            before=lambda reader: reader.world.control("/state", {"status_pages": {"cloudflare": "major"}}),
        ),
        Typed(
            "curl -sS -X POST -H 'content-type: application/json' -d '{\"text\": \"INCIDENT P0: …\"}' $WEBHOOK",
            "ok",
            lambda reader, ran: reader.world.requests("POST", "/team", "notify"),
        ),
        Typed(NEON, '"current_state":"active"'),
        Typed(f"{NEON} | jq '.endpoints[] | {{id, current_state, disabled}}'", '"disabled": false'),
        Typed(
            'curl -sS -X POST -H "Authorization: Bearer $NEON_API_KEY"'
            " https://console.neon.tech/api/v2/projects/$NEON_PROJECT/endpoints/$NEON_ENDPOINT/restart",
            "suspend_compute.*start_compute",
            stopped,
            before=connection_kept,
        ),
        Typed(
            "curl -sS -X POST -H \"Authorization: Bearer $NEON_API_KEY\" -H 'content-type: application/json'"
            ' -d \'{"source_branch_id": "\'$POINT\'", "preserve_under_name": "before-restore"}\''
            " https://console.neon.tech/api/v2/projects/$NEON_PROJECT/branches/$NEON_BRANCH/restore",
            '"operations"',
            back,
            before=restore_point,
        ),
        Typed(
            "./inv database.restore --target production --to $RUN",
            "RESTORED to before-by-hand",
            back,
            asked=(("type production:", "production\n"),),
            before=lambda reader: lost(reader, 'truncate "Lesson"'),
        ),
    ),
)
ERRORS = Scenario(
    "errors and releases in Sentry",
    (
        Typed(SENTRY.format("lastSeen:-1h", ", .permalink"), "error\t2"),
        Typed(SENTRY.format("firstSeen:-24h", ""), "error\t2"),
        Typed("sentry-cli releases new $COMMIT", effect=lambda reader, ran: release(reader)["version"]),
        Typed("sentry-cli releases set-commits $COMMIT --auto", effect=lambda r, ran: release(r)["commitCount"] > 0),
        Typed(
            "sentry-cli deploys new --release $COMMIT -e production",
            effect=lambda reader, ran: release(reader)["deployCount"] == 1,
        ),
        Typed("sentry-cli sourcemaps upload --release $COMMIT .next", "Uploaded", before=sourcemaps),
        Typed(
            'curl -sS -H "Authorization: Bearer $SENTRY_AUTH_TOKEN"'
            " $SENTRY/api/0/organizations/$SENTRY_ORG/releases/$COMMIT/ | jq '{version, commitCount, deployCount}'",
            '"deployCount": 1',
        ),
    ),
    an_error,
    ("sentry-cli",),
)
FILES = Scenario(
    "files and limits",
    (
        Typed(f"{KEYS} {ENDPOINT}", "PRE courses/"),
        Typed(f"{KEYS} {ENDPOINT} | head", "PRE courses/"),
        Typed(f"{KEYS} --recursive --summarize {ENDPOINT} | tail -2", "Total Objects: .*Total Size: "),
        Typed(
            SPELT,
            "20\\d\\d.*delete: s3://lms-uploads/deploy-probe/by-hand",
            lambda reader, ran: "deploy-probe" not in reader.types(f"{KEYS} --recursive {ENDPOINT}").out,
        ),
        Typed(f"{REDIS} $UPSTASH_REDIS_REST_URL/ping", "PONG"),
        Typed(
            'curl -sS -X POST $UPSTASH_REDIS_REST_URL -H "Authorization: Bearer $UPSTASH_REDIS_REST_TOKEN"'
            " -d '[\"PING\"]'",
            '{"result":"PONG"}',
        ),
        Typed(LIMITS, "1 @upstash/ratelimit:", lambda reader, ran: noted(reader, ran.out.split()[1])),
        Typed(FORGET, '{"result":1}', lambda reader, ran: reader.names["KEY"] not in reader.types(LIMITS).out),
    ),
    needs=("aws",),
)
SCENARIOS = (PAGES, DATABASE, WITNESSES, ERRORS, FILES)
