"""How fast pages feel: to real visitors, and in the laboratory."""

from dataclasses import dataclass

from checks.evidence.base import Evidence


@dataclass(frozen=True)
class Vital:
    """One Core Web Vital: ``name`` is LCP, INP, FID or CLS; milliseconds, CLS without a unit."""

    name: str
    p75: float
    samples: int | None
    """How many visits; None when the source does not say."""

    def __str__(self) -> str:
        return f"{self.name} {self.p75:.2f}" if self.name == "CLS" else f"{self.name} {self.p75:.0f} ms"


@dataclass(frozen=True)
class WebVitals(Evidence):
    """What real visitors felt. Source: Vercel's Speed Insights (POST /metrics/v1, as `vercel metrics` does), else CrUX

    ``source`` names it, with its span of time; ``off`` is why there is none.
    """

    source: str
    vitals: tuple[Vital, ...] = ()
    off: str = ""

    def numbers(self) -> tuple[tuple[str, float], ...]:
        return tuple((f"vitals.{vital.name.lower()}", vital.p75) for vital in self.vitals)

    def brief(self) -> str:
        seen = ", ".join(f"{vital} ({vital.samples or '?'} visits)" for vital in self.vitals)
        return f"{self.source}: {seen}" if seen else ""


@dataclass(frozen=True)
class LabPage:
    """One page, loaded several times by a browser with a slow network and a slow processor; medians."""

    path: str
    lcp_ms: float
    cls: float
    tbt_ms: float
    """Total Blocking Time: what the laboratory has instead of INP."""
    fcp_ms: float
    ttfb_ms: float
    times: int


@dataclass(frozen=True)
class LabReading(Evidence):
    """The staged deployment in a browser of this machine. ``off``: why it was not loaded. Source: Chromium"""

    pages: tuple[LabPage, ...]
    off: str = ""

    def numbers(self) -> tuple[tuple[str, float], ...]:
        return tuple((f"lab.lcp_ms {page.path}", page.lcp_ms) for page in self.pages)

    def brief(self) -> str:
        return ", ".join(
            f"{page.path} LCP {page.lcp_ms:.0f} ms, CLS {page.cls:.2f}, TBT {page.tbt_ms:.0f} ms" for page in self.pages
        )


@dataclass(frozen=True)
class Visitors(Evidence):
    """Page views of the last day, and of the same day a week before. Source: GET /v1/query/web-analytics/visits/count"""

    views: int
    week_before: int
    off: str = ""

    def numbers(self) -> tuple[tuple[str, float], ...]:
        return () if self.off else (("visitors.views_a_day", self.views),)

    def brief(self) -> str:
        return "" if self.off else f"{self.views} page views, {self.week_before} a week ago"


@dataclass(frozen=True)
class UsualLoad(Evidence):
    """The p95 load times of the last good releases, newest first, in milliseconds. Source: the kept readings"""

    p95_ms: tuple[float, ...]

    def brief(self) -> str:
        return f"{len(self.p95_ms)} good releases"
