"""Flattens what Sentry knows into records: events of issues, and requests of visitors as spans."""

from collections.abc import Iterator
from dataclasses import dataclass

from starlette.requests import Request

from pipeline.sandbox.core import Core
from pipeline.sandbox.sentry.search import Term
from pipeline.sandbox.state import Issue
from pipeline.sandbox.traffic import Hit
from pipeline.sandbox.web import Payload, Problem
from pipeline.sandbox.witnessstate import Occurrence

BASELINE_EVERY = 600


@dataclass(frozen=True)
class Known:
    """An issue with the events of it that can be seen by now, oldest first; ``count`` is of all there ever were."""

    issue: Issue
    events: tuple[Occurrence, ...]
    count: int


def known(core: Core) -> Iterator[Known]:
    """List the issues of which at least one event can be seen."""
    until = horizon(core)
    for issue in core.state.sentry.issues:
        events = occurrences(issue)
        seen = tuple(event for event in events if event.at <= until)
        if seen:
            yield Known(issue, seen, issue.count - (len(events) - len(seen)))


def horizon(core: Core) -> float:
    """The time after which events cannot be seen yet."""
    return core.now() - core.state.sentry.lag_seconds


def occurrences(issue: Issue) -> list[Occurrence]:
    """List the events of an issue; of those that were kept without details, what can be told."""
    if len(issue.events) == len(issue.seen):
        return issue.events
    release = issue.releases[-1] if issue.releases else issue.first_release
    return [
        Occurrence(f"{issue.id:08d}{row:024d}", at, release, issue.environment, issue.culprit, issue.level)
        for row, at in enumerate(issue.seen)
    ]


def errors(core: Core, begin: float, end: float) -> Iterator[Payload]:
    """List the error events, and a few that were always there, of no known release, environment or transaction."""
    until = min(end, horizon(core))
    for issue in known(core):
        for event in issue.events:
            if begin <= event.at <= until:
                yield {
                    "at": event.at,
                    "transaction": event.transaction,
                    "release": event.release,
                    "id": event.id,
                    "environment": event.environment,
                    "level": event.level,
                    "title": issue.issue.title,
                    "message": event.message or issue.issue.title,
                    "issue.id": str(issue.issue.id),
                    "project": core.state.sentry.project,
                }
    first = int(begin // BASELINE_EVERY + 1) * BASELINE_EVERY
    if core.state.sentry.deaf:
        return
    for moment in range(first, int(until) + 1, BASELINE_EVERY):
        for row in range(core.state.sentry.baseline):
            yield {
                "at": float(moment),
                "transaction": "",
                "release": "",
                "environment": "",
                "level": "error",
                "title": "AbortError: The operation was aborted",
                "message": "",
                "issue.id": "1",
                "id": f"{moment:016d}{row:016d}",
                "project": core.state.sentry.project,
            }


def spans(core: Core, begin: float, end: float) -> Iterator[Payload]:
    """Make a span of every request that the app was asked, as the SDK in it would report it.

    Durations are milliseconds.
    """
    until = min(end, horizon(core)) if not core.state.sentry.deaf else begin - 1
    places = dict[tuple[str, bool], Payload]()
    for hit in core.traffic:
        if begin <= hit.at <= until:
            here = (hit.deployment, hit.production)
            if here not in places:
                places[here] = place(core, hit)
            yield {
                **places[here],
                "at": hit.at,
                "transaction": hit.transaction,
                "span.op": "http.server",
                "span.duration": hit.seconds * 1000,
                "failed": hit.status >= 500,
                "is_transaction": "true",
                "span.status_code": str(hit.status),
                "project": core.state.sentry.project,
            }


def place(core: Core, hit: Hit) -> Payload:
    """Name the release and environment of the deployment that answered; of one that is gone, what the request tells."""
    deployment = core.state.vercel.deployments.get(hit.deployment)
    production = hit.production if deployment is None else deployment.target == "production"
    sent = deployment.meta.get("githubCommitSha", "") if deployment else ""
    release = core.state.sentry.naming.format(commit=sent) if sent else ""
    return {"release": release, "environment": core.state.sentry.prefix + ("production" if production else "preview")}


def environments(core: Core) -> set[str]:
    """Name the environments that anything came from, ever: before this sandbox began, or since."""
    sentry = core.state.sentry
    if sentry.deaf:
        return set()
    since = {event.environment for issue in sentry.issues for event in occurrences(issue)}
    until = min(core.now(), horizon(core))
    asked = {(hit.deployment, hit.production): hit for hit in core.traffic if 0 <= hit.at <= until}
    since |= {place(core, hit)["environment"] for hit in asked.values()}
    return {f"{sentry.prefix}production", f"{sentry.prefix}preview", "development", *since} - {""}


def asked_environments(core: Core, request: Request) -> list[str]:
    """Read the environments that a request asks about; one that nothing came from is a 404, as Sentry has it."""
    asked = request.query_params.getlist("environment")
    if asked and set(asked) - environments(core):
        raise Problem(404, {"detail": "The requested resource does not exist"})
    return asked


def fits(core: Core, record: Payload, wanted: list[Term], environments: list[str]) -> bool:
    """Whether a record meets all terms; what has no environment is in all of them. Raises ValueError."""
    if environments and record["environment"] not in ("", *environments):
        return False
    return all(_met(core, record, term) for term in wanted)


def _met(core: Core, record: Payload, term: Term) -> bool:
    if term.key not in record or term.key in ("at", "failed", "span.duration"):
        raise ValueError(f"Error parsing search query: the sandbox does not know {term.key!r} here")
    return latest(core, term).met(str(record[term.key]))


def latest(core: Core, term: Term) -> Term:
    """The newest release, which ``release:latest`` names."""
    releases = core.state.sentry.releases.values()
    if "latest" not in term.values or term.key not in ("release", "firstRelease", "first_release") or not releases:
        return term
    newest = max(releases, key=lambda one: one.created).version
    return Term(term.wanted, term.key, tuple(newest if one == "latest" else one for one in term.values))
