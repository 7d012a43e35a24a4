"""Errors somebody will meet, and what to do about each."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Trouble:
    """One row of the table. ``playbook``: the name of the one to follow when users feel it."""

    error: str
    symptoms: str
    diagnosis: str
    resolution: str
    playbook: str = ""


SERVICES = (
    Trouble(
        "Database Connection Failure",
        "503 errors, health check fails",
        "Check the Neon dashboard; verify `DATABASE_URL`: `psql \"$DATABASE_URL\" -c 'select 1'`",
        "Restart the compute, correct the connection string, redeploy",
        "database-unreachable",
    ),
    Trouble(
        "R2 Storage Error",
        "File upload fails, 500 errors; `AccessDenied`, `NoSuchBucket`",
        "Check the Cloudflare R2 dashboard; verify the credentials with `aws s3 ls`",
        "Verify the `R2_*` variables, check the bucket's permissions, redeploy",
        "storage-failure",
    ),
    Trouble(
        "Authentication Error",
        "Login fails, 401 errors; `NO_SECRET`, `JWT_SESSION_ERROR`",
        "Check the NextAuth logs: `vercel logs --environment production --since 1h --query next-auth`;"
        " verify `NEXTAUTH_SECRET` and `NEXTAUTH_URL`",
        "Correct the variables and redeploy; clear the session cookies",
        "authentication-failure",
    ),
    Trouble(
        "Rate Limiting",
        "429 errors",
        "Check Upstash: `curl -sS -H \"Authorization: Bearer $UPSTASH_REDIS_REST_TOKEN\" $UPSTASH_REDIS_REST_URL/ping`,"
        " then who is counted",
        "Adjust the limits, or block the abuse",
        "rate-limiting",
    ),
    Trouble(
        "Build Failure",
        "Deployment fails",
        "Check Vercel's build log: `vercel inspect $STAGED --logs`",
        "Fix the TypeScript errors, verify the dependencies: `npm ci && npm run build`",
        "deployment-failure",
    ),
)  # fmt: skip

DATABASE = (
    Trouble(
        "P1001: Can't reach database server",
        "503, right after a deploy or a change of network",
        "`psql \"$DATABASE_URL\" -c 'select 1'` from your machine; does `DATABASE_URL` name the right host?",
        "Neon: is the compute active? Restart it. Add `connect_timeout=15` to the address when it wakes from sleep",
        "database-unreachable",
    ),
    Trouble(
        "P1002: The database server was reached but timed out",
        "A migration hangs, then fails; or the pooler is full",
        "Does another migration hold Prisma's lock? Query *Who blocks whom*. Is the address the `-pooler` one?",
        "Wait for the other, or end it; migrate over the direct address",
        "database-unreachable",
    ),
    Trouble(
        "P1000: Authentication failed",
        "503 after a password was changed",
        "Neon console → Roles: when was it last reset?",
        "Set the new `DATABASE_URL` and `DIRECT_URL`, redeploy",
        "database-unreachable",
    ),
    Trouble(
        "P2024: Timed out fetching a new connection from the connection pool",
        "Slow pages, then 500, under load",
        "Query *Idle transactions* and *Connections against the limit*",
        "Use the `-pooler` address in the app; shorten transactions; raise `connection_limit` last",
        "performance-degradation",
    ),
    Trouble(
        "P2021 / P2022: The table or column does not exist",
        "500 on some pages after a deploy",
        "`npx prisma migrate status`",
        "A migration is missing: `npx prisma migrate deploy` over the direct address. Or the code is older than a"
        " migration that took something away: add it back with a new one",
        "error-spike",
    ),
    Trouble(
        "P3009: migrate found failed migrations",
        "No migration is applied any more",
        "Query *Migrations that did not finish*; look at what it left behind",
        "Repair by hand, then `npx prisma migrate resolve --rolled-back $MIGRATION` (or `--applied`), and deploy again",
        "deployment-failure",
    ),
    Trouble(
        "P3018: A migration failed to apply",
        "The migrate stage stops",
        "The database's error is printed below it, and stored: `select logs from _prisma_migrations`",
        "Correct the SQL, mark it as rolled back as above, start a new run. Production still runs the old code",
        "deployment-failure",
    ),
    Trouble(
        "P3005: The database schema is not empty",
        "The very first `migrate deploy` on an existing database",
        "There are tables, but no `_prisma_migrations`",
        "Baseline it: `npx prisma migrate resolve --applied $MIGRATION` for every migration that is already there",
    ),
    Trouble(
        "canceling statement due to lock timeout",
        "The migrate stage stops, users noticed nothing",
        "Query *Who blocks whom*: the table is in use",
        "Start again at a quiet time. That it gives up quickly is on purpose: readers queue behind a waiting migration",
    ),
)

VERCEL = (
    Trouble(
        "Deployment Protection 401",
        "Every smoke route of the staged deployment answers 401 with a Vercel sign-in page",
        "Vercel → Project → Settings → Deployment Protection",
        "Make a *Protection Bypass for Automation* secret there and set it as `VERCEL_AUTOMATION_BYPASS_SECRET`."
        " By hand:"
        " send it as the header `x-vercel-protection-bypass`",
    ),
    Trouble(
        "missing_files (400)",
        "Vercel's API refuses a new deployment and lists digests",
        "Not an error by itself: those files have to be uploaded, then the same request is sent again",
        "The tool and the CLI do it. If it stays: run `vercel build --prod` again and deploy its whole output",
    ),
    Trouble(
        "409 on promote or rollback: already current",
        "Vercel refuses, production is well",
        "`vercel inspect $DOMAIN`: it already serves that deployment",
        "Nothing to do. Another id needed? Take it from `vercel ls --environment production`",
    ),
    Trouble(
        "`vercel rollback` or `vercel promote` prints a status and nothing moves",
        "Exit code 0, no change",
        "It was called without an id: then it only asks how the last one is going",
        "Give the id: `vercel rollback $PREVIOUS`",
    ),
    Trouble(
        "A pinned project: pushed, built, but not live",
        "The deployment is `Ready`, the domain serves the old one",
        "`vercel api /v9/projects/$PROJECT --raw` shows `autoAssignCustomDomains: false`: a rollback pinned it",
        "Find out why it was rolled back. Then `vercel promote $DEPLOYMENT`, or `./inv deploy --over-rollback`",
        "deployment-failure",
    ),
    Trouble(
        "To roll back further than the previous production deployment, upgrade to pro",
        "The rollback is refused",
        "Hobby plans go back by one deployment only",
        "Redeploy the commit: `git checkout $GOOD_COMMIT && vercel deploy --prod`",
    ),
    Trouble(
        "404 DEPLOYMENT_NOT_FOUND",
        "The address of an old deployment, or the rollback's target, is gone",
        "Retention has deleted it: Vercel → Project → Settings → Security → Deployment Retention",
        "Redeploy the commit; lengthen the retention",
    ),
    Trouble(
        "500 FUNCTION_INVOCATION_FAILED",
        "One route crashes",
        "`vercel logs --environment production --level error --since 30m`: the first line names the file",
        "Roll back when it is new. Otherwise a missing variable is the most common cause: `vercel env ls production`",
        "error-spike",
    ),
    Trouble(
        "504 FUNCTION_INVOCATION_TIMEOUT",
        "One route hangs, then fails",
        "Query *Long-running queries (> 5 seconds)* while it hangs",
        "Cancel the query; add the index; raise `maxDuration` only when the work really is that long",
        "performance-degradation",
    ),
    Trouble(
        "413 FUNCTION_PAYLOAD_TOO_LARGE",
        "Uploads over 4.5 MB fail, small ones work",
        "The file goes through a function, whose body may have 4.5 MB",
        "Upload straight to R2 with a presigned address",
        "storage-failure",
    ),
    Trouble(
        "A changed variable has no effect",
        "The old value is still used",
        "A deployment keeps the values it was built with, also after a rollback",
        "`vercel redeploy $DOMAIN`, and `vercel promote $DEPLOYMENT` with the new id when the project is pinned",
    ),
    Trouble(
        "`vercel logs` refuses an address",
        "Exit code 2",
        "Current versions want `vercel logs --deployment $STAGED`",
        "Write it so",
    ),
)

TOOL = (
    Trouble(
        "`./inv deploy` exits 2",
        "Nothing was touched",
        "A mistake in what was typed or in `deploy.yml`; each one is printed with its line",
        "Correct it; every key is in the [reference](reference.md)",
    ),
    Trouble(
        "`unknown`: a service could not be asked",
        "A gate neither says yes nor no",
        "The finding says what came back: 401 is a token, a timeout is the network or the vendor",
        "Renew the token (see `.env.example`), or wait. Not being able to look never counts as a yes",
    ),
    Trouble(
        "The target is locked",
        "Exit code 1, the message names who and why",
        "`./inv status --target production`",
        "Ask that person. `./inv unlock --target production` takes the lock away, whoever holds it",
    ),
    Trouble(
        "A run was cut off",
        "`./inv history` shows it without an outcome",
        "`./inv report $RUN` shows how far it came",
        "`./inv settle --run $RUN` goes back, `./inv deploy --resume $RUN` goes on",
        "deployment-failure",
    ),
)

TROUBLES = {
    "Services and variables": SERVICES,
    "Database and migrations": DATABASE,
    "Vercel": VERCEL,
    "This tool": TOOL,
}
