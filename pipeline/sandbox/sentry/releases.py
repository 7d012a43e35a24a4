"""Answers about releases: made, finished, what was committed in them and where they were deployed."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipeline.sandbox.core import Core, iso_seconds
from pipeline.sandbox.sentry.search import paged
from pipeline.sandbox.sentry.shapes import Shapes, missing
from pipeline.sandbox.state import Release
from pipeline.sandbox.web import Payload, Router, body


class Releases:
    def __init__(self, core: Core) -> None:
        self._core, self._shapes = core, Shapes(core)

    def routes(self, router: Router) -> None:
        for root in ("/api/0/organizations/{organization}", "/api/0/projects/{organization}/{project}"):
            router.add("GET", root + "/releases/", self.all)
            router.add("POST", root + "/releases/", self.create)
            router.add("GET", root + "/releases/{version}/", self.one)
            router.add("PUT", root + "/releases/{version}/", self.change)
            router.add("GET", root + "/releases/{version}/commits/", self.commits)
        root = "/api/0/organizations/{organization}"
        router.add("GET", root + "/releases/{version}/deploys/", self.deploys)
        router.add("POST", root + "/releases/{version}/deploys/", self.deploy)

    async def all(self, request: Request) -> Response:
        wanted, health = request.query_params.get("query", ""), request.query_params.get("health") == "1"
        found = [release for release in self._core.state.sentry.releases.values() if wanted in release.version]
        shown = [self._shapes.release(one, health) for one in sorted(found, key=lambda o: o.created, reverse=True)]
        page, headers = paged(self._core, request, shown)
        return JSONResponse(page, headers=headers)

    async def create(self, request: Request) -> Response:
        """Create a release: 201 when it is new, 208 when it was there."""
        sent, sentry = await body(request), self._core.state.sentry
        version, projects = str(sent.get("version") or ""), sent.get("projects")
        if "project" in request.path_params:
            projects = [request.path_params["project"]]
        if not version:
            return JSONResponse({"version": ["This field is required."]}, 400)
        if not projects or sentry.project not in projects:
            return JSONResponse({"projects": ["Invalid project slugs"]}, 400)
        known = version in sentry.releases
        release = sentry.releases.setdefault(version, Release(version, self._core.now(), list(projects)))
        self._note(release, sent)
        return JSONResponse(self._shapes.release(release), 208 if known else 201)

    async def one(self, request: Request) -> Response:
        return JSONResponse(self._shapes.release(self._find(request), request.query_params.get("health") == "1"))

    async def change(self, request: Request) -> Response:
        release = self._find(request)
        self._note(release, await body(request))
        return JSONResponse(self._shapes.release(release))

    async def commits(self, request: Request) -> Response:
        release = self._find(request)
        page, headers = paged(self._core, request, [self._shapes.commit(release, commit) for commit in release.commits])
        return JSONResponse(page, headers=headers)

    async def deploys(self, request: Request) -> Response:
        page, headers = paged(self._core, request, self._find(request).deploys[::-1])
        return JSONResponse(page, headers=headers)

    async def deploy(self, request: Request) -> Response:
        release, sent = self._find(request), await body(request)
        if not sent.get("environment"):
            return JSONResponse({"environment": ["This field is required."]}, 400)
        made = {
            "id": str(self._core.state.next_id()),
            "environment": str(sent["environment"]),
            "dateStarted": sent.get("dateStarted"),
            "dateFinished": sent.get("dateFinished") or iso_seconds(self._core.now()),
            "name": str(sent.get("name") or ""),
            "url": sent.get("url"),
        }
        release.deploys.append(made)
        return JSONResponse(made, 201)

    def _find(self, request: Request) -> Release:
        found = self._core.state.sentry.releases.get(request.path_params["version"])
        if found is None:
            raise missing()
        return found

    def _note(self, release: Release, sent: Payload) -> None:
        release.extra |= {key: sent[key] for key in ("ref", "url", "dateReleased") if sent.get(key)}
        new = [_written(commit) for commit in sent.get("commits") or ()]
        for ref in sent.get("refs") or ():
            new += self._between(ref)
        release.commits = new or release.commits

    def _between(self, ref: Payload) -> list[Payload]:
        """List the commits of a reference, the newest first, as far as the repository knows them."""
        repository, commits = str(ref.get("repository") or ""), self._core.state.github.commits
        if repository != self._core.state.github.repository:
            raise ValueError(f"Invalid repository names: {repository}")
        before, _, sha = str(ref.get("commit") or "").rpartition("..")
        before = before or str(ref.get("previousCommit") or "")
        found: list[Payload] = []
        while sha in commits and sha != before and (before or not found):
            commit = commits[sha]
            found.append(
                {
                    "id": sha,
                    "repository": repository,
                    "message": commit.message,
                    "author_name": commit.author,
                    "author_email": f"{commit.author}@lms.example.com",
                    "timestamp": iso_seconds(commit.at),
                }
            )
            sha = commit.parent
        return found or [{"id": sha, "repository": repository}]


def _written(commit: Payload) -> Payload:
    if not isinstance(commit, dict) or not commit.get("id"):
        raise ValueError("commits: every commit needs an id")
    names = ("id", "repository", "message", "author_name", "author_email", "timestamp")
    return {name: commit[name] for name in names if commit.get(name)}
