"""Asks, before anything is touched, whether what later stages use can be used: each with the very secret that they use."""

from dataclasses import replace

from checks.evidence import MonitorAccess, SentryAccess, SignInBefore
from checks.gate import Findings, block, gate
from checks.policy import SmokePolicy

READS = (("event:read", "event:admin"), ("org:read", "org:admin"))
TELLS = ("project:releases", "project:write", "project:admin", "org:ci")


@gate(owner="release manager")
def sentry_may_be_used(seen: SentryAccess) -> Findings:
    """The token for Sentry may read errors and record releases.

    Why: It is needed when users have the release already. What it may not do then holds the release for a person.

    By hand: Open Sentry → Settings → Auth Tokens; it needs `event:read`, `org:read` and `project:releases`.

    If it fails: Make a token with these scopes and set `SENTRY_AUTH_TOKEN`.
    """
    lacks = [names[0] for names in (*READS, TELLS) if seen.scopes and not set(names) & set(seen.scopes)]
    if lacks:
        yield block(
            "SENTRY_AUTH_TOKEN",
            f"may not {', '.join(lacks)}",
            fix="sentry.io → Settings → Auth Tokens (event:read, org:read, project:releases)",
        )


sentry_may_be_used.stops_when("it may only read", lambda s: (SentryAccess(("event:read", "org:read")),))


@gate(owner="release manager")
def monitor_is_known(seen: MonitorAccess) -> Findings:
    """Better Stack's token finds the monitor that watches production.

    Why: A token of another team answers, and knows nothing of the monitor; that is found out after the promotion.

    By hand: Open Better Stack → Monitors → the monitor; the number in its address is `uptime.monitor` in `deploy.yml`.

    If it fails: Set `BETTERSTACK_API_TOKEN` to one of the team that has the monitor, or mend `uptime.monitor`.
    """
    if not seen.known:
        yield block(
            f"monitor {seen.monitor}",
            "is not known to the team of BETTERSTACK_API_TOKEN",
            fix="betterstack.com → API tokens → Uptime, of the team that has it; or uptime.monitor in deploy.yml",
        )


monitor_is_known.stops_when("the token is of another team", lambda s: (replace(s, known=False),))


@gate(owner="release manager")
def student_can_sign_in(policy: SmokePolicy, seen: SignInBefore) -> Findings:
    """The smoke student can sign in on the live site, with the password that the smoke tests will use.

    Why: With a wrong password every release fails its smoke tests, after the database has been migrated.

    By hand: Open `$PRODUCTION/login` in a browser and sign in as the smoke student.

    If it fails: Set `SMOKE_EMAIL` and `SMOKE_PASSWORD` to an account that works. When nobody can sign in and this release
        is what mends it, sign a waiver for today.
    """
    if policy.journeys.login and seen.failed_at:
        yield block(
            "SMOKE_PASSWORD",
            f"does not sign in on {seen.site}: {seen.failed_at} {seen.says}",
            fix="set SMOKE_EMAIL and SMOKE_PASSWORD to the smoke-test student of your app",
        )


student_can_sign_in.stops_when(
    "the password is wrong", lambda p, s: (p, replace(s, failed_at="session", says="no session after signing in"))
)
