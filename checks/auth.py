"""Asks whether people can sign in."""

import re
from dataclasses import replace

from checks.evidence import AuthEndpoints, EnvironmentVariables
from checks.gate import Findings, Verdict, gate, not_yet, warn
from checks.policy import AuthPolicy

OWN_MACHINE = re.compile(r"//(localhost|127\.\d+\.\d+\.\d+|\[::1\]|0\.0\.0\.0)(:|/|$)")


def elsewhere(policy: AuthPolicy, seen: AuthEndpoints) -> Findings:
    """Warn of each address that NextAuth sends people back to and that is not the site's."""
    for address in seen.addresses:
        says = f"sends people back to {address}, which is not this site"
        yield warn(f"{policy.path}/providers", says, fix=f"vercel env add {policy.url or 'AUTH_URL'} production")


@gate(owner="on-call")
def auth_answers(policy: AuthPolicy, seen: AuthEndpoints) -> Findings:
    """NextAuth answers: the session endpoint with JSON, the providers with every one that must be there and come back here.

    Why: A wrong secret, address or provider breaks sign-in for everybody while all pages still answer 200. Without an
        address of its own NextAuth takes `http://localhost:3000`, and sends everybody to their own machine.

    By hand:
        Run `curl -sS -i $PRODUCTION/api/auth/session`: 200, and `{}` for somebody who is not signed in.
        Run `curl -sS $PRODUCTION/api/auth/providers | jq keys`: every provider you offer must be listed. Without
        `| jq keys` it shows where each comes back to (`callbackUrl`): that must be on the site itself.

    If it fails: Look at the functions' logs for a `[next-auth][error]` line: `NO_SECRET` means that `NEXTAUTH_SECRET` is
        missing, a redirect to `/api/auth/error` that `NEXTAUTH_URL` or a provider's keys are wrong. Set them and deploy
        again, or `vercel rollback $PREVIOUS` when it began with a release.
    """
    if seen.session_status == seen.providers_status == 404:
        says = "answers 404: there is no NextAuth; an app without it, or with it elsewhere, says so in deploy.yml"
        yield not_yet(policy.path, says, fix='auth: {path: ""}', severity="P0")
        return
    if seen.session_status != 200 or seen.session_says:
        why = seen.session_says or f"answered {seen.session_status or 'nothing'}"
        yield not_yet(f"{policy.path}/session", why, severity="P0")
    if seen.providers_status != 200:
        yield not_yet(f"{policy.path}/providers", f"answered {seen.providers_status or 'nothing'}", severity="P0")
    else:
        for name in policy.providers:
            if name not in seen.providers:
                yield not_yet(
                    f"provider {name}", f"is not offered: {', '.join(seen.providers) or 'none is'}", severity="P0"
                )
    for finding in elsewhere(policy, seen):
        if OWN_MACHINE.search(finding.says):
            yield replace(finding, verdict=Verdict.NOT_YET, severity="P0")


auth_answers.stops_when("the session endpoint answers 500", lambda p, s: (p, replace(s, session_status=500)))
auth_answers.stops_when(
    "there is no NextAuth at that path", lambda p, s: (p, replace(s, session_status=404, providers_status=404))
)
auth_answers.stops_when(
    "its answers lead to everybody's own machine", lambda p, s: (p, replace(s, addresses=("http://localhost:3000",)))
)
auth_answers.stops_when(
    "a provider is gone", lambda p, s: (replace(p, providers=("google",)), replace(s, providers=("credentials",)))
)


@gate(owner="on-call")
def auth_is_set_up(policy: AuthPolicy, seen: EnvironmentVariables, answers: AuthEndpoints) -> Findings:
    """NextAuth's secret and address are set on the target, and the address is the site's own.

    Why: Without its secret NextAuth answers 500 in production; with another site's address it sends people there.

    By hand: Run `vercel env ls production`: `NEXTAUTH_SECRET` and `NEXTAUTH_URL` must be listed.
        `curl -sS $PRODUCTION/api/auth/providers | jq '.[].callbackUrl'` must begin with the site's own address.

    If it fails: `openssl rand -base64 33 | vercel env add NEXTAUTH_SECRET production`, then deploy again: a value reaches
        only what is built after it. A new secret signs everybody out.
    """
    found = {variable.name: variable for variable in seen.variables}
    for name in filter(None, (policy.secret, policy.url)):
        variable = found.get(name)
        if variable is None or (variable.readable and variable.length == 0):
            says = "is not set" if variable is None else "is empty"
            yield not_yet(name, f"{says} on {seen.target}", fix=f"vercel env add {name} {seen.target}", severity="P0")
    yield from elsewhere(policy, answers)


auth_is_set_up.stops_when("the secret is not set", lambda p, s, a: (p, replace(s, variables=()), a))
