"""Reads what real visitors felt, and loads pages in the laboratory."""

import asyncio
import datetime
from collections.abc import Awaitable

from checks.evidence import LabPage, LabReading, StagedDeployment, UsualLoad, Visitors, Vital, WebVitals
from checks.policy import PerformancePolicy, VitalsPolicy
from checks.statistics import median
from pipeline.clients.analytics import METRICS
from pipeline.clients.browser import Loaded
from pipeline.clock import origin
from pipeline.errors import Refused, ServiceError
from pipeline.world.world import World

DAY, WEEK = datetime.timedelta(days=1), datetime.timedelta(days=7)


async def web_vitals(world: World) -> WebVitals:
    """Read Speed Insights of the last day; without any visits there, Chrome's report of the last 28."""
    now = world.clock.now()
    found: list[tuple[float, int] | None] = []
    try:
        found = await asyncio.gather(*(world.analytics.vital(name, now - DAY, now) for name in METRICS))
        why = "Speed Insights has no visits"
    except ServiceError as error:
        why = f"Speed Insights: {error.came}"
    known = tuple(Vital(name, *one) for name, one in zip(METRICS, found, strict=False) if one)
    if known:
        return WebVitals("Speed Insights, 24 h", known)
    if world.chrome_report.missing:
        return WebVitals("", off=f"{why}; {world.chrome_report.missing}")
    report = await world.chrome_report.vitals(origin(world.domain))
    if report is None:
        return WebVitals("", off=f"{why}; Chrome's report has too few visits")
    return WebVitals("Chrome UX Report, 28 days", tuple(Vital(name, p75, None) for name, p75 in report.items()))


async def lab_reading(world: World, policy: VitalsPolicy, staged: StagedDeployment) -> LabReading:
    if not policy.lab:
        return LabReading((), "`vitals.lab` is false")
    if world.browser.missing:
        return LabReading((), world.browser.missing)
    pages = []
    try:
        for path in policy.pages:
            loads = [await world.browser.load(staged.url + path) for _ in range(policy.lab_times)]
            pages.append(_page(path, loads))
    except ServiceError as error:
        return LabReading(tuple(pages), error.came)
    return LabReading(tuple(pages))


def _page(path: str, loads: list[Loaded]) -> LabPage:
    def middle(name: str) -> float:
        return median([getattr(load, name) for load in loads])

    return LabPage(
        path, middle("lcp_ms"), middle("cls"), middle("tbt_ms"), middle("fcp_ms"), middle("ttfb_ms"), len(loads)
    )


async def visitors(world: World) -> Visitors:
    now = world.clock.now()
    asked: tuple[Awaitable[int], ...] = (
        world.analytics.page_views(now - DAY, now),
        world.analytics.page_views(now - WEEK - DAY, now - WEEK),
    )
    try:
        views, before = await asyncio.gather(*asked)
        return Visitors(views, before)
    except Refused as error:
        if error.status in (402, 403, 404):
            return Visitors(0, 0, f"Web Analytics: {error.came}")
        raise


async def usual_load(world: World, policy: PerformancePolicy) -> UsualLoad:
    return UsualLoad(world.records.good_releases("load.p95_ms", policy.good_releases))


PROBES = (
    web_vitals,
    lab_reading,
    visitors,
    usual_load,
)
