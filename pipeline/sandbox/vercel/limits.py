"""Refuses an output that goes past the team's plan, as Vercel does at the end of a build.

Numbers: vercel.com/docs/functions/limitations and vercel.com/docs/limits, as of 2026-09.
"""

import gzip
from collections.abc import Callable, Mapping
from typing import Any

SECONDS = {"hobby": 300, "pro": 800, "enterprise": 800}
EDGE = {"hobby": 1_000_000, "pro": 2_000_000, "enterprise": 4_000_000}
"""Bytes of an edge function, compressed."""
MOST_ROUTES, MOST_CRONS = 2048, 100


def refusal(
    plan: str, config: Mapping[str, Any], functions: Mapping[str, Mapping[str, Any]], code: Callable[[str], bytes]
) -> str:
    """Say what is past the plan; empty when nothing is.

    ``functions`` are the settings by name, ``code`` reads the code of an edge function.
    """
    if len(config.get("routes") or ()) > MOST_ROUTES:
        return f"Maximum number of routes is {MOST_ROUTES}"
    crons = config.get("crons") or ()
    if len(crons) > MOST_CRONS:
        return f"Maximum number of cron jobs is {MOST_CRONS}"
    for cron in crons:
        schedule = str(cron.get("schedule"))
        if plan == "hobby" and not all(field.isdigit() for field in schedule.split()[:2]):
            return (
                f"Hobby accounts are limited to daily cron jobs. This cron expression ({schedule}) would run more than "
                "once per day. Upgrade to the Pro plan to unlock all Cron Jobs features on Vercel."
            )
    for name, settings in functions.items():
        if not 1 <= int(settings.get("maxDuration") or 1) <= SECONDS[plan]:
            return (
                f'Builder returned invalid maxDuration value for Serverless Function "{name}". Serverless Functions '
                f"must have a maxDuration between 1 and {SECONDS[plan]} for plan {plan}."
            )
        size = len(gzip.compress(code(name), 6)) if settings.get("runtime") == "edge" else 0
        if size > EDGE[plan]:
            most = EDGE[plan] // 1_000_000
            return f'The Edge Function "{name}" size is {size / 1e6:.2f} MB and your plan size limit is {most} MB.'
    return ""
