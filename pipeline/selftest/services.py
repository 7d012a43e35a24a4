"""How the gates of ``checks.services`` are made to stop."""

from checks import services
from pipeline.selftest.breakage import Breakage, begins
from pipeline.selftest.hands import INDEX, in_production, patch, repaired, shipping

BOT = 'if "Better Stack" in request.headers.get("user-agent", ""): return Response.html("Are you human?", 503)'
"""What a bot filter that came with a release does to the monitor."""

BREAKAGES = (
    Breakage(
        services.vercel_is_operational, "state", "Vercel's status page reports a major incident",
        patch(status_pages={"vercel": "major", "vercel_incidents": ["Elevated errors deploying"]}),
        "Wait until Vercel says it is over", patch(status_pages={"vercel": "none", "vercel_incidents": []}),
    ),
    Breakage(
        services.neon_is_operational, "state", "Neon's status page reports a major incident",
        patch(status_pages={"neon": "major", "neon_incidents": ["Compute nodes cannot start"]}),
        "Wait until Neon says it is over", patch(status_pages={"neon": "none", "neon_incidents": []}),
    ),
    Breakage(
        services.others_are_operational, "state", "Cloudflare's status page reports a critical incident",
        patch(status_pages={"cloudflare": "critical", "cloudflare_incidents": ["R2 errors"]}),
        "Follow the playbook *Vendor Outage*", patch(status_pages={"cloudflare": "none", "cloudflare_incidents": []}),
    ),
    Breakage(
        services.uptime_is_confirmed, "release", "a bot filter of the release answers 503 to Better Stack's monitor",
        shipping(edits={INDEX: in_production(BOT)}), "ship the new commit with `--over-rollback`", repaired,
        run="deploy",
    ),
    Breakage(
        services.regions_have_seen_it, "state", "Better Stack asks from one region only",
        patch(betterstack={"blind_regions": ["eu", "as", "au"]}),
        "See whether the monitor is paused, in maintenance, or asks from one region only",
        patch(betterstack={"blind_regions": []}), run="deploy", moment=begins("watch"),
    ),
)  # fmt: skip
