"""What is looked at every day and every week: each line is questions that the tool asks, and words for a person."""

import re
from dataclasses import dataclass

from checks import (
    alerts,
    auth,
    baseline,
    books,
    capacity,
    errors,
    health,
    redis,
    release,
    security,
    services,
    storage,
    uptime,
    vitals,
)
from checks.gate import Gate
from pipeline.engine.plan import Pipeline, Stage, Step
from pipeline.steps.alert import fire_test_alert


@dataclass(frozen=True)
class Item:
    """One line of a checklist. ``asks``: the gates that answer it; ``acts``: what is done first."""

    does: str
    by_hand: str
    worry: str
    asks: tuple[Gate, ...]
    acts: tuple[Step, ...] = ()

    @property
    def slug(self) -> str:
        """The item's name, made of its words."""
        return re.sub(r"[^a-z0-9]+", "-", self.does.lower()).strip("-")


DAILY = (
    Item(
        "Check Sentry for new critical errors",
        "Sentry → Issues, `firstSeen:-24h level:[error,fatal]`, environment `production`",
        "anything you cannot name: open it, assign it to somebody",
        (
            errors.nothing_critical_today,
            errors.hour_is_usual,
            errors.endpoints_are_usual,
            errors.sessions_do_not_crash,
        ),
    ),
    Item(
        "Review Better Stack uptime, last 24 hours",
        "Better Stack → Monitors → the monitor → last 24 hours",
        "any downtime without an incident entry",
        (uptime.is_well_now, uptime.day_was_well, uptime.jobs_report, uptime.nothing_is_muted),
    ),
    Item(
        "Check Vercel Analytics for performance anomalies",
        "Vercel → Speed Insights, last 24 hours against the 7 days before",
        "a Core Web Vital that has changed its colour",
        (vitals.visitors_feel_well, vitals.visitors_come),
    ),
    Item(
        "Verify backup completion",
        "Neon console → Branches → the production branch → Restore: the history must reach back to its full length",
        "the history is shorter than your plan promises, or the branch is not the one in `DATABASE_URL`",
        (capacity.was_backed_up,),
    ),
    Item(
        "Look at the health check, sign-in and storage",
        "`curl -sS -i $PRODUCTION/api/health/db`, `curl -sS $PRODUCTION/api/auth/providers`, and upload a file",
        "not 200, or slower than yesterday",
        (
            health.is_well_before,
            auth.auth_answers,
            storage.bucket_answers,
            storage.files_come_back,
            storage.browsers_may_upload,
            redis.redis_answers,
        ),
    ),
    Item(
        "Look at what may run out",
        "Neon → Monitoring, Upstash → Usage, and `./inv logs --status 429 --since 1h`",
        "anything above 80 %",
        (
            capacity.connections_are_left,
            capacity.compute_is_ready,
            redis.redis_is_within_limits,
            redis.few_are_limited,
        ),
    ),
    Item(
        "Look at the vendors' status pages",
        "the pages of Vercel, Neon and those under `vendors.pages` in `deploy.yml`",
        "an incident that touches your region",
        (services.vercel_is_operational, services.neon_is_operational, services.others_are_operational),
    ),
    Item(
        "Look at yesterday's runs",
        "`./inv history`, or `gh run list --workflow deploy.yml --limit 10`",
        "a run that was rolled back or held and nobody asked why",
        (books.runs_ended_well,),
    ),
)

WEEKLY = (
    Item(
        "Review incident history and trends",
        "Better Stack → Incidents, last 7 days, next to the reviews of the incidents",
        "an incident without a review, or a review whose action is not done",
        (uptime.incidents_are_rare,),
    ),
    Item(
        "Analyse performance baselines, compared with the week before",
        "`./inv monitor.baseline`, or the table under *Historical Baselines*",
        "the third week in a row in the wrong direction",
        (baseline.week_is_usual,),
    ),
    Item(
        "Review error patterns for recurring issues",
        "Sentry → Issues, sort by events, last 14 days",
        "the same error in the top five for two weeks",
        (errors.nothing_recurs,),
    ),
    Item(
        "Check storage usage (R2 bucket size)",
        'Cloudflare dashboard → R2 → the bucket → Metrics; or `AWS_ACCESS_KEY_ID="$R2_ACCESS_KEY_ID"'
        ' AWS_SECRET_ACCESS_KEY="$R2_SECRET_ACCESS_KEY" AWS_DEFAULT_REGION=auto aws s3 ls s3://$R2_BUCKET --recursive'
        " --summarize --endpoint-url https://$R2_ACCOUNT_ID.r2.cloudflarestorage.com | tail -2`",
        "it grows faster than the number of users",
        (storage.bucket_has_room,),
    ),
    Item(
        "Validate that alerts work (test alert)",
        "Better Stack → the monitor → Send test alert; Sentry → Alerts → the rule → Send test notification",
        "nobody's phone shows it within five minutes",
        (alerts.test_alert_arrives,),
        (fire_test_alert,),
    ),
    Item(
        "Check that the monitors are as declared",
        "Better Stack → Monitors beside `uptime.monitors` in `deploy.yml`; `./inv monitor.sync` shows the difference",
        "a monitor that somebody has paused, pointed elsewhere or deleted",
        (uptime.monitors_are_as_declared,),
    ),
    Item(
        "Check that a rollback has somewhere to go",
        "`vercel ls --environment production`: the live one and at least one older `Ready` one",
        "only one is left: retention is too short",
        (release.can_go_back,),
    ),
    Item(
        "Look at open security alerts",
        "GitHub → Security → Dependabot and Code scanning",
        "a critical or high one: it stops the next deployment",
        (security.no_urgent_alerts,),
    ),
    Item(
        "Look at how sign-in, builds and releases are set up",
        "`vercel env ls production`, `vercel ls`, and Sentry → Releases",
        "a secret that is missing, builds that fail, a release that Sentry does not know",
        (auth.auth_is_set_up, books.builds_work, errors.release_is_recorded),
    ),
    Item(
        "Look at waivers, locks and contacts in `deploy.yml`",
        "read `waivers` and `contacts`; `./inv status --target production` shows a lock",
        "a waiver that is over, a lock nobody remembers, a phone number that has changed",
        (books.nothing_is_forgotten,),
    ),
)


def _pipeline(name: str, purpose: str, items: tuple[Item, ...]) -> Pipeline:
    return Pipeline(f"monitor.{name}", purpose, tuple(Stage(one.slug, one.does, one.acts, one.asks) for one in items))


CHECKLISTS = {
    "daily": _pipeline("daily", "Is production well today? Five minutes by hand.", DAILY),
    "weekly": _pipeline("weekly", "Is it going to stay well? Half an hour by hand.", WEEKLY),
}

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
