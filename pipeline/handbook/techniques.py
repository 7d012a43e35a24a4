"""How to find out why something is slow."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Technique:
    """One way to find out why something is slow."""

    title: str
    steps: tuple[str, ...]


TECHNIQUES = (
    Technique(
        "Find the slow page (Vercel Analytics)",
        (
            "Vercel → Speed Insights → last 7 days, sort routes by p95 or by LCP.",
            "Take the route with many visits first, not the one with the worst number.",
            "Compare with the week before: did it jump (a release), or creep (data that grows)?",
        ),
    ),
    Technique(
        "Find the slow transaction (Sentry Performance)",
        (
            "Sentry → Insights → Backend, sort by *time spent*.",
            "Open the slowest transaction and read its spans: one long `db` span is a query, hundreds of short"
            " ones are a"
            " query in a loop (N+1), a long `http` span is a vendor.",
            "Without Sentry: ask the route itself where the time goes:\n"
            "`curl -sS -o /dev/null -w 'dns %{time_namelookup} tls %{time_appconnect} first byte %{time_starttransfer}"
            " all %{time_total}\\n' $PRODUCTION/`",
        ),
    ),
    Technique(
        "Find the slow query (Prisma query logs and Postgres)",
        (
            'Locally start the app with query logs, `new PrismaClient({ log: ["query"] })`, open the page, and'
            " count: the"
            " same query many times is an N+1, fix it with `include` or one `findMany`.",
            "In production ask *Slowest queries overall* and *Long-running queries (> 5 seconds)* above.",
            'Explain the suspect: `psql "$DIRECT_URL" -c "EXPLAIN (ANALYZE, BUFFERS) $QUERY"`. `ANALYZE` runs'
            " it, so only"
            " for `SELECT`. A `Seq Scan` over many rows wants an index; `rows` far from `actual rows` wants `ANALYZE`.",
        ),
    ),
    Technique(
        "Frontend performance profiling (browser DevTools)",
        (
            "A private window, DevTools → Performance, CPU 4× slower, network *Fast 4G*. Record a reload.",
            "Long tasks (red corners) on the main thread are what INP measures; click one to see whose code it is.",
            "The *LCP* marker names the element. An image: give it `priority` and a size. Text: a font or a slow"
            " server.",
            "*Layout shift* entries name what jumped: give it a size.",
            "Is the bundle too large? Look at the sizes that `npm run build` prints, or build with"
            " `@next/bundle-analyzer`.",
        ),
    ),
    Technique(
        "Check Core Web Vitals for what users feel",
        (
            "One page from outside: <https://pagespeed.web.dev>. Field data first, the lab only explains it.",
            "Targets: LCP < 2.5 s, INP < 200 ms, CLS < 0.1 (FID < 100 ms in old reports).",
            "After a fix wait for real visits: field data covers 28 days, Speed Insights shows today's at once.",
        ),
    ),
    Technique(
        "Is it a cold start?",
        (
            "Slow on the first request after a pause and quick afterwards: the function starts, or Neon's compute"
            " wakes.",
            "Measure: `curl -sS -o /dev/null -w '%{time_total}\\n' $PRODUCTION/api/health/db` twice in a row.",
            "Neon: raise *suspend compute after*, at least for production.",
        ),
    ),
)
