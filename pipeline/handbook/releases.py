"""Playbooks for when a release, or the load on it, is to blame."""

from checks import database, environment, errors, health, performance, release, services, smoke
from pipeline.handbook.playbook import END_BLOCKERS, ROLL_BACK, Clue, Look, Playbook, Remedy
from pipeline.handbook.severity import P1, P2

DEPLOYMENT_FAILURE = Playbook(
    name="deployment-failure",
    title="Deployment Failure",
    symptom="The deploy workflow is red, or a run ended as blocked, rolled back or stranded.",
    means="The new release did not make it. Except when stranded, production serves what it served before.",
    impact="Nobody notices, as long as production is where it was. The change waits.",
    severity=P2,
    unless="It is a P0 when the run is stranded: production may serve the bad release, so roll back by hand now.",
    ask=(
        Clue(environment.required_variables, "a variable is missing: set it and start a new run"),
        Clue(database.history_is_clean, "a migration failed: see P3009 and P3018 in the troubleshooting guide"),
        Clue(release.is_not_pinned, "production was rolled back before: find out why first"),
        Clue(health.is_well_before, "production itself is ill: this is another incident, go to *Site Down*"),
    ),
    look=(
        Look("gh run list --workflow deploy.yml --limit 5", "which run failed"),
        Look("gh run view $ID --log-failed", "the stage and the question that stopped it"),
        Look(
            "vercel inspect $STAGED --logs",
            "the reason, in the last lines of the build log: usually types, a dependency or a variable",
        ),
        Look("vercel inspect $DOMAIN", "which deployment serves production now"),
    ),
    mitigate=(
        Remedy(
            "The run is stranded, or production serves the bad release",
            "Roll back by hand, with the id",
            ("vercel rollback $PREVIOUS",),
            "./inv rollback --target production",
            fits=lambda seen: seen.stranded and not seen.cut_off,
            hand="roll_back",
        ),
        Remedy(
            "The run was cut off (cancelled, killed, laptop closed)",
            "Let it go back from its own record, or go on where it stopped. By hand: compare the domain with the id"
            " noted before, and roll back when they differ",
            ("vercel inspect $DOMAIN",),
            "./inv settle --run $RUN --target production",
            fits=lambda seen: bool(seen.cut_off),
            hand="settle",
        ),
        Remedy(
            "A migration failed half-way and blocks all later ones",
            "Nothing has to be taken back: the release never got users. Look what it left behind, undo that by hand"
            " when it is more than nothing, then say that it is to be done again: P3009 in the troubleshooting guide",
            ("npx prisma migrate resolve --rolled-back $MIGRATION",),
            "./inv database.resolve --rolled-back $MIGRATION",
            fits=lambda seen: bool(seen.failed_migration),
            hand="resolve_migration",
        ),
        Remedy("It was blocked", "Nothing has to be taken back. Fix what stopped it and start a new run"),
        Remedy(
            "A migration was applied and the release was rolled back",
            "Leave the schema as it is: the old code runs on it. Never migrate down",
        ),
    ),
    verify=(health.is_well_before, smoke.production_routes_answer, database.history_is_clean),
    tell=(),
)

ERROR_SPIKE = Playbook(
    name="error-spike",
    title="Error Spike",
    symptom="Sentry alerts on many errors, or on a new one of level `error` or `fatal`.",
    means="Something that worked fails now, for some users or all of them.",
    impact="From one button to everything; Sentry's *users affected* tells.",
    severity=P1,
    unless="It is a P0 when sign-in is affected or data may be lost, whatever the number.",
    ask=(
        Clue(errors.no_new_critical, "this release brought it: roll back"),
        Clue(errors.rate_is_usual, "an old error has become frequent: look for what changed beside the code"),
        Clue(smoke.production_journeys_work, "users feel it, and the step it fails at names the service"),
        Clue(services.vercel_is_operational, "it may not be ours: go to *Vendor Outage*"),
    ),
    look=(
        Look(
            'curl -sS -G -H "Authorization: Bearer $SENTRY_AUTH_TOKEN"'
            " $SENTRY/api/0/organizations/$SENTRY_ORG/issues/ \\\n"
            "  --data-urlencode 'query=is:unresolved lastSeen:-1h' -d sort=freq -d environment=production"
            " | jq -r '.[] | [.level, .count, .userCount, .title, .permalink] | @tsv'",
            "the most frequent errors of the last hour: level, events, users, title",
        ),
        Look(
            "vercel logs requests --environment production --query httpStatus:500 --since 1h --json"
            " | jq -r '.data.requestPath // empty' | sort | uniq -c | sort -rn",
            "which route fails most",
        ),
        Look(
            'gh api "repos/$REPOSITORY/pulls?state=closed&sort=updated&direction=desc&per_page=5"'
            " --jq '.[] | [.number, .merged_at, .title] | @tsv'",
            "what went out last",
        ),
    ),
    mitigate=(
        ROLL_BACK,
        Remedy(
            "No release went out, and one feature is to blame",
            "Switch the feature off, or ship a hotfix through the same gates: a small pull request, reviewed, deployed",
            (),
            "./inv deploy --target production --from .",
        ),
        Remedy(
            "One client or one address causes it",
            "Block it (Vercel dashboard → Firewall) and go to *Rate Limiting*",
        ),
    ),
    verify=(errors.rate_is_usual, errors.no_new_critical, smoke.production_journeys_work),
    tell=("stakeholders",),
)

PERFORMANCE_DEGRADATION = Playbook(
    name="performance-degradation",
    title="Performance Degradation",
    symptom="Better Stack's response time or Vercel's Speed Insights have risen; users say that it is slow.",
    means="Pages answer, but late. Most often it is a slow query, an exhausted connection pool or a vendor.",
    impact="Students wait, and some give up. Timeouts turn into errors when it gets worse.",
    severity=P2,
    unless="It is a P1 when pages time out, and a P0 when nobody can work.",
    ask=(
        Clue(performance.pages_are_quick, "it is slow from here too, now; only the first request slow is a cold start"),
        Clue(services.uptime_is_confirmed, "it is more than slow: go to *Site Down*"),
        Clue(services.neon_is_operational, "it is Neon: go to *Vendor Outage*"),
        Clue(errors.rate_is_usual, "it is not only slow: go to *Error Spike*"),
    ),
    look=(
        Look(
            'psql "$DIRECT_URL" -c "select pid, now() - query_start as duration, left(query, 80) from'
            " pg_stat_activity"
            " where state = 'active' and now() - query_start > interval '5 seconds' order by 2 desc\"",
            "queries that take too long right now",
        ),
        Look(
            'psql "$DIRECT_URL" -c "select pid, pg_blocking_pids(pid), left(query, 80) from pg_stat_activity'
            ' where cardinality(pg_blocking_pids(pid)) > 0"',
            "who waits for whom",
        ),
    ),
    mitigate=(
        ROLL_BACK,
        END_BLOCKERS,
        Remedy(
            "The database works at its limit",
            "Raise the compute's maximum size: Neon console → Branches → your branch → Computes → Edit",
        ),
        Remedy(
            "An index is missing",
            "Add it with a migration of its own, `CREATE INDEX CONCURRENTLY`, and deploy it like any change",
        ),
    ),
    verify=(performance.pages_are_quick, services.uptime_is_confirmed),
    tell=("stakeholders",),
)
