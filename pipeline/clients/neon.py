"""Asks Neon's API for branches and snapshots of one project, and how far back its history reaches."""

import contextlib
import dataclasses
import datetime
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import httpx

from pipeline.clients import times
from pipeline.clients.base import PAGES, Service, nothing
from pipeline.clients.neonshapes import (
    Branch,
    ComputeState,
    NeonProject,
    Snapshot,
    branch_of,
    compute_of,
    cursor_in,
    project_of,
    same_place,
    snapshot_of,
)
from pipeline.clock import Clock
from pipeline.errors import Refused, ServiceError, Unreachable, Unreadable

T = TypeVar("T")
PATIENCE = 120.0  # an operation takes seconds; a queue of them takes longer
OVER = ("failed", "error", "cancelled", "skipped")
PARENTS = "the address of the branch that it was copied from, so nothing is tried there"


class Neon(Service):
    """Asks about and changes one Neon project.

    Writes are finished when they return: Neon's operations are waited for.
    """

    def __init__(self, base: str, key: str, project: str, http: httpx.AsyncClient, clock: Clock) -> None:
        super().__init__("neon", base, http, clock, {"authorization": f"Bearer {key}", "user-agent": "deploy-pipeline"})
        self.project_id, self._key = project, key
        self._root = f"/projects/{project}"

    @property
    def missing(self) -> str:
        """Say why Neon cannot be asked; empty when it can."""
        if not self.project_id:
            return "`database.neon_project` is not set"
        return "" if self._key else "NEON_API_KEY is not set"

    async def project(self) -> NeonProject:
        """Read the project. GET /projects/{project_id}"""
        return await self.read(self._root, project_of)

    async def computes(self) -> tuple["ComputeState", ...]:
        """Read the state of every compute. GET /projects/{project_id}/endpoints"""
        return await self.read(
            f"{self._root}/endpoints", lambda body: tuple(compute_of(endpoint) for endpoint in body["endpoints"])
        )

    async def restart(self, compute: str) -> None:
        """Restart a compute; every connection to it is cut.

        POST /projects/{project_id}/endpoints/{endpoint_id}/restart
        """
        path = f"{self._root}/endpoints/{compute}/restart"
        await self._write("POST", path, nothing)

    async def branches(self) -> tuple[Branch, ...]:
        """Read every branch. GET /projects/{project_id}/branches"""
        return await self._pages(
            f"{self._root}/branches", lambda body: [branch_of(branch) for branch in body["branches"]]
        )

    async def snapshots(self) -> tuple[Snapshot, ...]:
        """Read every snapshot, newest first. GET /projects/{project_id}/snapshots"""
        found = await self.read(
            f"{self._root}/snapshots", lambda body: [snapshot_of(snapshot) for snapshot in body["snapshots"]]
        )
        return tuple(sorted(found, key=lambda one: one.created, reverse=True))

    async def branch(self, named: str = "") -> Branch:
        """Find the branch of that name or id; without one the default branch. Raises Unreadable when there is none."""
        for branch in await self.branches():
            if (branch.default and not named) or named in (branch.id, branch.name):
                return branch
        raise Unreadable("neon", f"GET {self._root}/branches", f"there is no branch {named or 'that is the default'}")

    async def create_branch(
        self,
        name: str,
        parent: str,
        expires: datetime.datetime,
        *,
        database: str = "",
        role: str = "",
        compute: bool = True,
    ) -> Branch:
        """Copy the branch ``parent`` as it is now. Raises Unreadable when the copy has its parent's address.

        The ``url`` of the copy reaches ``database`` as ``role``, when it gets a compute.

        POST /projects/{project_id}/branches
        """
        body: dict[str, Any] = {"branch": {"name": name, "parent_id": parent, "expires_at": times.iso(expires)}}
        if compute:
            body["endpoints"] = [{"type": "read_write"}]

        def made(answer: Any) -> Branch:
            uris = [
                (one.get("connection_parameters") or {}, one["connection_uri"])
                for one in answer.get("connection_uris") or ()
            ]
            right = [uri for at, uri in uris if (at.get("database"), at.get("role")) == (database, role)]
            url = next(iter([*right, *(uri for _, uri in uris)]), "")
            return branch_of(answer["branch"], url)

        branch = await self._write("POST", f"{self._root}/branches", made, json=body)
        try:
            confused = database and branch.url and same_place(branch.url, await self._place(parent, database, role))
        except ServiceError:
            await self.delete_branch(branch.id)
            raise
        if confused:
            await self.delete_branch(branch.id)
            raise Unreadable("neon", f"POST {self._root}/branches", f"branch {name} has {PARENTS}")
        return branch

    async def _place(self, branch: str, database: str, role: str) -> str:
        """The address of a branch; empty when it has no compute, and so none."""
        try:
            return await self.url(branch, database, role)
        except Refused as error:
            if error.status != 404:
                raise
            return ""

    async def delete_branch(self, id: str) -> None:
        """Delete a branch and its data; a branch that is gone is fine.

        DELETE /projects/{project_id}/branches/{branch_id}
        """
        try:
            await self._write("DELETE", f"{self._root}/branches/{id}", nothing)
        except Refused as error:
            if error.status != 404:
                raise

    async def create_snapshot(self, name: str, branch: str, expires: datetime.datetime) -> Snapshot:
        """Take a snapshot of a branch. POST /projects/{project_id}/branches/{branch_id}/snapshot"""
        path, params = f"{self._root}/branches/{branch}/snapshot", {"name": name, "expires_at": times.iso(expires)}

        return await self._write("POST", path, lambda answer: snapshot_of(answer["snapshot"]), params=params)

    async def restore_snapshot(
        self, id: str, name: str, *, database: str, role: str, expires: datetime.datetime | None = None
    ) -> Branch:
        """Make a new branch of what the snapshot holds, reachable at its ``url``; no other branch is touched.

        ``expires``: when Neon deletes it by itself; on plans without expiry it stays until somebody deletes it.

        POST /projects/{project_id}/snapshots/{snapshot_id}/restore
        """
        path = f"{self._root}/snapshots/{id}/restore"
        body = {"name": name, "finalize_restore": False}
        branch = await self._write("POST", path, lambda answer: branch_of(answer["branch"]), json=body)
        if expires:
            with contextlib.suppress(Refused):
                await self._expire(branch.id, expires)
        await self._compute(branch.id)
        return dataclasses.replace(branch, url=await self.url(branch.id, database, role))

    async def reset_branch(self, branch: str, source: str, keep: str) -> None:
        """Give a branch what ``source`` has now; its id and address stay, and what it was is kept as ``keep``.

        POST /projects/{project_id}/branches/{branch_id}/restore
        """
        body = {"source_branch_id": source, "preserve_under_name": keep}
        await self._write("POST", f"{self._root}/branches/{branch}/restore", nothing, json=body)

    async def put_in_place(self, restored: str, keep: str) -> None:
        """Put a branch that was made from a snapshot in the place of the one it came from, which is kept as ``keep``.

        POST /projects/{project_id}/branches/{branch_id}/finalize_restore
        """
        await self._write("POST", f"{self._root}/branches/{restored}/finalize_restore", nothing, json={"name": keep})

    async def _expire(self, branch: str, expires: datetime.datetime) -> None:
        """Have Neon delete the branch, also when we are killed. PATCH /projects/{project_id}/branches/{branch_id}"""
        body = {"branch": {"expires_at": times.iso(expires)}}
        await self._write("PATCH", f"{self._root}/branches/{branch}", nothing, json=body)

    async def _compute(self, branch: str) -> None:
        """Make sure that the branch has a compute, so that it can be reached. POST /projects/{project_id}/endpoints"""
        path = f"{self._root}/branches/{branch}/endpoints"
        if await self.read(path, lambda body: [endpoint["id"] for endpoint in body["endpoints"]]):
            return
        wanted = {"endpoint": {"branch_id": branch, "type": "read_write"}}
        await self._write("POST", f"{self._root}/endpoints", nothing, json=wanted)

    async def url(self, branch: str, database: str, role: str) -> str:
        """Read the direct address of a branch; it is a secret. GET /projects/{project_id}/connection_uri"""
        params = {"branch_id": branch, "database_name": database, "role_name": role, "pooled": "false"}
        return await self.read(f"{self._root}/connection_uri", lambda body: str(body["uri"]), params)

    async def _write(self, method: str, path: str, parse: Callable[[Any], T], **more: Any) -> T:
        """Send one write, and wait for the operations that its answer names.

        423 says that another operation is running and that nothing happened: it is sent again.
        """

        async def ask() -> tuple[T, tuple[str, ...]] | None:
            try:
                return await self.once(method, path, lambda body: (parse(body), _operations(body)), **more)
            except Refused as error:
                if error.status != 423:
                    raise
                return None

        found = await self.until(ask, PATIENCE, 1)
        if found is None:
            raise Unreachable("neon", f"{method} {path}", "other operations of the project do not end (423)")
        made, operations = found
        for operation in operations:
            await self._over(operation)
        return made

    async def _over(self, id: str) -> None:
        """Wait for an operation. GET /projects/{project_id}/operations/{operation_id}"""
        path = f"{self._root}/operations/{id}"

        async def ask() -> str | None:
            state = await self.read(path, lambda body: str(body["operation"]["status"]))
            return state if state in ("finished", *OVER) else None

        state = await self.until(ask, PATIENCE, 0.5)
        if state is None:
            raise Unreachable("neon", f"GET {path}", f"the operation has not ended in {PATIENCE:.0f} s")
        if state in OVER:
            raise Unreadable("neon", f"GET {path}", f"the operation ended as {state}")

    async def _pages(self, path: str, parse: Callable[[Any], Sequence[T]]) -> tuple[T, ...]:
        """Read all pages of a list, as the cursor in each names the next."""
        found: list[T] = []
        cursor, passed = "", set[str]()
        for _ in range(PAGES):
            params: dict[str, Any] = {"limit": 100, **({"cursor": cursor} if cursor else {})}
            page, following = await self.read(path, lambda body: (parse(body), cursor_in(body)), params)
            found += page
            if not page or not following:
                return tuple(found)
            if following in passed:
                raise Unreadable("neon", f"GET {path}", f"its list leads back to {following}, so it was not read")
            passed.add(following)
            cursor = following
        raise Unreadable("neon", f"GET {path}", f"its list goes on after {PAGES} pages")


def _operations(body: Any) -> tuple[str, ...]:
    """The ids of the operations that an answer names; most writes begin some."""
    return tuple(str(one["id"]) for one in (body or {}).get("operations") or ())
