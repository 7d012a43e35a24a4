"""Commands that are not typed here, each with the reason. There may be few of them."""

PRISMA = (
    "Prisma's command line wants its schema engine, a binary that its own server gives away and no package has;"
    " the same engine, compiled to WebAssembly, is asked the same questions in tests/vendors/test_schema_engine.py"
)
NOT_RUN: dict[str, str] = {
    "vercel cache purge --type cdn": "the sandbox has no CDN in front of it, and no description of this call is public",
    "./inv drill.site-down": "it starts the sandbox anew, under every other command; tests/drills/test_drills.py plays it by hand",
    'DATABASE_URL="$DIRECT_URL" npx prisma migrate deploy': PRISMA,
    "npx prisma migrate deploy": PRISMA,
    "npx prisma migrate diff --from-migrations prisma/migrations --to-config-datasource --exit-code": PRISMA,
    "npx prisma migrate resolve --applied $MIGRATION": PRISMA,
    "npx prisma migrate resolve --rolled-back $MIGRATION": PRISMA,
    "npx prisma migrate status": PRISMA,
}
