"""Asks whether Sentry hears the app, by the names that everything after the promotion asks for."""

import re
from dataclasses import replace

from checks.evidence import SentryHearing
from checks.gate import Findings, block, gate, warn
from checks.policy import ErrorsPolicy


@gate(owner="developer")
def sentry_hears_us(policy: ErrorsPolicy, seen: SentryHearing) -> Findings:
    """Sentry hears production, by the names of environment and release that are asked for.

    Why: Errors under another name are found by nobody: a release full of them looks well. On Vercel the SDK for Next.js
        before version 11 says `vercel-production`; others name their release after a version instead of the commit.

    By hand:
        In Sentry open Discover and look at the columns `environment` and `release` of the last day. The environment is
        `production` or `vercel-production`, or what `errors.environments` in `deploy.yml` says. The release of the live
        deployment is its commit, or what `errors.release` makes of that.

    If it fails: Write into `deploy.yml` what the app calls them: `errors.environments` and `errors.release`; or set
        `release` in the SDK to `VERCEL_GIT_COMMIT_SHA`. When that is what this release does, sign a waiver for today.
    """
    wanted = ", ".join(policy.environments)
    if not seen.environments:
        yield warn(
            "Sentry", "has never heard of this project, so a release will be held: nobody can say that it is well"
        )
    elif not seen.asked:
        says = f"has nothing of {wanted or 'production'}, only of {', '.join(seen.environments)}"
        yield warn("Sentry", says, fix="errors.environments in deploy.yml")
    elif not seen.seen:
        yield warn("Sentry", f"has heard nothing at all of {', '.join(seen.asked)} in a month")
    zeros = _digits(policy)
    ours = re.compile(re.escape(policy.release_of("0" * 40)).replace(zeros, f"[0-9a-f]{{{len(zeros)}}}"))
    if seen.releases and not any(ours.fullmatch(name) for name in seen.releases):
        named = ", ".join(seen.releases[:3])
        says = (
            f"calls its releases {named}, not {policy.release_of(seen.live or '$COMMIT')}: none of ours would be told"
        )
        yield block("Sentry", says, fix="errors.release in deploy.yml")


def _digits(policy: ErrorsPolicy) -> str:
    """The zeros that a commit of zeros leaves in the name of its release."""
    return max(re.findall("0+", policy.release_of("0" * 40)), key=len, default="")


sentry_hears_us.stops_when("releases are named after versions", lambda p, s: (p, replace(s, releases=("lms@1.4.2",))))
