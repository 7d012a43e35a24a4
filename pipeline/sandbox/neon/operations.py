"""Runs Neon's operations: what it does after it has answered, for a while, and with the project locked meanwhile."""

import asyncio
import subprocess
import uuid
from collections.abc import Callable

import psycopg
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipeline.sandbox.core import Core, iso
from pipeline.sandbox.neon.rules import problem
from pipeline.sandbox.neonstate import Operation
from pipeline.sandbox.web import Payload, Router, number

REMEMBERED = 200
QUIET = ("suspend_compute", "delete_timeline")  # they run beside others


class Operations:
    def __init__(self, core: Core) -> None:
        self._core = core
        self._acting: set[str] = set()

    def routes(self, router: Router, root: str) -> None:
        router.add("GET", root + "/operations", self.listing)
        router.add("GET", root + "/operations/{operation}", self.get)

    def free(self) -> None:
        """Check that no operation runs that another one would be in the way of. Raises Problem 423."""
        for operation in self._core.state.neon.operations:
            if operation.id in self._acting or (self.status(operation) == "running" and operation.action not in QUIET):
                says = "project already has running conflicting operations, scheduling of new ones is prohibited"
                raise problem(423, "", says)

    def begin(self, branch: str, *actions: str, endpoint: str = "") -> list[Operation]:
        """Begin operations, which run for as long as things take, or as ``act`` does when that is longer."""
        neon, now = self._core.state.neon, self._core.now()
        begun = [
            Operation(str(uuid.uuid4()), action, branch, now, self._core.timing.neon, endpoint) for action in actions
        ]
        neon.operations = [*neon.operations, *begun][-REMEMBERED:]
        return begun

    async def act(self, operations: list[Operation], work: Callable[[], None]) -> bool:
        """Do ``work`` in a thread and give whether it succeeded. What goes wrong is the operations' error."""
        ids = {operation.id for operation in operations}
        self._acting |= ids
        try:
            await asyncio.to_thread(work)
        except (psycopg.Error, subprocess.SubprocessError, OSError) as error:
            why = getattr(error, "stderr", b"") or b""
            for operation in operations:
                operation.error = why.decode(errors="replace").strip() or str(error)
            return False
        finally:
            self._acting -= ids
            self._core.dirty = True
        return True

    def under_way(self, branch: str) -> bool:
        """Whether an operation on the branch is under way."""
        mine = (operation for operation in self._core.state.neon.operations if operation.branch == branch)
        return any(self.status(one) == "running" for one in mine)

    def status(self, operation: Operation) -> str:
        if operation.error:
            return "failed"
        still = operation.id in self._acting or self._core.now() - operation.began < operation.takes
        return "running" if still else "finished"

    def shape(self, operation: Operation) -> Payload:
        status = self.status(operation)
        took = 0 if status == "running" else operation.takes
        return {
            "id": operation.id,
            "project_id": self._core.state.neon.project,
            "branch_id": operation.branch,
            "action": operation.action,
            "status": status,
            "failures_count": 1 if operation.error else 0,
            "created_at": iso(operation.began),
            "updated_at": iso(operation.began + took),
            "total_duration_ms": round(took * 1000),
            **({"endpoint_id": operation.endpoint} if operation.endpoint else {}),
            **({"error": operation.error} if operation.error else {}),
        }

    def shapes(self, operations: list[Operation]) -> list[Payload]:
        return [self.shape(operation) for operation in operations]

    async def listing(self, request: Request) -> Response:
        """List operations, newest first; the cursor is always given, and after the last page there is an empty one."""
        found = self.shapes(self._core.state.neon.operations)[::-1]
        cursor = request.query_params.get("cursor", "")
        start = int(cursor) if cursor.isdigit() else 0
        page = found[start : start + number(request, "limit", 1000)]
        return JSONResponse({"operations": page, "pagination": {"cursor": str(start + len(page))}})

    async def get(self, request: Request) -> Response:
        for operation in self._core.state.neon.operations:
            if operation.id == request.path_params["operation"]:
                return JSONResponse({"operation": self.shape(operation)})
        raise problem(404, "", "operation not found")
