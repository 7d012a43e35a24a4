"""What Vercel would refuse of a build, in its own words; the numbers are those of its documentation as of 2026-09.

Sources: vercel.com/docs/functions/limitations (sizes, durations, memory; ``maxDuration`` and memory with Fluid
compute), vercel.com/docs/limits (routes), vercel.com/docs/cron-jobs/usage-and-pricing and vercel.com/docs/cron-jobs
(how many, how often, what an expression may hold). The words are those of failed deployments, where those are public.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from checks.evidence import BuildOutput, BuiltFunction
from checks.gate import Findings, block, warn
from checks.policy import BuildPolicy

MB = 1_000_000
MOST_ROUTES, MOST_CRONS, LONGEST_PATH = 2048, 100, 512
UNZIPPED = {"python": 500 * MB}
UNZIPPED_ELSE = 250 * MB


@dataclass(frozen=True)
class _Plan:
    seconds: int
    memory: int
    edge: int
    """Bytes of an edge function, compressed."""
    daily: bool = False
    """Whether a cron job may run once a day at most."""


PLANS = {
    "hobby": _Plan(300, 2048, 1 * MB, daily=True),
    "pro": _Plan(800, 4096, 2 * MB),
    "enterprise": _Plan(800, 4096, 4 * MB),
}
FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day of month", 1, 31), ("month", 1, 12), ("day of week", 0, 6))
PART = re.compile(r"(\*|\d+)(?:-(\d+))?(?:/(\d+))?")


def past_limits(plan: str, seen: BuildOutput) -> Findings:
    """Say what Vercel would refuse, and what it takes only when more was switched on than is usual."""
    for subject, says in refusals(plan, seen):
        yield block(subject, f"Vercel would refuse it: {says}")
    for function in seen.functions:
        if says := too_large(function):
            yield warn(function.name, f"{says}; Vercel takes it only with large functions switched on")


def due_too_often(policy: BuildPolicy, seen: BuildOutput) -> tuple[BuildPolicy, BuildOutput]:
    """A build whose cron job is due every ten minutes, on a plan of daily ones: an example for a gate."""
    return replace(policy, plan="hobby"), replace(seen, crons=(("/api/cron/nightly", "*/10 * * * *"),))


def refusals(plan: str, seen: BuildOutput) -> Iterator[tuple[str, str]]:
    """(what it is about, why Vercel would refuse it) for everything in the build that goes past the plan."""
    if seen.routes > MOST_ROUTES:
        yield "routes", f"Maximum number of routes is {MOST_ROUTES}, and the build has {seen.routes}"
    if len(seen.crons) > MOST_CRONS:
        yield "crons", f"a project may have {MOST_CRONS} cron jobs, and the build has {len(seen.crons)}"
    for path, schedule in seen.crons:
        if wrong := _wrong_cron(plan, path, schedule):
            yield f"cron {path}", wrong
    for function in seen.functions:
        for wrong in _wrong_function(plan, function):
            yield function.name, wrong


def too_large(function: BuiltFunction) -> str:
    """Say that a function is larger than Vercel takes unless large functions are switched on; empty when it is not."""
    most = UNZIPPED.get(function.runtime.rstrip("0123456789.x"), UNZIPPED_ELSE)
    if function.runtime == "edge" or function.size <= most:
        return ""
    return (
        f"A Serverless Function has exceeded the unzipped maximum size of {most // MB} MB: {function.size / MB:.0f} MB"
    )


def _wrong_function(plan: str, function: BuiltFunction) -> Iterator[str]:
    limit = PLANS[plan]
    if function.seconds and not 1 <= function.seconds <= limit.seconds:
        yield (
            f'Builder returned invalid maxDuration value for Serverless Function "{function.name}". Serverless Functions '
            f"must have a maxDuration between 1 and {limit.seconds} for plan {plan}."
        )
    if function.memory > limit.memory:
        yield f"Serverless Functions are limited to {limit.memory} mb of memory, and it wants {function.memory}"
    if function.runtime == "edge" and function.packed > limit.edge:
        size = f"{function.packed / MB:.2f}"
        yield (
            f'The Edge Function "{function.name}" size is {size} MB and your plan size limit is {limit.edge // MB} MB.'
        )


def _wrong_cron(plan: str, path: str, schedule: str) -> str:
    if not path.startswith("/") or len(path) > LONGEST_PATH:
        return f"its path must begin with / and have at most {LONGEST_PATH} characters"
    fields = schedule.split()
    if len(fields) != len(FIELDS):
        return f"{schedule!r} is no cron expression: it has {len(fields)} fields and not 5"
    for text, (name, least, most) in zip(fields, FIELDS, strict=True):
        if not all(_fits(part, least, most) for part in text.split(",")):
            return f"{schedule!r} is no cron expression that Vercel takes: {text!r} is no {name} ({least} to {most})"
    if "*" not in (fields[2], fields[4]):
        return f"{schedule!r}: only one of day of month and day of week may be said, the other one must be *"
    if PLANS[plan].daily and not (fields[0].isdigit() and fields[1].isdigit()):
        return (
            f"Hobby accounts are limited to daily cron jobs. This cron expression ({schedule}) would run more than once "
            "per day. Upgrade to the Pro plan to unlock all Cron Jobs features on Vercel."
        )
    return ""


def _fits(part: str, least: int, most: int) -> bool:
    found = PART.fullmatch(part)
    if not found or (found[1] == "*" and found[2]):
        return False
    numbers = [int(one) for one in (found[1], found[2]) if one and one != "*"]
    return all(least <= one <= most for one in numbers) and numbers == sorted(numbers) and found[3] != "0"
