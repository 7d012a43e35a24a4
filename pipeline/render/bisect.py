"""The end of a bisection in words."""

from checks.amounts import amount
from pipeline.clients.vercelshapes import Deployment
from pipeline.session.bisecting import Found


def bisect_text(bisection: Found, target: str) -> str:
    """The end of a bisection: which deployment was the first bad one, and what to type to see what it changed."""
    good, bad = bisection.last_good, bisection.first_bad
    lines = [
        f"FIRST BAD  {_name(bad)}",
        f"last good  {_name(good)}",
        *(f"skipped    {_name(deployment)}: it may be this one too" for deployment in bisection.skipped),
        f"asked      {amount(bisection.asked, 'time')}",
    ]
    if good.commit and bad.commit:
        lines.append(f"next       git log --oneline {good.commit[:12]}..{bad.commit[:12]}")
    lines.append(f"next       ./inv rollback --target {target} --to {good.id}")
    return "\n".join(lines)


def _name(deployment: Deployment) -> str:
    return f"{deployment.id}  commit {deployment.commit[:12] or '?'}  {deployment.url}"
