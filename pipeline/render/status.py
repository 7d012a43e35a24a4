"""What is true now, in words."""

import datetime

from pipeline.redact import one_line
from pipeline.render.report import COMMIT
from pipeline.session.status import TargetStatus


def status_text(status: TargetStatus) -> str:
    """The state of a target on one screen: what it serves, its health, its pin, its lock."""
    lines = [f"target    {status.target}, {status.site}", *_live(status), f"health    {status.health}"]
    match status.pinned:
        case True:
            lines.append("pinned    yes: rolled back; new deployments stay staged until something is promoted")
        case False:
            lines.append("pinned    no")
        case None:
            lines.append("pinned    unknown: Vercel does not say, so treat it as pinned")
    if status.rolling:
        lines.append(f"rolling   {status.rolling.canary} gets {status.rolling.percent} % of the visitors")
        if status.rolling.queued:
            lines.append(f"          {status.rolling.queued} is queued behind it")
    lines += [f"stale     {name} was changed after this deployment was made" for name in status.went_back.variables]
    lines += [f"cron      {text}" for text in status.went_back.crons]
    lines += [
        f"staged    {deployment.id}  commit {deployment.commit[:COMMIT] or '?'}  {deployment.url}"
        for deployment in status.staged
    ]
    lines.append(f"lock      {status.lock or 'free'}")
    lines.append(f"record    {status.record}")
    lines += [f"unknown   {text}" for text in status.unknown]
    return "\n".join(lines)


def _live(status: TargetStatus) -> list[str]:
    if status.live is None:
        return ["serves    nothing" if not status.unknown else "serves    unknown"]
    since = datetime.datetime.fromtimestamp(status.since / 1000, datetime.UTC)
    lines = [f"serves    {status.live.id}  commit {status.live.commit[:COMMIT] or '?'}"]
    lines.append(f"since     {since:%Y-%m-%d %H:%M} UTC{', by ' + one_line(status.by) if status.by else ''}")
    return lines + ([f"bad       it was taken back before: {status.bad}"] if status.bad else [])
