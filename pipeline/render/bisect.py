"""The end of a bisection in words."""

from pipeline.clients.vercelshapes import Deployment
from pipeline.session.bisecting import Found


def bisect_text(found: Found) -> str:
    """Which deployment, and what to type to see what it changed."""
    good, bad = found.last_good, found.first_bad
    lines = [
        f"FIRST BAD  {_name(bad)}",
        f"last good  {_name(good)}",
        *(f"skipped    {_name(one)}: it may be this one too" for one in found.skipped),
        f"asked      {found.asked} times",
    ]
    if good.commit and bad.commit:
        lines.append(f"next       git log --oneline {good.commit[:12]}..{bad.commit[:12]}")
    lines.append(f"next       ./inv rollback --to {good.id}")
    return "\n".join(lines)


def _name(one: Deployment) -> str:
    return f"{one.id}  commit {one.commit[:12] or '?'}  {one.url}"
