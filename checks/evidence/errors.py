"""What Sentry saw."""

from dataclasses import dataclass

from checks.amounts import about, amount
from checks.evidence.base import Evidence
from checks.statistics import Count


@dataclass(frozen=True)
class Issue:
    """A Sentry issue. ``level``: fatal, error, warning, info. Times are ISO 8601, or empty."""

    level: str
    title: str
    events: int
    url: str
    where: str = ""
    """What Sentry calls the culprit: mostly the endpoint."""
    first_seen: str = ""
    release: str = ""
    """The release that it was first seen in, as Sentry has it; empty when unknown."""
    status: str = "unresolved"


@dataclass(frozen=True)
class SentryHearing(Evidence):
    """What Sentry has heard of the project, and whether that is what we ask for.

    Source: GET …/projects/{org}/{project}/environments/, and of the last day GET …/events/?field=release&field=count(),
    GET …/events-timeseries/ and GET …/sessions/
    """

    environments: tuple[str, ...]
    """Every environment that the project has."""
    asked: tuple[str, ...]
    """Those of them that are this target's; what has another name is not looked at."""
    seen: int = 0
    """Events, requests and sessions of those in the last day; when there were none, events of the last month."""
    releases: tuple[str, ...] = ()
    """Names of the releases that those were of."""
    live: str = ""
    """The commit that production serves; empty when it does not say."""

    def brief(self) -> str:
        return f"{', '.join(self.asked) or 'nothing'} of {len(self.environments)} environments in Sentry"


@dataclass(frozen=True)
class NewIssues(Evidence):
    """Issues that began with this release: by its name, and by the time at which our own record says it got traffic.

    Resolved and archived ones that go on happening are among them. Source: GET …/issues/?query=firstRelease:"…"
    and GET …/issues/?query=firstSeen:>…
    """

    release: str
    since: str
    """When it got its traffic."""
    issues: tuple[Issue, ...]

    def numbers(self) -> tuple[tuple[str, float], ...]:
        return (("errors.new_issues", len(self.issues)),)

    def brief(self) -> str:
        return f"{len(self.issues)} new issues"


@dataclass(frozen=True)
class Rates:
    """Errors and what they happened in (requests, or minutes), now and usually."""

    events: int
    exposure: float
    usual_events: int
    usual_exposure: float

    @property
    def now(self) -> Count:
        return Count(self.events, self.exposure)

    @property
    def usual(self) -> Count:
        return Count(self.usual_events, self.usual_exposure)


@dataclass(frozen=True)
class ErrorRate(Rates, Evidence):
    """Errors of this release since its promotion, against everybody's in the day before it, per ``unit`` of exposure.

    Source: GET …/events-timeseries/ with dataset=errors and, for the requests, dataset=spans
    """

    unit: str
    """``requests`` that Sentry has seen, or ``minutes`` where it sees none at all."""
    minutes: float
    environments: tuple[str, ...] = ("production",)
    """Those that were asked."""
    signs: int = 1
    """Events, requests and sessions of them, so far as it takes to tell that Sentry hears the app at all."""

    def numbers(self) -> tuple[tuple[str, float], ...]:
        seen = self.exposure > 0
        return (("errors.events", self.events), *((("errors.rate", self.now.rate),) if seen else ()))

    def brief(self) -> str:
        return f"{amount(self.events, 'error')} in {about(self.exposure)} {self.unit}"


@dataclass(frozen=True)
class Endpoint(Rates):
    """One endpoint, in the last hour and in the day before."""

    name: str


@dataclass(frozen=True)
class EndpointErrors(Evidence):
    """The last hour's errors by endpoint. Source: GET …/events/?field=transaction&field=count() for errors and spans"""

    endpoints: tuple[Endpoint, ...]

    def brief(self) -> str:
        return f"{amount(len(self.endpoints), 'endpoint')} had errors in the last hour"


@dataclass(frozen=True)
class CriticalErrors(Evidence):
    """Issues of a critical level that were first seen in the last day. Source: GET …/issues/?query=firstSeen:-24h"""

    issues: tuple[Issue, ...]

    def numbers(self) -> tuple[tuple[str, float], ...]:
        return (("errors.critical_a_day", len(self.issues)),)

    def brief(self) -> str:
        return f"{len(self.issues)} issues first seen in 24 h"


@dataclass(frozen=True)
class ErrorsLately(Rates, Evidence):
    """All errors of the last hour against those of the week before. Source: GET …/events-timeseries/"""

    unit: str

    def numbers(self) -> tuple[tuple[str, float], ...]:
        return (("errors.an_hour", self.events),)

    def brief(self) -> str:
        return f"{amount(self.events, 'error')} in {about(self.exposure)} {self.unit}, usually {self.usual_events} in {about(self.usual_exposure)}"


@dataclass(frozen=True)
class RecurringIssues(Evidence):
    """The unresolved issues with most events of the last two weeks that are older than one. Source: GET …/issues/?sort=freq"""

    issues: tuple[Issue, ...]

    def brief(self) -> str:
        return f"{len(self.issues)} unresolved issues older than a week"


@dataclass(frozen=True)
class CrashFree(Evidence):
    """Sessions of the last day. Source: GET …/sessions/?field=crash_free_rate(session)&field=sum(session)"""

    sessions: int
    percent: float | None
    """Without a crash; None without sessions."""

    def numbers(self) -> tuple[tuple[str, float], ...]:
        return () if self.percent is None else (("errors.crash_free_percent", self.percent),)

    def brief(self) -> str:
        return "" if self.percent is None else f"{self.percent:.4g} % of {self.sessions} sessions crash-free"


@dataclass(frozen=True)
class RecordedRelease(Evidence):
    """What Sentry knows of the live release. Source: GET …/releases/{version}/, …/commits/, …/deploys/ and
    GET …/files/artifact-bundles/
    """

    version: str
    known: bool
    commits: int = 0
    environments: tuple[str, ...] = ()
    """Those it was deployed to."""
    source_maps: int = 0
    """Artifact bundles with its source maps."""
    wanted: tuple[str, ...] = ("production",)
    """What the app's own events call this environment."""

    def brief(self) -> str:
        return f"{self.version[:12]}: {amount(self.commits, 'commit')}, deployed to {', '.join(self.environments) or 'nothing'}"
