"""Shapes projects and releases as Sentry's answers show them."""

from pipeline.sandbox.core import Core, iso_seconds
from pipeline.sandbox.sentry import records
from pipeline.sandbox.state import Release
from pipeline.sandbox.web import Payload, Problem

FLAGS = (
    "isBookmarked", "isMember", "hasAccess", "firstTransactionEvent", "hasFeedbacks", "hasFlags",
    "hasMinifiedStackTrace", "hasMonitors", "hasNewFeedbacks", "hasProfiles", "hasReplays", "hasSessions",
    "hasInsightsHttp", "hasInsightsDb", "hasInsightsAssets", "hasInsightsAppStart", "hasInsightsScreenLoad",
    "hasInsightsVitals", "hasInsightsCaches", "hasInsightsQueues", "hasInsightsAgentMonitoring", "hasInsightsMCP",
    "hasLogs", "hasTraceMetrics", "hasUserReports",
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

    def commit(self, of: Release, commit: Payload) -> Payload:
        moment = commit.get("timestamp") or iso_seconds(of.created)
        email, name = commit.get("author_email"), commit.get("author_name")
        named = {"id": "1", "name": commit.get("repository") or self._core.state.github.repository}
        brief = {
            "version": of.version, "shortVersion": of.version[:12], "ref": of.extra.get("ref"),
            "url": of.extra.get("url"), "dateReleased": of.extra.get("dateReleased"),
            "dateCreated": iso_seconds(of.created),
        }  # fmt: skip
        return {
            "id": commit["id"],
            "message": commit.get("message"),
            "dateCreated": moment,
            "pullRequest": None,
            "suspectCommitType": "",
            "repository": {**self.repository(), **named},
            "releases": [brief],
            **({"author": {"name": name, "email": email}} if email else {}),
        }

    def named(self, version: str) -> Release | None:
        """Find a release; one that only its events name is a release, too."""
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
        """Compute the health of a release in the last 24 hours; rates in percent, and null without sessions."""
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
