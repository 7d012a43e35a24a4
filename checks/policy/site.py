"""What the site must do for its users."""

from dataclasses import dataclass

from checks.policy.base import Policy
from checks.policy.journeys import DeclaredJourney, variables_in


@dataclass(frozen=True)
class HealthPolicy(Policy):
    """The health check of the app."""

    path: str = "/api/health/db"
    """Answers 200 only when the app reaches its database."""
    slowest_ms: int = 5000
    """A slower answer is a bad one."""


@dataclass(frozen=True)
class Route(Policy):
    """One page or endpoint that must answer."""

    path: str
    """Path on the site, e.g. ``/courses``."""
    status: int = 200
    """The status after redirects within the site."""
    contains: str = ""
    """Text that the answer must contain."""
    advisory: bool = False
    """What fails here is a warning: it is somebody else's service, and going back would not help."""


@dataclass(frozen=True)
class SmokePolicy(Policy):
    """What is asked of a release before and after it gets traffic."""

    routes: tuple[Route, ...] = (Route("/"),)
    """Pages and endpoints."""
    journeys: tuple[DeclaredJourney, ...] = ()
    """What a user does, in this order: sign in, open a page behind it, upload. Empty: nothing of that is tried."""
    slowest_ms: int = 5000
    """A slower page is a bad one."""
    at_once: int = 10
    """How many requests run at the same time."""
    request: float = 20
    """How long one request may take; a cold start takes up to 15 s."""
    budget: float = 60
    """How long one round of all routes, or of all journeys, may take."""

    @property
    def advisory(self) -> frozenset[str]:
        """The names of the journeys of which a failure is a warning."""
        return frozenset(journey.name for journey in self.journeys if journey.advisory)

    @property
    def sign_in(self) -> DeclaredJourney | None:
        """The first journey that signs in by one of the ready ways; None when nobody does."""
        return next((journey for journey in self.journeys if journey.sign_in), None)

    @property
    def variables(self) -> tuple[str, ...]:
        """The names of the variables that the journeys need."""
        return tuple(dict.fromkeys(name for journey in self.journeys for name in variables_in(journey)))


@dataclass(frozen=True)
class PerformancePolicy(Policy):
    """How quick production must be. The story's thresholds are the defaults."""

    p95_ms: int = 2000
    """95th percentile of page load times."""
    visits: int = 20
    """How many visits the reading takes."""
    request: float = 20
    """How long one visit may take; one without an answer counts as that slow."""
    budget: float = 60
    """How long all of them may take together; then the reading is of fewer."""
    times_usual: float = 2.0
    """Slower than this many times the median of the last good releases is a warning."""
    good_releases: int = 5
    """How many of them are compared with."""


@dataclass(frozen=True)
class VitalsPolicy(Policy):
    """Core Web Vitals, at the 75th percentile of real visits; the story's targets are the defaults."""

    lcp_ms: int = 2500
    """Largest Contentful Paint."""
    inp_ms: int = 200
    """Interaction to Next Paint; it has superseded FID."""
    fid_ms: int = 100
    """First Input Delay, where a source still gives it."""
    cls: float = 0.1
    """Cumulative Layout Shift."""
    least_samples: int = 30
    """Fewer visits than this are too few to say."""
    pages: tuple[str, ...] = ("/",)
    """Pages that the laboratory loads."""
    lab: bool = True
    """Load a staged page in a browser, when there is one on this machine."""
    lab_times: int = 3
    """How often it is loaded; the median counts."""
    least_visitors_percent: float = 10
    """Fewer page views than this share of the same hour a week ago are no usual day any more."""
