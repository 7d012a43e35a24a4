"""Neon's API: the project, its branches and endpoints, snapshots and the operations that made them."""

import hashlib
import uuid

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipeline.sandbox.core import Core, iso
from pipeline.sandbox.state import Snapshot
from pipeline.sandbox.web import Payload, Problem, Router, bearer

REGION = "aws-us-east-1"
HOST = "c-2.us-east-1.aws.neon.tech"
SNAPSHOT_SECONDS = 0.5
BRANCH_USAGE = (
    "cpu_used_sec", "compute_time_seconds", "active_time_seconds", "written_data_bytes", "data_transfer_bytes",
)  # fmt: skip


class NeonApi:
    def __init__(self, core: Core) -> None:
        self._core = core
        self._router = Router(lambda request: _problem(404, "", "not found"), self._authorize)
        for prefix in ("", "/api/v2"):
            root = prefix + "/projects/{project}"
            add = self._router.add
            add("GET", prefix + "/projects", self.projects)
            add("GET", root, self.project)
            add("GET", root + "/branches", self.branches)
            add("GET", root + "/branches/{branch}", self.branch)
            add("GET", root + "/branches/{branch}/endpoints", self.endpoints)
            add("POST", root + "/branches/{branch}/snapshot", self.create_snapshot)
            add("GET", root + "/snapshots", self.snapshots)
            add("DELETE", root + "/snapshots/{snapshot}", self.delete_snapshot)
            add("GET", root + "/operations", self.operations)
            add("GET", root + "/operations/{operation}", self.operation)
            add("GET", root + "/endpoints", self.endpoints)
            add("GET", root + "/endpoints/{endpoint}", self.endpoint)

    async def __call__(self, request: Request) -> Response:
        return await self._router(request)

    def _authorize(self, request: Request) -> None:
        if bearer(request) != self._core.state.tokens["neon"]:
            raise _problem(401, "", "This request requires authentication")
        parts = request.url.path.removeprefix("/api/v2").split("/")
        if len(parts) > 2 and parts[2] != self._core.state.neon.project:
            raise _problem(404, "", "project not found")
        if len(parts) > 4 and parts[3] == "branches" and parts[4] != self._core.state.neon.branch:
            raise _problem(404, "BRANCH_NOT_FOUND", "branch not found")

    async def projects(self, request: Request) -> Response:
        return JSONResponse({"projects": [self._project()], "pagination": {"cursor": self._core.state.neon.project}})

    async def project(self, request: Request) -> Response:
        return JSONResponse({"project": self._project()})

    def _project(self) -> Payload:
        neon = self._core.state.neon
        began, now = iso(neon.created), iso(self._core.now())
        zeros = dict.fromkeys((*BRANCH_USAGE, "data_storage_bytes_hour"), 0)
        return {
            **zeros, "id": neon.project, "platform_id": "aws", "region_id": REGION, "name": "lms",
            "provisioner": "k8s-neonvm", "pg_version": 18, "proxy_host": HOST, "branch_logical_size_limit": 10240,
            "branch_logical_size_limit_bytes": 10737418240, "store_passwords": True, "creation_source": "console",
            "history_retention_seconds": neon.retention_seconds, "created_at": began, "updated_at": now,
            "consumption_period_start": began, "consumption_period_end": now, "owner_id": "org-acme-31337",
        }  # fmt: skip

    async def branches(self, request: Request) -> Response:
        page = {"sort_by": "updated_at", "sort_order": "DESC"}
        return JSONResponse({"branches": [self._branch()], "annotations": {}, "pagination": page})

    async def branch(self, request: Request) -> Response:
        annotation = {"object": {"type": "branch", "id": self._core.state.neon.branch}, "value": {}}
        return JSONResponse({"branch": self._branch(), "annotation": annotation})

    def _branch(self) -> Payload:
        neon = self._core.state.neon
        began = iso(neon.created)
        zeros = dict.fromkeys(BRANCH_USAGE, 0)
        return {
            **zeros, "id": neon.branch, "project_id": neon.project, "name": "main", "current_state": "ready",
            "state_changed_at": began, "creation_source": "console", "primary": True, "default": True,
            "protected": True,
            "created_at": began, "updated_at": began,
        }  # fmt: skip

    async def snapshots(self, request: Request) -> Response:
        return JSONResponse({"snapshots": [self._snapshot(one) for one in self._core.state.neon.snapshots]})

    async def create_snapshot(self, request: Request) -> Response:
        query, now = request.query_params, self._core.now()
        name = query.get("name") or f"snapshot {iso(now)}"
        digest = hashlib.sha256(f"{name}{now}".encode()).hexdigest()
        one = Snapshot(f"snap-{digest[:12]}", name, now, request.path_params["branch"], str(uuid.UUID(digest[:32])))
        self._core.state.neon.snapshots.append(one)
        return JSONResponse({"snapshot": self._snapshot(one), "operations": [self._operation(one)]})

    async def delete_snapshot(self, request: Request) -> Response:
        neon, id = self._core.state.neon, request.path_params["snapshot"]
        if all(one.id != id for one in neon.snapshots):
            raise _problem(404, "", "snapshot not found")
        neon.snapshots = [one for one in neon.snapshots if one.id != id]
        return JSONResponse({"operations": []}, 202)

    def _snapshot(self, one: Snapshot) -> Payload:
        return {
            "id": one.id, "name": one.name, "created_at": iso(one.created), "source_branch_id": one.branch,
            "manual": bool(one.operation),
        }  # fmt: skip

    async def operations(self, request: Request) -> Response:
        found = [self._operation(one) for one in reversed(self._core.state.neon.snapshots) if one.operation]
        return JSONResponse({"operations": found, "pagination": {"cursor": iso(self._core.now())}})

    async def operation(self, request: Request) -> Response:
        for one in self._core.state.neon.snapshots:
            if one.operation == request.path_params["operation"]:
                return JSONResponse({"operation": self._operation(one)})
        raise _problem(404, "", "operation not found")

    def _operation(self, one: Snapshot) -> Payload:
        done = self._core.now() - one.created >= SNAPSHOT_SECONDS
        return {
            "id": one.operation, "project_id": self._core.state.neon.project, "branch_id": one.branch,
            "action": "create_timeline", "status": "finished" if done else "running", "failures_count": 0,
            "created_at": iso(one.created), "updated_at": iso(one.created + (SNAPSHOT_SECONDS if done else 0)),
            "total_duration_ms": round(SNAPSHOT_SECONDS * 1000) if done else 0,
        }  # fmt: skip

    async def endpoints(self, request: Request) -> Response:
        return JSONResponse({"endpoints": [self._endpoint()]})

    async def endpoint(self, request: Request) -> Response:
        if request.path_params["endpoint"] != self._core.state.neon.endpoint:
            raise _problem(404, "", "endpoint not found")
        return JSONResponse({"endpoint": self._endpoint()})

    def _endpoint(self) -> Payload:
        neon = self._core.state.neon
        began = iso(neon.created)
        return {
            "id": neon.endpoint, "host": f"{neon.endpoint}.{HOST}", "project_id": neon.project,
            "branch_id": neon.branch,
            "autoscaling_limit_min_cu": 0.25, "autoscaling_limit_max_cu": 2, "region_id": REGION, "type": "read_write",
            "current_state": "active", "settings": {}, "pooler_enabled": False, "pooler_mode": "transaction",
            "disabled": False, "passwordless_access": True, "creation_source": "console", "created_at": began,
            "updated_at": began, "proxy_host": HOST, "suspend_timeout_seconds": 0, "provisioner": "k8s-neonvm",
        }  # fmt: skip


def _problem(status: int, code: str, message: str) -> Problem:
    return Problem(status, {"request_id": str(uuid.uuid4()), "code": code, "message": message})
