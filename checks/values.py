"""Says what is wrong with the value of a variable, from what could be seen of it. The value itself is not here."""

from collections.abc import Iterator

from checks.evidence import EnvironmentVariables, Variable
from checks.policy import RequiredVariable

STRICTNESS = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
PASTED = {
    "newline": "has a newline around it, which is part of the value now (`echo` adds one)",
    "blank": "has a blank around it, which is part of the value now",
    "quoted": "stands in quotes, which are part of the value now",
    "escaped": "ends in a backslash and an n, which are part of the value now",
    "command": "is a whole command; only the address in it belongs there",
    "named": "begins with its own name and an equals sign",
    "invisible": "holds a character that cannot be seen",
}
ADDRESSES = ("NEXTAUTH_URL", "AUTH_URL")
"""The address of the site itself, as NextAuth 4 and Auth.js 5 read it."""
OVER_HTTP = ("UPSTASH_REDIS_REST_URL", "KV_REST_API_URL")
"""Where the REST client of Upstash looks for its address."""
DIRECT = ("DIRECT_URL", "DIRECT_DATABASE_URL", "DATABASE_URL_UNPOOLED", "POSTGRES_URL_NON_POOLING")
POOLED = ("DATABASE_URL", "POSTGRES_URL", "POSTGRES_PRISMA_URL")
"""Names that Prisma, Neon's and Vercel's integrations give the address for migrations and the one for the app."""


def wrong(rule: RequiredVariable, variable: Variable, seen: EnvironmentVariables) -> Iterator[str]:
    """What stops a release, one sentence each, the one to mend first in front."""
    if variable.length == 0:
        yield "is set to an empty string"
    yield from (says for how, says in PASTED.items() if how in variable.shapes)
    if "placeholder" in variable.shapes:
        yield "still holds a placeholder"
    if variable.length < rule.min_length:
        yield f"has {variable.length} characters, fewer than {rule.min_length}"
    if rule.shape in ("url", "postgres", "email") and rule.shape not in variable.shapes:
        yield f"does not look like a {rule.shape} value"
    if rule.host and not (variable.host == rule.host or (rule.host[0] == "." and variable.host.endswith(rule.host))):
        yield f"points to {variable.host or 'no host'}, not to {rule.host}"
    if rule.sslmode and _strictness(variable.sslmode) < _strictness(rule.sslmode):
        yield f"has sslmode {variable.sslmode or 'not set'}, less than {rule.sslmode}"
    yield from _elsewhere(variable, seen)


def _elsewhere(variable: Variable, seen: EnvironmentVariables) -> Iterator[str]:
    """What an address of this site, or of its database, must not be."""
    known = {*seen.serving, *dict(seen.redirects)}
    if variable.name in ADDRESSES and seen.serving and variable.host not in known:
        yield f"points to {variable.host or 'no host'}, which is no domain of this project ({', '.join(seen.serving)})"
    if variable.name in OVER_HTTP and "redis" in variable.shapes:
        yield "is the address for Redis clients; the REST client wants the one that begins with https://"
    if variable.neon_branch:
        yield f"is the database of the Neon branch {variable.neon_branch}, which is not production's"
    if variable.name in DIRECT and variable.pooled:
        yield "goes through the pooler; migrations need the direct address (Neon's without `-pooler`)"
    for other in seen.variables if variable.name in DIRECT and variable.endpoint else ():
        if other.name in POOLED and other.branch == variable.branch and other.endpoint not in ("", variable.endpoint):
            yield f"is another Neon database than {other.name}: one would be migrated, the other one is read"


def doubtful(variable: Variable, seen: EnvironmentVariables) -> Iterator[str]:
    """What is worth a warning, one sentence each."""
    if variable.name in ADDRESSES and variable.host in set(dict(seen.redirects)) - set(seen.serving):
        yield f"points to {variable.host}, which only sends its visitors to {dict(seen.redirects)[variable.host]}"
    if variable.name in ADDRESSES and "http" in variable.shapes:
        yield "begins with http://: sign-in sends people there, and its cookies are not those of https"
    if variable.name in POOLED and variable.endpoint and not variable.pooled:
        yield "is Neon's direct address; functions that scale out run out of connections without `-pooler`"


def _strictness(mode: str) -> int:
    return STRICTNESS.index(mode) if mode in STRICTNESS else -1
