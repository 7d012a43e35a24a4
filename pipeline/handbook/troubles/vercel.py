"""Vercel."""

from pipeline.handbook.troubles.trouble import Trouble

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
        "`vercel logs --environment production --query level:error --since 30m`: the first line names the file",
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
