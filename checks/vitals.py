"""Asks how fast pages feel to real visitors."""

from dataclasses import replace

from checks.evidence import LabPage, LabReading, Visitors, Vital, WebVitals
from checks.gate import Findings, gate, not_yet, warn
from checks.policy import VitalsPolicy


def _limits(policy: VitalsPolicy) -> dict[str, tuple[float, str]]:
    return {
        "LCP": (policy.lcp_ms, " ms"),
        "INP": (policy.inp_ms, " ms"),
        "FID": (policy.fid_ms, " ms (superseded by INP)"),
        "CLS": (policy.cls, ""),
    }


@gate(owner="developer")
def visitors_feel_well(policy: VitalsPolicy, seen: WebVitals) -> Findings:
    """The Core Web Vitals of real visits are good at the 75th percentile: LCP, INP and CLS.

    Why: It is what users feel and no request of ours sees. FID, which older reports show, was superseded by INP in 2024.

    By hand:
        Run `vercel metrics vercel.speed_insights.lcp_ms --aggregation p75 --since 24h`, likewise `inp_ms` and `cls`, or look
        at Speed Insights in the dashboard. Good: LCP below 2.5 s, INP below 200 ms (FID below 100 ms), CLS below 0.1.
        Fewer than 30 visits say nothing.

    If it fails: Filter by route and country. For a slow LCP look at the largest image and at the server's answer
        time, for INP profile the page, for CLS reserve the space of what comes late. It counts the visits of the last
        day, so it is well again a day after the cure.
    """
    if seen.off:
        yield warn("web vitals", f"were not read: {seen.off}")
    limits = _limits(policy)
    for vital in seen.vitals:
        limit, unit = limits[vital.name]
        if vital.p75 <= limit:
            continue
        shown = f"{vital.p75:.0f}" if unit else f"{vital.p75:.2f}"
        says = f"is {shown}{unit} at p75, above {limit:g} ({seen.source}, {_visits(vital)})"
        if vital.samples is not None and vital.samples < policy.least_samples:
            yield warn(vital.name, f"{says}: too few visits to say")
        else:
            yield not_yet(vital.name, says, severity="P2")


def _visits(vital: Vital) -> str:
    return "its number of visits is not told" if vital.samples is None else f"{vital.samples} visits"


visitors_feel_well.stops_when("pages paint late", lambda p, s: (p, replace(s, vitals=(Vital("LCP", 4100, 300),))))


@gate(owner="developer")
def staged_page_is_light(policy: VitalsPolicy, seen: LabReading) -> Findings:
    """The staged pages paint soon and stay where they are, in a browser with a slow network and processor.

    Why: Real visits can only be counted once it is too late; the laboratory sees the staged build before anybody does.

    By hand: Open the staged address in Chrome → DevTools → Lighthouse → Performance, mobile.

    If it fails: It takes nothing back: one machine is no crowd. Look at the page's images, fonts and scripts, and
        ship a lighter one.
    """
    if seen.off:
        yield warn("the laboratory", f"did not load a page: {seen.off}")
    for page in seen.pages:
        if page.lcp_ms > policy.lcp_ms:
            yield not_yet(
                page.path, f"paints after {page.lcp_ms:.0f} ms (LCP), above {policy.lcp_ms} ms, {_loads(page)}"
            )
        if page.cls > policy.cls:
            yield not_yet(page.path, f"moves by {page.cls:.2f} (CLS), above {policy.cls:g}, {_loads(page)}")
        if page.tbt_ms > policy.inp_ms:
            yield not_yet(page.path, f"blocks for {page.tbt_ms:.0f} ms (TBT), above {policy.inp_ms} ms, {_loads(page)}")


def _loads(page: LabPage) -> str:
    return f"median of {page.times} loads"


staged_page_is_light.stops_when(
    "an image is huge", lambda p, s: (p, replace(s, pages=(LabPage("/", 6200, 0.0, 20, 900, 100, 3),)))
)


@gate(owner="on-call")
def visitors_come(policy: VitalsPolicy, seen: Visitors) -> Findings:
    """About as many pages are viewed as on the same day last week.

    Why: An outage that nobody reports is a day without visitors.

    By hand: Vercel → Analytics → page views, last 24 hours, against the same weekday last week.

    If it fails: Open the site from another network. Is it a holiday? Otherwise follow the playbook *Site Down*.
    """
    if seen.off:
        yield warn("page views", f"were not read: {seen.off}")
    elif seen.views < seen.week_before * policy.least_visitors_percent / 100 and seen.week_before >= 100:
        yield not_yet("page views", f"were {seen.views}, against {seen.week_before} a week ago", severity="P1")
    elif seen.week_before >= 100 and seen.views > 10 * seen.week_before:
        yield warn("page views", f"were {seen.views}, against {seen.week_before} a week ago: an attack, or fame?")


visitors_come.stops_when("nobody came", lambda p, s: (p, Visitors(2, 900)))
