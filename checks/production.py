"""Says what a project's switches and domains tell of production."""

from checks.evidence import Production, ProductionBefore, RollbackTarget, VercelProject
from checks.gate import Findings, not_yet, warn
from checks.policy import BuildPolicy

SOON = 2.0
"""Days: a release may be taken back the day after."""


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


def lasts(seen: RollbackTarget, now: Production) -> Findings:
    """Find what retention took from the way back, or will, and what a rollback does not take back."""
    if seen.gone:
        yield warn(seen.gone, f"is what {now.id} replaced, and cannot be gone back to: was it deleted by retention?")
    if seen.days_left is not None and seen.days_left < SOON:
        yield warn(
            now.id,
            "may be deleted by retention soon after this release replaces it, and is the way back",
            fix="Vercel → Settings → Security → Deployment Retention: keep the last ten",
        )
    if seen.skew:
        hours = f"{seen.skew / 3600:.3g} h"
        yield warn(
            "open tabs",
            f"stay on the release they were opened with for {hours}, after a rollback too (skew protection)",
        )


def hooked(project: VercelProject) -> Findings:
    """Warn of deploy hooks: Vercel's file says what becomes of pushes, not of them."""
    for name in project.hooks:
        yield warn(
            f"deploy hook {name}",
            "ships the production branch for whoever calls it, past all of this, whatever vercel.json says",
            fix="vercel.com → project → Settings → Git → Deploy Hooks: delete it",
        )


def apart(now: Production) -> Findings:
    """Warn of the domains that do not serve what the main one does."""
    for name, id in now.others if now.id else ():
        if id not in ("", now.id):
            yield warn(name, f"serves {id} and not what {now.domain} does: nothing is proved of it")
    for name in now.unverified:
        says = "is a domain of the project that nobody has proved to own, so Vercel serves nothing of it there"
        yield warn(name, says, fix="vercel.com → project → Settings → Domains: its TXT record, or remove it")
