"""Does Sentry see something new?"""

from dataclasses import replace

from checks.evidence import ErrorRate, Issue, NewIssues
from checks.gate import Findings, block, gate, not_yet, warn
from checks.policy import ErrorsPolicy


@gate(owner="on-call")
def no_new_critical(policy: ErrorsPolicy, seen: NewIssues) -> Findings:
    """Sentry shows no new critical error since this release.

    Why: An error that nobody had before this release is this release's.

    By hand:
        In Sentry open Issues and search `is:unresolved firstRelease:$COMMIT`, environment `production`.
        No issue of level `error` or `fatal` may be listed.

    If it fails: The run goes back by itself. By hand: `vercel rollback $PREVIOUS`, then open the issue.
    """
    for issue in seen.issues:
        says = f"is a new {issue.level} ({issue.events} events)"
        said = block if issue.level in policy.critical else warn
        yield said(issue.title, says, fix=issue.url)


no_new_critical.stops_when(
    "a new fatal error appears",
    lambda p, s: (p, NewIssues(s.release, (Issue("fatal", "TypeError: course is null", 3, "…/issues/1"),))),
)


@gate(owner="on-call")
def rate_is_usual(policy: ErrorsPolicy, seen: ErrorRate) -> Findings:
    """The error rate stays below ten times its baseline.

    Why: Some failures add no new issue, only more of an old one.

    By hand: In Sentry open Discover, `event.type:error release:$COMMIT`, last hour, against `event.type:error` of the
        same hour yesterday.

    If it fails: The run goes back by itself when it lasts. By hand: `vercel rollback $PREVIOUS`.
    """
    limit = max(policy.times_baseline * seen.usual, policy.fewest_events)
    if seen.events > limit:
        yield not_yet(
            "the error rate",
            f"is {seen.events} in {seen.minutes} min, against {seen.usual:g} usually (limit {limit:g}): a P1",
        )


rate_is_usual.stops_when("errors pour in", lambda p, s: (p, replace(s, events=400)))
