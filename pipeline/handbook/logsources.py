"""Where the logs are, and how to find something in them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class LogSource:
    """One place with logs. ``searches``: a command or a search, and what it finds."""

    title: str
    where: str
    keeps: str
    searches: tuple[tuple[str, str], ...]
    notes: tuple[str, ...] = ()


VERCEL = LogSource(
    "Vercel Logs",
    "Dashboard → Project → Logs. Filter by function (Route), status code, level and time range, at the left",
    "1 hour (Hobby), 1 day (Pro), 3 days (Enterprise), longer with Observability Plus or a log drain: save what"
    " you need at once",
    (
        ("vercel logs --deployment $STAGED --since 1h", "one deployment; the address must follow `--deployment`"),
        ("vercel logs --environment production --query level:error --since 1h", "errors in production"),
        (
            "vercel logs requests --environment production --query httpStatus:500 --since 1h --json"
            " | jq -r '.data.requestPath // empty' | sort | uniq -c | sort -rn",
            "which routes answer 500, most frequent first",
        ),
        ("vercel logs --environment production --since 24h --query P1001", "a text, anywhere in the message"),
        (
            "vercel logs --environment production --since 24h --limit 1000 --json > logs.json",
            "a copy, before they are deleted",
        ),
        ("vercel inspect $STAGED --logs", "the build log of a deployment: it is not among the runtime logs"),
        (
            "./inv logs --deployment $DEPLOYMENT --level error --since 1h",
            "the same with this tool; `--path '/api/*'`,"
            " `--status 5xx`, `--grep TEXT`, `--build`, `--json`; Pino's lines are made readable",
        ),
        ("./inv bisect", "which production deployment was the first bad one: asks each at its own address"),
    ),
    (
        "`vercel logs $STAGED` without `--deployment` is refused by current versions of the CLI.",
        "`vercel logs` shows what the functions wrote; status codes and paths are in `vercel logs requests`. Both are"
        " filtered by `--query`: `vercel logs --help` lists its fields.",
        "Always give `--since`: what the CLI shows without it depends on its version.",
    ),
)

SENTRY = LogSource(
    "Sentry Errors",
    "Sentry dashboard → Issues. Filter by severity (`level:`) and environment, at the top",
    "as long as the plan says, usually 90 days",
    (
        ("is:unresolved level:[error,fatal] firstSeen:-24h", "new since yesterday"),
        ('is:unresolved firstRelease:"$COMMIT"', "new in one release"),
        ("is:unresolved transaction:/api/upload", "one route"),
        ("is:unresolved user.email:NAME@EXAMPLE.COM", "what one user ran into"),
        ("is:unresolved error.type:PrismaClientInitializationError", "one kind: here, no database"),
    ),
    ("Open an issue and read from the bottom of the stack: the first line with our own file is where to look.",),
)

PINO = LogSource(
    "Structured Logs (Pino)",
    "In Vercel Logs: each message of the app is one line of JSON. `level` is a number: 30 info, 40 warn, 50 error,"
    " 60 fatal",
    "as long as Vercel Logs",
    (
        (
            "vercel logs --environment production --since 1h --json"
            " | jq -r '.data.message | fromjson? | select(.level >= 50)'",
            "errors that the app itself logged",
        ),
        (
            "vercel logs --environment production --since 1h --json"
            " | jq -r '.data.message | fromjson? | [.time, .level, .reqId, .msg] | @tsv'",
            "time, level, request and message, one line each",
        ),
        (
            "vercel logs --environment production --since 1h --json"
            " | jq -r --arg id $REQUEST_ID '.data.message | fromjson? | select(.reqId == $id)'",
            "everything about one request; take the id from the `x-request-id` of the answer or from Sentry",
        ),
        (
            "vercel logs --environment production --since 1h --json"
            " | jq -r '.data.message | fromjson? | select(.level >= 50) | .msg' | sort | uniq -c | sort -rn | head",
            "the most frequent errors",
        ),
    ),
    (
        "`fromjson?` skips lines that are not JSON, such as Vercel's own.",
        "Names, addresses and tokens do not belong in logs. If you find one there, that is a *Security Incident*.",
    ),
)

LOG_SOURCES = (VERCEL, SENTRY, PINO)
