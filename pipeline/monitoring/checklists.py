"""What somebody looks at every day and every week."""

from dataclasses import dataclass

from checks import errors, health, performance, security, services
from checks.gate import Gate


@dataclass(frozen=True)
class Item:
    """One line to tick. ``gate``: the question that asks the same now."""

    does: str
    by_hand: str
    worry: str
    gate: Gate | None = None


DAILY = (
    Item(
        "Check Sentry for new critical errors",
        "Sentry → Issues, `is:unresolved firstSeen:-24h level:[error,fatal]`, environment `production`",
        "anything you cannot name: open it, assign it to somebody",
        errors.no_new_critical,
    ),
    Item(
        "Review Better Stack uptime, last 24 hours",
        "Better Stack → Monitors → the monitor → last 24 hours",
        "any downtime without an incident entry",
        services.uptime_is_confirmed,
    ),
    Item(
        "Check Vercel Analytics for performance anomalies",
        "Vercel → Speed Insights, last 24 hours against the 7 days before",
        "a Core Web Vital that has changed its colour",
        performance.pages_are_quick,
    ),
    Item(
        "Verify backup completion",
        "Neon console → Branches → the production branch → Restore: the history must reach back to its full length",
        "the history is shorter than your plan promises, or the branch is not the one in `DATABASE_URL`",
    ),
    Item(
        "Look at the health check",
        "`curl -sS -i $PRODUCTION/api/health/db`",
        "not 200, or slower than yesterday",
        health.is_well_before,
    ),
    Item(
        "Look at yesterday's runs",
        "`./inv history`, or `gh run list --workflow deploy.yml --limit 10`",
        "a run that was blocked or rolled back and nobody asked why",
    ),
)

WEEKLY = (
    Item(
        "Review incident history and trends",
        "Better Stack → Incidents, last 7 days, next to the reviews of the incidents",
        "an incident without a review, or a review whose action is not done",
    ),
    Item(
        "Analyse performance baselines, compared with the week before",
        "the table under *Historical Baselines*: fill in this week's line",
        "the third week in a row in the wrong direction",
        performance.pages_are_quick,
    ),
    Item(
        "Review error patterns for recurring issues",
        "Sentry → Issues, sort by events, last 14 days",
        "the same error in the top five for two weeks",
        errors.rate_is_usual,
    ),
    Item(
        "Check storage usage (R2 bucket size)",
        'Cloudflare dashboard → R2 → the bucket → Metrics; or `AWS_ACCESS_KEY_ID="$R2_ACCESS_KEY_ID"'
        ' AWS_SECRET_ACCESS_KEY="$R2_SECRET_ACCESS_KEY" AWS_DEFAULT_REGION=auto aws s3 ls s3://$R2_BUCKET --recursive'
        " --summarize --endpoint-url https://$R2_ACCOUNT_ID.r2.cloudflarestorage.com | tail -2`",
        "it grows faster than the number of students",
    ),
    Item(
        "Validate that alerts work (test alert)",
        "Better Stack → the monitor → Send test alert; Sentry → Alerts → the rule → Send test notification",
        "nobody's phone rings within five minutes",
    ),
    Item(
        "Check that a rollback has somewhere to go",
        "`vercel ls --environment production`: the live one and at least one older `Ready` one",
        "only one is left: retention is too short",
    ),
    Item(
        "Look at open security alerts",
        "GitHub → Security → Dependabot and Code scanning",
        "a critical or high one: it stops the next deployment",
        security.no_urgent_alerts,
    ),
    Item(
        "Look at waivers, locks and contacts in `deploy.yml`",
        "read `waivers` and `contacts`; `./inv status --target production` shows a lock",
        "a waiver that is over, a lock nobody remembers, a phone number that has changed",
    ),
)

BASELINES = (
    ("Error rate", "Sentry → Issues graph: events per day, median of the week", "twice last week's"),
    ("p95 response time", "Better Stack → Response times, 7 days", "a quarter more than last week"),
    ("p95 page load, three busiest routes", "Speed Insights → by route", "a quarter more than last week"),
    ("LCP, INP, CLS", "Speed Insights, p75, 7 days", "one has left the green"),
    ("Uptime", "Better Stack → Availability, 7 days", "below the target"),
    ("Visitors", "Vercel Analytics, 7 days", "a third less or more, and no holiday explains it"),
    ("Database size", "query *Database size*", "it grows faster than before"),
    ("Cache hit ratio", "query *Cache hit ratio*", "below 99 %"),
    ("Bucket size", "the weekly checklist", "it grows faster than before"),
)
