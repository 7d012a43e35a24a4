"""Asks, before anything is touched, whether what later stages use can be used: each with the very secret that they use."""

from dataclasses import replace

from checks.evidence import (
    ChannelAccess,
    DeploymentAccess,
    MonitorAccess,
    RedisAccess,
    SentryAccess,
    SignInBefore,
    StorageAccess,
    TriedAddress,
    VercelProject,
)
from checks.gate import Findings, block, gate, warn
from checks.policy import SmokePolicy
from checks.policy.journeys import variables_in

BYPASS = "VERCEL_AUTOMATION_BYPASS_SECRET"
READS = (("event:read", "event:admin"), ("org:read", "org:admin"))
R2_TOKENS = "Cloudflare → R2 → Manage API tokens → Object Read & Write, on this bucket"
R2_REASONS = {
    "InvalidAccessKeyId": "R2_ACCESS_KEY_ID",
    "InvalidArgument": "R2_ACCESS_KEY_ID",
    "Unauthorized": "R2_ACCESS_KEY_ID",
    "SignatureDoesNotMatch": "R2_SECRET_ACCESS_KEY",
    "NoSuchBucket": "R2_BUCKET",
    "InvalidBucketName": "R2_BUCKET",
    "AccessDenied": "R2_ACCESS_KEY_ID",
}
"""What S3 says → the variable that is wrong; anything else is R2's own trouble, or the network's."""
REDIS_TOKEN = "Upstash console → the database → REST API → UPSTASH_REDIS_REST_TOKEN, not the read-only one"
WEBHOOK = "make a new incoming webhook (Slack: your app → Incoming Webhooks), or leave the variable out"
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
def protection_lets_us_in(seen: DeploymentAccess) -> Findings:
    """A deployment's own address answers us, as Deployment Protection lets the smoke tests through or is off.

    Why: The new deployment is asked at its own address, after the migration. Whether the secret is right can be told
        before, at that of the deployment which is live.

    By hand: Run `curl -sS -i $STAGED/api/health/db` with the address of the deployment that is live: 401, or a redirect
        to vercel.com, is Deployment Protection. With the header `x-vercel-protection-bypass` the secret must be let
        through.

    If it fails: Vercel → the project → Settings → Deployment Protection → Protection Bypass for Automation: make a
        secret, or copy the one that is there, and set `VERCEL_AUTOMATION_BYPASS_SECRET`.
    """
    if seen.protected:
        yield block(
            BYPASS,
            f"{'is wrong' if seen.secret else 'is not set'}: {seen.url} meets Deployment Protection instead of the app",
            fix="vercel.com → project → Settings → Deployment Protection → Protection Bypass for Automation",
        )


protection_lets_us_in.stops_when(
    "the secret is another project's", lambda s: (replace(s, protected=True, secret=True),)
)
protection_lets_us_in.stops_when("there is none", lambda s: (replace(s, protected=True),))


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
def smoke_user_can_sign_in(policy: SmokePolicy, seen: SignInBefore) -> Findings:
    """The smoke user can sign in on the live site, with the password that the smoke tests will use.

    Why: With a wrong password every release fails its smoke tests, after the database has been migrated.

    By hand: Open `$PRODUCTION/login` in a browser and sign in as the smoke user.

    If it fails: Set `SMOKE_EMAIL` and `SMOKE_PASSWORD` to an account that works. When nobody can sign in and this release
        is what mends it, sign a waiver for today.
    """
    if policy.sign_in and seen.failed_at:
        names = variables_in(policy.sign_in) or ("sign-in",)
        yield block(
            names[-1],
            f"does not sign in on {seen.site}: {seen.failed_at} {seen.says}",
            fix=f"set {' and '.join(names)} to the smoke-test user of your app",
        )


smoke_user_can_sign_in.stops_when(
    "the password is wrong", lambda p, s: (p, replace(s, failed_at="session", says="no session after signing in"))
)


@gate(owner="release manager")
def vercel_may_promote(seen: VercelProject) -> Findings:
    """Vercel's token may move production to a release, and back, and the project serves what production is.

    Why: A token reads everything with less than it needs to promote: a Developer's makes the deployment, the database
        is migrated for it, and then nobody may give it to users. Nobody may take it back either. A project that is
        paused, by somebody or by a limit of spending, answers 503 whatever production is.

    By hand: Open Vercel → the team → Settings → Members. Whose token it is has to be Owner, Member, or Project
        Administrator of this project. In a browser, production does not say *This deployment is temporarily paused*.

    If it fails: Set `VERCEL_TOKEN` to one of a person who may, or give this one's person the role. When Vercel does not
        say what a token may do, the team's owner can. A paused project is resumed in its settings, under General.
    """
    if seen.paused:
        yield block(seen.id, "is paused, so nothing of it is served", fix="vercel.com → project → Settings → General")
    asked = {"promote": seen.may_promote, "roll back": seen.may_roll_back}
    lacks = [act for act, may in asked.items() if may is False]
    if lacks:
        yield block(
            "VERCEL_TOKEN",
            f"may not {' or '.join(lacks)} in {seen.id}",
            fix="vercel.com → Account Settings → Tokens, of an Owner, a Member or a Project Administrator",
        )
    elif None in asked.values():
        yield warn("VERCEL_TOKEN", f"may move production of {seen.id} or not: Vercel does not say, and trying is doing")


vercel_may_promote.stops_when("it is a Developer's", lambda s: (replace(s, may_promote=False),))
vercel_may_promote.stops_when("the project is paused", lambda s: (replace(s, paused=True),))


@gate(owner="release manager")
def storage_may_be_used(seen: StorageAccess) -> Findings:
    """R2's keys may list, write, read and delete in the bucket.

    Why: The watch stores a file to see whether users can. Wrong keys are found out then, with users on the release,
        and look like a storage that is down.

    By hand: Open Cloudflare → R2 → Manage API tokens: the token is *Object Read & Write*, and the bucket is among its
        buckets.

    If it fails: Make a token for the bucket and set `R2_ACCESS_KEY_ID` and `R2_SECRET_ACCESS_KEY`, both of it.
        `NoSuchBucket`: mend `R2_BUCKET` or `R2_ACCOUNT_ID`. Leave all of them out to go without R2.
    """
    if not seen.failed_at:
        return
    name = R2_REASONS.get(seen.code, "")
    if not name:
        asks = f"could not be tried ({seen.failed_at}): {seen.says}"
        hint = "" if seen.code else "; a wrong R2_ACCOUNT_ID gives no answer either"
        yield warn("R2", asks + hint)
    elif seen.code == "AccessDenied":
        yield block(name, f"may not {seen.failed_at} in R2_BUCKET", fix=R2_TOKENS)
    else:
        yield block(name, f"is refused by R2 ({seen.failed_at}): {seen.code}", fix=R2_TOKENS)


storage_may_be_used.stops_when(
    "the secret is another key's", lambda s: (StorageAccess("", "list", "SignatureDoesNotMatch", "answered 403"),)
)
storage_may_be_used.stops_when(
    "the token may only read", lambda s: (StorageAccess("", "write", "AccessDenied", "answered 403"),)
)


@gate(owner="release manager")
def redis_may_be_used(seen: RedisAccess) -> Findings:
    """Upstash's token answers and may write.

    Why: The watch counts as the rate limiter does. With a wrong token, or the read-only one that stands beside it in the
        console, that fails with users on the release.

    By hand: Compare `UPSTASH_REDIS_REST_TOKEN` with the one in Upstash's console → the database → REST API.

    If it fails: Set `UPSTASH_REDIS_REST_TOKEN` to the standard token of the database that `UPSTASH_REDIS_REST_URL`
        names. Leave both out to go without Redis.
    """
    if seen.code in ("WRONGPASS", "NOAUTH"):
        yield block("UPSTASH_REDIS_REST_TOKEN", f"is refused by Upstash: {seen.code}", fix=REDIS_TOKEN)
    elif seen.code == "NOPERM":
        yield block("UPSTASH_REDIS_REST_TOKEN", "may only read", fix=REDIS_TOKEN)
    elif seen.says:
        yield warn("Redis", f"could not be tried: {seen.says}; is it the database of UPSTASH_REDIS_REST_URL?")


redis_may_be_used.stops_when("the token is another database's", lambda s: (RedisAccess("", "WRONGPASS", "401"),))
redis_may_be_used.stops_when("it is the read-only token", lambda s: (RedisAccess("", "NOPERM", "400"),))


@gate(owner="release manager")
def people_can_be_told(seen: ChannelAccess) -> Findings:
    """The addresses that people are told by would take a message.

    Why: A webhook dies with the app, the channel or the person that made it. That is noticed when a release is taken
        back and nobody hears of it.

    By hand: Open the chat's settings and look whether each incoming webhook is still there.

    If it fails: Make a new webhook and set the variable, or leave it out: then nobody is told, and that is known. What
        cannot be asked without sending is tried by sending something.
    """
    for one in seen.tried:
        if one.takes is False:
            yield block(one.variable, f"({one.kind}) takes no message: {one.says}", fix=WEBHOOK)
        elif one.takes is None and one.says:
            yield warn(one.variable, f"({one.kind}) could not be tried: {one.says}")
    silent = sorted({f"{one.variable} ({one.kind})" for one in seen.tried if one.takes is None and not one.says})
    if silent:
        yield warn(", ".join(silent), "cannot be tried without sending a message")


people_can_be_told.stops_when(
    "the webhook was removed",
    lambda s: (ChannelAccess((TriedAddress("NOTIFY_WEBHOOK_URL", "webhook", False, "answered 404: no_service"),)),),
)
