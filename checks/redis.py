"""Asks whether Upstash Redis answers, and whether anybody is limited who should not be."""

from dataclasses import replace

from checks.evidence import Limit, LimitedRequests, Redis, RedisUsage
from checks.gate import Findings, gate, not_yet, warn
from checks.policy import RedisPolicy
from checks.statistics import Count, Judged, judge


@gate(owner="on-call")
def redis_answers(policy: RedisPolicy, seen: Redis) -> Findings:
    """Upstash answers with the app's own token, soon enough, and lets it count as the rate limiter does.

    Why: Without it the rate limiter either lets everybody in or nobody. A token that may only read, and a database over
        its limit, answer many questions and count nothing.

    By hand:
        Run `curl -sS -X POST $UPSTASH_REDIS_REST_URL -H "Authorization: Bearer $UPSTASH_REDIS_REST_TOKEN" -d '["PING"]'`;
        it must answer `{"result":"PONG"}`.
        The same with `-d '["SET","deploy-probe:by-hand","1","EX","60"]'` must answer `{"result":"OK"}`.

    If it fails: `WRONGPASS` or 401: set `UPSTASH_REDIS_REST_TOKEN` again. `NOPERM`: it is the read-only token, take the
        other one. `max daily request limit` or `max requests limit`: a larger plan. No answer: <https://status.upstash.com>, and whether
        the database was archived because nobody used it.
    """
    if seen.off:
        yield warn(
            "Redis", f"was not asked: {seen.off}", fix="set UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN here"
        )
    elif seen.failure:
        yield not_yet("Redis", f"does not answer: {seen.failure}", severity="P1")
    elif seen.ms > policy.slowest_ms:
        yield not_yet("Redis", f"took {seen.ms} ms for a PING, above {policy.slowest_ms} ms", severity="P2")


redis_answers.stops_when("the token is wrong", lambda p, s: (p, replace(s, failure="401 WRONGPASS")))
redis_answers.stops_when("the token may only read", lambda p, s: (p, replace(s, failure="answered 400: NOPERM")))


@gate(owner="platform")
def redis_is_within_limits(policy: RedisPolicy, seen: RedisUsage) -> Findings:
    """The Upstash database is active and not near a limit of its plan.

    Why: Past a limit Upstash answers with errors, and every request that is rate limited fails with it.

    By hand: Upstash console → the database → Usage, against its plan.

    If it fails: A larger plan, or fewer commands: what writes on every request? When it is suspended, Upstash's
        console says why.
    """
    if seen.off:
        yield warn("Redis' usage", f"is not known: {seen.off}", fix="set UPSTASH_EMAIL and UPSTASH_API_KEY here")
        return
    if seen.state != "active":
        yield not_yet("Redis", f"is {seen.state or 'in no state'}", severity="P1")
    for limit in seen.limits:
        if limit.percent >= policy.near_limit_percent:
            says = (
                f"is at {limit.percent:.0f} % of its limit ({limit.used:g} of {limit.most:g} {limit.unit}".rstrip()
                + ")"
            )
            yield not_yet(f"Redis' {limit.name}", says, severity="P2")
    reads = seen.hits + seen.misses
    if reads and seen.hit_rate_percent < policy.hit_rate_percent:
        says = f"is {seen.hit_rate_percent:.1f} % of {reads} reads, below {policy.hit_rate_percent:g} %"
        yield not_yet("Redis' hit rate", says, severity="P3")


redis_is_within_limits.stops_when(
    "connections run out", lambda p, s: (p, replace(s, limits=(Limit("connections", 970, 1000),)))
)
redis_is_within_limits.stops_when("it was suspended", lambda p, s: (p, replace(s, state="suspended")))


@gate(owner="on-call")
def few_are_limited(policy: RedisPolicy, seen: LimitedRequests) -> Findings:
    """Hardly anybody was answered 429 in the last hour.

    Why: Either a limit is too tight for real users, or somebody is trying things; both need a person.

    By hand: `./inv logs --status 429 --since 1h`.

    If it fails: Follow the playbook *Rate Limiting*: one address or many, one path or all? Then raise the limit or
        block the address in Vercel's Firewall. The last hour counts, so ask again an hour later.
    """
    usual = Count(round(policy.most_limited_percent * 1000), 100_000)
    if judge(Count(seen.limited, seen.requests), usual, times=1, chance=0.01, least=0) is Judged.TOO_MANY:
        where = ", ".join(f"{path} ({count})" for path, count in seen.paths[:3])
        says = (
            f"got a 429: {seen.limited} of {seen.requests} in an hour, above {policy.most_limited_percent:g} %: {where}"
        )
        yield not_yet("requests", says, severity="P2")


few_are_limited.stops_when(
    "everybody is limited", lambda p, s: (p, LimitedRequests(200, 90, (("/api/auth/callback", 90),)))
)
