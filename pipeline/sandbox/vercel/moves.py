"""Answers promotion and rollback: accepted at once, done a little later.

``lastAliasRequest`` of the project says how far.
"""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipeline.sandbox import rollout
from pipeline.sandbox.core import Core, milliseconds
from pipeline.sandbox.vercel import life
from pipeline.sandbox.vercel.deployments import find
from pipeline.sandbox.vercel.projects import find_project, must_move
from pipeline.sandbox.vercel.shapes import problem
from pipeline.sandbox.vercelstate import AliasJob, RollingRelease
from pipeline.sandbox.web import Router, body


class Moves:
    def __init__(self, core: Core) -> None:
        self._core = core

    def routes(self, router: Router) -> None:
        root = "/v{v}/projects/{project}"
        router.add("GET", root + "/promote/aliases", self.aliases)
        router.add("GET", root + "/rollback/aliases", self.aliases)
        router.add("POST", root + "/promote/{id}", self.promote)
        router.add("POST", root + "/rollback/{id}", self.roll_back)
        router.add("PATCH", root + "/rollback/{id}/update-description", self.describe)

    async def promote(self, request: Request) -> Response:
        find_project(self._core, request)
        must_move(self._core)
        deployment, now = find(self._core, request.path_params["id"]), self._core.now()
        if life.ready_state(deployment, now) != "READY":
            raise problem(422, "deployment_not_ready", "The deployment is not ready and cannot be promoted.")
        if deployment.target != "production":
            raise problem(422, "not_production_target", "Only a production deployment can be promoted.")
        rolling, vercel = rollout.active(self._core.state.vercel), self._core.state.vercel
        if rolling and rolling.canary != deployment.id:
            rolling.queued, rolling.updated = deployment.id, now
            return Response(status_code=202)
        if rolling:
            return Response(status_code=201)
        if vercel.rolling_config and vercel.production and vercel.production != deployment.id:
            stuck = bool(request.scope.get("never_finishes"))
            rollout.begin(vercel, deployment.id, now, self._core.state.next_id(), stuck)
            return Response(status_code=201)
        return self._begin("promote", deployment.id, request)

    async def roll_back(self, request: Request) -> Response:
        find_project(self._core, request)
        must_move(self._core)
        deployment, now = find(self._core, request.path_params["id"]), self._core.now()
        if not deployment.was_production or life.ready_state(deployment, now) != "READY":
            raise problem(
                422, "invalid_rollback_target", "Only a deployment that was production before can be rolled back to."
            )
        rolling = rollout.active(self._core.state.vercel)
        if rolling:  # there is no other way to abort one
            rollout.abort(rolling, now)
        return self._begin("rollback", deployment.id, request, rolling)

    def _begin(self, kind: str, id: str, request: Request, aborted: RollingRelease | None = None) -> Response:
        """Begin to move production: 201 without a body or a content type.

        Asking again for what is under way changes nothing.
        """
        vercel, job = self._core.state.vercel, self._core.state.vercel.job
        under_way = job if job and not job.done else None
        if under_way and under_way.target == id and under_way.kind == kind:
            return Response(status_code=201)
        if vercel.production == id and not under_way and not aborted:
            raise problem(409, "conflict", "The deployment is already the current production deployment.")
        vercel.job = AliasJob(
            kind,
            aborted.canary if aborted else vercel.production,
            id,
            self._core.now(),
            self._core.timing.alias,
            request.query_params.get("description", ""),
            bool(request.scope.get("never_finishes")),
            rolling=aborted.id if aborted else "",
        )
        return Response(status_code=201)

    async def describe(self, request: Request) -> Response:
        find_project(self._core, request)
        job = self._core.state.vercel.job
        if not job or job.kind != "rollback" or job.target != request.path_params["id"]:
            raise problem(409, "conflict", "That deployment is not the rollback target.")
        job.description = str((await body(request)).get("description", ""))
        return Response(status_code=200)

    async def aliases(self, request: Request) -> Response:
        """List the domains of the last promotion or rollback, each with its own status."""
        find_project(self._core, request)
        job, now, host = self._core.state.vercel.job, self._core.now(), self._core.ports.host("production")
        kind = "rollback" if request.url.path.endswith("/rollback/aliases") else "promote"
        found = []
        if job and job.kind == kind and request.query_params.get("failedOnly") != "true":
            status = "completed" if life.job_status(job, now) == "succeeded" else life.job_status(job, now)
            found = [{"id": job.target, "status": status, "alias": {"alias": host, "deploymentId": job.target}}]
            if not request.url.path.startswith("/v9"):  # the public path answers with the name alone
                found = [{"id": job.target, "status": status, "alias": host}]
        stamp = milliseconds(job.requested) if job and found else None
        return JSONResponse({"aliases": found, "pagination": {"count": len(found), "next": None, "prev": stamp}})
