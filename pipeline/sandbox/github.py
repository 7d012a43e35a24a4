"""Serves GitHub's REST API for one repository."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipeline.sandbox import contents
from pipeline.sandbox.core import Core
from pipeline.sandbox.githubalerts import AlertShapes
from pipeline.sandbox.githubdeployments import Deployments
from pipeline.sandbox.githubguards import about_the_token
from pipeline.sandbox.githubpulls import PullShapes
from pipeline.sandbox.githubrequests import DOCS, Requests, problem
from pipeline.sandbox.githubshapes import NUMBER, Shapes
from pipeline.sandbox.githubstate import Alert, Commit
from pipeline.sandbox.githubwork import Work
from pipeline.sandbox.web import Payload, Problem, Router, bearer


class GitHubApi:
    def __init__(self, core: Core) -> None:
        self._core, self.shapes = core, Shapes(core)
        self._pulls, self._alerts = PullShapes(core, self.shapes), AlertShapes(core, self.shapes)
        self._requests = Requests(core, self.shapes)
        self._router = Router(lambda request: problem(404, "Not Found"), self._authorize)
        root = "/repos/{owner}/{repo}"
        for path, handler in {
            "": self.repository,
            "/commits/{ref}": self.commit,
            "/commits/{ref}/check-runs": self.check_runs,
            "/commits/{ref}/status": self.status,
            "/commits/{ref}/statuses": self.statuses,
            "/commits/{ref}/pulls": self.pulls,
            "/pulls/{number}": self.pull,
            "/pulls/{number}/reviews": self.reviews,
            "/branches/{branch}": self.branch,
            "/rules/branches/{branch}": self.rules,
            "/compare/{range}": self.compare,
            "/contents": self.contents,
            "/contents/{path*}": self.contents,
            "/code-scanning/alerts": self.code_scanning,
            "/dependabot/alerts": self.dependabot,
            "/collaborators/{login}/permission": self.permission,
        }.items():
            self._router.add("GET", root + path, handler)
        self._router.add("GET", "/rate_limit", self.rate_limit)
        Deployments(core, self.shapes, self._requests, self._commit).routes(self._router, root)
        Work(core, self.shapes, self._pulls, self._requests).routes(self._router, root)

    async def __call__(self, request: Request) -> Response:
        response = await self._router(self._by_number(request))
        reset = int(self._core.now()) + 3600
        limits = {"limit": 5000, "remaining": 4999, "used": 1, "reset": reset, "resource": "core"}
        response.headers.update({f"x-ratelimit-{name}": str(value) for name, value in limits.items()})
        response.headers.update(about_the_token(self._core, response.status_code))
        return response

    def _by_number(self, request: Request) -> Request:
        """Serve ``/repositories/ID`` and what is below it, where the old name of a repository leads."""
        head, _, rest = request.url.path.removeprefix("/repositories/").partition("/")
        if not request.url.path.startswith("/repositories/") or head != str(NUMBER):
            return request
        path = f"/repos/{self._core.state.github.repository}/{rest}".rstrip("/")
        return Request({**request.scope, "path": path, "raw_path": path.encode()}, request.receive)

    def _moved(self, request: Request, rest: str) -> Problem:
        """Make the redirect from a former name: 301 for a read, 307 for a write; nothing is carried out."""
        to = f"{self.shapes.api}/repositories/{NUMBER}{rest}"
        status, says = (301, "Moved Permanently") if request.method in ("GET", "HEAD") else (307, "Temporary Redirect")
        return Problem(status, {"message": says, "url": to, "documentation_url": DOCS}, {"location": to})

    def _authorize(self, request: Request) -> None:
        token = bearer(request)
        if token != self._core.state.tokens["github"]:
            raise problem(401, "Bad credentials" if token else "Requires authentication")
        parts = request.url.path.split("/")
        if parts[1] == "repos" and "/".join(parts[2:4]) in self._core.state.github.former:
            raise self._moved(request, "".join(f"/{part}" for part in parts[4:]))
        if parts[1] == "repos" and "/".join(parts[2:4]) != self._core.state.github.repository:
            raise problem(404, "Not Found")

    async def rate_limit(self, request: Request) -> Response:
        rate = {"limit": 5000, "remaining": 4999, "used": 1, "reset": int(self._core.now()) + 3600}
        return JSONResponse({"resources": {"core": rate, "search": rate}, "rate": rate})

    async def repository(self, request: Request) -> Response:
        return JSONResponse(self.shapes.repository())

    async def commit(self, request: Request) -> Response:
        """Answer with a commit of main, or with the head of a pull request, which is no commit of main."""
        return JSONResponse({**self.shapes.commit(self._reported_on(request)), "files": []})

    async def permission(self, request: Request) -> Response:
        """Answer what somebody may do; a person who was not let in may do nothing in a private repository."""
        login = request.path_params["login"]
        may = self._core.state.github.permissions.get(login, "none")
        return JSONResponse({"permission": may, "role_name": may, "user": self.shapes.user(login)})

    async def check_runs(self, request: Request) -> Response:
        commit = self._reported_on(request)
        wanted = request.query_params.get("check_name")
        found = [run for run in self.shapes.check_runs(commit) if wanted in (None, run["name"])]
        shown, headers = self._requests.page(request, found)
        return JSONResponse({"total_count": len(found), "check_runs": shown}, headers=headers)

    async def status(self, request: Request) -> Response:
        """Answer with the combined status of a commit; ``pending`` when nothing reported."""
        commit = self._reported_on(request)
        found = [self.shapes.status(commit, context, state) for context, state in commit.statuses.items()]
        states = set(commit.statuses.values())
        state = "failure" if states & {"failure", "error"} else "success" if states == {"success"} else "pending"
        shown, headers = self._requests.page(request, found)
        url = f"{self.shapes.repo}/commits/{commit.sha}"
        whole = {
            "state": state, "statuses": shown, "sha": commit.sha, "total_count": len(found),
            "repository": self.shapes.minimal_repository(), "commit_url": url, "url": f"{url}/status",
        }  # fmt: skip
        return JSONResponse(whole, headers=headers)

    async def statuses(self, request: Request) -> Response:
        commit = self._find(request)
        return self._requests.listed(
            request, [self.shapes.status(commit, name, state) for name, state in commit.statuses.items()]
        )

    async def pulls(self, request: Request) -> Response:
        ref, github = request.path_params["ref"], self._core.state.github
        sha = github.head if ref == "main" else ref
        found = [self._pulls.pull(pull, False) for pull in github.pulls if sha in (pull.merge, pull.head)]
        if not found:
            self._find(request)
        return self._requests.listed(request, found)

    async def pull(self, request: Request) -> Response:
        return JSONResponse(self._pulls.pull(self._requests.pull(request), True))

    async def reviews(self, request: Request) -> Response:
        pull = self._requests.pull(request)
        found = [self._pulls.review(pull, review, index) for index, review in enumerate(pull.reviews, 1)]
        return self._requests.listed(request, found)

    async def branch(self, request: Request) -> Response:
        github, name = self._core.state.github, request.path_params["branch"]
        if name != "main" or not github.head:
            raise problem(404, "Branch not found")
        url = f"{self.shapes.repo}/branches/main"
        commit = self.shapes.commit(github.commits[github.head])
        found = {
            "name": "main", "commit": commit, "protected": True, "protection_url": f"{url}/protection",
            "_links": {"self": url, "html": f"{self.shapes.web}/tree/main"},
            "protection": {"enabled": True, "required_status_checks": self._required(github.protection)},
        }  # fmt: skip
        return JSONResponse(found)

    def _required(self, names: list[str]) -> Payload:
        checks = [{"context": name, "app_id": None} for name in names]
        return {"enforcement_level": "non_admins" if names else "off", "contexts": names, "checks": checks}

    async def rules(self, request: Request) -> Response:
        """Answer with the active rules for a branch, which need not exist; of rulesets only that main is covered."""
        github, main = self._core.state.github, request.path_params["branch"] == "main"
        if github.rulesets is None:
            raise problem(403, "Upgrade to GitHub Pro or make this repository public to enable this feature.")
        origin = {"ruleset_source_type": "Repository", "ruleset_source": github.repository, "ruleset_id": 42}
        checks = [{"context": name} for name in github.rulesets]
        settings = {"strict_required_status_checks_policy": False, "required_status_checks": checks}
        found: list[Payload] = [
            {"type": "deletion", **origin},
            {"type": "required_status_checks", "parameters": settings, **origin},
        ]
        return self._requests.listed(request, found if main else [])

    async def compare(self, request: Request) -> Response:
        base, _, head = request.path_params["range"].partition("...")
        first, second = self._commit(base), self._commit(head)
        order = list(self._core.state.github.commits)
        ahead = order.index(second.sha) - order.index(first.sha)
        between = [self._core.state.github.commits[sha] for sha in order[order.index(first.sha) + 1 :][: max(0, ahead)]]
        merge = first if ahead >= 0 else second
        url = f"{self.shapes.repo}/compare/{base}...{head}"
        web = f"{self.shapes.web}/compare/{base}...{head}"
        shown, headers = self._requests.page(request, [self.shapes.commit(commit) for commit in between])
        found = {
            "url": url, "html_url": web, "permalink_url": web, "diff_url": f"{web}.diff", "patch_url": f"{web}.patch",
            "base_commit": self.shapes.commit(first), "merge_base_commit": self.shapes.commit(merge),
            "status": "identical" if ahead == 0 else "ahead" if ahead > 0 else "behind", "ahead_by": max(0, ahead),
            "behind_by": max(0, -ahead), "total_commits": len(between),
            "commits": shown, "files": [],
        }  # fmt: skip
        return JSONResponse(found, headers=headers)

    async def contents(self, request: Request) -> Response:
        """Answer with a file or a folder of the default branch, or of ``ref``."""
        ref, path = request.query_params.get("ref") or "main", request.path_params.get("path", "").strip("/")
        try:
            sha = self._commit(ref).sha
        except Problem:
            raise problem(404, f"No commit found for the ref {ref}") from None
        found = contents.find(self._core, sha, path)
        if found is None:
            raise problem(404, "Not Found")
        if found.is_file() and contents.wants_raw(request):
            return Response(found.read_bytes(), media_type=contents.RAW)
        return JSONResponse(contents.shape(found, path, ref, self.shapes.repo, self.shapes.web))

    async def code_scanning(self, request: Request) -> Response:
        alerts = self._core.state.github.code_scanning
        if alerts is None:
            raise problem(403, "Code scanning is not enabled for this repository. Please enable code scanning.")
        return self._requests.listed(request, [self._alerts.code(one) for one in _chosen(request, alerts)])

    async def dependabot(self, request: Request) -> Response:
        alerts = self._core.state.github.dependabot
        if self._core.state.github.job_token:
            raise problem(403, "Resource not accessible by integration")
        if alerts is None:
            raise problem(403, "Dependabot alerts are disabled for this repository.")
        found = [self._alerts.dependabot(one) for one in _chosen(request, alerts)]
        shown, headers = self._requests.by_cursor(request, found)
        return JSONResponse(shown, headers=headers)

    def _reported_on(self, request: Request) -> Commit:
        """Find the commit, or the head of a pull request, which is no commit of main and has checks of its own."""
        ref, github = request.path_params["ref"], self._core.state.github
        for pull in github.pulls:
            if ref == pull.head and ref not in github.commits:
                return Commit(ref, pull.title, "", pull.at, pull.author, pull.number, dict(pull.checks))
        return self._find(request)

    def _find(self, request: Request) -> Commit:
        return self._commit(request.path_params["ref"])

    def _commit(self, ref: str) -> Commit:
        """Find a commit by branch or (abbreviated) SHA.

        An unknown SHA is 422, as GitHub has it; an unknown name too.
        """
        github = self._core.state.github
        if ref in ("main", "heads/main", "HEAD") and github.head:
            return github.commits[github.head]
        for sha, commit in github.commits.items():
            if sha == ref or (len(ref) >= 7 and sha.startswith(ref)):
                return commit
        raise problem(422, f"No commit found for SHA: {ref}")


def _chosen(request: Request, alerts: list[Alert]) -> list[Alert]:
    """List the alerts that the filters ``state`` and ``severity`` name; several values may be separated by commas."""
    states, severities = request.query_params.get("state"), request.query_params.get("severity")
    return [
        alert
        for alert in alerts
        if (not states or alert.state in states.split(","))
        and (not severities or alert.severity in severities.split(","))
    ]
