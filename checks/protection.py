"""Vercel's Deployment Protection answers instead of the app: whatever it says, nothing was learnt about the app."""

from checks.gate import Finding, block

BYPASS = "VERCEL_AUTOMATION_BYPASS_SECRET"


def protected(subject: str) -> Finding:
    """Find, loudly, that Deployment Protection answered, and name the secret that is missing."""
    return block(
        subject,
        f"meets Deployment Protection instead of the app: {BYPASS} is not set or is wrong",
        fix=f"vercel.com → project → Settings → Deployment Protection; set {BYPASS}",
    )
