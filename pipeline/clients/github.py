"""Asks GitHub's REST API for commits, checks, pull requests and alerts of one repository."""

from collections.abc import Callable, Mapping
from typing import Any

import httpx

from pipeline.clients.base import Params, Service
from pipeline.clients.githubshapes import (
    OFF,
    CommitAuthor,
    EnvironmentApproval,
    Pull,
    PullReview,
    Reported,
    Scanned,
    ScannerAlert,
    author_of,
    check_runs_of,
    code_scanning_of,
    commits_of,
    content_of,
    content_or_names_of,
    dependabot_of,
    environment_approvals_of,
    protection_of,
    pulls_of,
    reviews_of,
    rules_of,
    statuses_of,
)
from pipeline.clock import Clock
from pipeline.errors import Refused, Unreadable

WHOLE: Params = {"per_page": 100}
MOVED = (301, 302, 307, 308)
LIMITED = "rate-limit"  # in the address of the page that a refusal names
LIMITED_FOR = 60.0  # seconds
WRITES = ("OWNER", "MEMBER", "COLLABORATOR")  # associations of people who are let into the repository


class GitHub(Service):
    """Asks about one repository, ``owner/name``."""

    def __init__(self, base: str, token: str, repository: str, http: httpx.AsyncClient, clock: Clock) -> None:
        headers = {
            "authorization": f"Bearer {token}",
            "accept": "application/vnd.github+json",
            "x-github-api-version": "2022-11-28",
            "user-agent": "deploy-pipeline",
        }
        super().__init__("github", base, http, clock, headers)
        self.unset = "" if token else "GITHUB_TOKEN"
        self._repo = f"/repos/{repository}"
        self.path = self._repo
        """Where the repository's addresses begin."""
        self.repository = repository
        """``owner/name`` as GitHub calls it now: another than was asked for when it was renamed or transferred."""

    async def send(self, method: str, path: str, *, timeout: float = 0, **more: Any) -> httpx.Response:
        """Send a request as ``Service`` does, to the place where a renamed or transferred repository is now.

        GitHub answers 301 (a read) or 307 (a write) for the old name and carries nothing out.
        """
        asked = self._repo + "/"
        try:
            return await super().send(method, self._now(path), timeout=timeout, **more)
        except Refused as error:
            if error.status not in MOVED or not (path + "/").startswith(asked):
                raise
            self.repository = await self._name_now(error)
        return await super().send(method, self._now(path), timeout=timeout, **more)

    def refusal(self, asked: str, response: httpx.Response) -> Refused:
        """As ``Service`` does. A secondary limit may have no header: the page it names says so, and to wait a minute.

        Source: https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
        """
        error = super().refusal(asked, response)
        page = str(error.body.get("documentation_url") or "") if isinstance(error.body, Mapping) else ""
        if error.status in (403, 429) and not error.retry_after and LIMITED in page:
            error.retry_after = LIMITED_FOR
        return error

    def _now(self, path: str) -> str:
        inside = path.startswith(self._repo) and path[len(self._repo) :][:1] in ("", "/")
        return f"/repos/{self.repository}{path[len(self._repo) :]}" if inside else path

    async def _name_now(self, moved: Refused) -> str:
        """Ask what the repository is called now; our token follows only to the same API. Raises Unreadable.

        GET /repos/{owner}/{repo}, then GET /repositories/{id}
        """
        asked = f"GET {self._repo}"
        try:
            await super().send("GET", self._repo)
        except Refused as error:
            if error.status in MOVED:
                to = str(error.body.get("url") or "") if isinstance(error.body, Mapping) else ""
                if not to.startswith(self.base + "/") or to.startswith(self.base + self._repo):
                    raise Unreadable(
                        self.name, asked, f"the repository has moved to {to[:100] or 'nowhere'}"
                    ) from error
                response = await super().send("GET", to.removeprefix(self.base))
                name = str(response.json().get("full_name") or "")
                if name.count("/") == 1:
                    return name
        raise Unreadable(self.name, asked, f"the repository has moved, and nothing says where: {moved.came}")

    async def has_commit(self, sha: str) -> bool:
        """Whether the repository has a commit. GET /repos/{owner}/{repo}/commits/{ref}"""
        try:
            return await self.read(f"{self._repo}/commits/{sha}", lambda body: bool(body["sha"]))
        except Refused as error:
            if error.status in (404, 422):  # 422: GitHub knows no commit of that name
                return False
            raise

    async def relation(self, base: str, head: str) -> str:
        """Compare two commits: ``head`` is ahead of ``base``, behind, identical or diverged.

        Unknown when one of them is.

        GET /repos/{owner}/{repo}/compare/{basehead}
        """
        try:
            return await self.read(f"{self._repo}/compare/{base}...{head}", lambda body: str(body["status"]))
        except Refused as error:
            if error.status == 404:
                return "unknown"
            raise

    async def commits_between(self, base: str, head: str) -> tuple[Mapping[str, str], ...]:
        """List the commits of ``head`` that ``base`` has not, as Sentry wants them, newest last.

        Empty when either is unknown.

        GET /repos/{owner}/{repo}/compare/{basehead}
        """

        try:
            return await self.read_all(f"{self._repo}/compare/{base}...{head}", commits_of, WHOLE)
        except Refused as error:
            if error.status == 404:
                return ()
            raise

    async def file(self, path: str, ref: str) -> str | None:
        """Read the text of the file ``path`` at commit ``ref``; None when there is no such commit or file.

        GET /repos/{owner}/{repo}/contents/{path}
        """
        try:
            return await self.read(f"{self._repo}/contents/{path}", content_of, {"ref": ref})
        except Refused as error:
            if error.status == 404:
                return None
            raise

    async def files(self, path: str, ref: str, suffix: str, *, without: str = "") -> dict[str, str]:
        """Read the file ``path`` at commit ``ref``, or those below it that end so when it is a folder: path → text.

        ``without``: a folder in it to leave out. Empty when there is no such commit, file or folder.
        GET /repos/{owner}/{repo}/contents/{path}
        """
        try:
            found = await self.read(f"{self._repo}/contents/{path}", content_or_names_of, {"ref": ref})
        except Refused as error:
            if error.status == 404:
                return {}
            raise
        if isinstance(found, str):
            return {path: found}
        texts: dict[str, str] = {}
        for name, is_folder in found:
            if name != without and (is_folder or name.endswith(suffix)):
                texts |= await self.files(name, ref, suffix, without=without)
        return texts

    async def head(self, branch: str) -> str:
        """Read the SHA at the head of ``branch``. GET /repos/{owner}/{repo}/branches/{branch}"""
        return await self.read(f"{self._repo}/branches/{branch}", lambda body: str(body["commit"]["sha"]))

    async def required_checks(self, branch: str) -> frozenset[str]:
        """Name the checks that GitHub itself requires before something gets onto ``branch``.

        They stand in the branch's protection, in rulesets of the repository or of its organization, or in both. Where
        there can be no rulesets (403: the plan has none; 404: an older server) the protection is all.

        GET /repos/{owner}/{repo}/branches/{branch} and GET /repos/{owner}/{repo}/rules/branches/{branch}
        """
        protected = await self.read(f"{self._repo}/branches/{branch}", protection_of)
        try:
            ruled = await self.read_all(f"{self._repo}/rules/branches/{branch}", rules_of, WHOLE)
        except Refused as error:
            if error.status not in (403, 404) or error.retry_after:
                raise
            ruled = ()
        return frozenset((*protected, *ruled))

    async def author(self, sha: str) -> CommitAuthor | None:
        """Read who wrote a commit; None when GitHub has no such commit. GET /repos/{owner}/{repo}/commits/{ref}"""
        try:
            return await self.read(f"{self._repo}/commits/{sha}", author_of)
        except Refused as error:
            if error.status in (404, 422):
                return None
            raise

    async def check_runs(self, sha: str) -> tuple[Reported, ...]:
        """Read the latest run of each check within each suite: several of one name, when it has run in several suites.

        GET /repos/{owner}/{repo}/commits/{ref}/check-runs
        """
        asked = {**WHOLE, "filter": "latest"}
        return await self.read_all(f"{self._repo}/commits/{sha}/check-runs", check_runs_of, asked)

    async def workflow_of(self, run: str) -> str:
        """Read the path of the workflow that an Actions run is of, e.g. ``.github/workflows/deploy.yml``.

        Empty when the token may not read Actions, or the run is gone. GET /repos/{owner}/{repo}/actions/runs/{run_id}
        """
        try:
            path = await self.read(f"{self._repo}/actions/runs/{run}", lambda body: str(body.get("path") or ""))
        except Refused as error:
            if error.status in (403, 404) and not error.retry_after:
                return ""
            raise
        return path.partition("@")[0]

    async def environment_approvals(self, run: str) -> tuple[EnvironmentApproval, ...]:
        """Read who has let an Actions run into its environments; empty when the token may not read Actions.

        GET /repos/{owner}/{repo}/actions/runs/{run_id}/approvals
        """
        try:
            return await self.read(f"{self._repo}/actions/runs/{run}/approvals", environment_approvals_of)
        except Refused as error:
            if error.status in (403, 404) and not error.retry_after:
                return ()
            raise

    async def statuses(self, sha: str) -> tuple[Reported, ...]:
        """Read the latest status of each context; empty when nothing reported.

        GET /repos/{owner}/{repo}/commits/{ref}/status
        """
        return await self.read_all(f"{self._repo}/commits/{sha}/status", statuses_of, WHOLE)

    async def pull_of(self, sha: str) -> Pull | None:
        """Find the pull request that brought ``sha``, a merged one first.

        GET /repos/{owner}/{repo}/commits/{sha}/pulls
        """
        pulls = await self.read_all(f"{self._repo}/commits/{sha}/pulls", pulls_of, WHOLE)
        return max(pulls, key=lambda pull: (pull.merge_commit == sha, pull.head == sha), default=None)

    async def reviews(self, pull: int) -> tuple[PullReview, ...]:
        """Read all reviews of a pull request, oldest first. GET /repos/{owner}/{repo}/pulls/{number}/reviews"""
        return await self.read_all(f"{self._repo}/pulls/{pull}/reviews", reviews_of, WHOLE)

    async def permission(self, login: str, association: str = "") -> str:
        """Read what somebody may do in the repository: admin, write, read or none.

        When the token may not ask, ``association`` (of a review) tells: everybody who is let in counts as write.
        GET /repos/{owner}/{repo}/collaborators/{username}/permission
        """
        path = f"{self._repo}/collaborators/{login}/permission"
        try:
            return await self.read(path, lambda body: str(body["permission"]))
        except Refused as error:
            if error.status == 404:
                return "none"
            if error.status == 403 and not error.retry_after:
                return "write" if association in WRITES else "none"
            raise

    async def code_scanning_alerts(self) -> Scanned:
        """Read open code-scanning alerts. GET /repos/{owner}/{repo}/code-scanning/alerts"""
        return await self._alerts("code-scanning", code_scanning_of)

    async def dependabot_alerts(self) -> Scanned:
        """Read open Dependabot alerts. GET /repos/{owner}/{repo}/dependabot/alerts"""
        return await self._alerts("dependabot", dependabot_of)

    async def _alerts(self, scanner: str, parse: Callable[[Any], list[ScannerAlert]]) -> Scanned:
        asked = {**WHOLE, "state": "open"}
        try:
            return Scanned(await self.read_all(f"{self._repo}/{scanner}/alerts", parse, asked))
        except Refused as error:
            if error.status not in (403, 404) or error.retry_after:
                raise
            says = error.came.partition(": ")[2]
            off = any(word in says.lower() for word in OFF)  # the advice only: either way nothing was looked at
            return Scanned(off=True) if off else Scanned(refused=says)
