"""The health check: asks the database for the tenant of this address, and says which build is answering."""

from . import data, environ
from .http import Response

LATEST = """select migration_name from _prisma_migrations
where finished_at is not null and rolled_back_at is null order by started_at desc limit 1"""

TENANTS = {environ["VERCEL_URL"]: "main"}  # every address the platform answers on


async def database(request):
    tenant = TENANTS[request.headers["host"]]
    build = {"commit": environ["VERCEL_GIT_COMMIT_SHA"], "deployment": environ["VERCEL_DEPLOYMENT_ID"]}
    try:
        await data.row("select 1 as one")
        latest = await data.row(LATEST)
    except data.psycopg.Error as error:
        says = " ".join(str(error).split())[:200]
        return Response.json({"status": "error", "database": "error", "error": says, **build}, 503)
    schema = latest["migration_name"] if latest else None
    return Response.json({"status": "ok", "database": "ok", **build, "schema": schema, "tenant": tenant})
