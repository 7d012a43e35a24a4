"""Records what the app's error-tracking SDK would send: an event, grouped into an issue."""

import secrets

from pipeline.sandbox.core import Core
from pipeline.sandbox.state import Issue
from pipeline.sandbox.witnessstate import Occurrence

MOST = 500


def capture(
    core: Core,
    title: str,
    culprit: str,
    release: str,
    environment: str,
    level: str = "error",
    *,
    message: str = "",
    transaction: str = "",
    id: str = "",
) -> Issue | None:
    """Record one event; None when Sentry is blind, and nothing is kept.

    The same title at the same place is the same issue, and a resolved one is open again.
    """
    sentry, now = core.state.sentry, core.now()
    if sentry.blind or sentry.deaf:
        return None
    found = next((issue for issue in sentry.issues if (issue.title, issue.culprit) == (title, culprit)), None)
    if found is None:
        found = Issue(core.state.next_id(), title, culprit, level, release, environment, now)
        sentry.issues.append(found)
    event = Occurrence(id or secrets.token_hex(16), now, release, environment, transaction or culprit, level, message)
    found.seen = [*found.seen, now][-MOST:]
    found.events = [*found.events, event][-MOST:]
    found.count += 1
    found.status = "unresolved"
    if release and release not in found.releases:
        found.releases.append(release)
    core.dirty = True
    return found
