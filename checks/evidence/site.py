"""What the site answers: health, pages, journeys, and which build it says it is."""

from dataclasses import dataclass

from checks.evidence.base import Evidence
from checks.statistics import at_least, percentile


@dataclass(frozen=True)
class SaidBuild:
    """Which build one answer says it is from. ``header``: the deployment that ``identity.header`` names."""

    url: str
    status: int
    deployment: str
    commit: str
    header: str
    failure: str = ""
    """Why no answer came, or why it did not end although its status came."""
    protected: bool = False
    """Vercel's Deployment Protection answered instead of the app."""


@dataclass(frozen=True)
class StagedBuild(Evidence):
    """Who answers at the staged address, asked several times in a row. Source: GET https://{staged}{health.path}"""

    answers: tuple[SaidBuild, ...]


@dataclass(frozen=True)
class ProductionBuild(Evidence):
    """Who answers on each production domain, asked several times in a row. Source: GET https://{domain}{health.path}"""

    answers: tuple[SaidBuild, ...]
    redirects: tuple[tuple[str, str], ...] = ()
    """Production domain that only redirects → the host that it really led to; empty when it led nowhere."""
    silent: tuple[str, ...] = ()
    """Further domains that gave no answer before this run moved anything, and so were not asked."""


@dataclass(frozen=True)
class Health:
    """One answer of the health check."""

    url: str
    status: int
    """HTTP status; 0 when no answer came."""
    ms: int
    says: str
    """The body's ``status``, or why there is no answer."""
    deployment: str
    """Which deployment the app says it is; empty when it does not say."""
    commit: str
    failure: str = ""
    """Why no answer came, why it did not end although its status came, or what it says against itself with a 200."""


@dataclass(frozen=True)
class HealthBefore(Health, Evidence):
    """Production's health before anything was touched. Source: GET https://{domain}{health.path}"""

    def brief(self) -> str:
        return f"health {self.status or 'silent'} in {self.ms} ms"


@dataclass(frozen=True)
class OldCodeHealth(Health, Evidence):
    """Production, still the old code, on the migrated schema. Source: GET https://{domain}{health.path}"""


@dataclass(frozen=True)
class StagedHealth(Health, Evidence):
    """The staged deployment's health. Source: GET https://{staged}{health.path}"""


@dataclass(frozen=True)
class ProductionHealth(Health, Evidence):
    """Production's health after promotion. Source: GET https://{domain}{health.path}"""

    def numbers(self) -> tuple[tuple[str, float], ...]:
        return (("health.ms", self.ms),) if self.status == 200 else ()

    def brief(self) -> str:
        return f"health {self.status or 'silent'} in {self.ms} ms"


@dataclass(frozen=True)
class ControlHealth(Health, Evidence):
    """The health of the deployment that served before, at its own address, asked at the same time as production."""


@dataclass(frozen=True)
class Visit:
    """One page as a browser would end up seeing it."""

    path: str
    status: int
    """HTTP status after redirects; 0 when no answer came."""
    ms: int
    landed: str
    """Final URL after redirects."""
    left_site: bool
    """A redirect led to another origin."""
    error_page: str
    """The mark of a Next.js error page in the body; empty when there is none."""
    has_content: bool
    """The required text is there."""
    failure: str = ""
    """Why no answer came, or why it did not end although its status came."""
    protected: bool = False
    """Vercel's Deployment Protection answered instead of the app."""


@dataclass(frozen=True)
class ControlVisits(Evidence):
    """The routes that fail on production, asked of the deployment that served before, at its own address."""

    visits: tuple[Visit, ...]


@dataclass(frozen=True)
class StagedVisits(Evidence):
    """The smoke routes on the staged deployment. Source: GET https://{staged}{path}"""

    visits: tuple[Visit, ...]


@dataclass(frozen=True)
class ProductionVisits(Evidence):
    """The smoke routes on production. Source: GET https://{domain}{path}"""

    visits: tuple[Visit, ...]


@dataclass(frozen=True)
class Journey:
    """One thing a user tried to do. ``failed_at`` is empty when it worked."""

    name: str
    failed_at: str
    says: str
    ms: int


@dataclass(frozen=True)
class ControlJourneys(Evidence):
    """The same journeys on the deployment that served before, at its own address, when one fails on production."""

    journeys: tuple[Journey, ...]


@dataclass(frozen=True)
class StagedJourneys(Evidence):
    """The journeys of `smoke.journeys` on the staged deployment."""

    journeys: tuple[Journey, ...]


@dataclass(frozen=True)
class OldCodeJourneys(Evidence):
    """The journeys on production, between the migration and the promotion; empty when nothing was migrated."""

    journeys: tuple[Journey, ...]


@dataclass(frozen=True)
class ProductionJourneys(Evidence):
    """The journeys of `smoke.journeys` on production."""

    journeys: tuple[Journey, ...]


@dataclass(frozen=True)
class OpenPages(Evidence):
    """What production's pages will ask for later, asked of the staged deployment. Source: GET https://{domain}{path}"""

    files: int
    """Scripts and styles that they name."""
    gone: tuple[str, ...] = ()
    """Those that the staged deployment answers 404 to, with their query."""
    actions: int = 0
    """Server actions that they name."""
    lost: tuple[str, ...] = ()
    """Those that no page of the staged deployment names."""
    pinned: bool = False
    """Skew Protection is on: the files' addresses name their deployment, and the old one answers."""


@dataclass(frozen=True)
class LoadTimes(Evidence):
    """How long production took to answer. Source: GET https://{domain}{path}, one after the other; cold ones too."""

    ms: tuple[int, ...]

    @property
    def p95_ms(self) -> int:
        """The nearest-rank 95th percentile of the visits' times; 0 without visits."""
        return round(percentile(self.ms, 95))

    @property
    def surely_ms(self) -> float:
        """The time that the 95th percentile of all visits is above with 95 % certainty, judged from these few."""
        return at_least(self.ms, 95)

    def numbers(self) -> tuple[tuple[str, float], ...]:
        return (("load.p95_ms", self.p95_ms),) if self.ms else ()

    def brief(self) -> str:
        return f"p95 {self.p95_ms} ms over {len(self.ms)} visits"
