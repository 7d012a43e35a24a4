"""Says what a project's switches and domains tell of production."""

from checks.evidence import Production, ProductionBefore, VercelProject
from checks.gate import Findings, not_yet
from checks.policy import BuildPolicy


def pinned(policy: BuildPolicy, seen: VercelProject) -> bool:
    """Whether a rollback holds production. A team that deploys by `git` keeps auto-assignment off itself."""
    if policy.by == "git":
        return seen.moved_by == "rollback"
    return not seen.auto_assign


def behind(seen: Production, before: ProductionBefore, id: str) -> Findings:
    """Find the domains that served the same as the main one before, and do not point to ``id`` now."""
    for name, points_to in seen.others:
        if name in before.domains and points_to != id:
            yield not_yet(name, f"still points to {points_to or 'nothing'}", fix=f"vercel inspect {name}")
