"""Playbooks for when the wrong people are kept out, or let in."""

from checks import environment, errors, health, security, services, smoke
from pipeline.handbook.playbook import ROLL_BACK, Clue, Look, Playbook, Remedy
from pipeline.handbook.severity import P0, P2

AUTHENTICATION_FAILURE = Playbook(
    name="authentication-failure",
    title="Authentication Failure",
    symptom="Users cannot sign in, are signed out again and again, or see 401 or 403 on their own pages.",
    means="NextAuth refuses, loses or cannot check sessions.",
    impact="Whoever is signed out cannot work. Whoever is signed in may not notice yet.",
    severity=P0,
    unless="It is a P1 when only one provider or one group of users is affected.",
    ask=(
        Clue(smoke.production_journeys_work, "fails at `login`: sign-in is broken for everybody"),
        Clue(environment.required_variables, "`NEXTAUTH_SECRET` or `NEXTAUTH_URL` is gone: set it and redeploy"),
        Clue(environment.variables_have_shape, "one of them is wrong or a placeholder: correct it and redeploy"),
        Clue(health.is_well_before, "there is no database to look users up in: go to *Database Unreachable*"),
        Clue(errors.no_new_critical, "the release brought it: roll back"),
    ),
    look=(
        Look("curl -sS -i $PRODUCTION/api/auth/providers", "200 and a JSON list; 500 is a configuration error"),
        Look("curl -sS -i $PRODUCTION/api/auth/csrf", "a `set-cookie` for the production domain, with `Secure`"),
        Look(
            "vercel logs --environment production --since 1h --query next-auth",
            "`NO_SECRET`, `JWT_SESSION_ERROR`, `OAUTH_CALLBACK_ERROR` name the cause",
        ),
        Look("vercel env ls production", "when `NEXTAUTH_SECRET` was last changed; a change signs everybody out once"),
    ),
    mitigate=(
        ROLL_BACK,
        Remedy(
            "`NEXTAUTH_URL` is not the production address",
            "Set it, then redeploy",
            (
                "vercel env rm NEXTAUTH_URL production --yes && vercel env add NEXTAUTH_URL production",
                "vercel redeploy $DOMAIN",
            ),
        ),
        Remedy(
            "`NEXTAUTH_SECRET` was changed by mistake",
            "Roll back: the old build still has the old value. Otherwise tell users to sign in again, and to clear the"
            " site's cookies when that does not help",
            ("vercel rollback $PREVIOUS",),
            "./inv rollback --target production",
        ),
        Remedy(
            "An outside sign-in provider is down",
            "Say so on the status page; sign-in by password still works",
        ),
    ),
    verify=(smoke.production_journeys_work, errors.rate_is_usual),
    tell=("users", "stakeholders"),
)

RATE_LIMITING = Playbook(
    name="rate-limiting",
    title="Rate Limiting",
    symptom="Users see 429, or a page says that there were too many requests.",
    means="The limits kept in Upstash Redis are reached: by an attack, by a classroom behind one address, or by a bug.",
    impact="Those users have to wait. Everybody else is well; that is what the limit is for.",
    severity=P2,
    unless="It is a P1 when a whole school is locked out, or when it is an attack that gets through.",
    ask=(
        Clue(smoke.production_journeys_work, "even one careful student is limited: the limit or Redis is wrong"),
        Clue(environment.required_variables, "an `UPSTASH_*` variable is gone: set it and redeploy"),
        Clue(errors.rate_is_usual, "our own code may be calling in a loop"),
    ),
    look=(
        Look(
            "vercel logs requests --environment production --query httpStatus:429 --since 1h --json"
            " | jq -r '.data.requestPath // empty' | sort | uniq -c | sort -rn",
            "which route is limited, and how often",
        ),
        Look(
            'curl -sS -H "Authorization: Bearer $UPSTASH_REDIS_REST_TOKEN" $UPSTASH_REDIS_REST_URL/ping',
            '`{"result":"PONG"}`: Redis is well',
        ),
        Look(
            'curl -sS -H "Authorization: Bearer $UPSTASH_REDIS_REST_TOKEN"'
            ' "$UPSTASH_REDIS_REST_URL/scan/0/match/*ratelimit*/count/1000" \\\n'
            "  | jq -r '.result[1][]' | sort | uniq -c | sort -rn | head",
            "who is counted; one address far above the others is abuse or a school",
        ),
    ),
    mitigate=(
        Remedy("It is abuse", "Block the address or the pattern: Vercel dashboard → Firewall → Custom rules"),
        Remedy(
            "It is a classroom behind one address",
            "Forget its count, so that the class can go on (the key is in the list above); then raise the limit per"
            " address, or count per user, with a normal release",
            (
                'curl -sS -X POST -H "Authorization: Bearer $UPSTASH_REDIS_REST_TOKEN" $UPSTASH_REDIS_REST_URL \\\n'
                "  -d '[\"DEL\", \"'$KEY'\"]'",
            ),
        ),
        ROLL_BACK,
    ),
    verify=(smoke.production_journeys_work, errors.rate_is_usual),
    tell=(),
)

SECURITY_INCIDENT = Playbook(
    name="security-incident",
    title="Security Incident",
    symptom="A leaked secret, somebody seeing data that is not theirs, or a report of a hole that is being used.",
    means="Confidentiality or integrity is lost, or may be. Assume that it is until you know better.",
    impact="Personal data of students may be exposed; the law sets a deadline for telling them and the authority.",
    severity=P0,
    unless="It is a P1 when it is only a known hole in a dependency that nobody can reach from outside.",
    ask=(
        Clue(security.no_urgent_alerts, "a known hole is open: it may be the way in"),
        Clue(errors.rate_is_usual, "somebody may be trying right now"),
        Clue(services.uptime_is_confirmed, "the attack also takes the site down"),
    ),
    look=(
        Look(
            "gh api \"repos/$REPOSITORY/secret-scanning/alerts?state=open\" --jq '.[] | [.secret_type, .html_url]'",
            "secrets that are in the repository",
        ),
        Look(
            "vercel logs --environment production --since 24h --limit 1000 --json > evidence-logs.json",
            "save the logs first: they are deleted after a while",
        ),
        Look("vercel activity --since 7d", "who changed what on Vercel; also dashboard → Activity"),
        Look("gh api repos/$REPOSITORY/keys --jq '.[].title'", "deploy keys that nobody knows"),
    ),
    mitigate=(
        Remedy(
            "Always",
            "Call the DevOps lead and whoever is responsible for data protection before you change anything else",
        ),
        Remedy(
            "A secret has leaked",
            "Make a new one at its vendor, revoke the old one, set it on Vercel, redeploy. Never roll back past this:"
            " an old build still has the old value. A new `NEXTAUTH_SECRET` signs everybody out, and that is wanted",
            (
                "vercel env rm NEXTAUTH_SECRET production --yes",
                "openssl rand -base64 32 | vercel env add NEXTAUTH_SECRET production",
                "vercel redeploy $DOMAIN",
            ),
        ),
        Remedy(
            "A release opened the hole and no secret has leaked",
            "Roll back",
            ("vercel rollback $PREVIOUS",),
            "./inv rollback --target production",
        ),
        Remedy(
            "Data is being read or changed right now",
            "Close the site for everybody until it is understood: Vercel dashboard → Firewall → Attack Challenge Mode,"
            " or a rule that denies every path",
        ),
        Remedy(
            "Data was changed",
            "Restore it beside production, never over it: Neon console → Branches → New branch, from the time before"
            " $INCIDENT_START; compare, then copy back",
        ),
    ),
    verify=(security.no_urgent_alerts, environment.required_variables, smoke.production_journeys_work),
    tell=("stakeholders", "data protection", "users"),
)
