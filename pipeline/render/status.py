"""What is true now, in words."""

import datetime

from pipeline.render.report import COMMIT, OUTCOMES
from pipeline.report import Report
from pipeline.status import Status


def status_text(status: Status) -> str:
    """One screen."""
    lines = [f"target    {status.target}, {status.site}"]
    if status.live:
        since = datetime.datetime.fromtimestamp(status.live.created / 1000, datetime.UTC)
        lines.append(
            f"serves    {status.live.id}  commit {status.live.commit[:COMMIT] or '?'}  built {since:%Y-%m-%d %H:%M} UTC"
        )
        run = status.live.meta.get("deployRun")
        lines += [f"          put there by run {run}"] if run else []
    else:
        lines.append("serves    nothing" if not status.unknown else "serves    unknown")
    lines.append(f"health    {status.health}")
    match status.pinned:
        case True:
            lines.append("pinned    yes: rolled back; new deployments stay staged until something is promoted")
        case False:
            lines.append("pinned    no")
        case None:
            lines.append("pinned    unknown: Vercel does not say")
    lines += [f"staged    {one.id}  commit {one.commit[:COMMIT] or '?'}  {one.url}" for one in status.staged]
    lines.append(f"lock      {status.lock or 'free'}")
    lines += [f"unknown   {text}" for text in status.unknown]
    return "\n".join(lines)


def history_text(reports: list[Report]) -> str:
    """One line a run, newest first."""
    if not reports:
        return "no runs yet: ./inv deploy starts one"
    lines = [f"{'run':<24} {'target':<11} {'commit':<12} {'began (UTC)':<16}  {'outcome':<12} because"]
    for one in reports:
        began = one.began[:16].replace("T", " ")
        outcome = one.outcome if one.outcome in OUTCOMES and one.outcome else "cut off"
        line = f"{one.run:<24} {one.target:<11} {one.commit[:COMMIT]:<12} {began:<16}  {outcome:<12} {one.reason[:90]}"
        lines.append(line.rstrip())
    return "\n".join(lines)
