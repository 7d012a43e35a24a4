"""How issues, projects and releases look in Sentry's answers."""

from pipeline.sandbox.core import Core, iso_seconds
from pipeline.sandbox.state import Issue, Release
from pipeline.sandbox.web import Payload

FLAGS = (
    "isBookmarked", "isMember", "hasAccess", "firstTransactionEvent", "hasFeedbacks", "hasFlags",
    "hasMinifiedStackTrace", "hasMonitors", "hasNewFeedbacks", "hasProfiles", "hasReplays", "hasSessions",
    "hasInsightsHttp", "hasInsightsDb", "hasInsightsAssets", "hasInsightsAppStart", "hasInsightsScreenLoad",
    "hasInsightsVitals", "hasInsightsCaches", "hasInsightsQueues", "hasInsightsAgentMonitoring", "hasInsightsMCP",
    "hasLogs", "hasTraceMetrics", "hasUserReports",
)  # fmt: skip
ABSENT = (
    "priorityLockedAt", "seerFixabilityScore", "seerAutofixLastTriggered", "seerExplorerAutofixLastTriggered",
    "shareId", "logger",
)  # fmt: skip


class Shapes:
    def __init__(self, core: Core) -> None:
        self._core = core

    def project(self) -> Payload:
        slug = self._core.state.sentry.project
        return {"id": "1", "slug": slug, "name": slug, "platform": "javascript-nextjs"}

    def whole_project(self) -> Payload:
        team = {"id": "1", "name": "acme", "slug": "acme"}
        newest = max(self._core.state.sentry.releases.values(), key=lambda one: one.created, default=None)
        return {
            **self.project(), **{name: name in ("isMember", "hasAccess") for name in FLAGS},
            "dateCreated": iso_seconds(self._core.state.vercel.created), "features": [], "firstEvent": None,
            "access": [],
            "team": team, "teams": [team], "platforms": ["javascript"], "environments": ["production"],
            "latestRelease": {"version": newest.version} if newest else None,
        }  # fmt: skip

    def issue(self, one: Issue, now: float) -> Payload:
        url = f"{self._core.ports.url('sentry')}/organizations/{self._core.state.sentry.organization}/issues/{one.id}/"
        recent = sum(at > now - 86400 for at in one.seen)
        return {
            **dict.fromkeys(ABSENT), "id": str(one.id), "shortId": f"LMS-{one.id}", "title": one.title,
            "culprit": one.culprit, "permalink": url, "level": one.level, "status": one.status, "statusDetails": {},
            "substatus": "ongoing" if one.status == "unresolved" else None, "isPublic": False, "platform": "python",
            "priority": "high" if one.level in ("error", "fatal") else "low", "project": self.project(),
            "type": "error",
            "issueType": "error", "issueCategory": "error", "numComments": 0, "assignedTo": None,
            "metadata": {"type": one.title.partition(":")[0], "value": one.title.partition(": ")[2]},
            "isBookmarked": False, "isSubscribed": False, "subscriptionDetails": None, "hasSeen": False,
            "annotations": [], "isUnhandled": True, "count": str(one.count), "userCount": 1,
            "firstSeen": iso_seconds(one.first), "lastSeen": iso_seconds(one.seen[-1]),
            "stats": {"24h": [[int(now), recent]]}, **self._context(one),
        }  # fmt: skip

    def _context(self, one: Issue) -> Payload:
        """What a listing adds to an issue; hardly anybody reads it."""
        seen = {
            "count": str(one.count), "userCount": 1, "stats": {}, "firstSeen": iso_seconds(one.first),
            "lastSeen": iso_seconds(one.seen[-1]),
        }  # fmt: skip
        derived = {
            "blocker": "", "progress": "", "status": one.status, "viewCount": 0, "hasOpenFixPr": False,
            "isAssigned": False, "hasRootCause": False, "lastCompletedAutofixStep": "", "lastProgressedAt": None,
        }  # fmt: skip
        nobody = {"type": "ownershipRule", "owner": "team:1", "date_added": iso_seconds(one.first)}
        return {
            "derivedData": derived, "filtered": None, "integrationIssues": [], "sentryAppIssues": [], "lifetime": seen,
            "inbox": {"reason": 0, "reason_details": None, "date_added": iso_seconds(one.first)}, "owners": nobody,
            "latestEventHasAttachments": False, "matchingEventEnvironment": one.environment, "matchingEventId": None,
            "sessionCount": 0,
        }  # fmt: skip

    def release(self, one: Release) -> Payload:
        sentry = self._core.state.sentry
        new = sum(issue.first_release == one.version for issue in sentry.issues)
        seen = [issue for issue in sentry.issues if one.version in issue.releases]
        return {
            "id": int(one.created) % 1000000, "version": one.version, "shortVersion": one.version[:12],
            "status": "open",
            "ref": one.extra.get("ref"), "url": one.extra.get("url"), "dateReleased": one.extra.get("dateReleased"),
            "dateCreated": iso_seconds(one.created), "newGroups": new, "data": {}, "commitCount": 1,
            "deployCount": len(one.deploys), "authors": [], "owner": None, "lastCommit": None,
            "lastDeploy": one.deploys[-1] if one.deploys else None,
            "firstEvent": iso_seconds(min(i.first for i in seen)) if seen else None,
            "lastEvent": iso_seconds(max(i.seen[-1] for i in seen)) if seen else None,
            "versionInfo": {
                "package": None, "version": {"raw": one.version}, "description": one.version[:12],
                "buildHash": one.version,
            },
            "projects": [
                {**self.project(), "id": 1, "platforms": ["python"], "hasHealthData": False, "newGroups": new}
            ],
        }  # fmt: skip
