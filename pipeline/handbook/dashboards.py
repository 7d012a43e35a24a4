"""What each dashboard shows, what is well, what is not, and what to do then."""

from dataclasses import dataclass

from pipeline.config import Policies
from pipeline.handbook.thresholds import seconds


@dataclass(frozen=True)
class Panel:
    """One panel of a dashboard: what it shows, what is well, what is not, and what to do then."""

    name: str
    shows: str
    well: str
    worry: str
    then: str


@dataclass(frozen=True)
class Dashboard:
    """A service's view of production. ``command`` reads the same without the dashboard."""

    title: str
    where: str
    panels: tuple[Panel, ...]
    command: str
    tells: str


def sentry(policies: Policies) -> Dashboard:
    times = f"{policies.errors.times_baseline:g}"
    return Dashboard(
        "Sentry Dashboard",
        "Sentry → the project → environment `production`",
        (
            Panel(
                "Error trends",
                "Issues → the graph, last 24 hours and last 14 days",
                "the same shape every day",
                f"a step up, or {times} × the usual",
                "compare the time of the step with the last release; playbook *Error Spike*",
            ),
            Panel(
                "Most common errors",
                "Issues → sort by *Events*, then by *Users*",
                "old, known, few users",
                "a new one in the top five",
                "few users and many events is one broken client; many users is everybody's problem, take it first",
            ),
            Panel(
                "Error rate by endpoint",
                "Explore → Errors, `count()` by `transaction`",
                "spread thinly",
                "one route has most of them",
                "search that route in the logs; look at what last changed in it",
            ),
            Panel(
                "Session replay",
                "an issue → Replays",
                "nobody complains",
                "a user reports what you cannot reproduce",
                "watch the minute before the error; texts and inputs are masked, keep it that way",
            ),
            Panel(
                "Release tracking",
                "Releases → the latest two",
                "crash-free sessions equal or better",
                "the newer one has errors that the older one has not",
                "they are that release's: roll back, or fix forward when they are harmless",
            ),
        ),
        'curl -sS -G -H "Authorization: Bearer $SENTRY_AUTH_TOKEN" $SENTRY/api/0/organizations/$SENTRY_ORG/issues/ \\\n'
        "  --data-urlencode 'query=is:unresolved firstSeen:-24h' -d sort=freq -d environment=production \\\n"
        "  | jq -r '.[] | [.level, .count, .userCount, .title] | @tsv'",
        "errors that are new since yesterday (level, events, users, title)",
    )


def analytics(policies: Policies) -> Dashboard:
    p95 = seconds(policies.performance.p95_ms)
    return Dashboard(
        "Vercel Analytics Dashboard",
        "Vercel → the project → Speed Insights (Core Web Vitals) and Analytics (traffic). `./inv monitor.daily` reads both; at the terminal `vercel metrics vercel.speed_insights.lcp_ms --aggregation p75 --since 24h`",
        (
            Panel(
                "LCP (Largest Contentful Paint)",
                "when the main content is there, p75",
                "< 2.5 s",
                "> 4 s",
                "slow server or heavy images: filter by page, then see *Frontend performance profiling (browser DevTools)*",
            ),
            Panel(
                "INP (Interaction to Next Paint)",
                "how long a click takes to show, p75",
                "< 200 ms",
                "> 500 ms",
                "too much JavaScript at once: profile the page",
            ),
            Panel(
                "FID (First Input Delay)",
                "delay of the first click, p75",
                "< 100 ms",
                "> 300 ms",
                "superseded by INP in March 2024: read INP; old reports may still show FID",
            ),
            Panel(
                "CLS (Cumulative Layout Shift)",
                "how much the page jumps, p75",
                "< 0.1",
                "> 0.25",
                "images, fonts or late content without a reserved size",
            ),
            Panel(
                "Page load times",
                "Speed Insights → by route, p95",
                f"< {p95}",
                f"> {p95}",
                "the slowest route first; is it slow for everybody or on first load only?",
            ),
            Panel(
                "Geographic performance",
                "Speed Insights → by country",
                "alike, farther is a little slower",
                "one region much slower than last week",
                "Vercel's status page for that region; then the database's distance",
            ),
            Panel(
                "Real User Monitoring (RUM)",
                "all of the above come from real browsers",
                "> 100 samples a day and route",
                "few samples",
                "do not conclude anything from them; look at a longer time",
            ),
            Panel(
                "Traffic trends",
                "Analytics → visitors and page views",
                "the week's usual shape",
                "a sudden drop, or a spike without a reason",
                "a drop may be an outage that nobody reported: open the site; a spike may be an attack: Firewall",
            ),
        ),
        "for i in $(seq 20); do curl -sS -o /dev/null -w '%{time_total}\\n' $PRODUCTION/; done | sort -n | tail -2",
        "the slowest of twenty loads, in seconds, as a stand-in",
    )


def better_stack(policies: Policies) -> Dashboard:
    up = policies.uptime
    return Dashboard(
        "Better Stack Monitoring",
        "Better Stack → Uptime → Monitors",
        (
            Panel(
                "Uptime percentage",
                "monitor → Availability, 7 days rolling",
                f"≥ {up.availability_percent:g} %",
                f"< {up.availability_percent:g} %, that is {budget(up.availability_percent)} of 7 days",
                "a P1 by itself: open an incident, list the outages that add up to it",
            ),
            Panel(
                "Incident history",
                "Incidents, last 30 days",
                "few, short, each with a cause",
                "the same cause twice, or always the same hour",
                "a review for the pattern: cron jobs, backups, an hour at which many begin",
            ),
            Panel(
                "Response time trends",
                "monitor → Response times",
                f"baseline < {up.usual_ms} ms",
                f"p95 > {seconds(up.slowest_ms)}, or creeping up from week to week",
                "playbook *Performance Degradation*; creeping is an index or a table that grows",
            ),
            Panel(
                "Status page",
                "Status pages",
                "says what is true",
                "says *operational* during an incident",
                "write there first, then explain elsewhere",
            ),
            Panel(
                "Multi-location checks",
                "monitor → Regions",
                "every region sees it up",
                "one region only sees it down",
                "a route between them and Vercel; confirm from a third place before you wake anybody",
            ),
        ),
        'curl -sS -H "Authorization: Bearer $BETTERSTACK_API_TOKEN"'
        " https://uptime.betterstack.com/api/v2/monitors/$MONITOR/sla \\\n"
        "  | jq '.data.attributes | {availability, number_of_incidents, total_downtime}'",
        "availability in percent, incidents and seconds of downtime since the monitor was made; add `?from=…&to=…` (dates) for less",
    )


def budget(percent: float) -> str:
    """How long production may be down in seven days, in words."""
    return f"{round((100 - percent) / 100 * 7 * 24 * 60)} minutes"


def dashboards(policies: Policies) -> tuple[Dashboard, ...]:
    """All three dashboards, in the order in which an error reaches somebody."""
    return sentry(policies), analytics(policies), better_stack(policies)
