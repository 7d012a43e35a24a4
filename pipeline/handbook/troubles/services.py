"""Outside services and the variables that lead to them."""

from pipeline.handbook.troubles.trouble import Trouble

SERVICES = (
    Trouble(
        "Database Connection Failure",
        "503 errors, health check fails",
        "`./inv diagnose.database` asks. By hand: the Neon dashboard; verify `DATABASE_URL`: `psql \"$DATABASE_URL\" -c 'select 1'`",
        "Restart the compute, correct the connection string, redeploy",
        "database-unreachable",
    ),
    Trouble(
        "R2 Storage Error",
        "File upload fails, 500 errors; `AccessDenied`, `NoSuchBucket`",
        "`./inv diagnose.storage` asks. By hand: the Cloudflare R2 dashboard; verify the credentials with `aws s3 ls`",
        "Verify the `R2_*` variables, check the bucket's permissions, redeploy",
        "storage-failure",
    ),
    Trouble(
        "Authentication Error",
        "Login fails, 401 errors; `NO_SECRET`, `JWT_SESSION_ERROR`",
        "`./inv diagnose.auth` asks. By hand: the NextAuth logs: `vercel logs --environment production --since 1h --query next-auth`;"
        " verify `NEXTAUTH_SECRET` and `NEXTAUTH_URL`",
        "Correct the variables and redeploy; clear the session cookies",
        "authentication-failure",
    ),
    Trouble(
        "Rate Limiting",
        "429 errors",
        "`./inv diagnose.rate-limit` asks. By hand: Upstash: `curl -sS -H \"Authorization: Bearer $UPSTASH_REDIS_REST_TOKEN\" $UPSTASH_REDIS_REST_URL/ping`,"
        " then who is counted",
        "Adjust the limits, or block the abuse",
        "rate-limiting",
    ),
    Trouble(
        "Build Failure",
        "Deployment fails",
        "`./inv diagnose.build` asks. By hand: Vercel's build log: `vercel inspect $STAGED --logs`",
        "Fix the TypeScript errors, verify the dependencies: `npm ci && npm run build`",
        "deployment-failure",
    ),
)  # fmt: skip
