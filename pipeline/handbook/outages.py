"""Playbooks for when something we stand on is down."""

from checks import environment, health, services, smoke
from pipeline.handbook.playbook import END_BLOCKERS, ROLL_BACK, Clue, Look, Playbook, Remedy
from pipeline.handbook.severity import P0, P1

SITE_DOWN = Playbook(
    name="site-down",
    title="Site Down",
    symptom="Better Stack pages you, or users write that nothing loads.",
    means="The production domain does not answer, or answers 5xx on every page.",
    impact="Nobody can learn, hand in work or sign in.",
    severity=P0,
    unless="It is a P1 when only some pages or some regions are affected.",
    ask=(
        Clue(services.uptime_is_confirmed, "it is down from outside too, not only for you"),
        Clue(
            health.is_well_before,
            "answers 503, or nothing although Vercel is well: the app waits for a database, go to *Database"
            " Unreachable*",
            only=("503", "no answer"),
        ),
        Clue(services.vercel_is_operational, "it is Vercel: go to *Vendor Outage*"),
        Clue(services.neon_is_operational, "it is Neon: go to *Vendor Outage*"),
    ),
    look=(
        Look("curl -sS -i $PRODUCTION/api/health/db", "status and body; no answer at all points to DNS or to Vercel"),
        Look("vercel inspect $DOMAIN", "which deployment serves; its age tells whether a release is to blame"),
        Look(
            "vercel logs --environment production --query level:error --since 30m --limit 50",
            "one message over and over is the cause",
        ),
        Look("dig +short $DOMAIN", "an address; nothing means that the DNS entry or the domain is gone"),
    ),
    mitigate=(
        ROLL_BACK,
        Remedy(
            "The domain points to nothing, or to the wrong deployment",
            "Point it at the last good one",
            ("vercel rollback $PREVIOUS",),
            "./inv rollback --target production --to $PREVIOUS",
        ),
        Remedy(
            "A vendor is down",
            "Tell users, and go to *Vendor Outage*; a rollback cannot help",
            fits=lambda seen: seen.vendor_ill,
        ),
    ),
    verify=(services.uptime_is_confirmed, smoke.production_routes_answer, smoke.production_journeys_work),
    tell=("users", "stakeholders"),
)

DATABASE_UNREACHABLE = Playbook(
    name="database-unreachable",
    title="Database Unreachable",
    symptom="The health check answers 503; logs show P1001, P1002, P2024 or `too many connections`.",
    means="The app runs but cannot reach Postgres on Neon.",
    impact="Every page that reads data fails. Nothing is lost as long as nothing can be written.",
    severity=P0,
    unless="It is a P1 when it comes and goes.",
    ask=(
        Clue(services.neon_is_operational, "it is Neon: go to *Vendor Outage*"),
        Clue(environment.required_variables, "`DATABASE_URL` is gone: set it and redeploy"),
        Clue(environment.variables_have_shape, "`DATABASE_URL` is wrong: correct it and redeploy"),
        Clue(health.is_well_before, "the app has no database; the rest of this playbook finds out why"),
    ),
    look=(
        Look('psql "$DATABASE_URL" -c "select 1"', "`1`: the database is up, and the fault is between it and the app"),
        Look('psql "$DIRECT_URL" -c "select 1"', "works while the one above does not: it is the pooler"),
        Look(
            'psql "$DIRECT_URL" -c "select state, count(*) from pg_stat_activity where backend_type = \'client'
            " backend'"
            ' group by 1"',
            "many `idle in transaction`: connections leak",
        ),
        Look(
            'curl -sS -H "Authorization: Bearer $NEON_API_KEY"'
            " https://console.neon.tech/api/v2/projects/$NEON_PROJECT/endpoints",
            "`current_state` of the compute: `active` or `idle` is well",
        ),
    ),
    mitigate=(
        ROLL_BACK,
        END_BLOCKERS,
        Remedy(
            "All connections are taken",
            "End the oldest idle transactions one by one",
            ('psql "$DIRECT_URL" -c "select pg_terminate_backend($PID)"',),
            fits=lambda seen: seen.crowded and seen.idle > 0,
            hand="end_idle_transactions",
        ),
        Remedy(
            "The compute hangs although Neon reports no incident",
            "Restart it; every open connection is cut and the app reconnects. Neon console → Branches → your branch →"
            " Computes → Restart. Or by its API:",
            (
                'curl -sS -X POST -H "Authorization: Bearer $NEON_API_KEY"'
                " https://console.neon.tech/api/v2/projects/$NEON_PROJECT/endpoints/$NEON_ENDPOINT/restart",
            ),
            fits=lambda seen: not seen.vendor_ill and not seen.crowded and seen.database_silent,
            hand="restart_compute",
        ),
        Remedy(
            "The password or the host has changed",
            "Set the right connection string, then redeploy: a running deployment keeps the value it was built with",
            (
                "vercel env rm DATABASE_URL production --yes",
                "vercel env add DATABASE_URL production",
                "vercel redeploy $DOMAIN",
            ),
        ),
    ),
    verify=(health.is_well_before, smoke.production_journeys_work, services.uptime_is_confirmed),
    tell=("users", "stakeholders"),
)

STORAGE_FAILURE = Playbook(
    name="storage-failure",
    title="Storage Failure",
    symptom="Uploads or downloads fail; logs show `AccessDenied`, `NoSuchBucket` or `SignatureDoesNotMatch`.",
    means="The app cannot write to or read from the R2 bucket.",
    impact="Students cannot hand in or open files. Pages without files work.",
    severity=P1,
    unless="It is a P0 when files that were there are gone.",
    ask=(
        Clue(
            smoke.production_journeys_work,
            "fails at `upload`: it is storage; fails at `login`: go to *Authentication Failure*",
        ),
        Clue(environment.required_variables, "an `R2_*` variable is gone: set it and redeploy"),
        Clue(environment.variables_have_shape, "an `R2_*` variable is wrong: correct it and redeploy"),
    ),
    look=(
        Look(
            'AWS_ACCESS_KEY_ID="$R2_ACCESS_KEY_ID" AWS_SECRET_ACCESS_KEY="$R2_SECRET_ACCESS_KEY"'
            " AWS_DEFAULT_REGION=auto \\\n"
            "  aws s3 ls s3://$R2_BUCKET --endpoint-url https://$R2_ACCOUNT_ID.r2.cloudflarestorage.com | head",
            "a list: key and bucket are well, and the fault is in the app",
        ),
        Look("curl -sS https://www.cloudflarestatus.com/api/v2/summary.json | jq .status", "Cloudflare's own word"),
        Look(
            "vercel logs requests --environment production --since 1h"
            " --query 'httpStatus:500 AND requestPath:*upload*'",
            "the requests that failed; `vercel logs` has the error that R2 gave",
        ),
    ),
    mitigate=(
        ROLL_BACK,
        Remedy(
            "The key was revoked or has expired",
            "Make a new one (Cloudflare dashboard → R2 → Manage API tokens; object read and write, this bucket only),"
            " set both values, then redeploy",
            (
                "vercel env rm R2_ACCESS_KEY_ID production --yes && vercel env add R2_ACCESS_KEY_ID production",
                "vercel env rm R2_SECRET_ACCESS_KEY production --yes && vercel env add R2_SECRET_ACCESS_KEY production",
                "vercel redeploy $DOMAIN",
            ),
        ),
        Remedy(
            "Browsers upload straight to R2 and are refused",
            "Look at the bucket's CORS policy: it must allow the production origin (Cloudflare dashboard → R2 → the"
            " bucket → Settings)",
        ),
    ),
    verify=(smoke.production_journeys_work,),
    tell=("users",),
)

VENDOR_OUTAGE = Playbook(
    name="vendor-outage",
    title="Vendor Outage",
    symptom="A vendor's status page reports an incident, and ours began at the same time.",
    means="Vercel, Neon, Cloudflare or Upstash is ill. We cannot repair it; we can keep users informed and do no harm.",
    impact="Whatever rests on that vendor: the site (Vercel), data (Neon), files (R2), rate limits (Upstash).",
    severity=P1,
    unless="It is a P0 when the whole site is down, and a P2 when nobody notices.",
    ask=(
        Clue(services.vercel_is_operational, "do not deploy; a rollback may not work either"),
        Clue(services.neon_is_operational, "do not migrate; a migration that is cut off is what no rollback repairs"),
        Clue(health.is_well_before, "users feel it"),
    ),
    look=(
        Look("curl -sS https://www.cloudflarestatus.com/api/v2/summary.json | jq .status", "Cloudflare (R2)"),
        Look(
            'curl -sS -H "Authorization: Bearer $UPSTASH_REDIS_REST_TOKEN" $UPSTASH_REDIS_REST_URL/ping',
            "our Redis answers `PONG`; Upstash's own word is on <https://status.upstash.com>",
        ),
    ),
    mitigate=(
        Remedy(
            "Always",
            "Keep everybody from deploying until it is over, and write to the channel that deployments are stopped",
            (),
            './inv lock --target production --reason "vendor outage" --hours 4',
            fits=lambda seen: seen.vendor_ill and not seen.locked,
            hand="lock",
        ),
        Remedy("It lasts longer than 15 minutes", "Open a ticket with the vendor and note its number in the channel"),
        Remedy(
            "It is over",
            "Let people deploy again, after the questions below all say yes",
            (),
            "./inv unlock --target production",
            fits=lambda seen: seen.locked and not seen.vendor_ill,
            hand="unlock",
        ),
    ),
    verify=(services.vercel_is_operational, services.neon_is_operational, smoke.production_journeys_work),
    tell=("users", "stakeholders"),
)
