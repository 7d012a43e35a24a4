"""Remembers which commit was deployed where, as GitHub is told, and what became of it."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipeline.sandbox.core import Core, iso_seconds
from pipeline.sandbox.githubrequests import Requests, problem
from pipeline.sandbox.githubshapes import Shapes
from pipeline.sandbox.githubstate import Commit, Record
from pipeline.sandbox.web import Problem, Router, body

STATES = ("error", "failure", "inactive", "in_progress", "queued", "pending", "success")
LONGEST = 140  # characters of a description


class Deployments:
    """``commit`` finds the commit of a branch or SHA, or raises the Problem that says so."""

    def __init__(self, core: Core, shapes: Shapes, requests: Requests, commit: Callable[[str], Commit]) -> None:
        self._core, self._shapes, self._requests, self._commit = core, shapes, requests, commit

    def routes(self, router: Router, root: str) -> None:
        router.add("GET", root + "/deployments", self.deployments)
        router.add("POST", root + "/deployments", self.create_deployment)
        router.add("GET", root + "/deployments/{id}", self.deployment)
        router.add("GET", root + "/deployments/{id}/statuses", self.deployment_statuses)
        router.add("POST", root + "/deployments/{id}/statuses", self.create_status)

    async def deployments(self, request: Request) -> Response:
        query = request.query_params
        found = [
            self._shapes.deployment(deployment)
            for deployment in reversed(self._core.state.github.deployments)
            if all(query.get(key) in (None, deployment.body.get(key)) for key in ("sha", "ref", "environment", "task"))
        ]
        return self._requests.listed(request, found)

    async def deployment(self, request: Request) -> Response:
        return JSONResponse(self._shapes.deployment(self._record(request)))

    async def create_deployment(self, request: Request) -> Response:
        sent = await body(request)
        if not sent.get("ref"):
            raise problem(422, 'Invalid request.\n\n"ref" wasn\'t supplied.')
        try:
            sha = self._commit(str(sent["ref"])).sha
        except Problem:
            raise problem(422, f"No ref found for: {sent['ref']}") from None
        record = Record(self._core.state.next_id(), self._core.now(), {**sent, "sha": sha})
        self._core.state.github.deployments.append(record)
        return JSONResponse(self._shapes.deployment(record), 201)

    async def deployment_statuses(self, request: Request) -> Response:
        record = self._record(request)
        return self._requests.listed(
            request, [self._shapes.deployment_status(record, status) for status in reversed(record.statuses)]
        )

    async def create_status(self, request: Request) -> Response:
        record, sent = self._record(request), await body(request)
        if sent.get("state") not in STATES or len(str(sent.get("description") or "")) > LONGEST:
            raise problem(422, "Validation Failed")
        status = {**sent, "id": self._core.state.next_id(), "at": iso_seconds(self._core.now())}
        record.statuses.append(status)
        if status["state"] == "success" and sent.get("auto_inactive", True):
            self._retire(record)
        return JSONResponse(self._shapes.deployment_status(record, status), 201)

    def _retire(self, newer: Record) -> None:
        """Call earlier successes of the environment inactive; those of production environments stay as they are."""
        for record in self._core.state.github.deployments:
            shown, now = self._shapes.deployment(record), self._shapes.deployment(newer)
            lasting = shown["transient_environment"] or shown["production_environment"]
            succeeded = bool(record.statuses) and record.statuses[-1]["state"] == "success"
            if record.id < newer.id and shown["environment"] == now["environment"] and succeeded and not lasting:
                at = iso_seconds(self._core.now())
                record.statuses.append({"state": "inactive", "id": self._core.state.next_id(), "at": at})

    def _record(self, request: Request) -> Record:
        for record in self._core.state.github.deployments:
            if str(record.id) == request.path_params["id"]:
                return record
        raise problem(404, "Not Found")
