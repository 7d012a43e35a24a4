"""How the gates of ``checks.health`` are made to stop."""

from checks import health
from pipeline.selftest.breakage import GOING_BACK, Breakage, after, begins
from pipeline.selftest.hands import bad_everywhere, bad_in_production, repaired, shipping, sql, waived

HEALTH = "/api/health/db"
SAYS = (
    'Response.json({"status": "error", "error": "too many connections", "commit": environ["VERCEL_GIT_COMMIT_SHA"],'
    ' "deployment": environ["VERCEL_DEPLOYMENT_ID"]}, 503)'
)
LOST, FOUND = (
    f"alter table {one} rename to {other}"
    for one, other in (("_prisma_migrations", "lost"), ("lost", "_prisma_migrations"))
)
"""What the app's health check reads is gone, and there again."""

BREAKAGES = (
    Breakage(
        health.is_well_before, "state", "production's health check misses a table", sql(LOST),
        "waive this gate for today in `deploy.yml`", waived("health.is-well-before"),
    ),
    Breakage(
        health.old_code_answers, "state", "a table that the live code's health check reads is gone after the migration",
        sql(LOST), "Put it back", sql(FOUND), run="deploy", moment=after("migrate"),
    ),
    Breakage(
        health.staged_is_well, "release", "the release's health check answers 503 everywhere",
        bad_everywhere(HEALTH, SAYS), "fix it and start a new run", shipping(), run="preview",
    ),
    Breakage(
        health.production_is_well, "release", "the release's health check answers 503 on the production domain only",
        bad_in_production(HEALTH, SAYS), "ship the new commit with `--over-rollback`", repaired, run="deploy",
    ),
    Breakage(
        health.production_is_well_again, "state", "the database is ill while a bad release goes back", sql(LOST),
        "production is well again when that is repaired", sql(FOUND), run="deploy", moment=GOING_BACK, back=True,
    ),
    Breakage(
        health.production_is_well, "state", "the database is ill after the promotion, for the old deployment too",
        sql(LOST), "the fault is shared and going back would not help", sql(FOUND), run="deploy",
        moment=begins("validate"),
    ),
)  # fmt: skip
