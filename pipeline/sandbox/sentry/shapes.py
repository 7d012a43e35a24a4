"""How issues, projects and releases look in Sentry's answers."""

from pipeline.sandbox.core import Core, iso, iso_seconds
from pipeline.sandbox.sentry import records
from pipeline.sandbox.sentry.records import Known
from pipeline.sandbox.state import Issue, Release
from pipeline.sandbox.web import Payload, Problem
from pipeline.sandbox.witnessstate import Occurrence

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
        return {"id": self._core.state.sentry.project_id, "slug": slug, "name": slug, "platform": "javascript-nextjs"}

    def dsn(self) -> str:
        sentry, ports = self._core.state.sentry, self._core.ports
        return f"http://{sentry.key}@{ports.host('sentry')}/{sentry.project_id}"

    def organization(self) -> Payload:
        name = self._core.state.sentry.organization
        links = {
            "organizationUrl": f"{self._core.ports.url('sentry')}/organizations/{name}",
            "regionUrl": self._core.ports.url("sentry"),
        }
        switches = ("isEarlyAdopter", "require2FA", "hasAuthProvider", "allowMemberInvite",
                    "allowMemberProjectCreation", "allowSuperuserAccess")  # fmt: skip
        return {
            **dict.fromkeys(switches, False),
            "id": "1",
            "slug": name,
            "name": "Acme",
            "status": {"id": "active", "name": "active"},
            "features": [],
            "links": links,
            "dateCreated": iso_seconds(self._core.state.vercel.created),
            "avatar": {"avatarType": "letter_avatar", "avatarUuid": None, "avatarUrl": None},
        }

    def repository(self) -> Payload:
        name = self._core.state.github.repository
        return {
            "id": "1",
            "name": name,
            "url": f"https://github.com/{name}",
            "status": "active",
            "integrationId": "1",
            "provider": {"id": "integrations:github", "name": "GitHub"},
            "externalSlug": name,
            "externalId": "1",
            "dateCreated": iso_seconds(self._core.state.vercel.created),
        }

    def whole_project(self) -> Payload:
        team = {"id": "1", "name": "acme", "slug": "acme"}
        newest = max(self._core.state.sentry.releases.values(), key=lambda one: one.created, default=None)
        return {
            **self.project(),
            **{name: name in ("isMember", "hasAccess") for name in FLAGS},
            "dateCreated": iso_seconds(self._core.state.vercel.created),
            "features": [],
            "firstEvent": None,
            "access": [],
            "team": team,
            "teams": [team],
            "platforms": ["javascript"],
            "environments": ["production"],
            "latestRelease": {"version": newest.version} if newest else None,
        }

    def detailed_project(self) -> Payload:
        made = iso_seconds(self._core.state.vercel.created)
        texts = ("subjectPrefix", "subjectTemplate", "securityToken", "groupingConfig", "groupingEnhancements",
                 "derivedGroupingEnhancements", "fingerprintingRules", "symbolSources")  # fmt: skip
        nothing = ("storeCrashReports", "securityTokenHeader", "secondaryGroupingConfig", "defaultEnvironment",
                   "relayPiiConfig", "dynamicSamplingBiases", "debugFilesRole", "seerNightshiftTweaks")  # fmt: skip
        flags = ("isInternal", "isPublic", "dataScrubber", "dataScrubberDefaults", "verifySSL", "scrubIPAddresses",
                 "scrapeJavaScript", "enableAutoReleaseCreation", "isDynamicallySampled", "tempestFetchScreenshots",
                 "seerScannerAutomation", "scmSourceContextEnabled")  # fmt: skip
        lists = ("allowedDomains", "safeFields", "sensitiveFields", "highlightTags", "builtinSymbolSources")
        numbers = ("digestsMinDelay", "digestsMaxDelay", "resolveAge", "secondaryGroupingExpiry", "processingIssues")
        return {
            **self.whole_project(),
            **dict.fromkeys(texts, ""),
            **dict.fromkeys(nothing),
            **dict.fromkeys(flags, False),
            **{name: [] for name in lists},
            **dict.fromkeys(numbers, 0),
            "organization": self.organization(),
            "options": {},
            "highlightContext": {},
            "highlightPreset": {"tags": [], "context": {}},
            "color": "#3fbf7f",
            "avatar": {"avatarType": "letter_avatar", "avatarUuid": None},
            "status": "active",
            "dateCreated": made,
            "autofixAutomationTuning": "off",
        }

    def issue(self, known: Known, now: float) -> Payload:
        one, last = known.issue, known.events[-1].at
        url = f"{self._core.ports.url('sentry')}/organizations/{self._core.state.sentry.organization}/issues/{one.id}/"
        recent = sum(event.at > now - 86400 for event in known.events)
        return {
            **dict.fromkeys(ABSENT),
            "id": str(one.id),
            "shortId": f"LMS-{one.id}",
            "title": one.title,
            "culprit": one.culprit,
            "permalink": url,
            "level": one.level,
            "status": one.status,
            "statusDetails": {},
            "substatus": "ongoing" if one.status == "unresolved" else None,
            "isPublic": False,
            "platform": "python",
            "priority": "high" if one.level in ("error", "fatal") else "low",
            "project": self.project(),
            "type": "error",
            "issueType": "error",
            "issueCategory": "error",
            "numComments": 0,
            "assignedTo": None,
            "metadata": _metadata(one),
            "isBookmarked": False,
            "isSubscribed": False,
            "subscriptionDetails": None,
            "hasSeen": False,
            "annotations": [],
            "isUnhandled": True,
            "count": str(known.count),
            "userCount": 1,
            "firstSeen": iso_seconds(one.first),
            "lastSeen": iso_seconds(last),
            "stats": {"24h": [[int(now), recent]]},
            **self._context(known),
        }

    def detailed_issue(self, known: Known, now: float) -> Payload:
        """Owners are a list here, and one object in a listing."""
        first, last = map(self._named, (known.issue.first_release, known.events[-1].release))
        return {
            **self.issue(known, now),
            "owners": None,
            "inbox": None,
            "firstRelease": self.release(first) if first else None,
            "lastRelease": self.release(last) if last else None,
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
            "release": self.release(release) if release else None,
        }

    def _context(self, known: Known) -> Payload:
        """What a listing adds to an issue; hardly anybody reads it."""
        one, last = known.issue, known.events[-1]
        seen = {
            "count": str(known.count), "userCount": 1, "stats": {}, "firstSeen": iso_seconds(one.first),
            "lastSeen": iso_seconds(last.at),
        }  # fmt: skip
        derived = {
            "blocker": "", "progress": "", "status": one.status, "viewCount": 0, "hasOpenFixPr": False,
            "isAssigned": False, "hasRootCause": False, "lastCompletedAutofixStep": "", "lastProgressedAt": None,
        }  # fmt: skip
        nobody = {"type": "ownershipRule", "owner": "team:1", "date_added": iso_seconds(one.first)}
        return {
            "derivedData": derived,
            "filtered": None,
            "integrationIssues": [],
            "sentryAppIssues": [],
            "lifetime": seen,
            "inbox": {"reason": 0, "reason_details": None, "date_added": iso_seconds(one.first)},
            "owners": nobody,
            "latestEventHasAttachments": False,
            "matchingEventEnvironment": last.environment,
            "matchingEventId": None,
            "sessionCount": 0,
        }

    def commit(self, of: Release, one: Payload) -> Payload:
        at = one.get("timestamp") or iso_seconds(of.created)
        email, name = one.get("author_email"), one.get("author_name")
        named = {"id": "1", "name": one.get("repository") or self._core.state.github.repository}
        brief = {
            "version": of.version, "shortVersion": of.version[:12], "ref": of.extra.get("ref"),
            "url": of.extra.get("url"), "dateReleased": of.extra.get("dateReleased"),
            "dateCreated": iso_seconds(of.created),
        }  # fmt: skip
        return {
            "id": one["id"],
            "message": one.get("message"),
            "dateCreated": at,
            "pullRequest": None,
            "suspectCommitType": "",
            "repository": {**self.repository(), **named},
            "releases": [brief],
            **({"author": {"name": name, "email": email}} if email else {}),
        }

    def _named(self, version: str) -> Release | None:
        """A release that only its events name is a release, too."""
        sentry = self._core.state.sentry
        return sentry.releases.get(version) or (
            Release(version, self._core.now(), [sentry.project]) if version else None
        )

    def release(self, release: Release, health: bool = False) -> Payload:
        known = list(records.known(self._core))
        new = sum(each.issue.first_release == release.version for each in known)
        seen = [event.at for each in known for event in each.events if event.release == release.version]
        authors = {commit["author_email"]: commit for commit in release.commits if commit.get("author_email")}
        return {
            "id": int(release.created) % 1000000,
            "version": release.version,
            "shortVersion": release.version[:12],
            "status": "open",
            "ref": release.extra.get("ref"),
            "url": release.extra.get("url"),
            "dateReleased": release.extra.get("dateReleased"),
            "dateCreated": iso_seconds(release.created),
            "newGroups": new,
            "data": {},
            "commitCount": len(release.commits),
            "deployCount": len(release.deploys),
            "owner": None,
            "authors": [{"name": each.get("author_name"), "email": email} for email, each in authors.items()],
            "lastCommit": self.commit(release, release.commits[0]) if release.commits else None,
            "lastDeploy": release.deploys[-1] if release.deploys else None,
            "firstEvent": iso_seconds(min(seen)) if seen else None,
            "lastEvent": iso_seconds(max(seen)) if seen else None,
            "versionInfo": {
                "package": None,
                "version": {"raw": release.version},
                "description": release.version[:12],
                "buildHash": release.version,
            },
            "projects": [
                {
                    **self.project(),
                    "id": int(self._core.state.sentry.project_id),
                    "platforms": ["python"],
                    "newGroups": new,
                    "hasHealthData": health,
                    **({"healthData": self._health(release)} if health else {}),
                }
            ],
        }

    def _health(self, release: Release) -> Payload:
        """Of the last 24 hours; rates in percent, and null without sessions."""
        now = self._core.now()
        found = list(records.spans(self._core, now - 86400, now))
        mine = [span for span in found if span["release"] == release.version]
        crashed = sum(span["failed"] for span in mine)
        free = 100 * (1 - crashed / len(mine)) if mine else None
        return {
            "crashFreeSessions": free,
            "crashFreeUsers": free,
            "totalSessions": len(mine),
            "totalSessions24h": len(mine),
            "totalProjectSessions24h": len(found),
            "sessionsCrashed": crashed,
            "sessionsErrored": crashed,
            "hasHealthData": bool(mine),
            "durationP50": None,
            "durationP90": None,
            "totalUsers": None,
            "totalUsers24h": None,
            "totalProjectUsers24h": None,
            "adoption": None,
            "sessionsAdoption": 100 * len(mine) / len(found) if found else None,
            "stats": {},
        }


def missing() -> Problem:
    return Problem(404, {"detail": "The requested resource does not exist"})


def _metadata(issue: Issue) -> Payload:
    kind, _, value = issue.title.partition(": ")
    return {"type": kind, "value": value, "filename": ""}
