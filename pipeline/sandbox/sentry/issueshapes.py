"""Shapes issues and their events as Sentry's answers show them."""

from pipeline.sandbox.core import Core, iso, iso_seconds
from pipeline.sandbox.sentry.records import Known
from pipeline.sandbox.sentry.shapes import Shapes
from pipeline.sandbox.state import Issue
from pipeline.sandbox.web import Payload
from pipeline.sandbox.witnessstate import Occurrence

ABSENT = (
    "priorityLockedAt", "seerFixabilityScore", "seerAutofixLastTriggered", "seerExplorerAutofixLastTriggered",
    "shareId", "logger",
)  # fmt: skip


class IssueShapes:
    """Writes an issue or an event as Sentry's API does, in a list or by itself."""

    def __init__(self, core: Core) -> None:
        self._core, self._places = core, Shapes(core)

    def issue(self, known: Known, now: float) -> Payload:
        issue, last = known.issue, known.events[-1].at
        url = (
            f"{self._core.ports.url('sentry')}/organizations/{self._core.state.sentry.organization}/issues/{issue.id}/"
        )
        recent = sum(event.at > now - 86400 for event in known.events)
        return {
            **dict.fromkeys(ABSENT),
            "id": str(issue.id),
            "shortId": f"LMS-{issue.id}",
            "title": issue.title,
            "culprit": issue.culprit,
            "permalink": url,
            "level": issue.level,
            "status": issue.status,
            "statusDetails": {},
            "substatus": "ongoing" if issue.status == "unresolved" else None,
            "isPublic": False,
            "platform": "python",
            "priority": "high" if issue.level in ("error", "fatal") else "low",
            "project": self._places.project(),
            "type": "error",
            "issueType": "error",
            "issueCategory": "error",
            "numComments": 0,
            "assignedTo": None,
            "metadata": _metadata(issue),
            "isBookmarked": False,
            "isSubscribed": False,
            "subscriptionDetails": None,
            "hasSeen": False,
            "annotations": [],
            "isUnhandled": True,
            "count": str(known.count),
            "userCount": 1,
            "firstSeen": iso_seconds(issue.first),
            "lastSeen": iso_seconds(last),
            "stats": {"24h": [[int(now), recent]]},
            **self._context(known),
        }

    def detailed_issue(self, known: Known, now: float) -> Payload:
        """Shape an issue by itself: owners are a list here, and one object in a listing."""
        first, last = map(self._places.named, (known.issue.first_release, known.events[-1].release))
        return {
            **self.issue(known, now),
            "owners": None,
            "inbox": None,
            "firstRelease": self._places.release(first) if first else None,
            "lastRelease": self._places.release(last) if last else None,
            "tags": [],
            "activity": [],
            "seenBy": [],
            "userReportCount": 0,
            "participants": [],
        }

    def event(self, of: Issue, event: Occurrence) -> Payload:
        said = {"environment": event.environment, "level": event.level, "release": event.release,
                "transaction": event.transaction}  # fmt: skip
        tags = [{"key": key, "value": value} for key, value in said.items() if value]
        return {
            "id": event.id,
            "eventID": event.id,
            "event.type": "error",
            "groupID": str(of.id),
            "title": of.title,
            "projectID": self._core.state.sentry.project_id,
            "message": event.message,
            "location": None,
            "culprit": of.culprit,
            "user": None,
            "tags": tags,
            "platform": "javascript",
            "crashFile": None,
            "dateCreated": iso(event.at),
            "metadata": _metadata(of),
        }

    def detailed_event(self, of: Issue, event: Occurrence) -> Payload:
        release = self._core.state.sentry.releases.get(event.release)
        nothing = ("size", "dist", "occurrence", "userReport", "nextEventID", "previousEventID")
        return {
            **self.event(of, event),
            **dict.fromkeys(nothing),
            "dateReceived": iso(event.at),
            "contexts": {},
            "entries": [],
            "sdk": None,
            "context": {},
            "packages": {},
            "type": "error",
            "errors": [],
            "_meta": {},
            "sdkUpdates": [],
            "resolvedWith": [],
            "release": self._places.release(release) if release else None,
        }

    def _context(self, known: Known) -> Payload:
        """Shape what a listing adds to an issue; hardly anybody reads it."""
        issue, last = known.issue, known.events[-1]
        seen = {
            "count": str(known.count), "userCount": 1, "stats": {}, "firstSeen": iso_seconds(issue.first),
            "lastSeen": iso_seconds(last.at),
        }  # fmt: skip
        derived = {
            "blocker": "", "progress": "", "status": issue.status, "viewCount": 0, "hasOpenFixPr": False,
            "isAssigned": False, "hasRootCause": False, "lastCompletedAutofixStep": "", "lastProgressedAt": None,
        }  # fmt: skip
        nobody = {"type": "ownershipRule", "owner": "team:1", "date_added": iso_seconds(issue.first)}
        return {
            "derivedData": derived,
            "filtered": None,
            "integrationIssues": [],
            "sentryAppIssues": [],
            "lifetime": seen,
            "inbox": {"reason": 0, "reason_details": None, "date_added": iso_seconds(issue.first)},
            "owners": nobody,
            "latestEventHasAttachments": False,
            "matchingEventEnvironment": last.environment,
            "matchingEventId": None,
            "sessionCount": 0,
        }


def _metadata(issue: Issue) -> Payload:
    kind, _, value = issue.title.partition(": ")
    return {"type": kind, "value": value, "filename": ""}
