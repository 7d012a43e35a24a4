"""What the app's error-tracking SDK would send: an event, grouped into an issue."""

from pipeline.sandbox.core import Core
from pipeline.sandbox.state import Issue

MOST = 500


def capture(core: Core, title: str, culprit: str, release: str, environment: str, level: str = "error") -> Issue:
    """Record one event. The same title at the same place is the same issue, and a resolved one is open again."""
    sentry, now = core.state.sentry, core.now()
    found = next((one for one in sentry.issues if (one.title, one.culprit) == (title, culprit)), None)
    if found is None:
        found = Issue(core.state.next_id(), title, culprit, level, release, environment, now)
        sentry.issues.append(found)
    found.seen = [*found.seen, now][-MOST:]
    found.count += 1
    found.status = "unresolved"
    if release and release not in found.releases:
        found.releases.append(release)
    core.dirty = True
    return found
