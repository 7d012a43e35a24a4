"""Vercel: deployments, promotion, rollback, rolling releases, variables, logs."""

import json
from typing import Any

from tests.byhand.reader import Reader
from tests.byhand.scenarios.model import Scenario, Typed
from tests.vendors.world import Ran

CHOOSE = (r"type\?", "\r")


def project(reader: Reader) -> dict[str, Any]:
    return reader.world.at_rest()


def held(reader: Reader, name: str) -> list[str]:
    """The values that production's variable has now."""
    found = reader.world.vercel("GET", f"/v10/projects/{reader.world.project}/env?decrypt=true").json()["envs"]
    return [str(one["value"]) for one in found if one["key"] == name and "production" in one["target"]]


def set_anew(name: str, value: str, text: str) -> Typed:
    """A variable is taken away, and set again by somebody who answers what he is asked."""

    def changed(reader: Reader, ran: Ran) -> bool:
        return len(held(reader, name)) == 1

    return Typed(text, asked=(CHOOSE, (r"Value\?", value + "\r")), effect=changed)


def live(name: str) -> Any:
    return lambda reader, ran: reader.world.alias() == reader.names[name] == reader.world.visited()


def shown(name: str) -> Any:
    """The deployment that is meant is named."""
    return lambda reader, ran: reader.names[name] in ran.out + ran.err


def newest(reader: Reader) -> dict[str, Any]:
    found = reader.world.vercel("GET", "/v6/deployments?limit=1").json()["deployments"][0]
    return reader.world.deployment(found["uid"])


def newest_is(target: str | None, live: bool) -> Any:
    def true(reader: Reader, ran: Ran) -> bool:
        one = newest(reader)
        if live:
            reader.world.until(lambda: reader.world.alias() == one["id"])
        return (one["readyState"], one["target"], reader.world.alias() == one["id"]) == ("READY", target, live)

    return true


def built(target: str) -> Any:
    def true(reader: Reader, ran: Ran) -> bool:
        output = reader.folder / ".vercel/output"
        made = json.loads((output / "builds.json").read_text())
        return json.loads((output / "config.json").read_text())["version"] == 3 and made["target"] == target

    return true


def file(name: str, holds: str = "") -> Any:
    return lambda reader, ran: holds in (reader.folder / name).read_text()


def roll(reader: Reader) -> None:
    reader.staged()
    reader.names["STAGE"] = "0"


def share(reader: Reader, percent: int) -> bool:
    seen = [reader.world.visited() for _ in range(20)].count(reader.names["DEPLOYMENT"])
    return seen == percent // 5


LOOKING = Scenario(
    "looking at what production serves",
    (
        Typed("vercel --version", r"64\.0\.2"),
        Typed("vercel ls", "Ready"),
        Typed("vercel ls --environment production", "Ready.*Production"),
        Typed("vercel inspect $DOMAIN", effect=lambda reader, ran: reader.world.alias() in ran.out + ran.err),
        Typed("vercel inspect $PREVIOUS", effect=shown("PREVIOUS")),
        Typed("vercel inspect $STAGED", effect=shown("DEPLOYMENT")),
        Typed("vercel inspect $DEPLOYMENT", effect=shown("DEPLOYMENT")),
        Typed("vercel inspect $STAGED --logs", "Deployment completed"),
        Typed("vercel inspect $DEPLOYMENT --logs", "Deployment completed"),
        Typed("vercel inspect $DEPLOYMENT --wait --logs", "Deployment completed"),
        Typed("vercel api /v9/projects/$PROJECT --raw", '"autoAssignCustomDomains":true'),
        Typed("vercel activity --since 7d", "dana deployed lms to production"),
        Typed("vercel crons ls", "No cron jobs found"),
        Typed("vercel metrics vercel.speed_insights.lcp_ms --aggregation p75 --since 24h", "p75"),
        Typed("vercel rolling-release fetch", "null"),
        Typed("dig +short $DOMAIN", r"76\.76\.21\.21"),
    ),
    lambda reader: reader.staged(),
    ("dig",),
)
PROMOTING = Scenario(
    "a staged deployment goes live and comes back",
    (
        Typed("vercel promote $DEPLOYMENT", "was promoted", live("DEPLOYMENT")),
        Typed("vercel promote", "was promoted"),
        Typed("vercel rollback $PREVIOUS", "was rolled back", live("PREVIOUS")),
        Typed("vercel rollback", "was rolled back"),
        Typed(
            "vercel promote $PREVIOUS",
            "was promoted",
            live("PREVIOUS"),
            before=lambda reader: reader.types("vercel promote $DEPLOYMENT"),
        ),
    ),
    lambda reader: reader.staged(),
)
BESIDES = Scenario(
    "other ways to move production",
    (
        Typed("vercel alias set $PREVIOUS_URL $DOMAIN", "now points to", live("PREVIOUS")),
        Typed("vercel redeploy $DOMAIN", "Ready", newest_is("production", True)),
        Typed(
            "vercel api -X PATCH /v9/projects/$PROJECT -F autoAssignCustomDomains=false",
            effect=lambda reader, ran: project(reader)["autoAssignCustomDomains"] is False,
        ),
        Typed(
            "vercel remove $DEPLOYMENT",
            "Removed 1 deployment",
            says="y\n",
            before=lambda reader: reader.staged(),
            effect=lambda reader, ran: (
                reader.world.vercel("GET", f"/v13/deployments/{reader.names['DEPLOYMENT']}").status_code == 404
            ),
        ),
    ),
)
ROLLING = Scenario(
    "a rolling release, from share to share",
    (
        Typed(
            "vercel rolling-release configure --enable --advancement-type=manual-approval --stage=10 --stage=50",
            "Success",
        ),
        Typed(
            "vercel rolling-release start --dpl $DEPLOYMENT",
            before=roll,
            effect=lambda reader, ran: share(reader, 10),
        ),
        Typed(
            "vercel rolling-release approve --dpl $DEPLOYMENT --currentStageIndex $STAGE",
            effect=lambda reader, ran: share(reader, 50),
        ),
        Typed("vercel rolling-release complete --dpl $DEPLOYMENT", effect=live("DEPLOYMENT")),
        Typed("vercel rolling-release configure --disable", "disabled rolling releases"),
    ),
)
BUILDING = Scenario(
    "building and deploying",
    (
        Typed("git checkout $COMMIT && git status --short", effect=lambda reader, ran: ran.out == ""),
        Typed(
            "rm -f .vercel/.env.production.local && vercel pull --yes --environment=production",
            effect=file(".vercel/.env.production.local", "R2_BUCKET"),
        ),
        Typed("vercel pull --yes --environment=production", "Downloaded project settings"),
        Typed("vercel build --prod", "Build Completed", built("production")),
        Typed("vercel deploy --prebuilt --prod --skip-domain", r"https://127\.0\.0\.1", newest_is("production", False)),
        Typed(
            "rm -f .vercel/.env.production.local && vercel pull --yes --environment=production && vercel build --prod",
            effect=built("production"),
        ),
        Typed(
            "rm -f .vercel/.env.preview.local && vercel pull --yes --environment=preview && vercel build",
            effect=built("preview"),
        ),
        Typed("vercel deploy --prebuilt", effect=newest_is(None, False)),
        Typed(
            "vercel deploy --env DATABASE_URL=$BRANCH_URL",
            before=lambda reader: reader.names.update(BRANCH_URL=reader.names["DIRECT_URL"]),
            effect=newest_is(None, False),
        ),
        Typed("npm run build", "node build.mjs"),
        Typed("npm ci && npm run build", "found 0 vulnerabilities.*node build.mjs"),
        Typed("git checkout $GOOD_COMMIT && vercel deploy --prod", effect=newest_is("production", True)),
    ),
)
VARIABLES = Scenario(
    "variables",
    (
        Typed("vercel env ls", "DATABASE_URL.*NEXTAUTH_URL"),
        Typed("vercel env ls $TARGET", "DATABASE_URL"),
        Typed("vercel env ls production", "DATABASE_URL"),
        Typed("vercel env ls preview", "DATABASE_URL"),
        Typed("vercel env pull --environment=$TARGET .env.check", effect=file(".env.check", "R2_BUCKET=")),
        Typed("vercel env pull --environment=production .env.check", effect=file(".env.check", "R2_BUCKET=")),
        Typed("rm .env.check", effect=lambda reader, ran: not (reader.folder / ".env.check").exists()),
        Typed("vercel env rm DATABASE_URL production --yes", effect=lambda r, ran: not held(r, "DATABASE_URL")),
        set_anew("DATABASE_URL", "{DIRECT_URL}", "vercel env add DATABASE_URL production"),
        set_anew(
            "NEXTAUTH_URL",
            "{NEXTAUTH_URL}",
            "vercel env rm NEXTAUTH_URL production --yes && vercel env add NEXTAUTH_URL production",
        ),
        set_anew(
            "R2_ACCESS_KEY_ID",
            "{R2_ACCESS_KEY_ID}",
            "vercel env rm R2_ACCESS_KEY_ID production --yes && vercel env add R2_ACCESS_KEY_ID production",
        ),
        set_anew(
            "R2_SECRET_ACCESS_KEY",
            "{R2_SECRET_ACCESS_KEY}",
            "vercel env rm R2_SECRET_ACCESS_KEY production --yes && vercel env add R2_SECRET_ACCESS_KEY production",
        ),
        Typed("vercel env rm NEXTAUTH_SECRET production --yes", effect=lambda r, ran: not held(r, "NEXTAUTH_SECRET")),
        Typed(
            "openssl rand -base64 32 | vercel env add NEXTAUTH_SECRET production",
            effect=lambda r, ran: len(held(r, "NEXTAUTH_SECRET")) == 1,
        ),
        Typed(
            "openssl rand -base64 33 | vercel env add NEXTAUTH_SECRET production",
            before=lambda reader: reader.types("vercel env rm NEXTAUTH_SECRET production --yes"),
            effect=lambda r, ran: len(held(r, "NEXTAUTH_SECRET")) == 1,
        ),
    ),
)
PRODUCTION = "vercel logs --environment production --since 1h"
REQUESTS = "vercel logs requests --environment production"
COUNTED = "--since 1h --json | jq -r '.data.requestPath // empty' | sort | uniq -c | sort -rn"


def failing(reader: Reader) -> None:
    """The newest deployment answers one page with an error."""
    reader.staged()
    fault = f"app failing-route /broken deployment={reader.names['DEPLOYMENT']}"
    reader.world.fault(fault)
    host = reader.world.deployment(reader.names["DEPLOYMENT"])["url"]
    assert reader.world.web.get(f"http://{host}/broken").status_code == 500
    reader.names["REQUEST_ID"] = "req-7"


LOGS = Scenario(
    "what the logs say",
    (
        Typed("vercel logs --deployment $STAGED", "/broken failed"),
        Typed("vercel logs --deployment $STAGED --since 1h", "/broken failed"),
        Typed("vercel logs --deployment $DEPLOYMENT --query level:error", "/broken failed"),
        Typed("vercel logs --environment production --query level:error --since 1h", "AccessDenied"),
        Typed("vercel logs --environment production --query level:error --since 30m", "AccessDenied"),
        Typed("vercel logs --environment production --query level:error --since 30m --limit 50", "AccessDenied"),
        Typed(f"{PRODUCTION} --query next-auth", "NO_SECRET"),
        Typed("vercel logs --environment production --since 24h --query P1001", "reach database server"),
        Typed(
            "vercel logs --environment production --since 24h --limit 1000 --json > logs.json",
            effect=file("logs.json", "AccessDenied"),
        ),
        Typed(
            "vercel logs --environment production --since 24h --limit 1000 --json > evidence-logs.json",
            effect=file("evidence-logs.json", "AccessDenied"),
        ),
        Typed(f"{PRODUCTION} --json | jq -r '.data.message | fromjson? | select(.level >= 50)'", "no lessons"),
        Typed(
            f"{PRODUCTION} --json | jq -r '.data.message | fromjson? | [.time, .level, .reqId, .msg] | @tsv'",
            "1767225600000\t50\treq-7\tthe course",
        ),
        Typed(
            f"{PRODUCTION} --json | jq -r --arg id $REQUEST_ID '.data.message | fromjson? | select(.reqId == $id)'",
            "no lessons",
        ),
        Typed(
            f"{PRODUCTION} --json | jq -r '.data.message | fromjson? | select(.level >= 50) | .msg' | sort | uniq -c"
            " | sort -rn | head",
            "1 the course has no lessons",
        ),
        Typed(f"{REQUESTS} --query httpStatus:429 {COUNTED}", "2 /api/upload"),
        Typed(f"{REQUESTS} --query httpStatus:500 {COUNTED}", "1 /courses/algebra-1"),
        Typed(f"{REQUESTS} --since 1h --query 'httpStatus:500 AND requestPath:*upload*'", "/api/upload"),
    ),
    failing,
)
SCENARIOS = (LOOKING, PROMOTING, BESIDES, ROLLING, BUILDING, VARIABLES, LOGS)
