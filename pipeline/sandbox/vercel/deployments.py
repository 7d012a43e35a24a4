"""Answers about deployments: create from uploaded or inline files, read, list, cancel, delete."""

import base64
import stat
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipeline.sandbox.core import Core, from_iso, milliseconds
from pipeline.sandbox.vercel import git, life, making, shapes
from pipeline.sandbox.vercel.making import Order
from pipeline.sandbox.vercel.shapes import problem
from pipeline.sandbox.vercelstate import Deployment, FileEntry
from pipeline.sandbox.web import Payload, Router, body, number

MOST_FILES = 15_000


class Deployments:
    def __init__(self, core: Core) -> None:
        self._core = core

    def routes(self, router: Router) -> None:
        router.add("POST", "/v{v}/deployments", self.create)
        router.add("GET", "/v{v}/deployments", self.listing)
        router.add("GET", "/v{v}/deployments/{id}", self.get)
        router.add("DELETE", "/v{v}/deployments/{id}", self.delete)
        router.add("DELETE", "/now/deployments/{id}", self.delete)
        router.add("GET", "/v{v}/events", self.activity)
        router.add("PATCH", "/v{v}/deployments/{id}/cancel", self.cancel)
        router.add("GET", "/v{v}/deployments/{id}/files", self.files)

    async def create(self, request: Request) -> Response:
        """Create a deployment from uploaded files, a commit (``gitSource``) or another one (``deploymentId``).

        Without a target it is a preview, whatever the other one was.
        """
        sent = await body(request)
        vercel = self._core.state.vercel
        wanted = sent.get("project") or sent.get("name")
        if wanted not in (vercel.project, vercel.name):
            raise problem(404, "not_found", f"The project {wanted} was not found.")
        order = self._order(sent)
        order.custom = self._custom(sent)
        if not order.custom and sent.get("target") not in (None, "production", "preview"):
            raise problem(400, "bad_request", "Invalid request: `target` should be production or preview.")
        order.prebuilt |= request.query_params.get("prebuilt") == "1" or sent.get("prebuilt") is True
        order.stuck = bool(request.scope.get("never_finishes"))
        return JSONResponse(shapes.full(self._core, making.make(self._core, order)))

    def _custom(self, sent: Payload) -> str:
        """The slug of the custom environment that is asked for, by its slug or id; empty for none. Raises Problem."""
        wanted = sent.get("customEnvironmentSlugOrId") or sent.get("target")
        found = [one.slug for one in self._core.state.vercel.custom if wanted in (one.slug, one.id)]
        if sent.get("customEnvironmentSlugOrId") and not found:
            raise problem(404, "not_found", f"Custom environment not found: {wanted}")
        return found[0] if found else ""

    def _order(self, sent: Payload) -> Order:
        env = {str(key): str(value) for key, value in (sent.get("env") or {}).items()}
        target = "production" if sent.get("target") == "production" else None
        auto_assign = sent.get("autoAssignCustomDomains") is not False
        if sent.get("deploymentId"):
            again = find(self._core, str(sent["deploymentId"]))
            env = {} if self._core.state.vercel.ignores_env else env
            meta = {**again.meta, **_meta(sent)}
            return Order(again.files, target, meta, env, "redeploy", auto_assign, prebuilt=True)
        if sent.get("gitSource"):
            order = git.order(self._core, sent["gitSource"], target, _meta(sent))
            order.env, order.auto_assign = env, auto_assign
            return order
        return Order(self._files(sent), target, _meta(sent), env, str(sent.get("source") or "cli"), auto_assign)

    def _files(self, sent: Payload) -> list[FileEntry]:
        """Find the uploaded files. Raises Problem ``missing_files`` with the SHA-1 of each that was not uploaded."""
        files = sent.get("files")
        if not isinstance(files, list) or not files:
            raise problem(400, "bad_request", "Invalid request: missing required property `files`.")
        if len(files) > MOST_FILES:
            says = f"Invalid request: `files` should NOT have more than {MOST_FILES} items, received {len(files)}."
            raise problem(400, "too_many_files", says)
        entries = [self._inline(file) if "data" in file else _entry(file) for file in files]
        missing = sorted({entry.sha for entry in entries if not self._core.blobs.has(entry.sha)})
        if missing:
            raise problem(400, "missing_files", "Missing files", missing=missing)
        return entries

    def _inline(self, sent: Payload) -> FileEntry:
        data = str(sent["data"])
        content = base64.b64decode(data) if sent.get("encoding") == "base64" else data.encode()
        mode = int(sent.get("mode", 0o100644))
        return FileEntry(str(sent["file"]), self._core.blobs.put(content), len(content), mode)

    async def get(self, request: Request) -> Response:
        return JSONResponse(shapes.full(self._core, find(self._core, request.path_params["id"])))

    async def activity(self, request: Request) -> Response:
        """List who deployed what to production, newest first."""
        vercel = self._core.state.vercel
        person = {
            "type": "user",
            "id": vercel.user,
            "username": "dana",
            "slug": "dana",
            "email": "dana@lms.example.com",
        }
        found = [
            {
                "id": f"uev_{deployment.id[4:]}",
                "type": "deployment",
                "createdAt": milliseconds(deployment.created),
                "text": f"dana deployed {vercel.name} to production",
                "entities": [],
                "userId": vercel.user,
                "principalId": vercel.user,
                "principal": person,
                "user": {"uid": vercel.user, "username": "dana"},
            }
            for deployment in sorted(vercel.deployments.values(), key=lambda one: one.created, reverse=True)
            if deployment.target == "production"
        ]
        since = request.query_params.get("since", "")
        begin = from_iso(since) * 1000 if since else 0
        return JSONResponse({"events": [one for one in found if float(str(one["createdAt"])) >= begin]})

    async def delete(self, request: Request) -> Response:
        deployment, vercel = find(self._core, request.path_params["id"]), self._core.state.vercel
        del vercel.deployments[deployment.id]
        vercel.aliases = {host: id for host, id in vercel.aliases.items() if id != deployment.id}
        if vercel.production == deployment.id:
            vercel.production = ""
        return JSONResponse({"uid": deployment.id, "state": "DELETED"})

    async def cancel(self, request: Request) -> Response:
        deployment = find(self._core, request.path_params["id"])
        if life.ready_state(deployment, self._core.now()) not in life.UNDER_WAY:
            raise problem(400, "bad_request", "The deployment is not building and cannot be canceled.")
        deployment.canceled = self._core.now()
        return JSONResponse(shapes.full(self._core, deployment))

    async def files(self, request: Request) -> Response:
        deployment = find(self._core, request.path_params["id"])
        return JSONResponse([_listed(entry) for entry in deployment.files])

    async def listing(self, request: Request) -> Response:
        """List deployments, newest first. The filters are the real list's, ``meta-KEY=VALUE`` included."""
        found = [shapes.summary(self._core, one) for one in self._matching(request)]
        until, since = request.query_params.get("until", ""), request.query_params.get("since", "")
        found = [one for one in found if not until.isdigit() or one["createdAt"] < int(until)]
        found = [one for one in found if not since.isdigit() or one["createdAt"] > int(since)]
        size = min(number(request, "limit", 20, 100), self._core.state.vercel.most_listed)
        return JSONResponse(shapes.page("deployments", found, size))

    def _matching(self, request: Request) -> list[Deployment]:
        query, vercel, now = request.query_params, self._core.state.vercel, self._core.now()
        chosen = sorted(vercel.deployments.values(), key=lambda one: one.created, reverse=True)
        projects = [p for name in ("projectId", "projectIds", "app") for v in query.getlist(name) for p in v.split(",")]
        if any(p not in (vercel.project, vercel.name) for p in projects):
            return []
        if query.get("rollbackCandidate") == "true":
            chosen = life.candidates(vercel, now)
        if query.get("target"):
            chosen = [one for one in chosen if (one.custom or one.target or "preview") == query["target"]]
        if query.get("state"):
            states = query["state"].upper().split(",")
            chosen = [one for one in chosen if life.ready_state(one, now) in states]
        if query.get("sha"):
            chosen = [one for one in chosen if one.meta.get("githubCommitSha") == query["sha"]]
        if query.get("branch"):
            chosen = [one for one in chosen if one.meta.get("githubCommitRef") == query["branch"]]
        wanted = {key.removeprefix("meta-"): value for key, value in query.items() if key.startswith("meta-")}
        return [one for one in chosen if all(one.meta.get(key) == value for key, value in wanted.items())]


def find(core: Core, id_or_host: str) -> Deployment:
    """Find the deployment with that id, address or alias. Raises Problem 404."""
    vercel = core.state.vercel
    if id_or_host == core.ports.host("production"):
        id_or_host = vercel.production
    id_or_host = vercel.aliases.get(id_or_host, id_or_host)
    slot = core.ports.slot_of(id_or_host)
    for deployment in vercel.deployments.values():
        if id_or_host == deployment.id or slot == deployment.slot:
            return deployment
    raise problem(404, "not_found", f"Can't find the deployment {id_or_host} under the team")


def _listed(file: FileEntry) -> Payload:
    kind = "symlink" if stat.S_ISLNK(file.mode) else "file"
    return {"name": file.file, "type": kind, "uid": file.sha, "mode": file.mode, "children": []}


def _entry(sent: Any) -> FileEntry:
    try:
        return FileEntry(str(sent["file"]), str(sent["sha"]), int(sent.get("size", 0)), int(sent.get("mode", 0o100644)))
    except (KeyError, TypeError, ValueError):
        raise problem(400, "bad_request", "Invalid request: each of `files` needs `file` and `sha`.") from None


def _meta(sent: Payload) -> dict[str, str]:
    """Read ``meta`` as it was sent, and what ``gitMetadata`` says when it does not."""
    git = sent.get("gitMetadata") or {}
    names = {"commitSha": "githubCommitSha", "commitRef": "githubCommitRef", "commitMessage": "githubCommitMessage"}
    found = {names[key]: str(value) for key, value in git.items() if key in names}
    return {**found, **{str(key): str(value) for key, value in (sent.get("meta") or {}).items()}}
